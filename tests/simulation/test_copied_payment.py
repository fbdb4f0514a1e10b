"""A payment that we copied into Ravetree is never copied back as a new one."""

import pytest

from ravebooks.demo.sides import Body
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
