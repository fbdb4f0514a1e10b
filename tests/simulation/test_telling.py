"""What Ravetree is told of each record reaches it, also when it was away."""

import pytest

from tests.simulation.posting import work_for
from tests.simulation.world import World


@pytest.mark.parametrize("kind", ["500", "timeout_before"])
def test_what_ravetree_did_not_take_is_told_again(world: World, kind: str) -> None:
    """Its users would look at an old icon until the record changes once more."""
    client = world.client("Northwind Galleries")
    world.settle()
    world.ravetree.steer("faults", {"endpoint": "sync_states.put", "kind": kind, "count": 2, "seconds": 0})
    invoice = world.invoice(client, "100.00")
    world.settle()
    assert world.ravetree.sync_state("invoice", invoice["id"]) == {}
    work_for(world, 120, 10)
    state = world.ravetree.sync_state("invoice", invoice["id"])
    assert (state.get("state"), bool(state.get("remote_id"))) == ("synced", True)
