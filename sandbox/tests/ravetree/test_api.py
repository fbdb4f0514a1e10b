"""The contract's protocol: credentials, lists, versions, idempotency, refusals."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ravetree_sandbox.testing import World
from tests.ravetree.contract import problems, problems_of_answer


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as world:
        yield world


def test_calls_need_the_token_and_the_account(world: World) -> None:
    assert world.client.get("/v1/contacts").status_code == 401
    token_only = {"Authorization": world.headers["Authorization"]}
    answer = world.client.get("/v1/contacts", headers=token_only)
    assert answer.status_code == 403
    assert problems("Error", answer.get_json()) == []
    assert answer.get_json()["error"]["code"] == "forbidden"
    assert world.client.get("/sandbox/app/invoices").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/invoices", 405),
        ("DELETE", "/v1/contacts/con_1001", 405),
        ("PATCH", "/v1/estimates/est_1", 405),
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/payments/pay_0", 404),
        ("GET", "/v1/contacts?limit=201", 400),
        ("GET", "/v1/contacts?colour=red", 400),
        ("GET", "/v1/contacts?cursor=%F0%9F", 400),
        ("GET", "/v1/contacts?updated_since=yesterday", 400),
    ],
)
def test_refusals_are_json(world: World, method: str, path: str, status: int) -> None:
    assert world.refused(status, method, path)["message"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"amount": NaN}', b"[" * 9000])
def test_a_body_that_is_no_json_object_is_400(world: World, body: bytes) -> None:
    answer = world.client.post("/v1/payments", data=body, headers=world.headers)
    assert answer.status_code == 400


def test_answers_fit_the_contract(world: World) -> None:
    invoice = world.invoice("80.00", discount={"percent": "10"}, status="sent")
    world.pay("30.00", (invoice["id"], "30.00"))
    for path in ("/contacts", "/invoices", "/payments", "/line_item_types", "/tax_rates", "/payment_methods"):
        envelope = world.call("GET", f"/v1{path}").get_json()
        assert envelope["data"]
        assert problems_of_answer(path, envelope) == []
    one = world.call("GET", f"/v1/invoices/{invoice['id']}").get_json()
    assert problems_of_answer("/invoices/{id}", one) == []
    assert one["data"]["balance"] == "42.00"


def test_the_five_line_item_types_are_listed(world: World) -> None:
    keys = [row["key"] for row in world.ok("GET", "/v1/line_item_types")]
    assert keys == ["time", "expense", "retainer", "overage", "other"]


def test_a_cursor_walks_through_a_list_once(world: World) -> None:
    everything = [row["id"] for row in world.ok("GET", "/v1/contacts")]
    seen: list[str] = []
    path = "/v1/contacts?limit=3"
    while path:
        page = world.call("GET", path).get_json()
        seen += [row["id"] for row in page["data"]]
        path = f"/v1/contacts?limit=3&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert seen == everything


def test_updated_since_shows_what_changed_and_tombstones(world: World) -> None:
    payment = world.pay("5.00")
    world.advance(minutes=1)
    since = world.ok("GET", "/sandbox/clock")["now"]
    other = world.pay("6.00")
    world.ok("DELETE", f"/v1/payments/{payment['id']}")
    changed = world.ok("GET", f"/v1/payments?updated_since={since}")
    assert changed[0] == {"id": payment["id"], "version": 2, "deleted": True}
    assert [row["id"] for row in changed] == [payment["id"], other["id"]]
    assert [row["id"] for row in world.ok("GET", "/v1/payments")] == [other["id"]]
    world.refused(404, "GET", f"/v1/payments/{payment['id']}")


def test_filters_find_records(world: World) -> None:
    first, second = world.invoice(), world.invoice()
    paid = world.pay("10.00", (second["id"], "10.00"), external_id="qb-7")
    assert [row["id"] for row in world.ok("GET", f"/v1/payments?invoice_id={second['id']}")] == [paid["id"]]
    assert world.ok("GET", f"/v1/payments?invoice_id={first['id']}") == []
    assert [row["id"] for row in world.ok("GET", "/v1/payments?external_id=qb-7")] == [paid["id"]]
    assert [row["id"] for row in world.ok("GET", f"/v1/payments?client_id={paid['client_id']}")] == [paid["id"]]
    assert world.ok("GET", "/v1/payments?client_id=con_0") == []
    assert [row["id"] for row in world.ok("GET", f"/v1/invoices?number={first['number']}")] == [first["id"]]


def test_if_match_refuses_a_version_that_moved(world: World) -> None:
    payment = world.pay("5.00")
    path = f"/v1/payments/{payment['id']}"
    assert world.ok("PATCH", path, {"memo": "a"}, if_match=1)["version"] == 2
    assert world.refused(412, "PATCH", path, {"memo": "b"}, if_match=1)["code"] == "version_moved"
    assert world.refused(412, "DELETE", path, if_match=1)
    assert world.ok("GET", path)["memo"] == "a"


def test_a_write_without_effect_makes_no_version(world: World) -> None:
    payment = world.pay("5.00", memo="x")
    events = len(world.events())
    assert world.ok("PATCH", f"/v1/payments/{payment['id']}", {"memo": "x"})["version"] == 1
    assert len(world.events()) == events


def test_the_same_key_gets_the_same_answer_for_a_day(world: World) -> None:
    body = world.payment_of("5.00")
    first = world.call("POST", "/v1/payments", body, key="k")
    again = world.call("POST", "/v1/payments", body, key="k")
    assert (again.status_code, again.get_json()) == (first.status_code, first.get_json())
    assert world.refused(409, "POST", "/v1/payments", {**body, "memo": "other"}, key="k")
    assert len(world.ok("GET", "/v1/payments")) == 1
    world.advance(hours=25)
    assert world.ok("POST", "/v1/payments", body, key="k")["id"] != first.get_json()["data"]["id"]


def test_a_refusal_under_a_key_is_repeated_too(world: World) -> None:
    body = world.payment_of("5.00", ("inv_1001", "5.00"))
    first = world.refused(422, "POST", "/v1/payments", body, key="k")
    world.invoice()
    assert world.refused(422, "POST", "/v1/payments", body, key="k") == first


def test_a_taken_external_id_names_its_holder(world: World) -> None:
    body = {"kind": "account", "name": "Acme", "currency": "USD", "external_id": "qb:1"}
    contact = world.ok("POST", "/v1/contacts", body)
    error = world.refused(409, "POST", "/v1/contacts", {**body, "name": "Acme 2"})
    assert (error["field"], error["existing_id"]) == ("external_id", contact["id"])
    assert world.ok("PATCH", f"/v1/contacts/{contact['id']}", {"external_id": "qb:2"})["version"] == 2


def test_unknown_and_read_only_fields_are_refused_by_name(world: World) -> None:
    payment = world.payment_of("5.00")
    assert world.refused(422, "POST", "/v1/payments", {**payment, "colour": "red"})["field"] == "colour"
    assert "cannot be written" in world.refused(422, "POST", "/v1/payments", {**payment, "version": 3})["message"]
    assert world.refused(422, "POST", "/v1/payments", {**payment, "amount": 5.0})["field"] == "amount"
    assert world.refused(422, "POST", "/v1/payments", {**payment, "amount": "5.001"})["field"] == "amount"
    assert world.refused(422, "POST", "/v1/payments", {"amount": "5.00"})["field"] == "client_id"


def test_the_integration_changes_nothing_of_an_invoice_but_its_status(world: World) -> None:
    path = f"/v1/invoices/{world.invoice()['id']}"
    assert world.refused(422, "PATCH", path, {"memo": "x"})["field"]
    assert world.refused(422, "PATCH", path, {"status": "paid"})["field"] == "status"
    assert world.ok("PATCH", path, {"status": "sent", "notify": False})["status"] == "sent"
    assert world.ok("PATCH", path, {"status": "sent"})["version"] == 2
    assert world.ok("PATCH", path, {"status": "void"})["status"] == "void"


def test_mails_are_counted_only_where_notify_asks_for_them(world: World) -> None:
    path = f"/v1/invoices/{world.invoice()['id']}"
    world.ok("PATCH", path, {"status": "sent", "notify": False})
    assert world.ok("GET", "/sandbox/mails")["count"] == 0
    world.ok("PATCH", path, {"status": "sent", "notify": True})
    assert world.ok("GET", "/sandbox/mails")["count"] == 1
    assert world.refused(422, "PATCH", path, {"status": "sent", "notify": "no"})["field"] == "notify"


FIELDS = st.sampled_from(
    (
        *("client_id", "amount", "currency", "date", "allocations", "lines", "number", "status", "discount"),
        *("address", "estimate_id", "tax_amount", "kind", "name", "external_id"),
        *("notify", "url", "count", "seconds", "advance_seconds"),
    )
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["1.00", "con_1002", "USD", "paid", "9" * 15])
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "type", "quantity", "unit_price", "amount", "percent"]), inner)
    ),
    max_leaves=6,
)
CALLS = st.tuples(
    st.sampled_from(["POST /v1/contacts", "POST /v1/payments", "POST /sandbox/app/invoices"])
    | st.sampled_from(["PATCH /sandbox/app/invoices/inv_1001", "PATCH /v1/payments/pay_1001"])
    | st.sampled_from(["POST /sandbox/app/estimates", "PATCH /v1/contacts/con_1002"])
    | st.sampled_from(["POST /sandbox/faults", "POST /sandbox/clock", "POST /sandbox/webhooks"]),
    st.dictionaries(FIELDS, VALUES, max_size=5),
    st.booleans(),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(CALLS, max_size=8))
def test_no_request_is_answered_with_500(calls: list[tuple[str, dict[str, Any], bool]]) -> None:
    line = {"type": "time", "unit_price": "1.00"}
    valid = {
        "client_id": "con_1002",
        "amount": "1.00",
        "currency": "USD",
        "date": "2026-11-20",
        "lines": [line],
    }
    with TemporaryDirectory() as directory, World(Path(directory)) as world:
        world.invoice()
        world.pay("5.00")
        for call, body, completed in calls:
            method, path = call.split()
            drop = ("amount", "date") if "app" in path else ("lines",)
            filled = {name: value for name, value in valid.items() if name not in drop}
            answer = world.call(method, path, {**filled, **body} if completed else body)
            assert answer.status_code < 500, (call, body)


def test_half_a_surrogate_pair_is_refused(world: World) -> None:
    answer = world.client.post("/v1/contacts", data=b'{"name": "\\ud800"}', headers=world.headers)
    assert answer.status_code == 400


def test_a_word_that_was_held_up_does_not_replace_a_later_one(world: World) -> None:
    invoice = world.invoice()
    path = f"/v1/sync_states/invoice/{invoice['id']}"
    world.ok("PUT", path, {"state": "synced", "sequence": 7})
    assert world.ok("PUT", path, {"state": "pending", "sequence": 6})["state"] == "synced"
    assert world.ok("GET", path)["sequence"] == 7
    assert world.ok("PUT", path, {"state": "held", "sequence": 8})["state"] == "held"
    world.refused(422, "PUT", path, {"state": "held", "sequence": 0})


def test_sync_states_are_kept_by_record(world: World) -> None:
    invoice = world.invoice()
    path = f"/v1/sync_states/invoice/{invoice['id']}"
    world.refused(404, "GET", path)
    state = world.ok("PUT", path, {"state": "held", "message": "Two payments?", "remedy": "Choose one."})
    assert (state["version"], state["remote_id"]) == (1, None)
    assert world.ok("PUT", path, {"state": "synced", "remote_id": "130"})["version"] == 2
    assert world.ok("GET", path)["message"] is None
    assert problems("SyncState", world.ok("GET", path)) == []
    world.refused(422, "PUT", path, {"state": "green"})
    world.refused(404, "PUT", "/v1/sync_states/invoice/inv_0", {"state": "synced"})
    world.refused(404, "PUT", f"/v1/sync_states/refund/{invoice['id']}", {"state": "synced"})
