"""Documents tied together, or taken apart, by a person."""

import pytest

from reconcile.model import Kind
from tests.unit.sync.records.test_numbers import there_already
from tests.unit.sync.world import World, lines, ours


def test_taken_apart_nothing_is_written_any_more(world: World) -> None:
    invoice, _ = world.paired()
    record = ours(Kind.INVOICE, invoice)
    world.decide(record, "unlink")
    world.settle()
    world.ravetree.change("invoices", invoice["id"], {"memo": "mine"})
    world.settle()
    assert world.pairs("invoice") == {}
    assert "CustomerMemo" not in world.quickbooks.numbered(invoice["number"])
    assert world.written() == ["invoice.create"]


def test_linked_to_another_it_is_written_to_that_one(world: World) -> None:
    other = there_already(world, "901", 70)
    invoice, made = world.paired()
    world.decide(ours(Kind.INVOICE, invoice), "unlink")
    world.settle()
    world.quickbooks.save("Invoice", {"Id": made["Id"]}, "delete")
    world.decide(ours(Kind.INVOICE, invoice), "link", other["Id"])
    world.settle()
    assert world.pairs("invoice") == {invoice["id"]: other["Id"]}
    there = world.quickbooks.row("Invoice", other["Id"])
    assert (there["DocNumber"], there["TotalAmt"]) == (invoice["number"], 100)


@pytest.mark.parametrize("why", ["is not there", "is void", "belongs to another document"])
def test_what_cannot_be_linked_says_why(world: World, why: str) -> None:
    first, made = world.paired()
    target = there_already(world, "901")["Id"]
    if why == "is not there":
        target = "404"
    elif why == "is void":
        world.quickbooks.save("Invoice", {"Id": target}, "void")
    else:
        first, target = world.invoice(world.aster(), "5.00"), made["Id"]
        world.settle()
    world.decide(ours(Kind.INVOICE, first), "link", target)
    world.settle()
    row = world.attention(ours(Kind.INVOICE, first))
    assert (row.code, why in row.cause) == ("link_not_possible", True)


def test_a_placeholder_follows_an_invoice_that_is_tied_again(world: World) -> None:
    invoice, made = world.paired()
    world.ravetree.mark_as_paid(invoice["id"])
    world.settle()
    before = world.pairs("placeholder")
    world.decide(ours(Kind.INVOICE, invoice), "unlink")
    world.settle()
    assert world.pairs("placeholder") == {}
    world.decide(ours(Kind.INVOICE, invoice), "link", made["Id"])
    world.settle()
    assert world.pairs("placeholder") == before
    assert len(world.quickbooks.every("Payment")) == 1


def test_what_makes_room_for_an_edit_does_not_use_up_the_decision_on_it(world: World) -> None:
    """The placeholder comes down first: a person who has answered is not asked a second time."""
    invoice, made = world.paired("100.00")
    world.ravetree.mark_as_paid(invoice["id"])
    world.settle()
    (line, *_) = world.quickbooks.row("Invoice", made["Id"])["Line"]
    detail = line["SalesItemLineDetail"] | {"UnitPrice": 150}
    world.quickbooks.save(
        "Invoice", {"Id": made["Id"], "Line": [line | {"Amount": 150, "SalesItemLineDetail": detail}]}
    )
    world.settle()
    world.ravetree.change("invoices", invoice["id"], {"lines": lines("110.00")})
    world.settle()
    assert world.attention(ours(Kind.INVOICE, invoice)).code == "drift_before_overwrite"
    world.ravetree.change("invoices", invoice["id"], {"lines": lines("80.00")})
    world.decide(ours(Kind.INVOICE, invoice), "overwrite")
    world.settle()
    there = world.quickbooks.row("Invoice", made["Id"])
    assert (there["TotalAmt"], there["Balance"], world.codes()) == (80, 0, {})
