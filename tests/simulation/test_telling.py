"""What Ravetree is told of each record reaches it, also when it was away."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import requests

from storage import depths
from storage.models import SyncState
from tests.simulation.posting import paired_invoice, work_for
from tests.simulation.spoiling import Answer, spoiled
from tests.simulation.world import QUICKBOOKS, RAVETREE, World


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


@contextmanager
def told(world: World, seconds_a_call: float = 0.0) -> Iterator[list[str]]:
    """What Ravetree is told, and what is posted to QuickBooks, in its order; each call takes this long."""
    said: list[str] = []

    def listening(request: requests.PreparedRequest, ask: Callable[[], Answer]) -> Answer:
        world.clock.advance(seconds_a_call)
        url = request.url or ""
        if request.method == "PUT" and "sync_states/" in url:
            said.append(f"{url.partition('sync_states/')[2]} {json.loads(request.body or b'')['state']}")
        if request.method == "POST" and "/company/" in url:
            said.append("a write")
        return ask()

    with spoiled(world, listening, RAVETREE), spoiled(world, listening, QUICKBOOKS):
        yield said


def test_each_record_is_told_once_when_all_is_done(world: World) -> None:
    """An invoice that waits for the payment which comes next would say two things within a second."""
    invoice, _ = paired_invoice(world)
    world.settle()
    payment = world.receive({invoice["id"]: "10.00"}, "CHK 1")
    for letter in world.collect():
        world.deliver(letter)
    with told(world) as said:
        world.work()
    assert sorted(said) == ["a write", f"invoice/{invoice['id']} synced", f"payment/{payment['id']} synced"]


def test_what_takes_long_is_told_meanwhile(world: World) -> None:
    client = world.client("Northwind Galleries")
    first, _, last = [world.invoice(client, "10.00") for _ in range(3)]
    for letter in world.collect():
        world.deliver(letter)
    with told(world, seconds_a_call=0.5) as said:
        world.work()
    assert f"invoice/{first['id']} synced" in said[: said.index(f"invoice/{last['id']} synced")]
    assert said.index(f"invoice/{first['id']} synced") < len(said) - 1 - said[::-1].index("a write")


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


def test_a_pause_of_the_connection_is_no_word_about_any_record(world: World) -> None:
    """Ravetree looks it up, once for all of them: `GET /api/connections` says it with its cause."""
    client = world.client("Northwind Galleries")
    invoices = [world.invoice(client, "10.00") for _ in range(3)]
    world.settle()
    path = f"/api/connections/{world.connection_id}"
    with told(world) as said:
        world.api("POST", f"{path}/pause", {"by": "Kim", "cause": "audit"})
        world.ravetree.change("invoices", invoices[0]["id"], {"memo": "meanwhile"})
        work_for(world, 60, 10)
        assert said == []
        (shown,) = world.api("GET", "/api/connections").get_json()["data"]
        assert (shown["state"], shown["cause"]) == ("paused", "Paused by Kim: audit")
        world.api("POST", f"{path}/resume")
        world.settle()
    assert said == ["a write"], "its word is as it was"


def word_left(world: World) -> str:
    """An invoice of which nothing has been told: whoever would have was killed right after it was done."""
    invoice = world.invoice(world.client("Northwind Galleries"), "10.00")
    world.settle()
    with world.parts.database.transaction() as session:
        row = session.get_one(SyncState, (world.connection_id, "invoice", invoice["id"]))
        row.unsent, row.due_at = True, world.clock.now()
    return str(invoice["id"])


def pause_at_a_terminal(world: World) -> None:
    """`ravebooks pause` nudges nobody."""
    world.parts.console.unhurried_actions.connections.pause(world.connection_id, "Kim", "audit")


def test_what_was_left_to_tell_when_somebody_paused_is_told_by_itself(world: World) -> None:
    """Nobody is nudged at a terminal, and Ravetree may have been away at that moment: the sweeper finds it."""
    invoice_id = word_left(world)
    pause_at_a_terminal(world)
    with told(world) as said:
        with world.away(RAVETREE):
            work_for(world, 20, 5)
        assert said == []
        work_for(world, 120, 10)
        assert said == [f"invoice/{invoice_id} synced"]


def test_what_cannot_be_told_after_a_pause_is_not_asked_for_again_and_again(world: World) -> None:
    word_left(world)
    pause_at_a_terminal(world)
    asked: list[int] = []

    def refuse(request: requests.PreparedRequest, ask: Callable[[], Answer]) -> Answer:
        asked.append(1)
        return (401, {"Content-Type": "application/json"}, b"{}") if "sync_states/" in (request.url or "") else ask()

    with spoiled(world, refuse, RAVETREE):
        work_for(world, 300, 5)
    assert 2 <= len(asked) <= 12
    with world.parts.database.reading() as session:
        assert depths.untold(session).count == 1, "it is seen"


def test_what_a_restore_may_have_made_old_is_not_told_after_a_pause(world: World) -> None:
    word_left(world)
    pause_at_a_terminal(world)
    world.parts.console.actions.installation.verify_all()
    with told(world) as said:
        world.parts.wakeups.nudge(world.connection_id)
        work_for(world, 120, 10)
    assert said == []


def test_while_a_kind_is_stopped_each_record_that_has_to_wait_is_told_of_once(world: World) -> None:
    client = world.client("Northwind Galleries")
    first, *others = [world.invoice(client, "10.00") for _ in range(3)]
    world.settle()
    world.api("POST", "/api/brakes/invoice/pause", {"by": "Kim", "cause": "audit"})
    with told(world) as said:
        for memo in ("once", "again", "and again"):
            world.ravetree.change("invoices", first["id"], {"memo": memo})
            world.settle()
    assert said == [f"invoice/{first['id']} paused"]
    assert {world.ravetree.sync_state("invoice", other["id"])["state"] for other in others} == {"synced"}
    with told(world) as said:
        world.api("POST", "/api/brakes/invoice/resume")
        world.settle()
    assert said == ["a write", f"invoice/{first['id']} synced"]


def test_what_is_left_in_ravetree_alone_is_told_to_be_no_question_any_more(world: World) -> None:
    first = world.invoice(world.client("Aster"), "100.00")
    second = world.invoice(world.client("Birch"), "50.00")
    world.settle()
    payment = world.receive({first["id"]: "100.00", second["id"]: "50.00"})
    world.settle()
    assert world.ravetree.sync_state("payment", payment["id"])["state"] == "held"
    path = f"/api/connections/{world.connection_id}/records/ravetree/payment/{payment['id']}/decision"
    world.api("POST", path, {"decision": "leave", "by": "Kim", "note": ""})
    world.settle()
    state = world.ravetree.sync_state("payment", payment["id"])
    assert (state["state"], state["remote_id"], state["remedy"]) == ("synced", None, None)
    assert state["notices"] == ["Left in Ravetree alone."]


def test_what_is_void_before_it_was_ever_written_is_told_to_be_no_question_any_more(world: World) -> None:
    invoice = world.invoice(world.client("Aster"), "100.00", number="A number above what QuickBooks keeps")
    world.settle()
    assert world.ravetree.sync_state("invoice", invoice["id"])["state"] == "needs_attention"
    world.ravetree.change("invoices", invoice["id"], {"status": "void"})
    world.settle()
    assert world.attention() == []
    assert world.ravetree.sync_state("invoice", invoice["id"])["state"] == "synced"


def test_what_is_taken_apart_before_it_was_ever_written_is_told_to_be_no_question_any_more(world: World) -> None:
    invoice = world.invoice(world.client("Aster"), "100.00", number="A number above what QuickBooks keeps")
    world.settle()
    assert world.ravetree.sync_state("invoice", invoice["id"])["state"] == "needs_attention"
    path = f"/api/connections/{world.connection_id}/records/ravetree/invoice/{invoice['id']}/decision"
    world.api("POST", path, {"decision": "unlink", "by": "Kim"})
    world.settle()
    state = world.ravetree.sync_state("invoice", invoice["id"])
    assert (state["state"], state["remote_id"], state["notices"]) == ("synced", None, ["Taken apart by a person."])
    assert world.attention() == []
