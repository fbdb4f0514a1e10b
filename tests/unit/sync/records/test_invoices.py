"""One invoice brought into agreement."""

import pytest

from reconcile.model import Kind
from tests.unit.sync.world import CUSTOMER, World, lines, ours, theirs


def test_a_new_invoice_is_made_in_quickbooks(world: World) -> None:
    invoice = world.invoice(world.client(), "100.00", "50.00")
    world.settle()
    (made,) = world.quickbooks.every("Invoice")
    assert (made["DocNumber"], made["TotalAmt"], made["CustomerRef"]["value"]) == (invoice["number"], 150, CUSTOMER)
    assert world.pairs("invoice") == {invoice["id"]: made["Id"]}
    assert world.written() == ["invoice.create"]
    assert world.pending() == []
    assert world.state(ours(Kind.INVOICE, invoice))["state"] == "synced"


def test_an_edit_is_written_with_the_lines_that_stay_under_their_ids(world: World) -> None:
    invoice, before = world.paired("100.00", "50.00")
    kept = world.ravetree.row("invoices", invoice["id"])["lines"][0]
    world.ravetree.change("invoices", invoice["id"], {"memo": "Thanks", "lines": [kept, *lines("70.00")]})
    world.settle()
    after = world.quickbooks.numbered(invoice["number"])
    assert (after["TotalAmt"], after["CustomerMemo"]) == (170, {"value": "Thanks"})
    assert after["Line"][0]["Id"] == before["Line"][0]["Id"]
    assert world.written() == ["invoice.create", "invoice.update"]
