"""Pending changes: nothing that arrives is lost, whatever is under way."""

from datetime import timedelta
from typing import Any

import pytest

from reconcile.model import Attention, Kind, Record, Side
from storage import connections, duties, inbox, pending
from storage.database import Database
from storage.models import PendingChange
from tests.unit.ports import START, FakeClock
from tests.unit.storing import CONNECTION, INVOICE, PAYMENT, add_connection, delivery, envelope

LATER = START + timedelta(minutes=1)
PARKED = Attention("parked", "line_type_not_mapped", "A type is not mapped.", "Map it.")


@pytest.fixture(autouse=True)
def connection(database: Database) -> None:
    add_connection(database)


def note(database: Database, record: Record = INVOICE, **changes: Any) -> None:
    with database.transaction() as session:
        pending.note(session, CONNECTION, record, START, **changes)


def row(database: Database, record: Record = INVOICE) -> PendingChange:
    with database.transaction() as session:
        (found,) = pending.rows(session, CONNECTION, [record])
        return found


def due(database: Database, limit: int = 100) -> list[Record]:
    with database.transaction() as session:
        return [pending.record_of(change) for change in pending.due(session, CONNECTION, START, limit)]


def test_an_event_that_arrives_while_its_record_is_being_read_is_not_lost(database: Database) -> None:
    """The worker notes the generation, reads the neighbour, and clears only what it had noted."""
    with database.transaction() as session:
        inbox.record(session, [delivery(envelope("before"))], START)
    with database.transaction() as session:
        (noted,) = pending.due(session, CONNECTION, START, 10)
        generation = noted.generation
    # Here the record is read: what comes now is newer than what that read saw.
    with database.transaction() as session:
        inbox.record(session, [delivery(envelope("meanwhile"))], START)
    with database.transaction() as session:
        assert not pending.clear(session, CONNECTION, INVOICE, generation)
    assert due(database) == [INVOICE]
    generation = row(database).generation
    with database.transaction() as session:
        assert pending.clear(session, CONNECTION, INVOICE, generation)
    assert due(database) == []


@pytest.mark.parametrize("ending", ["need attention", "wait", "retry"])
def test_an_event_that_arrives_meanwhile_keeps_the_record_due_however_the_work_ends(
    database: Database, ending: str
) -> None:
    note(database)
    generation = row(database).generation
    note(database)
    with database.transaction() as session:
        if ending == "need attention":
            pending.need_attention(session, CONNECTION, INVOICE, generation, PARKED, START)
        elif ending == "wait":
            pending.wait(session, CONNECTION, INVOICE, generation, PAYMENT, START)
        else:
            pending.retry_at(session, CONNECTION, INVOICE, generation, LATER, "slow", START)
    assert due(database) == [INVOICE]


def test_a_record_has_one_row_whose_generation_rises(database: Database) -> None:
    for _ in range(3):
        note(database)
    assert row(database).generation == 3
    assert due(database) == [INVOICE]


def test_a_new_hint_makes_a_parked_record_due_again(database: Database) -> None:
    note(database)
    with database.transaction() as session:
        pending.need_attention(session, CONNECTION, INVOICE, 1, PARKED, START)
    assert due(database) == []
    with database.transaction() as session:
        assert [change.code for change in pending.attention(session, CONNECTION)] == ["line_type_not_mapped"]
    note(database)
    assert due(database) == [INVOICE]


def test_what_was_asked_for_stays_asked_for(database: Database) -> None:
    note(database, must_read=True)
    note(database, requested=True)
    note(database)
    found = row(database)
    assert (found.must_read, found.requested) == (True, True)


def test_the_oldest_are_due_first_and_no_more_than_asked(database: Database, clock: FakeClock) -> None:
    for number in range(3):
        with database.transaction() as session:
            record = Record(Side.QUICKBOOKS, Kind.INVOICE, str(9 - number))
            pending.note(session, CONNECTION, record, START - timedelta(seconds=10 - number))
    assert [record.id for record in due(database, 2)] == ["9", "8"]


def test_a_retry_is_due_at_its_time_and_counted(database: Database) -> None:
    note(database)
    with database.transaction() as session:
        pending.retry_at(session, CONNECTION, INVOICE, 1, LATER, "QuickBooks is away", START)
        pending.retry_at(session, CONNECTION, INVOICE, 1, LATER, "shares a read", START, count=False)
    assert due(database) == []
    assert row(database).attempts == 1
    with database.transaction() as session:
        assert len(pending.due(session, CONNECTION, LATER, 10)) == 1
        assert pending.due_connections(session, START) == []
        assert pending.due_connections(session, LATER) == [CONNECTION]


@pytest.mark.parametrize("before", ["parked", "waiting"])
def test_what_was_asked_or_waited_is_tried_again_and_not_left_without_a_remedy(database: Database, before: str) -> None:
    """It was worked on with others' notes, and met a neighbour that failed."""
    note(database)
    with database.transaction() as session:
        if before == "parked":
            pending.need_attention(session, CONNECTION, INVOICE, 1, PARKED, START)
        else:
            pending.wait(session, CONNECTION, INVOICE, 1, PAYMENT, START)
        pending.retry_at(session, CONNECTION, INVOICE, 1, START, "QuickBooks failed", START)
    assert due(database) == [INVOICE]
    assert (row(database).waits_for, row(database).remedy) == ("", "")


def test_what_waits_is_woken_by_its_record_or_by_any_of_its_kind(database: Database) -> None:
    any_payment = Record(PAYMENT.side, PAYMENT.kind, "*")
    other = Record(Side.QUICKBOOKS, Kind.INVOICE, "9")
    note(database)
    note(database, other)
    with database.transaction() as session:
        pending.wait(session, CONNECTION, INVOICE, 1, PAYMENT, START)
        pending.wait(session, CONNECTION, other, 1, any_payment, START)
    assert due(database) == []
    with database.transaction() as session:
        unrelated = Record(PAYMENT.side, PAYMENT.kind, "999")
        assert pending.wake(session, CONNECTION, [], START) == 0
        assert pending.wake(session, CONNECTION, [unrelated], START) == 1
    assert due(database) == [other]
    with database.transaction() as session:
        assert pending.wake(session, CONNECTION, [PAYMENT], START) == 1
    assert set(due(database)) == {INVOICE, other}


def test_a_wake_up_during_the_work_is_not_lost(database: Database) -> None:
    note(database)
    with database.transaction() as session:
        pending.wait(session, CONNECTION, INVOICE, 1, PAYMENT, START)
        pending.wake(session, CONNECTION, [PAYMENT], START)
        assert not pending.clear(session, CONNECTION, INVOICE, 1)


def test_a_person_can_press_retry(database: Database) -> None:
    note(database)
    with database.transaction() as session:
        pending.need_attention(session, CONNECTION, INVOICE, 1, PARKED, START)
        assert pending.retry(session, CONNECTION, [INVOICE], START)
        assert not pending.retry(session, CONNECTION, [PAYMENT], START)
    assert due(database) == [INVOICE]
    assert row(database).must_read


@pytest.mark.parametrize("done", ["retry", "repair"])
def test_what_a_person_does_during_the_work_is_not_lost(database: Database, done: str) -> None:
    """The work that is under way was planned before, so its end is not the end of the note."""
    note(database)
    with database.transaction() as session:
        pending.need_attention(session, CONNECTION, INVOICE, 1, PARKED, START)
        if done == "retry":
            pending.retry(session, CONNECTION, [INVOICE], START)
        else:
            pending.reconsider_codes(session, CONNECTION, [PARKED.code], START)
        assert not pending.clear(session, CONNECTION, INVOICE, 1)
    assert due(database) == [INVOICE]


def test_a_note_belongs_to_its_connection(database: Database) -> None:
    """Records of two companies have the same ids."""
    add_connection(database, "con_2", "org_2", "2")
    with database.transaction() as session:
        for name in (CONNECTION, "con_2"):
            pending.note(session, name, INVOICE, START)
        assert [change.connection_id for change in pending.due(session, "con_2", START, 10)] == ["con_2"]
        assert pending.clear(session, "con_2", INVOICE, 1)
    assert due(database) == [INVOICE]


def test_what_is_put_off_or_asked_for_is_so_in_its_connection_alone(database: Database) -> None:
    add_connection(database, "con_2", "org_2", "2")
    with database.transaction() as session:
        for name in (CONNECTION, "con_2"):
            pending.note(session, name, INVOICE, START)
        pending.retry_at(session, "con_2", INVOICE, 1, START + timedelta(hours=1), "later", START)
        pending.request(session, "con_2", INVOICE, START)
    assert due(database) == [INVOICE]
    with database.reading() as session:
        (row,) = pending.rows(session, CONNECTION, [INVOICE])
        assert not row.requested


def test_the_attention_of_a_connection_is_its_own(database: Database) -> None:
    add_connection(database, "con_2", "org_2", "2")
    with database.transaction() as session:
        for name in (CONNECTION, "con_2"):
            pending.note(session, name, INVOICE, START)
            pending.need_attention(session, name, INVOICE, 1, PARKED, START)
        assert [change.connection_id for change in pending.attention(session, "con_2")] == ["con_2"]
        assert len(pending.attention(session)) == 2


def test_a_new_mapping_makes_due_what_waited_for_it_and_nothing_else(database: Database) -> None:
    for record in (INVOICE, PAYMENT):
        note(database, record)
    with database.transaction() as session:
        pending.need_attention(session, CONNECTION, INVOICE, 1, PARKED, START)
        other = Attention("held", "edited_on_both_sides", "Both.", "Choose.")
        pending.need_attention(session, CONNECTION, PAYMENT, 1, other, START)
        pending.reconsider_codes(session, CONNECTION, ["line_type_not_mapped"], START)
    assert due(database) == [INVOICE]
    with database.transaction() as session:
        pending.reconsider_records(session, CONNECTION, [PAYMENT], START)
    assert due(database) == [INVOICE, PAYMENT]


def test_an_outage_postpones_what_is_due_and_leaves_what_is_later(database: Database) -> None:
    note(database)
    note(database, PAYMENT)
    much_later = START + timedelta(hours=1)
    with database.transaction() as session:
        pending.retry_at(session, CONNECTION, PAYMENT, 1, much_later, "slow", START)
        pending.postpone_all(session, CONNECTION, LATER)
    assert row(database).due_at == LATER
    assert row(database, PAYMENT).due_at == much_later


def test_whether_payments_are_under_way_can_be_asked(database: Database) -> None:
    note(database)
    with database.transaction() as session:
        assert not pending.others_pending(session, CONNECTION, Kind.PAYMENT)
    note(database, PAYMENT)
    with database.transaction() as session:
        assert pending.others_pending(session, CONNECTION, Kind.PAYMENT)


def test_the_hints_of_a_record_are_its_events_since_it_was_last_clear(database: Database) -> None:
    with database.transaction() as session:
        inbox.record(session, [delivery(envelope("old"))], START)
        pending.clear(session, CONNECTION, INVOICE, 1)
        events = (envelope("e1"), envelope("other", subject="9"), envelope("e2", "invoice.void"))
        inbox.record(session, [delivery(*events)], START)
    with database.transaction() as session:
        (change,) = [c for c in pending.due(session, CONNECTION, START, 10) if c.record_id == INVOICE.id]
        assert [event.event_id for event in pending.hints(session, change)] == ["e1", "e2"]


def test_a_look_at_a_neighbours_log_makes_an_active_connection_due(database: Database) -> None:
    with database.transaction() as session:
        duties.schedule(session, CONNECTION, "cdc", LATER)
    with database.transaction() as session:
        assert pending.due_connections(session, START) == []
        assert pending.due_connections(session, LATER) == [CONNECTION]
        connections.pause(session, CONNECTION, "why", "how")
        assert pending.due_connections(session, LATER) == []
