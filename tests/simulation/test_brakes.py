"""Brakes: too many voids and deletions in an hour, and the stop of everything."""

from typing import Any

import pytest

from storage import brakes
from sync.books import Books
from sync.endings import Endings
from sync.writes.sending import Sender
from tests.simulation.test_scenarios import codes
from tests.simulation.world import World


def void_all(world: World, count: int) -> None:
    client = world.client("Bright Harbor")
    made = [world.invoice(client, "10.00") for _ in range(count)]
    world.settle()
    for invoice in made:
        world.ravetree.change("invoices", invoice["id"], {"status": "void"})
    world.settle()


def voided(world: World) -> int:
    return sum(row["TotalAmt"] == 0 for row in world.quickbooks.query("select * from Invoice"))


def test_more_removals_than_the_limit_are_held_until_a_person_releases_the_brake(world: World) -> None:
    path = f"/api/connections/{world.connection_id}"
    assert world.api("GET", f"{path}/settings").get_json()["removals_limit"] == 20
    world.api("PUT", f"{path}/settings", {"removals_limit": 2})
    void_all(world, 5)
    assert voided(world) == 2
    assert codes(world) == ["too_many_removals"] * 3
    assert all(row["state"] == "held" for row in world.attention())
    world.api("POST", f"{path}/release-brake")
    world.settle()
    assert voided(world) == 4
    world.clock.advance(3601)
    world.api("POST", f"{path}/release-brake")
    world.settle()
    assert (voided(world), codes(world)) == (5, [])


def test_pause_all_stops_the_next_write_and_resume_drains(world: World) -> None:
    client = world.client("Bright Harbor")
    world.settle()
    world.api("POST", "/api/pause", {"by": "Kim", "cause": "audit"})
    invoice = world.invoice(client, "10.00")
    for letter in world.collect():
        world.deliver(letter)
    for _ in range(5):
        world.work()
        world.clock.advance(10)
    assert world.quickbooks.invoice(invoice["number"]) is None
    path = f"/api/connections/{world.connection_id}/records/ravetree/invoice/{invoice['id']}/sync"
    said = world.api("POST", path, {"wait_seconds": 0}).get_json()
    assert (said["outcome"], "stopped" in said["message"]) == ("paused", True)
    world.api("POST", "/api/resume")
    world.settle()
    assert world.quickbooks.invoice(invoice["number"]) is not None


@pytest.mark.parametrize("what", ["everything", "its connection"])
def test_a_brake_that_is_pulled_between_the_journal_and_the_call_stops_the_call(
    world: World, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    client = world.client("Bright Harbor")
    world.settle()
    path = "/api" if what == "everything" else f"/api/connections/{world.connection_id}"
    send = Sender.send

    def stopped_before(sender: Sender, *args: Any, **more: Any) -> None:
        sender._unit.commit()
        assert world.api("POST", f"{path}/pause", {"by": "Kim"}).status_code in (200, 204)
        send(sender, *args, **more)

    invoice = world.invoice(client, "10.00")
    for letter in world.collect():
        world.deliver(letter)
    with monkeypatch.context() as patch:
        patch.setattr(Sender, "send", stopped_before)
        world.work()
    assert world.connection()["work"]["uncertain"] == 1
    name = "select * from Customer where DisplayName = 'Bright Harbor'"
    assert (world.quickbooks.query(name), world.quickbooks.invoice(invoice["number"])) == ([], None)
    world.api("POST", f"{path}/resume")
    world.settle()
    assert world.quickbooks.invoice(invoice["number"]) is not None
    assert world.connection()["work"]["uncertain"] == 0


def test_a_write_that_is_journalled_when_all_is_paused_is_not_sent(world: World) -> None:
    """An uncertain write waits too."""
    client = world.client("Bright Harbor")
    world.settle()
    world.quickbooks.steer("faults", {"endpoint": "invoice.create", "kind": "timeout_before", "count": 1})
    invoice = world.invoice(client, "10.00")
    for letter in world.collect():
        world.deliver(letter)
    world.work()
    assert world.connection()["work"]["uncertain"] == 1
    world.api("POST", "/api/pause", {"by": "Kim"})
    for _ in range(5):
        world.clock.advance(200)
        world.work()
    assert world.quickbooks.invoice(invoice["number"]) is None
    world.api("POST", "/api/resume")
    world.settle()
    assert world.quickbooks.invoice(invoice["number"]) is not None
    assert world.connection()["work"]["uncertain"] == 0


def test_a_paused_connection_keeps_its_work_and_drains(world: World) -> None:
    client = world.client("Bright Harbor")
    world.settle()
    path = f"/api/connections/{world.connection_id}"
    assert world.api("POST", f"{path}/pause", {"by": "Kim"}).get_json()["state"] == "paused"
    invoice = world.invoice(client, "10.00")
    for letter in world.collect():
        world.deliver(letter)
    world.work()
    assert world.quickbooks.invoice(invoice["number"]) is None
    world.api("POST", f"{path}/resume")
    world.settle()
    assert world.quickbooks.invoice(invoice["number"]) is not None


def test_pause_all_stops_what_is_told_to_ravetree_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The brake is pulled while a slice works: what it would say of the record goes out afterwards."""
    client = world.client("Bright Harbor")
    world.settle()
    invoice = world.invoice(client, "10.00")
    conclude = Endings.conclude

    def pull_after(endings: Endings, books: Books, *args: Any) -> None:
        conclude(endings, books, *args)
        with books.writing() as session:
            brakes.pull(session, "audit", "Kim", world.clock.now())

    monkeypatch.setattr(Endings, "conclude", pull_after)
    for letter in world.collect():
        world.deliver(letter)
    world.work()
    assert world.ravetree.sync_state("invoice", invoice["id"]) == {}
    monkeypatch.undo()
    world.api("POST", "/api/resume")
    world.settle()
    assert world.ravetree.sync_state("invoice", invoice["id"])["state"] == "synced"
