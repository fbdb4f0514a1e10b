"""What is held stays held until somebody decides."""

from typing import Any

import sqlalchemy as sa

from ravebooks.demo.sides import Body
from storage.models import Mapping
from tests.simulation.test_connecting import set_preferences
from tests.simulation.test_scenarios import codes, payments, remote
from tests.simulation.world import World


def raise_total(world: World, invoice: Body) -> None:
    """A bookkeeper edits the invoice in QuickBooks."""
    found = remote(world, invoice)
    line: dict[str, Any] = dict(found["Line"][0]) | {"Amount": 150}
    line["SalesItemLineDetail"] = dict(line["SalesItemLineDetail"], Qty=1, UnitPrice=150)
    named = {name: found[name] for name in ("Id", "SyncToken")}
    world.quickbooks.write("invoice", named | {"sparse": True, "Line": [line]})
    world.settle()


def test_our_own_echoes_do_not_end_a_hold(world: World, paired: Body) -> None:
    """Payments that we copy raise the invoice's version: its old event is seen, yet nothing was done about it."""
    raise_total(world, paired)
    world.ravetree.change("invoices", paired["id"], {"memo": "please pay"})
    world.settle()
    assert codes(world) == ["drift_before_overwrite"]
    for number in (1, 2, 3):
        world.quickbooks.pay({paired["number"]: f"1{number}.00"}, "2026-11-21", f"CHK {number}")
        world.settle()
        assert codes(world) == ["drift_before_overwrite"]


def test_what_waits_for_payments_goes_on_when_none_of_them_ends_in_a_write(world: World, paired: Body) -> None:
    """A payment over no known invoice writes nothing, and must not leave an invoice waiting where nobody sees it."""
    world.quickbooks.pay({paired["number"]: "60.00"}, "2026-11-21", "CHK 1")
    world.settle()
    stranger = {"CustomerRef": remote(world, paired)["CustomerRef"], "TotalAmt": 5, "TxnDate": "2026-11-21"}
    world.quickbooks.write("payment", stranger)
    line = {"type": "time", "description": "less", "quantity": "1", "unit_price": "50.00", "taxable": False}
    world.ravetree.change("invoices", paired["id"], {"lines": [line]})
    world.settle()
    assert codes(world) == ["total_below_paid"]
    assert world.connection()["work"]["waiting"] == 0


def test_an_invoice_voided_in_quickbooks_does_not_wait_for_a_payment_that_is_held(world: World, paired: Body) -> None:
    world.quickbooks.pay({paired["number"]: "60.00"}, "2026-11-21", "CHK 1")
    world.settle()
    mine, theirs = world.ravetree.every("payments")[0], payments(world)[0]
    named = {name: theirs[name] for name in ("Id", "SyncToken", "CustomerRef", "TotalAmt")}
    world.quickbooks.write("payment", named | {"sparse": True, "PaymentRefNum": "CHK 11", "Line": []})
    world.ravetree.change("payments", mine["id"], {"reference": "CHK 111"})
    found = remote(world, paired)
    world.quickbooks.write("invoice?operation=void", {"Id": found["Id"], "SyncToken": found["SyncToken"]})
    world.settle()
    assert codes(world) == ["edited_on_both_sides", "voided_in_quickbooks_with_payments"]
    assert world.connection()["work"]["waiting"] == 0


def test_what_was_parked_for_a_missing_mapping_goes_on_when_it_is_mapped(world: World, paired: Body) -> None:
    with world.parts.database.transaction() as session:
        session.execute(sa.delete(Mapping).where(Mapping.key == "time"))
    world.ravetree.change("invoices", paired["id"], {"memo": "please pay"})
    world.settle()
    assert codes(world) == ["line_type_not_mapped"]
    item = world.quickbooks.query("select * from Item")[0]["Id"]
    world.api("PUT", f"/api/connections/{world.connection_id}/mappings", {"line_types": {"time": item}})
    world.settle()
    assert codes(world) == []


def test_what_made_room_for_an_edit_in_a_closed_period_is_put_back(world: World) -> None:
    """Nobody had told us that the books are closed: the placeholder has come down by then."""
    invoice = world.invoice(world.client("Bright Harbor"), "100.00", issue_date="2026-10-02")
    world.settle()
    world.ravetree.change("invoices", invoice["id"], {"status": "paid"})
    world.settle()
    set_preferences(world, AccountingInfoPrefs={"BookCloseDate": "2026-10-31"})
    line = world.ravetree.get("invoices", invoice["id"])["lines"][0]
    world.ravetree.change("invoices", invoice["id"], {"lines": [line | {"unit_price": "80.00", "amount": "80.00"}]})
    world.settle()
    assert codes(world) == ["books_closed"]
    assert (remote(world, invoice)["TotalAmt"], [row["TotalAmt"] for row in payments(world)]) == (100, [100])
