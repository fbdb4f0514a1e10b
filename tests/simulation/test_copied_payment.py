"""A payment that we copied into Ravetree is never copied back as a new one."""

import pytest

from ravebooks.demo.sides import Body
from reconcile.model import Kind, Record, Side
from storage import copies, pairs
from tests.simulation.test_scenarios import payments
from tests.simulation.world import World


@pytest.mark.parametrize("days", [0, 2])
def test_a_copy_that_is_edited_before_our_write_is_answered_is_not_copied_back(
    world: World, paired: Body, days: int
) -> None:
    """Its `external_id` says whose copy it is, also while we do not know yet that it was made.

    After a day Ravetree repeats no answer: it says that the reference is taken, by the copy as it is now.
    """
    order = {"endpoint": "payments.create", "kind": "timeout_after", "count": 1, "seconds": 0}
    world.ravetree.steer("faults", order)
    world.quickbooks.pay({paired["number"]: "25.00"}, "2026-11-21", "CHK 2")
    for letter in world.collect():
        world.deliver(letter)
    world.work()
    copy = world.ravetree.every("payments")[0]
    edit = {"amount": "30.00", "allocations": [{"invoice_id": paired["id"], "amount": "30.00"}]}
    world.ravetree.change("payments", copy["id"], edit)
    world.clock.advance(days * 86400)
    world.settle()
    assert [row["TotalAmt"] for row in payments(world)] == [30]
    assert len(world.ravetree.every("payments")) == 1
    assert world.attention() == []
    assert world.compare().differing == []


def test_an_edit_that_leaves_a_share_as_it_was_leaves_our_copy_of_the_invoice_current(
    world: World, paired: Body
) -> None:
    """QuickBooks does not change the invoice then, so that nothing would ever make the copy current again."""

    def is_stale() -> bool:
        with world.parts.database.reading() as session:
            pair = pairs.find(session, world.connection_id, Kind.INVOICE, Side.RAVETREE, paired["id"])
            assert pair is not None
            copy = copies.get(session, world.connection_id, Record(Side.QUICKBOOKS, Kind.INVOICE, pair.quickbooks_id))
        assert copy is not None
        return copy.stale

    mine = world.receive({paired["id"]: "30.00"}, "CHK 1")
    world.settle()
    world.clock.advance(301)
    world.settle()
    assert not is_stale()
    world.ravetree.change("payments", mine["id"], {"reference": "CHK 2"})
    world.settle()
    assert not is_stale()
    share = [{"invoice_id": paired["id"], "amount": "20.00"}]
    world.ravetree.change("payments", mine["id"], {"allocations": share})
    world.settle()
    assert is_stale()
