"""The protocol around the books: repeats, batches, change data capture, limits, ordered faults, restarts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quickbooks_sandbox.books.amounts import decode
from quickbooks_sandbox.testing import CUSTOMER, World, code_of, line, named, sparse

NEW = {"CustomerRef": {"value": CUSTOMER}, "Line": [line(10)]}
DAY = 24 * 3600


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def count(world: World, entity: str = "Invoice") -> int:
    return int(world.query(f"select count(*) from {entity}")["totalCount"])  # noqa: S608  # QuickBooks' own query language


def test_too_large_a_body_is_refused_and_noted_by_its_size(world: World) -> None:
    body = b"[" + b" " * (8 * 1024 * 1024) + b"]"
    answer = world.client.post(
        f"/v3/company/{world.credentials['realm_id']}/invoice", data=body, headers=world.bearer()
    )
    assert answer.status_code == 413
    assert answer.get_json()["Fault"]["Error"]
    assert answer.headers["intuit_tid"]
    noted = world.client.get("/sandbox/journal").get_json()["entries"][-1]
    assert (noted["status"], noted["body"]) == (413, f"({len(body)} bytes, refused)")


# Repeats


def test_the_same_requestid_gets_the_first_answer_and_changes_nothing(world: World) -> None:
    first = world.post("invoice", NEW, requestid="once")
    world.time += 60
    second = world.post("invoice", {**NEW, "PrivateNote": "other"}, requestid="once")
    assert (second.status_code, second.data) == (200, first.data)
    assert count(world) == 1


def test_a_repeated_update_is_not_stale(world: World) -> None:
    invoice = world.invoice(10)
    body = sparse(invoice, PrivateNote="x")
    first = world.post("invoice", body, requestid="u")
    assert world.post("invoice", body, requestid="u").data == first.data


def test_a_refused_request_may_be_repeated_unless_the_switch_says_otherwise(world: World) -> None:
    assert code_of(world.post("invoice", {"Line": []}, requestid="r")) == "2020"
    assert world.post("invoice", NEW, requestid="r").status_code == 200
    world.order("switches", {"replay_failed_answers": True})
    assert code_of(world.post("invoice", {"Line": []}, requestid="s")) == "2020"
    assert code_of(world.post("invoice", NEW, requestid="s")) == "2020"


def test_a_requestid_has_fifty_characters_at_most(world: World) -> None:
    assert world.post("invoice", NEW, requestid="x" * 50).status_code == 200
    assert code_of(world.post("invoice", NEW, requestid="x" * 51)) == "2050"


def test_requestids_survive_a_restart(world: World, tmp_path: Path) -> None:
    first = world.post("invoice", NEW, requestid="kept")
    world.close()
    again = World(tmp_path, seed=2)
    assert again.post("invoice", NEW, requestid="kept").data == first.data
    assert again.credentials["client_secret"] == world.credentials["client_secret"]
    assert again.save("Invoice", NEW)["Id"] == "2"
    again.close()


# Batch


def batch(world: World, *items: Any, **query: str) -> Any:
    answer = world.post("batch", {"BatchItemRequest": list(items)}, **query)
    assert answer.status_code == 200, answer.text
    return decode(answer.data)["BatchItemResponse"]


def test_a_batch_works_one_item_after_the_other_without_atomicity(world: World) -> None:
    invoice = world.invoice(100, DocNumber="A")
    payment = world.payment(10, (invoice, 10))
    answers = batch(
        world,
        {"bId": "1", "operation": "create", "Invoice": {**NEW, "DocNumber": "A"}},
        {"bId": "2", "operation": "create", "Invoice": {**NEW, "DocNumber": "B"}},
        {"bId": "3", "Query": "select count(*) from Invoice"},
        {"bId": "4", "operation": "update", "optionsData": "void", "Payment": sparse(payment)},
        {"bId": "5", "operation": "update", "Invoice": sparse(invoice, PrivateNote="stale")},
        {"bId": "6", "operation": "delete", "Payment": {"Id": payment["Id"], "SyncToken": "1"}},
        {"bId": "7", "operation": "create", "Unicorn": {}},
    )
    assert [one["bId"] for one in answers] == ["1", "2", "3", "4", "5", "6", "7"]
    assert answers[0]["Fault"]["Error"][0]["code"] == "6140"
    assert answers[1]["Invoice"]["DocNumber"] == "B"
    assert answers[2]["QueryResponse"]["totalCount"] == 2
    assert answers[3]["Payment"]["PrivateNote"] == "Voided"
    assert answers[4]["Fault"]["Error"][0]["code"] == "5010"
    assert answers[5]["Payment"]["status"] == "Deleted"
    assert answers[6]["Fault"]["Error"][0]["code"] == "2010"


def test_a_batch_is_repeated_as_a_whole(world: World) -> None:
    item = {"bId": "1", "operation": "create", "Invoice": NEW}
    first = batch(world, item, requestid="b")
    assert batch(world, item, requestid="b") == first
    assert count(world) == 1


def test_a_batch_that_was_cut_off_continues_where_it_stopped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill between two items must not double the first one when the client sends the batch again."""
    items = [{"bId": str(number), "operation": "create", "Invoice": NEW} for number in (1, 2)]
    books = next(iter(world.services.companies.values()))
    place, kill = books._place, [2]

    def dying(*values: Any) -> None:
        kill[0] -= 1
        if kill[0] == 0:
            raise KeyboardInterrupt
        place(*values)

    monkeypatch.setattr(books, "_place", dying)
    with pytest.raises(KeyboardInterrupt):
        batch(world, *items, requestid="b")
    world.close()
    again = World(world.directory, seed=3)
    answers = batch(again, *items, requestid="b")
    assert [one["Invoice"]["Id"] for one in answers] == ["1", "2"]
    assert count(again) == 2
    again.close()


def test_a_batch_has_thirty_items_at_most(world: World) -> None:
    items = [{"bId": str(number), "Query": "select * from Item"} for number in range(31)]
    assert code_of(world.post("batch", {"BatchItemRequest": items})) == "6000"


# Change data capture


def captured(world: World, entities: str, since: str) -> Any:
    answer = world.get("cdc", entities=entities, changedSince=since)
    assert answer.status_code == 200, answer.text
    return decode(answer.data)["CDCResponse"][0]["QueryResponse"]


def test_changes_come_by_entity_with_deletions(world: World) -> None:
    old, gone = world.invoice(10), world.invoice(20)
    world.time += 60
    since = world.clock.now().isoformat()
    world.time += 1
    world.save("Invoice", named(gone), operation="delete")
    world.payment(5, (old, 5))
    payments, invoices, items = captured(world, "Payment,Invoice,Item", since)
    assert [one["TotalAmt"] for one in payments["Payment"]] == [5]
    assert [(one["Id"], one.get("status")) for one in invoices["Invoice"]] == [
        (old["Id"], None),
        (gone["Id"], "Deleted"),
    ]
    assert set(invoices["Invoice"][1]) == {"domain", "status", "Id", "MetaData"}
    assert items == {}


def test_changes_are_kept_thirty_days_and_not_for_every_entity(world: World) -> None:
    assert code_of(world.get("cdc", entities="Invoice", changedSince="2026-10-01")) == "4001"
    assert code_of(world.get("cdc", entities="TaxCode", changedSince="2026-11-17")) == "4001"
    assert code_of(world.get("cdc", entities="Invoice")) == "2020"


def test_changes_show_inactive_customers(world: World) -> None:
    world.change("Customer", world.read("Customer", CUSTOMER), Active=False)
    [customers] = captured(world, "Customer", "2026-11-17T00:00:00Z")
    assert False in [one["Active"] for one in customers["Customer"]]


# Access, limits, faults


def test_without_a_token_the_gateway_answers_in_lower_case_and_repeats_the_token(world: World) -> None:
    url = f"/v3/company/{world.credentials['realm_id']}/query?query=select"
    answer = world.client.get(url, headers={"Authorization": "Bearer made-up"})
    assert answer.status_code == 401
    error = answer.get_json()["fault"]["error"][0]
    assert (error["code"], error["detail"]) == ("3200", "Token expired: made-up")
    assert answer.get_json()["fault"]["type"] == "AUTHENTICATION"
    journal = world.client.get("/sandbox/journal").text
    assert "made-up" not in journal


def test_a_token_opens_no_other_company(world: World) -> None:
    answer = world.client.get("/v3/company/1/preferences", headers=world.bearer())
    assert answer.status_code == 403
    assert answer.get_json()["fault"]["error"][0]["code"] == "3100"


def test_every_answer_carries_a_transaction_id_of_its_own(world: World) -> None:
    ids = [world.get("preferences").headers["intuit_tid"] for _ in range(3)]
    ids.append(world.client.get("/nowhere").headers["intuit_tid"])
    assert len(set(ids)) == 4


def test_more_than_ten_requests_a_second_are_throttled(world: World) -> None:
    world.services.set_limits(enabled=True)
    statuses = [world.get("preferences").status_code for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    world.time += 1
    assert world.get("preferences").status_code == 200


def test_more_than_five_hundred_requests_a_minute_are_throttled(world: World) -> None:
    world.services.set_limits(enabled=True)
    limits = world.services.limits
    for _ in range(50):
        assert all(limits.admit("app", "1", False) for _ in range(10))
        world.time += 1
    assert not limits.admit("app", "1", False)
    world.time += 10
    assert limits.admit("app", "1", False)


def test_more_than_forty_batches_a_minute_are_throttled(world: World) -> None:
    world.services.set_limits(enabled=True)
    limits = world.services.limits
    admitted = 0
    for _ in range(50):
        admitted += limits.admit("app", "1", True)
        world.time += 1
    assert admitted == 40


@pytest.mark.parametrize(
    ("kind", "status", "written"),
    [
        ("500", 500, 0),
        ("503", 503, 0),
        ("429", 429, 0),
        ("401", 401, 0),
        ("fault:6210", 400, 0),
        ("timeout_before", 504, 0),
        ("timeout_after", 504, 1),
    ],
)
def test_an_ordered_fault_strikes_as_often_as_asked(world: World, kind: str, status: int, written: int) -> None:
    world.order("faults", {"endpoint": "invoice.create", "kind": kind, "count": 1, "seconds": 0})
    assert world.post("payment", {}).status_code == 400
    answer = world.post("invoice", NEW, requestid="x")
    assert answer.status_code == status
    assert count(world) == written
    assert world.post("invoice", NEW, requestid="x").status_code == 200
    assert count(world) == 1
    assert world.client.get("/sandbox/faults").get_json() == []


def test_an_ordered_fault_reaches_an_item_of_a_batch(world: World) -> None:
    world.order("faults", [{"endpoint": "invoice.*", "kind": "fault:6540", "count": 1}])
    [answer] = batch(world, {"bId": "1", "operation": "create", "Invoice": NEW})
    assert answer["Fault"]["Error"][0]["code"] == "6540"


def test_a_fault_nobody_knows_is_refused(world: World) -> None:
    answer = world.client.post("/sandbox/faults", json={"endpoint": "*", "kind": "gremlin"})
    assert answer.status_code == 400
    assert "gremlin" in answer.get_json()["error"]


def test_an_outage_answers_everything_with_503(world: World) -> None:
    token = world.bearer()
    world.order("outage", {"on": True})
    assert world.client.get("/v3/company/1/preferences", headers=token).status_code == 503
    assert world.refresh(world.credentials["refresh_token"]).status_code == 503
    world.order("outage", {"on": False})
    assert world.get("preferences").status_code == 200


def test_successful_reads_are_metered_and_writes_are_free(world: World) -> None:
    invoice = world.invoice(10)
    world.read("Invoice", invoice["Id"])
    world.get("invoice/999")
    world.query("select * from Invoice")
    captured(world, "Invoice", "2026-11-17T00:00:00Z")
    batch(world, {"bId": "1", "Query": "select * from Item"}, {"bId": "2", "Query": "select * from Term"})
    usage = world.client.get("/sandbox/usage").get_json()
    assert usage["reads"] == {"invoice.read": 1, "query": 3, "cdc": 1}
    assert usage["writes"] == {"invoice.create": 1}
    assert (usage["total_reads"], usage["total_writes"]) == (5, 1)
    world.client.delete("/sandbox/usage")
    assert world.client.get("/sandbox/usage").get_json()["total_reads"] == 0


def test_the_clock_goes_forward_and_stays_there(world: World, tmp_path: Path) -> None:
    before = world.clock.seconds()
    world.order("clock", {"advance_seconds": 3 * DAY})
    assert world.clock.seconds() == before + 3 * DAY
    assert world.client.post("/sandbox/clock", json={"advance_seconds": -1}).status_code == 400
    world.close()
    again = World(tmp_path)
    assert again.clock.seconds() == before + 3 * DAY
    again.close()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "unicorn/1"),
        ("POST", "unicorn"),
        ("DELETE", "invoice"),
        ("GET", "invoice"),
        ("POST", "taxcode"),
    ],
)
def test_what_is_not_served_is_an_unsupported_operation(world: World, method: str, path: str) -> None:
    url = f"/v3/company/{world.credentials['realm_id']}/{path}"
    answer = world.client.open(url, method=method, data="{}", headers=world.bearer())
    assert answer.get_json()["Fault"]["Error"][0]["code"] == "500"


def test_a_bug_is_answered_in_json_and_shown_on_standard_error(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("quickbooks_sandbox.http.reads.run", lambda *_: 1 / 0)
    answer = world.get("query", query="select * from Invoice")
    assert answer.status_code == 500
    assert answer.get_json()["Fault"]["Error"][0]["code"] == "10000"
    assert "ZeroDivisionError" in capsys.readouterr().err


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.sampled_from(["0", "1", "-1", "TAX", "2026-11-18", "Invoice", "Payment", "CreditMemo", {}, [], [{}], [None]]),
)
LINKED = {"TxnId": "1", "TxnType": "Invoice"}
REQUESTS: list[tuple[str, Any]] = [
    (
        "invoice",
        {**NEW, "DocNumber": "1", "TxnTaxDetail": {"TotalTax": 1}, "LinkedTxn": [LINKED], "Deposit": 1},
    ),
    ("invoice", {"Id": "1", "SyncToken": "0", "sparse": True, "Line": [line(1, Qty=1, UnitPrice=1)]}),
    ("estimate", {**NEW, "TxnStatus": "Accepted", "BillEmail": {"Address": "a@b.example"}}),
    ("creditmemo", {**NEW, "Line": [line(5), {"DetailType": "DiscountLineDetail", "Amount": 1}]}),
    (
        "payment",
        {"CustomerRef": {"value": "3"}, "TotalAmt": 5, "Line": [{"Amount": 5, "LinkedTxn": [LINKED]}]},
    ),
    ("payment", {"Id": "2", "SyncToken": "0", "sparse": True, "Line": []}),
    ("deposit", {"DepositToAccountRef": {"value": "5"}, "Line": [{"Amount": 5, "LinkedTxn": [LINKED]}]}),
    (
        "customer",
        {"DisplayName": "A", "GivenName": "A", "PrimaryEmailAddr": {"Address": "a"}, "Active": True},
    ),
    ("customer", {"Id": "3", "SyncToken": "0", "sparse": True, "Active": False}),
    ("item", {"Name": "A", "Type": "Service", "UnitPrice": 1, "IncomeAccountRef": {"value": "1"}}),
    ("account", {"Name": "A", "AccountType": "Bank"}),
    ("preferences", {"Id": "1", "SyncToken": "0", "AccountingInfoPrefs": {"BookCloseDate": "2020-01-01"}}),
    ("batch", {"BatchItemRequest": [{"bId": "1", "operation": "create", "Invoice": NEW}, {"Query": "x"}]}),
    ("invoice/1/send", {}),
]


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, Any]:
    """A request that is nearly right: one or two of its values are replaced by something else."""
    path, body = draw(st.sampled_from(REQUESTS))
    for _ in range(draw(st.integers(0, 2))):
        body = _damage(draw, body)
    return path, body


def _damage(draw: st.DrawFn, value: Any) -> Any:
    deeper = draw(st.integers(0, 3))
    if isinstance(value, dict) and value and deeper:
        name = draw(st.sampled_from(sorted(value)))
        return {**value, name: _damage(draw, value[name])}
    if isinstance(value, list) and value and deeper:
        return [_damage(draw, value[0]), *value[1:]]
    return draw(JUNK)


def send_damaged(world: World, request: tuple[str, Any], query: dict[str, str]) -> None:
    path, body = request
    url = f"/v3/company/{world.credentials['realm_id']}/{path}"
    answer = world.client.post(url, json=body, query_string=query, headers=world.bearer())
    assert answer.status_code < 500, answer.text


@given(
    request=damaged(),
    query=st.dictionaries(
        st.sampled_from(["operation", "include", "requestid", "sendTo"]),
        st.sampled_from(["void", "delete", "update"]) | st.text(max_size=5),
        max_size=2,
    ),
)
@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_request_of_any_kind_breaks_the_sandbox(
    world: World, request: tuple[str, Any], query: dict[str, str]
) -> None:
    send_damaged(world, request, query)


@given(parameters=st.dictionaries(st.sampled_from(["query", "entities", "changedSince"]), st.text(max_size=9)))
@settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_read_of_any_kind_breaks_the_sandbox(world: World, parameters: dict[str, str]) -> None:
    for path in ("query", "cdc", "invoice/1", "invoice/x", "companyinfo/x"):
        assert world.get(path, **parameters).status_code < 500
