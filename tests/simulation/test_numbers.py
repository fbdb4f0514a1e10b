"""Numbers that are taken in QuickBooks: in lines and rings, by our own void ones, by the same sale, for a while."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import requests
import sqlalchemy as sa
import structlog

from ravebooks.demo.sides import Body
from storage.models import Operation
from sync import worker
from sync.duties import PREFLIGHT
from sync.records import number_line
from tests.simulation.dying import Killed
from tests.simulation.spoiling import Answer, spoiled
from tests.simulation.test_connecting import set_preferences
from tests.simulation.world import World, as_settled


@pytest.fixture
def world(tmp_path: Path) -> Any:
    made = World(tmp_path, prepare=as_settled)
    yield made
    made.close()


def codes(world: World) -> list[str]:
    return [row["code"] for row in world.attention()]


def decide(world: World, document: Body, decision: str, target: str = "", kind: str = "invoice") -> None:
    body = {"decision": decision, "by": "eva", "note": ""} | ({"target": target} if target else {})
    world.api("POST", f"/api/connections/{world.connection_id}/records/ravetree/{kind}/{document['id']}/decision", body)
    world.settle()


def refused(world: World, document: Body, decision: str) -> None:
    """It is no answer to what is asked."""
    path = f"/api/connections/{world.connection_id}/records/ravetree/invoice/{document['id']}/decision"
    answer = world.web.post(path, json={"decision": decision, "by": "eva"}, headers={"Authorization": "Bearer api"})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "not_taken")
    world.settle()


def retry(world: World, document: Body, kind: str = "invoice") -> None:
    path = f"/api/connections/{world.connection_id}/records/ravetree/{kind}/{document['id']}/retry"
    world.api("POST", path, {"by": "eva"})
    world.settle()


def work_once(world: World) -> None:
    """Deliver what is there, and work until nothing is due now: what goes round would never settle."""
    for letter in world.collect():
        world.deliver(letter)
    world.work()


def number_there(world: World, number: str, to: str) -> None:
    """A bookkeeper gives an invoice another number in QuickBooks."""
    row = world.quickbooks.invoice(number)
    assert row is not None
    named = {name: row[name] for name in ("Id", "SyncToken")}
    world.quickbooks.write("invoice", named | {"sparse": True, "DocNumber": to})


def rows(world: World, entity: str = "Invoice") -> dict[str, Body]:
    """QuickBooks' documents by their ids."""
    return {row["Id"]: row for row in world.quickbooks.query(f"select * from {entity}")}  # noqa: S608


def number(world: World, row: Body, entity: str = "Invoice") -> str:
    return str(rows(world, entity)[row["Id"]].get("DocNumber"))


def there(world: World, document: Body, entity: str = "Invoice") -> Body:
    found = [row for row in rows(world, entity).values() if row.get("DocNumber") == document["number"]]
    assert found
    return found[0]


def edit(world: World, row: Body, entity: str = "invoice", **fields: Any) -> None:
    now = rows(world, entity.capitalize())[row["Id"]]
    world.quickbooks.write(entity, {"Id": row["Id"], "SyncToken": now["SyncToken"], "sparse": True} | fields)


def by_hand(world: World, customer: Body, number_: str, amount: int, day: str = "2026-11-20") -> Body:
    """A bookkeeper's own invoice."""
    item = world.quickbooks.query("select * from Item")[0]
    line = {
        "DetailType": "SalesItemLineDetail",
        "Amount": amount,
        "SalesItemLineDetail": {"ItemRef": {"value": item["Id"]}},
    }
    body = {"CustomerRef": customer["CustomerRef"], "DocNumber": number_, "TxnDate": day, "Line": [line]}
    return world.quickbooks.write("invoice", body)


def numbered(world: World, *names: str, **fields: Any) -> list[tuple[Body, Body]]:
    """Invoices with these numbers in both books: Ravetree's, and QuickBooks'."""
    client = world.client("Bright Harbor")
    made = [world.invoice(client, "100.00", number=name, **fields) for name in names]
    world.settle()
    return [(one, there(world, one)) for one in made]


def renumber(world: World, *numbers: tuple[Body, str]) -> None:
    """People give numbers in Ravetree, before anybody hears of it: it takes no number twice."""
    for document, _ in numbers:
        world.ravetree.change("invoices", document["id"], {"number": f"T{document['id']}"})
    for document, name in numbers:
        world.ravetree.change("invoices", document["id"], {"number": name})


def is_at_rest(world: World) -> bool:
    """Both books agree, nobody is asked, and another look plans nothing."""
    with world.parts.database.reading() as session:
        before = session.execute(sa.select(sa.func.count()).select_from(Operation)).scalar_one()
    for row in world.ravetree.every("invoices"):
        world.api(
            "POST",
            f"/api/connections/{world.connection_id}/records/ravetree/invoice/{row['id']}/sync",
            {"by": "eva"},
        )
    world.settle()
    with world.parts.database.reading() as session:
        after = session.execute(sa.select(sa.func.count()).select_from(Operation)).scalar_one()
    return not codes(world) and before == after and not world.parity()["rows"]


# --- lines and rings -------------------------------------------------------------------------------


def test_in_a_line_each_waits_for_the_one_before(world: World) -> None:
    (a, qa), (b, qb), (c, qc) = numbered(world, "A", "B", "C")
    renumber(world, (a, "B"), (b, "C"), (c, "D"))
    world.settle()
    assert [number(world, row) for row in (qa, qb, qc)] == ["B", "C", "D"]
    assert codes(world) == []


@pytest.mark.parametrize("names", [("A", "B"), ("A", "B", "C"), ("A", "B", "C", "D")])
@pytest.mark.parametrize("heard", ["together", "one by one"])
def test_a_ring_changes_its_numbers(world: World, names: tuple[str, ...], heard: str) -> None:
    made = numbered(world, *names)
    wanted = [*names[1:], names[0]]
    if heard == "one by one":
        world.ravetree.change("invoices", made[0][0]["id"], {"number": "T"})
        for (document, _), name in reversed(list(zip(made, wanted, strict=True))):
            world.settle()
            world.ravetree.change("invoices", document["id"], {"number": name})
    else:
        renumber(world, *((document, name) for (document, _), name in zip(made, wanted, strict=True)))
    world.settle()
    assert [number(world, row) for _, row in made] == wanted
    assert is_at_rest(world)


def test_estimates_change_their_numbers_in_a_ring_too(world: World) -> None:
    client = world.client("Bright Harbor")
    lines = [{"type": "time", "description": "Hours", "quantity": "1", "unit_price": "80.00", "taxable": False}]
    fields = {"client_id": client, "issue_date": "2026-11-20", "currency": "USD", "lines": lines}
    made = [world.ravetree.create("estimates", fields | {"number": name}) for name in ("A", "B")]
    world.settle()
    there_ = [there(world, document, "Estimate") for document in made]
    for document, name in zip([*made, *made], ["T1", "T2", "B", "A"], strict=True):
        world.ravetree.change("estimates", document["id"], {"number": name})
    world.settle()
    assert [number(world, row, "Estimate") for row in there_] == ["B", "A"]
    assert codes(world) == []


def test_where_the_company_allows_duplicates_no_other_number_is_needed(world: World) -> None:
    world.quickbooks.steer("switches", {"duplicate_number_check": False})
    (a, qa), (b, qb) = numbered(world, "A", "B")
    renumber(world, (a, "B"), (b, "A"))
    world.settle()
    assert (number(world, qa), number(world, qb)) == ("B", "A")
    assert is_at_rest(world)
    assert "invoice.renumber" not in written(world)


def written(world: World) -> list[str]:
    with world.parts.database.reading() as session:
        return [row.action for row in session.execute(sa.select(Operation).order_by(Operation.id)).scalars()]


def sent_number(request: requests.PreparedRequest) -> str:
    """The number that a write of an invoice gives it; empty for any other request."""
    is_invoice = request.method == "POST" and "/invoice?" in unquote(request.url or "")
    return str(json.loads(request.body or b"{}").get("DocNumber", "")) if is_invoice else ""


@pytest.mark.parametrize("arrives", [True, False])
@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_a_ring_goes_on_after_a_death_at_any_step(world: World, step: int, *, arrives: bool) -> None:
    made = numbered(world, "A", "B", "C")
    renumber(world, *((document, name) for (document, _), name in zip(made, "BCA", strict=True)))
    for letter in world.collect():
        world.deliver(letter)
    written_so_far: list[str] = []

    def spoil(request: requests.PreparedRequest, ask: Callable[[], Answer]) -> Answer:
        if not (name := sent_number(request)):
            return ask()
        answer = ask() if arrives or len(written_so_far) + 1 != step else None
        if answer is None or answer[0] == 200:
            written_so_far.append(name)
            if len(written_so_far) == step:
                raise Killed
        assert answer is not None
        return answer

    with spoiled(world, spoil), pytest.raises(Killed):
        world.settle()
    world.settle()
    assert [number(world, row) for _, row in made] == ["B", "C", "A"]
    assert is_at_rest(world)


@pytest.mark.parametrize("refused", ["A", "B", "C"])
def test_where_one_of_a_ring_is_refused_all_keep_their_numbers(world: World, refused: str) -> None:
    """Which one is asked about is the one that is refused, whoever of the ring begins."""
    made = numbered(world, "A", "B", "C")
    wanted = dict(zip("ABC", "BCA", strict=True))
    (other,) = [document for document, _ in made if document["number"] == refused]
    name = next(row["Id"] for document, row in made if document["number"] == refused)

    def spoil(request: requests.PreparedRequest, ask: Callable[[], Answer]) -> Answer:
        if sent_number(request) == wanted[refused] and json.loads(request.body or b"{}").get("Id") == name:
            error = {"Message": "Business Validation Error", "Detail": "It may not be changed.", "code": "6000"}
            body = {"Fault": {"Error": [error], "type": "ValidationFault"}, "time": "2026-11-20T14:13:20Z"}
            return 400, {"Content-Type": "application/json"}, json.dumps(body).encode()
        return ask()

    renumber(world, *((document, wanted[document["number"]]) for document, _ in made))
    with spoiled(world, spoil):
        world.settle()
        assert [number(world, row) for _, row in made] == ["A", "B", "C"]
        assert [(row["id"], row["code"]) for row in world.attention()] == [(other["id"], "business_rule")]
    retry(world, other)
    assert [number(world, row) for _, row in made] == ["B", "C", "A"]
    assert is_at_rest(world)


def test_in_a_ring_with_one_that_a_person_is_asked_about_nothing_moves(world: World) -> None:
    (a, qa), (b, qb) = numbered(world, "A", "B")
    line = rows(world)[qb["Id"]]["Line"][0]
    edit(
        world,
        qb,
        Line=[line | {"Amount": 150, "SalesItemLineDetail": line["SalesItemLineDetail"] | {"UnitPrice": 150}}],
    )
    world.settle()
    renumber(world, (b, "A"), (a, "B"))
    world.settle()
    assert (number(world, qa), number(world, qb), codes(world)) == ("A", "B", ["drift_before_overwrite"])
    decide(world, b, "overwrite")
    assert (number(world, qa), number(world, qb), codes(world)) == ("B", "A", [])


def test_in_a_ring_with_one_in_a_closed_period_nothing_moves(world: World) -> None:
    (a, qa), *_ = numbered(world, "A")
    old = world.invoice(a["client_id"], "50.00", number="B", issue_date="2026-10-02")
    world.settle()
    qb = there(world, old)
    set_preferences(world, AccountingInfoPrefs={"BookCloseDate": "2026-10-31"})
    renumber(world, (a, "B"), (old, "A"))
    world.settle()
    assert (number(world, qa), number(world, qb), codes(world)) == ("A", "B", ["books_closed"])
    set_preferences(world, AccountingInfoPrefs={"BookCloseDate": None})
    retry(world, old)
    assert (number(world, qa), number(world, qb), codes(world)) == ("B", "A", [])


def test_a_line_that_ends_at_somebody_elses_asks_the_one_in_front(world: World) -> None:
    (a, qa), (b, qb) = numbered(world, "A", "B")
    hand = by_hand(world, qa, "H", 5)
    renumber(world, (a, "B"), (b, "H"))
    world.settle()
    assert [(row["id"], row["code"]) for row in world.attention()] == [(b["id"], "duplicate_number")]
    assert (number(world, qa), number(world, qb)) == ("A", "B")
    edit(world, hand, DocNumber="other")
    retry(world, b)
    assert (number(world, qa), number(world, qb), codes(world)) == ("B", "H", [])


def test_a_new_invoice_waits_for_the_number_that_another_one_gives_up(world: World) -> None:
    (a, qa), *_ = numbered(world, "A")
    renumber(world, (a, "B"))
    new = world.invoice(a["client_id"], "7.00", number="A")
    world.settle()
    assert (number(world, qa), there(world, new)["TotalAmt"], codes(world)) == ("B", 7, [])


def preview(world: World, document: Body, decision: str) -> list[str]:
    """What a decision would write."""
    path = f"/api/connections/{world.connection_id}/records/ravetree/invoice/{document['id']}/preview"
    found = world.api("GET", f"{path}?decision={decision}").get_json()
    return [step["action"] for step in found["steps"]]


# --- our own void one -------------------------------------------------------------------------------


def void_and_again(world: World, name: str = "1043", **fields: Any) -> tuple[Body, Body, Body]:
    ((old, row),) = numbered(world, name, **fields)
    world.ravetree.delete("invoices", old["id"])
    world.settle()
    new = world.invoice(old["client_id"], "80.00", number=name)
    world.settle()
    return old, row, new


@pytest.mark.parametrize("how", ["a new one", "renumbered"])
def test_a_number_that_a_bookkeeper_gave_to_another_one_is_asked_about_and_not_waited_for(
    world: World, how: str
) -> None:
    """Ravetree calls that one otherwise, and writes so at its next edit only: it gives up nothing by itself."""
    client = world.client("Aster")
    other = world.invoice(client, "100.00", number="A1")
    own = world.invoice(client, "50.00", number="A5") if how == "renumbered" else None
    world.settle()
    number_there(world, "A1", "A2")
    world.settle()
    tries: list[str] = []

    def count(request: requests.PreparedRequest, ask: Callable[[], Answer]) -> Answer:
        if request.method == "POST" and '"DocNumber": "A2"' in str(request.body or b""):
            tries.append(str(request.url))
        return ask()

    with spoiled(world, count):
        if own is None:
            own = world.invoice(client, "50.00", number="A2")
        else:
            world.ravetree.change("invoices", own["id"], {"number": "A2"})
        work_once(world)
    assert len(tries) < 9, "it is written again and again"
    assert [(entry["id"], entry["code"]) for entry in world.attention()] == [(own["id"], "duplicate_number")]
    # The next edit of the other one gives it its own number back: then this one's is free.
    world.ravetree.change("invoices", other["id"], {"memo": "anew"})
    world.settle()
    retry(world, own)
    assert codes(world) == []
    assert {entry["DocNumber"] for entry in rows(world).values()} == {"A1", "A2"}


def test_numbers_that_a_bookkeeper_swapped_are_set_back_with_the_next_edits(world: World) -> None:
    client = world.client("Aster")
    ours = [world.invoice(client, "100.00", number=name) for name in ("A1", "A2")]
    world.settle()
    before = {row["DocNumber"]: row["Id"] for row in rows(world).values()}
    for name, to in (("A1", "A9"), ("A2", "A1"), ("A9", "A2")):
        number_there(world, name, to)
    world.settle()
    for one in ours:
        world.ravetree.change("invoices", one["id"], {"memo": "anew"})
    world.settle()
    assert codes(world) == []
    assert {row["DocNumber"]: row["Id"] for row in rows(world).values()} == before


def test_two_documents_that_wake_each_other_leave_the_others_their_turn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever makes two records go round: that the one gives up its number is believed here though it does not."""
    monkeypatch.setattr(number_line.Member, "is_moving", property(lambda one: one.wanted != one.number))
    client = world.client("Aster")
    world.invoice(client, "100.00", number="A1")
    world.settle()
    number_there(world, "A1", "A2")
    world.settle()
    world.invoice(client, "50.00", number="A2")
    world.invoice(client, "70.00", number="A3")
    with structlog.testing.capture_logs() as logged:
        work_once(world)
    assert world.quickbooks.invoice("A3") is not None
    assert "records go round" in {entry["event"] for entry in logged}


def test_what_quickbooks_tells_of_has_its_rest_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its note stands under QuickBooks' name, and it is worked on under Ravetree's."""
    invoice = world.invoice(world.client("Aster"), "100.00")
    world.settle()
    world.receive({invoice["id"]: "60.00"}, "CHK 1")
    world.settle()
    (row,) = world.quickbooks.query("select * from Payment")
    named = {name: row[name] for name in ("Id", "SyncToken", "CustomerRef", "TotalAmt", "Line")}
    world.quickbooks.write("payment", named | {"sparse": True, "PaymentRefNum": "CHK 2"})
    monkeypatch.setattr(worker, "MOST_TURNS", 0)
    with structlog.testing.capture_logs() as logged:
        work_once(world)
        world.clock.advance(10)
        world.work()
    rests = [entry["records"] for entry in logged if entry["event"] == "records go round"]
    (paid,) = world.ravetree.every("payments")
    assert sum(f"ravetree:payment:{paid['id']}" in names for names in rests) == 1
    assert paid["reference"] == "CHK 1"
    monkeypatch.undo()
    world.clock.advance(21)
    world.settle()
    assert [entry["reference"] for entry in world.ravetree.every("payments")] == ["CHK 2"]


def test_our_own_void_invoice_gives_its_number_away(world: World) -> None:
    _, row, new = void_and_again(world)
    (asked,) = world.attention()
    assert asked["code"] == "duplicate_number"
    for words in ("`free`", "1043-V", "used again"):
        assert words in asked["remedy"]
    assert preview(world, new, "free") == ["invoice.renumber", "invoice.create"]
    decide(world, new, "free")
    void = rows(world)[row["Id"]]
    assert (void["DocNumber"], void["TotalAmt"], void["Balance"]) == ("1043-V", 0, 0)
    assert void["PrivateNote"] == "Voided (its number was 1043)"
    assert there(world, new)["TotalAmt"] == 80
    assert is_at_rest(world)


def test_the_second_void_one_gets_a_number_of_its_own(world: World) -> None:
    _, _, new = void_and_again(world)
    decide(world, new, "free")
    world.ravetree.delete("invoices", new["id"])
    world.settle()
    third = world.invoice(new["client_id"], "60.00", number="1043")
    world.settle()
    decide(world, third, "free")
    assert sorted(row["DocNumber"] for row in rows(world).values()) == ["1043", "1043-V", "1043-V2"]
    assert is_at_rest(world)


def test_a_number_that_has_no_room_is_asked_about_without_it(world: World) -> None:
    _, row, new = void_and_again(world, "1" * 20)
    (asked,) = world.attention()
    assert "free" not in asked["remedy"]
    refused(world, new, "free")
    assert (number(world, row), codes(world)) == ("1" * 20, ["duplicate_number"])


def test_in_a_closed_period_it_keeps_its_number(world: World) -> None:
    ((old, row),) = numbered(world, "1043", issue_date="2026-10-02")
    world.ravetree.delete("invoices", old["id"])
    world.settle()
    set_preferences(world, AccountingInfoPrefs={"BookCloseDate": "2026-10-31"})
    world.settle()
    new = world.invoice(old["client_id"], "80.00", number="1043")
    world.settle()
    assert ["free" in asked["remedy"] for asked in world.attention()] == [False]
    world.ravetree.change("invoices", new["id"], {"number": "1044"})
    world.settle()
    assert (number(world, row), there(world, {"number": "1044"})["TotalAmt"], codes(world)) == ("1043", 80, [])


# --- a number that QuickBooks made up ----------------------------------------------------------------


def not_kept(world: World) -> Body:
    set_preferences(world, SalesFormsPrefs={"CustomTxnNumbers": False})
    invoice = world.invoice(world.client("Bright Harbor"), "100.00", number="R-1")
    world.settle()
    assert codes(world) == ["number_not_kept"]
    return invoice


def test_once_numbers_are_kept_retry_writes_it(world: World) -> None:
    invoice = not_kept(world)
    retry(world, invoice)
    assert codes(world) == ["number_not_kept"]
    set_preferences(world, SalesFormsPrefs={"CustomTxnNumbers": True})
    retry(world, invoice)
    assert there(world, invoice)["TotalAmt"] == 100
    assert is_at_rest(world)


def test_all_that_wait_for_it_go_on_once_the_settings_are_looked_at(world: World) -> None:
    first = not_kept(world)
    second = world.invoice(first["client_id"], "50.00", number="R-2")
    world.settle()
    assert codes(world) == ["number_not_kept"] * 2
    set_preferences(world, SalesFormsPrefs={"CustomTxnNumbers": True})
    world.plan(PREFLIGHT)
    world.settle()
    assert [there(world, one)["TotalAmt"] for one in (first, second)] == [100, 50]
    assert is_at_rest(world)


def test_a_number_that_was_taken_meanwhile_is_asked_about(world: World) -> None:
    invoice = not_kept(world)
    (row,) = rows(world).values()
    set_preferences(world, SalesFormsPrefs={"CustomTxnNumbers": True})
    hand = by_hand(world, row, "R-1", 5)
    retry(world, invoice)
    assert codes(world) == ["duplicate_number"]
    edit(world, hand, DocNumber="other")
    retry(world, invoice)
    assert there(world, invoice)["TotalAmt"] == 100
    assert codes(world) == []


# --- the same sale, and what was asked for -----------------------------------------------------------


def deleted_and_retyped(world: World, amount: int, day: str) -> tuple[Body, Body]:
    ((invoice, row),) = numbered(world, "1043")
    now = rows(world)[row["Id"]]
    world.quickbooks.write("invoice", {"Id": row["Id"], "SyncToken": now["SyncToken"]}, operation="delete")
    world.settle()
    hand = by_hand(world, row, "1043", amount, day)
    world.settle()
    assert codes(world) == ["deleted_in_quickbooks"]
    decide(world, invoice, "push")
    assert codes(world) == ["duplicate_number"]
    return invoice, hand


@pytest.mark.parametrize(("amount", "day", "decision"), [(100, "2026-11-20", "adopt"), (100, "2026-11-21", "link")])
def test_the_same_sale_is_tied_as_the_remedy_says(world: World, amount: int, day: str, decision: str) -> None:
    invoice, hand = deleted_and_retyped(world, amount, day)
    (asked,) = world.attention()
    assert f"`{decision}`" in asked["remedy"]
    if decision == "link":
        assert f"target {hand['Id']}" in asked["remedy"]
    decide(world, invoice, decision, hand["Id"] if decision == "link" else "")
    assert list(rows(world)) == [hand["Id"]]
    assert is_at_rest(world)


@pytest.mark.parametrize("meanwhile", ["nothing", "adopt", "leave", "free", "overwrite"])
def test_what_was_pushed_is_written_once_its_number_is_free(world: World, meanwhile: str) -> None:
    """Whatever is decided in between on the question that is asked then."""
    invoice, hand = deleted_and_retyped(world, 55, "2026-11-20")
    world.api("PUT", f"/api/connections/{world.connection_id}/switches", {"invoices": False})
    world.api("PUT", f"/api/connections/{world.connection_id}/switches", {"invoices": True})
    if meanwhile != "nothing":
        refused(world, invoice, meanwhile)
        assert codes(world) == ["duplicate_number"]
    edit(world, hand, DocNumber="other")
    retry(world, invoice)
    assert there(world, invoice)["TotalAmt"] == 100
    assert is_at_rest(world)


def test_what_was_pushed_into_a_closed_period_is_written_once_that_is_open(world: World) -> None:
    ((invoice, row),) = numbered(world, "1043", issue_date="2026-10-02")
    world.quickbooks.write("invoice", {"Id": row["Id"], "SyncToken": row["SyncToken"]}, operation="delete")
    world.settle()
    set_preferences(world, AccountingInfoPrefs={"BookCloseDate": "2026-10-31"})
    world.api("PUT", f"/api/connections/{world.connection_id}/switches", {"invoices": False})
    world.api("PUT", f"/api/connections/{world.connection_id}/switches", {"invoices": True})
    world.settle()
    decide(world, invoice, "push")
    assert codes(world) == ["books_closed"]
    refused(world, invoice, "leave")
    assert codes(world) == ["books_closed"]
    set_preferences(world, AccountingInfoPrefs={"BookCloseDate": None})
    retry(world, invoice)
    assert there(world, invoice)["TotalAmt"] == 100
    assert is_at_rest(world)


def test_a_paired_invoice_is_never_given_another_partner_because_of_its_number(world: World) -> None:
    """Its own in QuickBooks would stay there, as income that nobody has.

    Not even where the answer to its creation was once lost: then one that is alike may be its own, until it has it.
    """
    world.quickbooks.steer("faults", {"endpoint": "invoice.create", "kind": "timeout_after", "count": 1})
    ((invoice, row),) = numbered(world, "A")
    by_hand(world, row, "H", 100)
    renumber(world, (invoice, "H"))
    world.settle()
    (asked,) = world.attention()
    assert "`" not in asked["remedy"]
    refused(world, invoice, "adopt")
    assert (number(world, row), codes(world)) == ("A", ["duplicate_number"])
