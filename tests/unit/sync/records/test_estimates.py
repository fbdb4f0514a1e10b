"""Estimates: one way, to QuickBooks."""

import pytest

from reconcile.model import Kind, Record, Side
from storage import copies
from tests.unit.storing import CONNECTION
from tests.unit.sync.world import World, lines, ours


def test_an_estimate_is_made_edited_and_closed(world: World) -> None:
    estimate = world.estimate(world.client(), "80.00")
    world.settle()
    made = world.quickbooks.numbered(estimate["number"], "Estimate")
    assert (made["TotalAmt"], made["TxnStatus"]) == (80, "Pending")
    world.ravetree.change("estimates", estimate["id"], {"lines": lines("90.00"), "status": "accepted"})
    world.settle()
    edited = world.quickbooks.numbered(estimate["number"], "Estimate")
    assert (edited["TotalAmt"], edited["TxnStatus"]) == (90, "Accepted")
    assert world.pairs("estimate") == {estimate["id"]: made["Id"]}
    assert world.written() == ["estimate.create", "estimate.update"]


@pytest.mark.parametrize("invoiced", [False, True])
def test_one_that_is_deleted_goes_unless_it_was_invoiced(world: World, invoiced: bool) -> None:
    estimate = world.estimate(world.client(), "80.00")
    world.settle()
    if invoiced:
        world.invoice(world.aster(), "80.00", estimate_id=estimate["id"])
        world.settle()
    world.ravetree.delete("estimates", estimate["id"])
    world.settle()
    assert len(world.quickbooks.every("Estimate")) == invoiced
    assert world.pending() == []


def test_what_changed_in_quickbooks_stays(world: World) -> None:
    estimate = world.estimate(world.client(), "80.00")
    world.settle()
    name = world.pairs("estimate")[estimate["id"]]
    world.quickbooks.save("Estimate", {"Id": name, "CustomerMemo": {"value": "theirs"}})
    world.settle()
    assert world.ravetree.row("estimates", estimate["id"])["memo"] == ""
    assert world.quickbooks.row("Estimate", name)["CustomerMemo"] == {"value": "theirs"}


def test_deleted_in_quickbooks_it_can_be_left_or_made_anew(world: World) -> None:
    estimate = world.estimate(world.client(), "80.00")
    world.settle()
    world.quickbooks.save("Estimate", {"Id": world.pairs("estimate")[estimate["id"]]}, "delete")
    world.settle()
    record = ours(Kind.ESTIMATE, estimate)
    if world.codes():
        world.decide(record, "leave")
        world.settle()
    assert world.codes() == {}
    assert world.quickbooks.every("Estimate") == []
    world.decide(record, "push")
    world.settle()
    assert len(world.quickbooks.every("Estimate")) == 1


def test_what_was_asked_does_not_end_with_an_agreement_that_nobody_has_seen(world: World) -> None:
    """No event of the deletion arrives; what we write beside it says that our copy is out of date."""
    estimate = world.estimate(world.client(), "80.00")
    world.settle()
    name = world.pairs("estimate")[estimate["id"]]
    world.ravetree.change("estimates", estimate["id"], {"lines": []})
    world.settle()
    record = ours(Kind.ESTIMATE, estimate)
    assert world.attention(record).code == "estimate_without_lines"
    world.quickbooks.save("Estimate", {"Id": name}, "delete")
    world.miss()
    with world.database.transaction() as session:
        copies.mark_stale(session, CONNECTION, [Record(Side.QUICKBOOKS, Kind.ESTIMATE, name)])
    world.ravetree.change("estimates", estimate["id"], {"lines": estimate["lines"]})
    world.settle()
    assert world.attention(record).code == "deleted_in_quickbooks"
