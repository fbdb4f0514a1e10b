"""A number that QuickBooks has already: whose it is, and whether that document can be taken over."""

from typing import Any

import pytest

from clients.quickbooks.faults import DuplicateNumber
from reconcile.model import Kind
from schemas.quickbooks import Body
from storage import pairs
from storage.decisions import NotTaken
from tests.unit.sync.world import CUSTOMER, HOURS, World, ours


def there_already(world: World, number: str, amount: int = 100, **fields: Any) -> Body:
    """A bookkeeper's own invoice."""
    line = {
        "DetailType": "SalesItemLineDetail",
        "Amount": amount,
        "SalesItemLineDetail": {"ItemRef": {"value": HOURS}, "Qty": 1, "UnitPrice": amount},
    }
    body = {"CustomerRef": {"value": CUSTOMER}, "TxnDate": "2026-11-20", "DocNumber": number, "Line": [line]}
    return world.quickbooks.save("Invoice", body | fields)


def test_the_same_document_is_taken_over_if_a_person_says_so(world: World) -> None:
    made = there_already(world, "77")
    invoice = world.invoice(world.client(), "100.00", number="77", memo="Ours")
    world.settle()
    record = ours(Kind.INVOICE, invoice)
    row = world.attention(record)
    assert (row.code, row.decisions, made["Id"] in row.cause) == ("duplicate_number", "adopt", True)
    assert world.decide(record, "adopt")
    world.settle()
    assert world.pairs("invoice") == {invoice["id"]: made["Id"]}
    assert world.quickbooks.numbered("77")["CustomerMemo"] == {"value": "Ours"}
    assert world.codes() == {}


@pytest.mark.parametrize(("amount", "fields"), [(90, {}), (100, {"TxnDate": "2026-11-19"})])
def test_another_document_is_never_taken_over(world: World, amount: int, fields: Body) -> None:
    there_already(world, "77", amount, **fields)
    invoice = world.invoice(world.client(), "100.00", number="77")
    world.settle()
    row = world.attention(ours(Kind.INVOICE, invoice))
    assert (row.code, row.decisions) == ("duplicate_number", "link")
    with pytest.raises(NotTaken):
        world.decide(ours(Kind.INVOICE, invoice), "adopt")
    world.settle()
    assert world.pairs("invoice") == {}


def test_where_quickbooks_does_not_say_who_has_the_number_it_is_found_by_it(world: World) -> None:
    """Its sentence is the only place in which it names the other document."""
    made = there_already(world, "77")
    world.quickbooks.calls.fail(
        "write", DuplicateNumber("its number is taken in QuickBooks", code="6140"), about="invoice"
    )
    invoice = world.invoice(world.aster(), "100.00", number="77")
    world.settle()
    row = world.attention(ours(Kind.INVOICE, invoice))
    assert (row.decisions, made["Id"] in row.cause) == ("adopt", True)


def test_the_button_looks_for_the_number_before_it_writes(world: World) -> None:
    """Whether QuickBooks checks numbers is a setting."""
    there_already(world, "77")
    invoice = world.invoice(world.client(), "100.00", number="77", created_at="2026-01-01T00:00:00.000Z")
    world.press(ours(Kind.INVOICE, invoice))
    world.settle()
    assert world.attention(ours(Kind.INVOICE, invoice)).code == "duplicate_number"
    assert "invoice.create" not in world.written("refused")


def test_a_payment_on_what_is_taken_over_comes_along(world: World) -> None:
    made = there_already(world, "77")
    world.pay({made["Id"]: "40"})
    world.settle()
    invoice = world.invoice(world.client(), "100.00", number="77")
    world.settle()
    world.decide(ours(Kind.INVOICE, invoice), "adopt")
    world.settle()
    assert world.ravetree.row("invoices", invoice["id"])["balance"] == "60.00"


def test_after_a_restore_our_own_document_is_known_again_by_its_number(world: World) -> None:
    invoice, made = world.paired()
    world.forget_pairs("invoice")
    world.set(verified_at=world.clock.now())
    world.look_at(ours(Kind.INVOICE, invoice))
    world.settle()
    assert world.pairs("invoice") == {invoice["id"]: made["Id"]}
    assert len(world.quickbooks.every("Invoice")) == 1


def test_after_a_restore_a_placeholder_is_known_again_by_its_note(world: World) -> None:
    invoice, _ = world.paired()
    world.ravetree.mark_as_paid(invoice["id"])
    world.settle()
    before = world.pairs(pairs.PLACEHOLDER)
    world.forget_pairs(pairs.PLACEHOLDER)
    world.set(verified_at=world.clock.now())
    world.look_at(ours(Kind.INVOICE, invoice))
    world.settle()
    assert world.pairs(pairs.PLACEHOLDER) == before
    assert len(world.quickbooks.every("Payment")) == 1
