"""One payment brought into agreement, on both sides."""

from typing import Any

import pytest
import sqlalchemy as sa

from clients.ravetree.account import Taken
from reconcile.model import Kind
from storage.models import Step
from tests.unit.sync.world import World, ours, theirs


def received(world: World, amount: str = "40.00") -> tuple[Any, Any, Any]:
    """An invoice over 100.00 and a payment on it, in both books: both as Ravetree has them, and QuickBooks' payment."""
    invoice, _ = world.paired()
    payment = world.receive({invoice["id"]: amount}, reference="A 7")
    world.settle()
    (there,) = world.quickbooks.every("Payment")
    return invoice, payment, there


def test_what_ravetree_receives_is_received_in_quickbooks(world: World) -> None:
    invoice, payment, there = received(world)
    assert (there["TotalAmt"], there["PaymentRefNum"], there["UnappliedAmt"]) == (40, "A 7", 0)
    assert world.pairs("payment") == {payment["id"]: there["Id"]}
    assert world.quickbooks.numbered(invoice["number"])["Balance"] == 60
    assert payment["id"] in there["PrivateNote"]
    assert world.pending() == []


def test_what_quickbooks_receives_is_received_in_ravetree(world: World) -> None:
    invoice, made = world.paired()
    there = world.pay({made["Id"]: "40"}, PaymentRefNum="B 1")
    world.settle()
    (payment,) = world.ravetree.every("payments")
    assert (payment["amount"], payment["reference"], payment["origin"]) == ("40.00", "B 1", "quickbooks")
    assert world.pairs("payment") == {payment["id"]: there["Id"]}
    assert world.ravetree.row("invoices", invoice["id"])["balance"] == "60.00"
    assert world.pending() == []


def test_money_on_an_invoice_that_got_another_currency_meanwhile_goes_on_once_that_is_set_back(world: World) -> None:
    invoice, made = world.paired()
    world.pay({made["Id"]: "40"})
    world.ravetree.change("invoices", invoice["id"], {"currency": "EUR"})
    world.settle()
    assert list(world.codes().values()) == ["currency_changed_with_payments"]
    assert world.ravetree.every("payments") == []
    world.ravetree.change("invoices", invoice["id"], {"currency": "USD"})
    world.settle()
    assert (len(world.ravetree.every("payments")), world.pending()) == (1, [])


def test_edits_and_deletions_go_either_way(world: World) -> None:
    invoice, payment, there = received(world)
    share = {"amount": "50.00", "allocations": [{"invoice_id": invoice["id"], "amount": "50.00"}]}
    world.ravetree.change("payments", payment["id"], share)
    world.settle()
    assert world.quickbooks.row("Payment", there["Id"])["TotalAmt"] == 50
    link = {"TxnId": world.pairs("invoice")[invoice["id"]], "TxnType": "Invoice"}
    line = {"Amount": 30, "LinkedTxn": [link]}
    world.quickbooks.save("Payment", {"Id": there["Id"], "TotalAmt": 30, "Line": [line]})
    world.settle()
    assert world.ravetree.row("payments", payment["id"])["amount"] == "30.00"
    assert world.ravetree.row("invoices", invoice["id"])["balance"] == "70.00"
    world.quickbooks.save("Payment", {"Id": there["Id"]}, "delete")
    world.settle()
    assert world.ravetree.every("payments") == []
    assert world.written()[1:] == ["payment.create", "payment.update", "payment.update", "payment.delete"]
    assert world.codes() == {}


def test_what_is_deleted_in_ravetree_is_deleted_in_quickbooks(world: World) -> None:
    invoice, payment, _ = received(world)
    world.ravetree.delete("payments", payment["id"])
    world.settle()
    assert world.quickbooks.every("Payment") == []
    assert world.quickbooks.numbered(invoice["number"])["Balance"] == 100


@pytest.mark.parametrize(("decision", "amount"), [("ravetree", 41), ("quickbooks", 42)])
def test_edited_on_both_sides_a_person_says_which_is_right(world: World, decision: str, amount: int) -> None:
    invoice, payment, there = received(world)
    share = {"amount": "41.00", "allocations": [{"invoice_id": invoice["id"], "amount": "41.00"}]}
    world.ravetree.change("payments", payment["id"], share)
    line = there["Line"][0] | {"Amount": 42}
    world.quickbooks.save("Payment", {"Id": there["Id"], "TotalAmt": 42, "Line": [line]})
    world.settle()
    record = ours(Kind.PAYMENT, payment)
    assert world.attention(record).code == "edited_on_both_sides"
    world.decide(record, decision)
    world.settle()
    assert world.quickbooks.row("Payment", there["Id"])["TotalAmt"] == amount
    assert world.ravetree.row("payments", payment["id"])["amount"] == f"{amount}.00"
    assert world.codes() == {}


@pytest.mark.parametrize(("decision", "left"), [("ravetree", 0), ("quickbooks", 1)])
def test_removed_here_and_edited_there(world: World, decision: str, left: int) -> None:
    _, payment, there = received(world)
    world.ravetree.delete("payments", payment["id"])
    world.quickbooks.save("Payment", {"Id": there["Id"], "PaymentRefNum": "other"})
    world.settle()
    record = ours(Kind.PAYMENT, payment)
    assert world.attention(record).code == "removed_here_edited_there"
    world.decide(record, decision)
    world.settle()
    assert (len(world.quickbooks.every("Payment")), len(world.ravetree.every("payments"))) == (left, left)


@pytest.mark.parametrize(("decision", "left"), [("quickbooks", 0), ("ravetree", 1)])
def test_removed_there_and_edited_here(world: World, decision: str, left: int) -> None:
    _, payment, there = received(world)
    world.quickbooks.save("Payment", {"Id": there["Id"]}, "delete")
    world.ravetree.change("payments", payment["id"], {"reference": "other"})
    world.settle()
    record = ours(Kind.PAYMENT, payment)
    assert world.attention(record).code == "removed_there_edited_here"
    world.decide(record, decision)
    world.settle()
    assert (len(world.quickbooks.every("Payment")), len(world.ravetree.every("payments"))) == (left, left)


@pytest.mark.parametrize(
    ("named", "decision", "count"),
    [("ours", "link", 1), ("ours", "one", 1), ("theirs", "one", 1), ("ours", "two", 2), ("theirs", "two", 2)],
)
def test_one_receipt_typed_twice_is_one_or_two(world: World, named: str, decision: str, count: int) -> None:
    invoice, made = world.paired()
    payment = world.receive({invoice["id"]: "40.00"})
    there = world.pay({made["Id"]: "40"}, TxnDate=payment["date"])
    world.settle()
    assert world.codes() == {str(ours(Kind.PAYMENT, payment)): "one_or_two_payments"}
    said_of = ours(Kind.PAYMENT, payment) if named == "ours" else theirs(Kind.PAYMENT, there)
    world.decide(said_of, decision, there["Id"] if decision == "link" else "")
    world.settle()
    assert len(world.ravetree.every("payments")) == len(world.quickbooks.every("Payment")) == count
    assert world.codes() == {}


def test_a_payment_waits_for_its_invoice(world: World) -> None:
    invoice = world.invoice(world.client(), "100.00")
    world.receive({invoice["id"]: "100.00"})
    world.settle()
    assert world.quickbooks.numbered(invoice["number"])["Balance"] == 0
    assert world.written() == ["invoice.create", "payment.create"]


def test_more_than_is_open_is_asked_about(world: World) -> None:
    invoice, made = world.paired()
    world.quickbooks.save("Invoice", {"Id": made["Id"], "Line": [made["Line"][0] | {"Amount": 10}]})
    world.settle()
    payment = world.receive({invoice["id"]: "40.00"})
    world.settle()
    assert world.attention(ours(Kind.PAYMENT, payment)).code == "more_than_open"
    assert world.quickbooks.every("Payment") == []


def test_a_deposited_payment_is_locked(world: World) -> None:
    _, payment, there = received(world)
    deposit = [{"TxnId": "900", "TxnType": "Deposit"}]
    world.quickbooks.save("Payment", {"Id": there["Id"], "LinkedTxn": deposit})
    world.settle()
    world.ravetree.change("payments", payment["id"], {"reference": "late"})
    world.settle()
    assert world.attention(ours(Kind.PAYMENT, payment)).code == "deposited_payment"
    assert world.quickbooks.row("Payment", there["Id"])["PaymentRefNum"] == "A 7"


def test_a_real_payment_takes_the_place_of_the_placeholder(world: World) -> None:
    invoice, _ = world.paired()
    world.ravetree.mark_as_paid(invoice["id"])
    world.settle()
    (before,) = world.quickbooks.every("Payment")
    payment = world.receive({invoice["id"]: "100.00"})
    world.settle()
    (after,) = world.quickbooks.every("Payment")
    assert after["Id"] == before["Id"]
    assert world.pairs("payment") == {payment["id"]: before["Id"]}
    assert world.pairs("placeholder") == {}
    assert world.written()[-1] == "payment.take_placeholder"


def test_part_of_what_was_marked_makes_the_placeholder_smaller_first(world: World) -> None:
    invoice, _ = world.paired()
    world.ravetree.mark_as_paid(invoice["id"])
    world.settle()
    world.receive({invoice["id"]: "30.00"})
    world.settle()
    assert sorted(raw["TotalAmt"] for raw in world.quickbooks.every("Payment")) == [30, 70]
    assert world.quickbooks.numbered(invoice["number"])["Balance"] == 0


def test_a_payment_with_our_mark_is_its_copy_whatever_we_forgot(world: World) -> None:
    """As after a restore: the pair is lost, the mark in its note is not."""
    _, payment, there = received(world)
    world.forget_pairs("payment")
    world.look_at(ours(Kind.PAYMENT, payment))
    world.settle()
    assert world.pairs("payment") == {payment["id"]: there["Id"]}
    assert len(world.quickbooks.every("Payment")) == 1


def test_taken_apart_each_side_keeps_its_own(world: World) -> None:
    _, payment, there = received(world)
    record = ours(Kind.PAYMENT, payment)
    world.decide(record, "unlink")
    world.settle()
    assert world.pairs("payment") == {}
    world.ravetree.change("payments", payment["id"], {"reference": "mine"})
    world.settle()
    assert world.quickbooks.row("Payment", there["Id"])["PaymentRefNum"] == "A 7"
    world.decide(record, "link", there["Id"])
    world.settle()
    assert world.pairs("payment") == {payment["id"]: there["Id"]}


def test_a_link_to_what_is_gone_is_refused(world: World) -> None:
    _, payment, there = received(world)
    other = world.pay({world.pairs("invoice")[world.ravetree.every("invoices")[0]["id"]]: "5"})
    world.settle()
    world.decide(ours(Kind.PAYMENT, payment), "link", other["Id"])
    world.settle()
    row = world.attention(ours(Kind.PAYMENT, payment))
    assert (row.code, "belongs to another payment" in row.cause) == ("link_not_possible", True)
    assert world.pairs("payment")[payment["id"]] == there["Id"]


def test_a_voided_invoice_loses_its_payment_first(world: World) -> None:
    invoice, payment, _ = received(world)
    world.quickbooks.save("Invoice", {"Id": world.pairs("invoice")[invoice["id"]]}, "void")
    world.settle()
    assert world.ravetree.row("payments", payment["id"])["allocations"] == []
    assert world.ravetree.row("invoices", invoice["id"])["status"] == "void"


def test_without_invoices_payments_wait_for_the_switch(world: World) -> None:
    _, payment, there = received(world)
    world.set(invoices_since=None)
    world.ravetree.change("payments", payment["id"], {"reference": "later"})
    world.settle()
    assert {row.waits_for for row in world.pending()} == {"ravetree:invoice:switch-on"}
    assert world.quickbooks.row("Payment", there["Id"])["PaymentRefNum"] == "A 7"


def test_what_was_edited_unheard_is_read_again_before_it_is_applied(world: World) -> None:
    invoice, made = world.paired()
    lying = world.quickbooks.save(
        "Payment", {"CustomerRef": made["CustomerRef"], "TotalAmt": 40, "TxnDate": "2026-11-20", "Line": []}
    )
    world.settle()
    payment = world.receive({invoice["id"]: "40.00"}, day=lying["TxnDate"])
    world.settle()
    assert world.codes() == {str(ours(Kind.PAYMENT, payment)): "one_or_two_payments"}
    world.quickbooks.save("Payment", {"Id": lying["Id"], "PrivateNote": "edited"})
    world.miss()
    world.decide(ours(Kind.PAYMENT, payment), "one")
    world.settle()
    assert world.pairs("payment") == {payment["id"]: lying["Id"]}
    assert world.quickbooks.numbered(invoice["number"])["Balance"] == 60
    assert world.codes() == {}


def test_books_that_were_opened_again_are_looked_at_before_a_person_is_asked(world: World) -> None:
    _, payment, there = received(world)
    world.set(books_closed="2026-12-31")
    world.ravetree.delete("payments", payment["id"])
    world.settle()
    assert world.codes() == {}
    assert there["Id"] not in {row["Id"] for row in world.quickbooks.every("Payment")}


def test_an_invoice_is_looked_at_after_the_payment_that_quickbooks_tells_of_beside_it(world: World) -> None:
    """Before it, it would wait for the payment, and be gathered and told of twice."""
    invoice, made = world.paired()
    world.pay({made["Id"]: "40.00"})
    world.settle()
    with world.database.reading() as session:
        steps = session.execute(sa.select(Step).where(Step.subject == str(ours(Kind.INVOICE, invoice)))).scalars()
        assert "waiting" not in {step.what for step in steps}
    assert [row["amount"] for row in world.ravetree.every("payments")] == ["40.00"]


def test_a_reference_that_is_taken_by_nobody_knows_which_record_is_a_refusal(world: World) -> None:
    _, made = world.paired()
    world.ravetree.calls.fail("write", Taken("the external_id is taken", None, code="external_id_taken"))
    there = world.pay({made["Id"]: "40"})
    world.settle()
    assert world.attention(theirs(Kind.PAYMENT, there)).state == "parked"
    asked = [call.target for call in world.ravetree.calls.every if call.name == "get"]
    assert asked
    assert not [target for target in asked if target.endswith(("None", "/", " "))]
    assert world.ravetree.every("payments") == []
