"""Echoes by the thousand, and records of which Ravetree wants to hear nothing."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from reconcile.model import Kind, Side
from schemas.envelopes import Delivery, Envelope
from storage import connections, inbox, journal, pending
from storage.models import Operation, SyncState
from sync import reading, sync_states
from tests.simulation.world import World

ECHOES = 1100
"""More than Python lets a function call itself."""


def test_a_slice_that_begins_with_a_thousand_batches_of_echoes_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = world.client("Aspen")
    world.invoice(client, "50.00")
    world.settle()
    monkeypatch.setattr(reading, "BATCH", 1)
    now = world.clock.now()
    names = [str(number) for number in range(10_000, 10_000 + ECHOES)]
    events = tuple(Envelope(f"echo-{name}", "invoice.updated", name, now) for name in names)
    with world.parts.database.transaction() as session:
        realm = connections.get(session, world.connection_id).realm_id
        caused_by = session.execute(sa.select(Operation.id).limit(1)).scalar_one()
        for name in names:
            journal.expect_echo(session, world.connection_id, caused_by, Kind.INVOICE, name, "updated", now)
        inbox.record(session, [Delivery("d", Side.QUICKBOOKS, realm, now, events)], now)
    invoice = world.invoice(client, "100.00")
    world.settle()
    assert world.quickbooks.invoice(invoice["number"]) is not None
    with world.parts.database.transaction() as session:
        assert list(pending.due(session, world.connection_id, world.clock.now(), 10)) == []


def test_a_sync_state_of_which_ravetree_knows_no_record_is_told_once(world: World) -> None:
    """It was told every thirty seconds, for ever."""
    key = (world.connection_id, str(Kind.INVOICE), "inv_gone")
    now = world.clock.now()
    with world.parts.database.transaction() as session:
        body = {"state": "pending", "message": "Waits.", "remedy": None, "remote_id": None, "remote_url": None}
        names = {"connection_id": key[0], "kind": key[1], "ravetree_id": key[2]}
        session.add(SyncState(**names, generation=1, body=body, unsent=True, due_at=now))
    world.settle()
    world.clock.advance(sync_states.TOLD_AGAIN_AFTER.total_seconds() + 1)
    with world.parts.database.transaction() as session:
        row = session.get_one(SyncState, key)
        assert not row.unsent
        assert world.connection_id not in pending.due_connections(session, now + timedelta(seconds=1))


def test_events_kept_aside_can_be_asked_for_by_their_outcome(world: World) -> None:
    with world.parts.database.transaction() as session:
        now = world.clock.now()
        inbox.record(session, [Delivery("d", Side.QUICKBOOKS, "9", now, (Envelope("e", "invoice.updated", "1"),))], now)
    path = "/api/events/kept-aside"
    assert [row["id"] for row in world.api("GET", f"{path}?outcome=unknown").get_json()["data"]] == ["e"]
    assert world.api("GET", f"{path}?outcome=unusable").get_json()["data"] == []
    headers = {"Authorization": "Bearer api"}
    assert world.web.get(f"{path}?outcome=none", headers=headers).status_code == 422
