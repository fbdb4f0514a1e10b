"""Payments over an invoice that was deleted in QuickBooks."""

from ravebooks.demo.sides import Body
from tests.simulation.test_scenarios import codes, payments, remote
from tests.simulation.world import World


def delete(world: World, invoice: Body) -> None:
    found = remote(world, invoice)
    world.quickbooks.write("invoice?operation=delete", {"Id": found["Id"], "SyncToken": found["SyncToken"]})


def test_money_unapplied_before_its_invoice_is_deleted_counts_once(world: World, paired: Body) -> None:
    """Both changes are read at once: the share of the deleted invoice is not other money beside the unapplied."""
    world.quickbooks.pay({paired["number"]: "100.00"}, "2026-11-21", "CHK 2")
    world.settle()
    paid = payments(world)[0]
    named = {name: paid[name] for name in ("Id", "SyncToken", "CustomerRef", "TotalAmt")}
    world.quickbooks.write("payment", named | {"sparse": True, "Line": []})
    delete(world, paired)
    world.settle()
    shown = [(row["amount"], row["unapplied"], row["allocations"]) for row in world.ravetree.every("payments")]
    assert shown == [("100.00", "100.00", [])]
    assert codes(world) == ["deleted_in_quickbooks"]


def test_a_payment_over_an_invoice_that_is_deleted_in_quickbooks_is_not_passed_over(world: World, paired: Body) -> None:
    delete(world, paired)
    world.settle()
    world.receive({paired["id"]: "40.00"}, "CHK 1")
    world.settle()
    assert payments(world) == []
    assert codes(world) == ["deleted_in_quickbooks"], "one question for both: what becomes of the invoice"
    (paid,) = world.ravetree.every("payments")
    told = world.ravetree.sync_state("payment", paid["id"])
    assert (told["state"], told["message"]) == ("pending", "Waits for the question about its invoice.")
