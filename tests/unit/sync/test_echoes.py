"""Hints: an echo of our own write asks for no read, and each echo explains one event."""

from datetime import timedelta
from typing import Any

import pytest

from reconcile.model import Attention, Record, Side
from storage import copies, inbox, journal, pending
from storage.database import Database
from sync import echoes
from tests.unit.ports import START
from tests.unit.storing import (
    ACCOUNT,
    CONNECTION,
    INVOICE,
    RAVETREE_INVOICE,
    add_connection,
    delivery,
    envelope,
    operation,
)


@pytest.fixture(autouse=True)
def connection(database: Database) -> None:
    add_connection(database)


def arrive(database: Database, *events: Any, record: Record = INVOICE) -> None:
    account = ACCOUNT if record.side is Side.RAVETREE else "310687"
    with database.transaction() as session:
        inbox.record(session, [delivery(*events, source=record.side, account=account)], START)


def judged(database: Database, record: Record = INVOICE) -> bool:
    """Whether the record's note is an echo."""
    with database.transaction() as session:
        (change,) = pending.rows(session, CONNECTION, [record])
        return echoes.is_echo(session, CONNECTION, echoes.note_entry(session, change))


def asks(database: Database, record: Record = INVOICE) -> bool:
    """Whether the record's note asks QuickBooks for a read."""
    with database.transaction() as session:
        (change,) = pending.rows(session, CONNECTION, [record])
        return echoes.needs_read(session, CONNECTION, echoes.note_entry(session, change), set())


def expect(database: Database, change: str = "updated") -> None:
    with database.transaction() as session:
        journal.expect_echo(session, CONNECTION, 1, "invoice", INVOICE.id, change, START)


def see(database: Database, updated: str, version: int = 3, **changes: Any) -> None:
    """We hold this copy of the invoice."""
    with database.transaction() as session:
        body = {"Id": INVOICE.id, "MetaData": {"LastUpdatedTime": updated}}
        copies.store(session, CONNECTION, INVOICE, version, body, START, **changes)


# --- QuickBooks --------------------------------------------------------------------------------------


def test_an_event_that_our_write_explains_is_an_echo(database: Database) -> None:
    expect(database)
    arrive(database, envelope())
    assert judged(database)


def test_each_echo_explains_one_event(database: Database) -> None:
    expect(database)
    arrive(database, envelope("e1"), envelope("e2"))
    assert not judged(database)


def test_two_writes_explain_two_events(database: Database) -> None:
    expect(database)
    expect(database)
    arrive(database, envelope("e1"), envelope("e2"))
    assert judged(database)


@pytest.mark.parametrize(
    "event",
    [
        envelope(type_="invoice.void"),
        envelope(type_="invoice.deleted"),
        envelope(time=START + timedelta(seconds=6)),
        envelope(time=None),
    ],
)
def test_what_our_write_does_not_explain_is_read(database: Database, event: Any) -> None:
    expect(database)
    arrive(database, event)
    assert not judged(database)


def test_an_event_older_than_the_state_that_we_hold_is_planned_without_a_read(database: Database) -> None:
    see(database, "2026-11-20T06:13:21-08:00")
    arrive(database, envelope())
    assert not judged(database)
    assert not asks(database)


@pytest.mark.parametrize("type_", ["invoice.void", "invoice.deleted", "invoice.emailed"])
def test_a_void_a_deletion_and_a_mail_are_always_read(database: Database, type_: str) -> None:
    see(database, "2026-11-20T06:13:20-08:00")
    arrive(database, envelope(type_=type_))
    assert asks(database)


def test_an_event_newer_than_our_copy_is_read(database: Database) -> None:
    see(database, "2026-11-20T06:13:19-08:00")
    arrive(database, envelope())
    assert asks(database)


def test_a_stale_copy_explains_nothing(database: Database) -> None:
    see(database, "2026-11-20T06:13:20-08:00")
    with database.transaction() as session:
        copies.mark_stale(session, CONNECTION, [INVOICE])
    arrive(database, envelope())
    assert asks(database)


@pytest.mark.parametrize("asked", ["must_read", "requested"])
def test_what_a_person_asked_for_is_no_echo(database: Database, asked: str) -> None:
    expect(database)
    arrive(database, envelope())
    with database.transaction() as session:
        pending.note(
            session, CONNECTION, INVOICE, START, must_read=asked == "must_read", requested=asked == "requested"
        )
    assert not judged(database)


def test_a_note_without_events_is_no_echo(database: Database) -> None:
    with database.transaction() as session:
        pending.note(session, CONNECTION, INVOICE, START)
    assert not judged(database)


def test_what_a_person_is_asked_about_is_no_echo(database: Database) -> None:
    """Whatever explains the events that spoke of it: the question stands until it is answered."""
    expect(database)
    arrive(database, envelope())
    asked = Attention("held", "open_balances_differ", "They differ.", "Decide.")
    with database.transaction() as session:
        pending.need_attention(session, CONNECTION, INVOICE, 1, asked, START)
    assert not judged(database)


@pytest.mark.parametrize("side", [Side.QUICKBOOKS, Side.RAVETREE])
def test_what_was_noted_without_an_event_too_is_no_echo(database: Database, side: Side) -> None:
    """As by a look at a log, or after a write that never was: nothing has been done about the record yet."""
    record = INVOICE if side is Side.QUICKBOOKS else RAVETREE_INVOICE
    expect(database)
    with database.transaction() as session:
        copies.store(session, CONNECTION, RAVETREE_INVOICE, 7, {}, START)
    event = envelope() if side is Side.QUICKBOOKS else ravetree_event(operation_id=None, version=6)
    arrive(database, event, record=record)
    with database.transaction() as session:
        pending.note(session, CONNECTION, record, START)
    assert not judged(database, record)


# --- Ravetree ----------------------------------------------------------------------------------------


def ravetree_event(id_: str = "e1", **data: Any) -> Any:
    return envelope(id_, subject=RAVETREE_INVOICE.id, data=data)


def test_ravetree_names_the_operation_that_caused_an_event(database: Database) -> None:
    with database.transaction() as session:
        key = operation(session, journal.open_operation).key
    arrive(database, ravetree_event(operation_id=key, version=7), record=RAVETREE_INVOICE)
    assert judged(database, RAVETREE_INVOICE)


def test_one_event_of_somebody_else_among_ours_is_looked_at(database: Database) -> None:
    with database.transaction() as session:
        key = operation(session, journal.open_operation).key
    ours, theirs = ravetree_event(operation_id=key, version=7), ravetree_event("e2", operation_id=None, version=8)
    arrive(database, ours, theirs, record=RAVETREE_INVOICE)
    assert not judged(database, RAVETREE_INVOICE)


@pytest.mark.parametrize(("version", "known"), [(6, True), (7, False), (8, False), (None, False)])
def test_a_version_below_the_one_that_we_hold_needs_no_look(
    database: Database, version: int | None, known: bool
) -> None:
    """The one that we hold was seen, which is no proof that anything was done about it before a crash."""
    with database.transaction() as session:
        copies.store(session, CONNECTION, RAVETREE_INVOICE, 7, {}, START)
    arrive(database, ravetree_event(operation_id=None, version=version), record=RAVETREE_INVOICE)
    assert judged(database, RAVETREE_INVOICE) is known


# --- reads -------------------------------------------------------------------------------------------


def test_only_quickbooks_events_ask_for_a_read_and_only_once(database: Database) -> None:
    arrive(database, envelope())
    arrive(database, ravetree_event(version=1), record=RAVETREE_INVOICE)
    with database.transaction() as session:
        rows = pending.rows(session, CONNECTION, [INVOICE, RAVETREE_INVOICE])
        asking, not_asking = (echoes.note_entry(session, row) for row in rows)
        assert echoes.needs_read(session, CONNECTION, asking, set())
        assert not echoes.needs_read(session, CONNECTION, asking, {INVOICE})
        assert not echoes.needs_read(session, CONNECTION, not_asking, set())
        first = echoes.earliest([asking])
        assert first is not None
        assert first.event_id == "e1"
