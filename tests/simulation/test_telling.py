"""What Ravetree is told of each record reaches it, also when it was away."""

from collections.abc import Callable

import pytest
import requests

from storage.models import SyncState
from tests.simulation.posting import work_for
from tests.simulation.spoiling import Answer, spoiled
from tests.simulation.world import RAVETREE, World


def test_what_changes_while_it_is_told_is_told_too(world: World) -> None:
    """The answer is to what was sent, and not to what another worker has to say since."""
    invoice = world.invoice(world.client("Northwind Galleries"), "100.00")
    later = {"state": "held", "message": "It changed.", "remedy": "Look at it.", "remote_id": None, "remote_url": None}

    def meanwhile(request: requests.PreparedRequest, ask: Callable[[], Answer]) -> Answer:
        answer = ask()
        if request.method == "PUT" and f"sync_states/invoice/{invoice['id']}" in (request.url or "") and not said:
            said.append(answer[0])
            with world.parts.database.transaction() as session:
                row = session.get_one(SyncState, (world.connection_id, "invoice", invoice["id"]))
                row.body, row.generation, row.unsent = later, row.generation + 1, True
        return answer

    said: list[int] = []
    with spoiled(world, meanwhile, RAVETREE):
        world.settle()
    work_for(world, 60, 10)
    assert said == [200]
    assert world.ravetree.sync_state("invoice", invoice["id"])["message"] == "It changed."


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


def test_each_word_about_a_record_has_a_higher_sequence(world: World) -> None:
    """Also the first one of a later connection, which knows nothing of the earlier one's."""
    invoice = world.invoice(world.client("Northwind Galleries"), "100.00")
    world.settle()
    sequences = [world.ravetree.sync_state("invoice", invoice["id"])["sequence"]]
    world.ravetree.change("invoices", invoice["id"], {"lines": []})
    world.settle()
    sequences.append(world.ravetree.sync_state("invoice", invoice["id"])["sequence"])
    with world.parts.database.transaction() as session:
        session.delete(session.get_one(SyncState, (world.connection_id, "invoice", invoice["id"])))
    world.clock.advance(1)
    world.ravetree.change("invoices", invoice["id"], {"memo": "again"})
    world.settle()
    sequences.append(world.ravetree.sync_state("invoice", invoice["id"])["sequence"])
    assert sequences[0] < sequences[1] < sequences[2]


def test_what_is_switched_off_is_told_as_paused(world: World) -> None:
    invoice = world.invoice(world.client("Northwind Galleries"), "100.00")
    world.settle()
    world.api("PUT", f"/api/connections/{world.connection_id}/switches", {"invoices": False})
    world.ravetree.change("invoices", invoice["id"], {"memo": "later"})
    world.settle()
    state = world.ravetree.sync_state("invoice", invoice["id"])
    assert (state["state"], state["message"]) == (
        "paused",
        "Invoices are switched off; it goes on when they are on again.",
    )
    world.api("PUT", f"/api/connections/{world.connection_id}/switches", {"invoices": True})
    world.settle()
    assert world.ravetree.sync_state("invoice", invoice["id"])["state"] == "synced"
