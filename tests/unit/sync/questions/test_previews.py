"""What a preview shows is what then happens; it writes to neither side."""

from typing import Any

import pytest

from clients.errors import OutcomeUnknown
from reconcile.model import Kind, Record, Side
from schemas.quickbooks import Body
from storage import jobs, pending
from storage.decisions import NotTaken
from sync.questions.previews import Previews
from tests.unit.storing import CONNECTION
from tests.unit.sync.records.test_numbers import there_already
from tests.unit.sync.world import CUSTOMER, World, lines, ours, theirs


def preview(world: World, record: Record, decision: str = "", target: str = "") -> dict[str, Any]:
    """What is shown. Nothing is written meanwhile, and nothing is kept."""
    stands = (len(world.operations()), len(world.pair_rows()), [row.generation for row in world.pending()])
    writes = world.quickbooks.calls.names("write") + world.ravetree.calls.names("write")
    shown = Previews(world.database, world.clock, world.neighbours_of).record(CONNECTION, record, decision, target)
    assert (len(world.operations()), len(world.pair_rows()), [row.generation for row in world.pending()]) == stands
    assert world.quickbooks.calls.names("write") + world.ravetree.calls.names("write") == writes
    return shown


def actions(shown: dict[str, Any]) -> list[str]:
    return [str(step["action"]) for step in shown["steps"]]


def test_many_are_looked_at_with_few_reads_and_as_long_as_there_is_time(world: World) -> None:
    records = [edited_on_both_sides(world, f"{number + 50}.00") for number in range(4)]
    previews = Previews(world.database, world.clock, world.neighbours_of)
    reads = len(world.quickbooks.calls.every)
    whole = previews.many(CONNECTION, records, "ravetree")
    assert len(world.quickbooks.calls.every) - reads == 1
    assert [actions(shown) for shown in whole.found.values()] == [["payment.update"]] * 4
    assert (dict(whole.refused), whole.left) == ({}, 0)
    refused = previews.many(CONNECTION, records[:1], "two")
    assert (len(refused.found), [type(error) for error in refused.refused.values()]) == (0, [NotTaken])
    world.ravetree.calls.meanwhile = lambda _call: world.clock.advance(6)
    late = previews.many(CONNECTION, records, "ravetree")
    assert (list(late.found), late.left) == (records[:1], 3)


def edited_on_both_sides(world: World, amount: str) -> Record:
    invoice, made = world.paired(amount)
    payment = world.receive({invoice["id"]: "40.00"})
    world.settle()
    (there,) = (
        row for row in world.quickbooks.every("Payment") if row["Line"][0]["LinkedTxn"][0]["TxnId"] == made["Id"]
    )
    world.ravetree.change("payments", payment["id"], {"reference": "ours"})
    world.quickbooks.save("Payment", {"Id": there["Id"], "PaymentRefNum": "theirs"})
    world.settle()
    return ours(Kind.PAYMENT, payment)


def test_what_is_shown_does_not_depend_on_how_much_else_is_due(world: World) -> None:
    record = new_invoice(world)
    with world.database.transaction() as session:
        for number in range(1001):
            pending.note(session, CONNECTION, Record(Side.RAVETREE, Kind.INVOICE, f"a_{number}"), world.clock.now())
    world.clock.advance(1)
    assert actions(preview(world, record)) == ["customer.create", "invoice.create"]


def new_invoice(world: World) -> Record:
    return ours(Kind.INVOICE, world.invoice(world.client("Bright Harbor"), "100.00"))


def edited_invoice(world: World) -> Record:
    invoice, _ = world.paired()
    world.ravetree.change("invoices", invoice["id"], {"lines": lines("120.00", "3.00")})
    return ours(Kind.INVOICE, invoice)


def marked_as_paid(world: World) -> Record:
    invoice, _ = world.paired()
    world.ravetree.mark_as_paid(invoice["id"])
    return ours(Kind.INVOICE, invoice)


def payment_here(world: World) -> Record:
    invoice, _ = world.paired()
    return ours(Kind.PAYMENT, world.receive({invoice["id"]: "40.00"}))


def payment_there(world: World) -> Record:
    _, made = world.paired()
    return theirs(Kind.PAYMENT, world.pay({made["Id"]: "40"}))


def deleted_payment(world: World) -> Record:
    invoice, _ = world.paired()
    payment = world.receive({invoice["id"]: "40.00"})
    world.settle()
    world.ravetree.delete("payments", payment["id"])
    return ours(Kind.PAYMENT, payment)


def void_invoice(world: World) -> Record:
    invoice, _ = world.paired()
    world.ravetree.change("invoices", invoice["id"], {"status": "void"})
    return ours(Kind.INVOICE, invoice)


def void_there(world: World) -> Record:
    invoice, made = world.paired()
    world.quickbooks.save("Invoice", {"Id": made["Id"]}, "void")
    return ours(Kind.INVOICE, invoice)


def deleted_payment_there(world: World) -> Record:
    invoice, _ = world.paired()
    payment = world.receive({invoice["id"]: "40.00"})
    world.settle()
    world.quickbooks.save("Payment", {"Id": world.pairs("payment")[payment["id"]]}, "delete")
    return ours(Kind.PAYMENT, payment)


def customer_alone(world: World) -> Record:
    world.quickbooks.add("Customer", "77", DisplayName="Fjord")
    return theirs(Kind.CONTACT, "77")


@pytest.mark.parametrize(
    "situation",
    [
        new_invoice,
        edited_invoice,
        marked_as_paid,
        payment_here,
        payment_there,
        deleted_payment,
        deleted_payment_there,
        void_invoice,
        void_there,
        customer_alone,
    ],
)
def test_what_is_shown_is_what_happens(world: World, situation: Any) -> None:
    record = situation(world)
    world.hear()
    before = len(world.operations())
    shown = actions(preview(world, record))
    world.press(record)
    world.settle()
    happened = [str(row.action) for row in world.operations()[before:]]
    assert shown == happened != []


def test_the_steps_show_what_changes(world: World) -> None:
    shown = preview(world, edited_invoice(world))
    assert (shown["outcome"], shown["steps"][0]["side"]) == ("update", "quickbooks")
    assert shown["steps"][0]["changes"]


def test_where_both_agree_nothing_is_done(world: World) -> None:
    invoice, _ = world.paired()
    shown = preview(world, ours(Kind.INVOICE, invoice))
    assert (shown["outcome"], shown["message"], shown["steps"]) == ("nothing", "both books agree", [])


def test_linked_records_say_so(world: World) -> None:
    world.paired()
    assert preview(world, theirs(Kind.CONTACT, CUSTOMER))["outcome"] == "already"
    assert preview(world, ours(Kind.CONTACT, world.aster()))["outcome"] == "nothing"


def test_a_number_that_is_taken_can_be_adopted(world: World) -> None:
    there_already(world, "77")
    record = ours(Kind.INVOICE, world.invoice(world.client(), "100.00", number="77"))
    assert preview(world, record)["outcome"] == "adopt"


def test_a_question_is_shown_with_what_each_answer_does(world: World) -> None:
    invoice, made = world.paired()
    payment = world.receive({invoice["id"]: "40.00"})
    there = world.pay({made["Id"]: "40"}, TxnDate=payment["date"])
    world.settle()
    record = ours(Kind.PAYMENT, payment)
    assert preview(world, record)["outcome"] == "ask"
    assert preview(world, record, "link", there["Id"])["steps"] == []
    assert actions(preview(world, record, "two"))[0] == "payment.create"
    assert preview(world, record, "unlink")["outcome"] in ("unlink", "ask")


def test_what_is_taken_apart_writes_nothing(world: World) -> None:
    invoice, _ = world.paired()
    assert preview(world, ours(Kind.INVOICE, invoice), "unlink")["outcome"] == "unlink"


def test_what_waits_for_an_answer_is_not_planned_over(world: World) -> None:
    world.quickbooks.calls.fail("write", OutcomeUnknown("no answer"))
    invoice = world.invoice(world.client(), "5.00")
    world.hear()
    world.work()
    shown = preview(world, ours(Kind.INVOICE, invoice))
    assert (shown["outcome"], shown["message"]) == ("wait", "waits for the answer to an earlier write")


def test_what_neither_book_has_is_not_there(world: World) -> None:
    previews = Previews(world.database, world.clock, world.neighbours_of)
    assert not previews.is_there(CONNECTION, ours(Kind.INVOICE, "inv_404"))
    assert not previews.is_there(CONNECTION, theirs(Kind.INVOICE, "404"))
    assert previews.is_there(CONNECTION, theirs(Kind.CONTACT, CUSTOMER))
    world.ravetree.calls.fail("get", OutcomeUnknown("no answer"))
    assert previews.is_there(CONNECTION, ours(Kind.INVOICE, "inv_404"))
    invoice, _ = world.paired()
    assert previews.is_there(CONNECTION, ours(Kind.INVOICE, invoice))


def test_a_back_fill_is_counted_before_it_is_begun(world: World) -> None:
    world.paired()
    old: list[Body] = [
        world.invoice(world.aster(), amount, created_at="2026-01-01T00:00:00.000Z") for amount in ("1.00", "2.00")
    ]
    there_already(world, old[1]["number"], 900)
    params = {"kinds": ["invoice", "estimate"]}
    shown = Previews(world.database, world.clock, world.neighbours_of).job(CONNECTION, jobs.BACKFILL, params)
    assert shown["counts"] == {"already": 1, "create": 1, "differ": 1}


def test_an_import_is_counted_before_it_is_begun(world: World) -> None:
    world.client("Aster")
    customer_alone(world)
    shown = Previews(world.database, world.clock, world.neighbours_of).job(CONNECTION, jobs.IMPORT_CONTACTS, {})
    assert {row["name"]: row["outcome"] for row in shown["records"]} == {"Aster": "adopt", "Fjord": "create"}
