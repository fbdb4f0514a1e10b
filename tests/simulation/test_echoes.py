"""What looks like an echo of our own write and is none is found all the same."""

from typing import Any

import pytest

from sync.duties import CHANGES
from sync.records.payments import PaymentWork
from tests.simulation.dying import deliver_from, with_long_waits
from tests.simulation.posting import BothSides, event, post, work_for
from tests.simulation.world import World


def edit_in_quickbooks(world: World, reference: str) -> str:
    """The bookkeeper edits the only payment; nobody is told."""
    (payment,) = world.quickbooks.query("select * from Payment")
    changed = {"Id": payment["Id"], "SyncToken": payment["SyncToken"], "sparse": True, "PaymentRefNum": reference}
    world.quickbooks.write("payment", changed)
    world.collect()
    return str(payment["Id"])


def test_an_edit_that_was_taken_for_our_echo_is_found_by_the_confirmation(world: World, both_sides: BothSides) -> None:
    """QuickBooks tells of two edits in one event: ours explains it, and nobody else ever speaks of theirs."""
    ours, _ = both_sides
    payment = world.receive({ours["id"]: "40.00"}, "CHK 1")
    world.settle()
    with_long_waits(world)
    # The next routine look is a day away.
    world.plan(CHANGES, world.clock.now().replace(day=28))
    world.ravetree.change("payments", payment["id"], {"reference": "CHK 2"})
    deliver_from(world, "ravetree")
    world.work()
    name = edit_in_quickbooks(world, "CHK 3")
    post(world, [event(world, "payment", name, "updated")])
    work_for(world, 60, 10)
    assert world.ravetree.get("payments", payment["id"])["reference"] == "CHK 2", "it was not taken for an echo"
    work_for(world, 300, 10)
    assert world.ravetree.get("payments", payment["id"])["reference"] == "CHK 3"


def test_an_edit_that_is_made_during_a_slice_is_read_in_it(
    world: World, both_sides: BothSides, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read when the slice began says nothing about what came after."""
    ours, _ = both_sides
    payment = world.receive({ours["id"]: "40.00"}, "CHK 1")
    world.settle()
    world.clock.advance(60)
    name = edit_in_quickbooks(world, "CHK 2")
    post(world, [event(world, "payment", name, "updated")])
    run, edits = PaymentWork.run, ["CHK 3"]

    def run_then_edit(work: PaymentWork) -> Any:
        outcome = run(work)
        work.books.unit.commit()
        if edits:
            edit_in_quickbooks(world, edits.pop())
            world.clock.advance(3)
            post(world, [event(world, "payment", name, "updated")])
        return outcome

    monkeypatch.setattr(PaymentWork, "run", run_then_edit)
    work_for(world, 10)
    assert world.ravetree.get("payments", payment["id"])["reference"] == "CHK 3"
