"""What says nothing is not taken: a misspelled word is answered, not passed over."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from storage import connections
from tests.simulation.posting import BothSides, reads
from tests.simulation.world import World


def ask(world: World, method: str, path: str, body: Any = None) -> TestResponse:
    url = f"/api/connections/{world.connection_id}{path}"
    return world.web.open(url, method=method, json=body, headers={"Authorization": "Bearer api"})


def said(answer: TestResponse) -> str:
    return answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("kind", "key", "status", "words"),
    [
        ("line_types", "tiem", 409, "They are: "),
        ("line_types", "", 409, "They are: "),
        ("tax_rates", "vta", 409, "none of Ravetree's tax rates"),
        ("tax_rates", "", 200, ""),
        ("payment_methods", "chekc", 409, "none of Ravetree's payment methods"),
        ("deposit_accounts", "", 200, ""),
    ],
)
def test_a_mapping_names_a_key_that_ravetree_has(world: World, kind: str, key: str, status: int, words: str) -> None:
    chosen = {
        "line_types": "select * from Item where Type = 'Service'",
        "tax_rates": "select * from TaxCode",
        "payment_methods": "select * from PaymentMethod",
        "deposit_accounts": "select * from Account where AccountType = 'Bank'",
    }[kind]
    entry = world.quickbooks.query(chosen)[0]["Id"]
    answer = ask(world, "PUT", "/mappings", {kind: {key: entry}})
    assert (answer.status_code, words in said(answer)) == (status, True), said(answer)
    assert (key in ask(world, "GET", "/mappings").get_json()[kind]) is (status == 200)


@pytest.mark.parametrize(
    ("method", "path", "near"),
    [
        ("GET", "/drift?frehs=true", "did you mean 'fresh'?"),
        ("GET", "/attention?side=ravetree", "There are: cursor, limit."),
        ("GET", "/items?q=x", "There are: cursor, limit, search."),
        ("GET", "/choices/line_type?serach=x", "did you mean 'search'?"),
        ("POST", "/pause?cause=x", "There are none here."),
    ],
)
def test_a_parameter_that_no_address_has_is_refused(world: World, method: str, path: str, near: str) -> None:
    answer = ask(world, method, path, {} if method == "POST" else None)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "unknown_parameter")
    assert near in answer.get_json()["detail"]
    assert world.connection()["state"] == "active"


def test_a_parameter_that_an_address_has_is_taken(world: World) -> None:
    assert ask(world, "GET", "/drift?fresh=true").status_code == 200
    assert ask(world, "GET", "/choices/line_type?search=x").status_code == 200


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"by": "Kim", "from": "2026-02-01", "to": "2026-01-01"}, "to"),
        ({"by": "Kim", "statuses": ["payed"]}, "statuses"),
        ({"by": "Kim", "statuses": ["void"]}, "statuses"),
        ({"by": "Kim", "statuses": ["accepted"]}, "statuses"),
        ({"by": "Kim", "kinds": ["contact"], "statuses": ["sent"]}, "statuses"),
        ({"by": "Kim", "kinds": []}, "kinds"),
        ({"by": "Kim", "kind": "import_contacts", "from": "2026-01-01"}, "kind"),
        ({}, "by"),
        ({"by": ""}, "by"),
        ({"by": " \t"}, "by"),
    ],
)
def test_a_back_fill_says_what_it_is_over_and_who_asked_for_it(world: World, asked: Any, field: str) -> None:
    answer = ask(world, "POST", "/jobs", asked)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_request")
    assert {row["field"].partition(".")[0] for row in answer.get_json()["errors"]} == {field}
    assert ask(world, "GET", "/jobs").get_json()["data"] == [
        job for job in ask(world, "GET", "/jobs").get_json()["data"] if job["kind"] == "import_contacts"
    ]


@pytest.mark.parametrize(
    "asked",
    [
        {"by": "Kim"},
        {"from": "2026-01-01"},
        {"statuses": ["paid"]},
        {"kinds": ["estimate", "invoice"], "statuses": ["accepted", "paid"]},
    ],
)
def test_a_back_fill_of_that_kind_begins(world: World, asked: Any) -> None:
    assert ask(world, "POST", "/jobs", asked).status_code == 201


def test_an_outcome_that_no_record_has_is_refused(world: World) -> None:
    ask(world, "POST", "/jobs", {"by": "Kim"})
    assert ask(world, "GET", "/jobs/1/records?outcome=agreed").status_code == 200
    assert ask(world, "GET", "/jobs/1/records?outcome=nonsense").status_code == 422


def test_nobody_needs_a_name_to_look(world: World) -> None:
    assert ask(world, "POST", "/jobs/preview", {}).status_code == 200


@pytest.mark.parametrize(
    ("side", "kind", "name"),
    [
        ("ravetree", "invoice", "inv_9999"),
        ("ravetree", "contact", "con_9999"),
        ("quickbooks", "payment", "9999"),
        ("quickbooks", "invoice", "9999"),
    ],
)
@pytest.mark.parametrize("what", ["sync", "decision", "preview"])
def test_a_button_for_what_nobody_has_is_no_agreement(world: World, side: str, kind: str, name: str, what: str) -> None:
    """It was answered: both books agree."""
    body = {"sync": {"wait_seconds": 0}, "decision": {"decision": "push"}}.get(what)
    answer = ask(world, "POST" if body else "GET", f"/records/{side}/{kind}/{name}/{what}", body)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "no_such_record")
    assert f"has no {kind} {name}" in said(answer)


def test_a_button_for_a_new_record_costs_no_metered_read(world: World) -> None:
    ours = world.invoice(world.client("Northwind"), "10.00")
    before = reads(world, "button")
    assert ask(world, "POST", f"/records/ravetree/invoice/{ours['id']}/sync", {"wait_seconds": 0}).status_code == 200
    assert reads(world, "button") == before


@pytest.mark.parametrize("pressed", ["sync", "decision"])
def test_a_button_works_while_its_side_is_out_of_reach(world: World, pressed: str) -> None:
    ours = world.invoice(world.client("Northwind"), "10.00")
    world.ravetree.steer("faults", {"endpoint": "*", "kind": "503", "count": 100})
    body = {"wait_seconds": 0} if pressed == "sync" else {"decision": "push"}
    answer = ask(world, "POST", f"/records/ravetree/invoice/{ours['id']}/{pressed}", body)
    assert answer.status_code in (200, 202)


def test_tokens_that_no_key_opens_are_no_crash(world: World) -> None:
    with world.parts.database.transaction() as session:
        connections.get(session, world.connection_id).ravetree_token = b"another key's"
    pressed = ask(world, "POST", "/records/ravetree/invoice/inv_1/sync", {"wait_seconds": 0})
    assert (pressed.status_code, pressed.get_json()["outcome"]) == (200, "pending")
    listed = ask(world, "GET", "/choices/line_type")
    assert (listed.status_code, listed.get_json()["code"]) == (409, "unreadable_secret")
    assert listed.get_json()["remedy"]


@pytest.mark.parametrize("stopped", ["everything", "the connection"])
def test_a_button_while_writes_are_stopped_still_knows_what_is_not_there(world: World, stopped: str) -> None:
    url = "/api/pause" if stopped == "everything" else f"/api/connections/{world.connection_id}/pause"
    world.api("POST", url, {"by": "Kim"})
    ours = world.invoice(world.client("Northwind"), "10.00")
    for name, status in (("inv_9999", 404), (ours["id"], 200)):
        answer = ask(world, "POST", f"/records/ravetree/invoice/{name}/sync", {"wait_seconds": 0})
        assert answer.status_code == status
    assert answer.get_json()["outcome"] == "paused"


def test_what_was_deleted_can_still_be_asked_for(world: World, both_sides: BothSides) -> None:
    ours, _ = both_sides
    world.ravetree.delete("invoices", ours["id"])
    world.settle()
    answer = ask(world, "POST", f"/records/ravetree/invoice/{ours['id']}/sync", {"wait_seconds": 0})
    assert answer.status_code == 200


def test_a_stop_of_everything_shows_everywhere(world: World, both_sides: BothSides) -> None:
    ours, _ = both_sides
    world.api("POST", "/api/pause", {"by": "Kim", "cause": "audit"})
    world.ravetree.change("invoices", ours["id"], {"memo": "Waits"})
    for letter in world.collect():
        world.deliver(letter)
    world.work()
    words, remedy = "Kim stopped all writes: audit", "Go on with `ravebooks resume --all`."
    shown = world.connection()
    assert (shown["state"], shown["cause"], shown["remedy"]) == ("paused", f"{words}.", remedy)
    (row,) = world.attention()
    assert (row["kind"], row["state"], row["code"], row["remedy"]) == ("connection", "paused", "all_paused", remedy)
    assert world.web.get("/readyz").get_json()["paused"] == [f"{words}. {remedy}"]
    assert "ravebooks_all_paused 1.0" in world.web.get("/metrics").get_data(as_text=True)
    record = ask(world, "GET", f"/records/ravetree/invoice/{ours['id']}").get_json()
    assert (record["state"], [row["cause"] for row in record["waits"]]) == ("paused", [words])
    world.api("POST", "/api/resume")
    world.settle()
    assert (world.connection()["state"], world.attention()) == ("active", [])
    assert world.web.get("/readyz").get_json()["paused"] == []
    assert "ravebooks_all_paused 0.0" in world.web.get("/metrics").get_data(as_text=True)
    record = ask(world, "GET", f"/records/ravetree/invoice/{ours['id']}").get_json()
    assert (record["state"], record["waits"]) == ("paired", [])
