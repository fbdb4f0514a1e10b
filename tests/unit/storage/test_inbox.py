"""The inbox: events recorded once, whatever is delivered twice."""

import itertools
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconcile.model import Kind, Record, Side
from schemas.envelopes import Delivery, Envelope
from storage import connections, duties, inbox, pending
from storage.database import Database
from storage.models import Event
from storage.paging import Asked
from tests.unit.ports import START
from tests.unit.storing import ACCOUNT, CONNECTION, INVOICE, add_connection, delivery, envelope


@pytest.fixture(autouse=True)
def connection(database: Database) -> None:
    add_connection(database)


def record(database: Database, *deliveries: Delivery) -> inbox.Recorded:
    with database.transaction() as session:
        return inbox.record(session, deliveries, START)


def generations(database: Database) -> dict[str, int]:
    with database.transaction() as session:
        return {str(pending.record_of(c)): c.generation for c in pending.due(session, CONNECTION, START, 100)}


def kept(database: Database) -> list[Event]:
    with database.transaction() as session:
        return list(reversed(inbox.kept_aside(session, Asked(100)).rows))


def test_a_new_event_leaves_its_pending_change_and_names_whom_to_wake(database: Database) -> None:
    recorded = record(database, delivery(envelope()))
    assert recorded.connections == {CONNECTION}
    assert recorded.outcomes == {(Side.QUICKBOOKS, inbox.RECORDED): 1}
    assert generations(database) == {"quickbooks:invoice:145": 1}


@pytest.mark.parametrize(
    ("type_", "ticked", "looked"),
    [("preferences.updated", True, True), ("item.updated", True, True), ("preferences.updated", False, False)],
)
def test_what_is_ticked_and_waits_has_the_settings_looked_at_by_their_events(
    database: Database, type_: str, ticked: bool, looked: bool
) -> None:
    with database.transaction() as session:
        connections.get(session, CONNECTION).invoices_ticked_at = START if ticked else None
    record(database, delivery(envelope(type=type_)))
    with database.transaction() as session:
        assert (duties.SETTINGS in duties.planned(session, CONNECTION)) is looked


def test_an_event_that_comes_twice_is_recorded_once(database: Database) -> None:
    record(database, delivery(envelope()))
    again = record(database, delivery(envelope()))
    assert (again.connections, again.outcomes) == (set(), {(Side.QUICKBOOKS, inbox.DUPLICATE): 1})
    assert generations(database) == {"quickbooks:invoice:145": 1}


def test_an_event_that_comes_twice_in_one_batch_is_recorded_once(database: Database) -> None:
    record(database, delivery(envelope()), delivery(envelope()))
    assert generations(database) == {"quickbooks:invoice:145": 1}


def test_the_same_id_of_another_account_or_side_is_another_event(database: Database) -> None:
    add_connection(database, "con_2", "org_2", "2")
    record(database, delivery(envelope()))
    assert record(database, delivery(envelope(), account="2")).connections == {"con_2"}
    other = delivery(envelope(), source=Side.RAVETREE, account=ACCOUNT)
    assert record(database, other).connections == {CONNECTION}


def test_a_legacy_event_of_the_same_second_still_raises_the_generation(database: Database) -> None:
    """Its id has one-second resolution: the second one may speak of a later change."""
    for _ in range(2):
        assert record(database, delivery(envelope(legacy=True))).connections == {CONNECTION}
    assert generations(database) == {"quickbooks:invoice:145": 2}


def test_a_legacy_duplicate_is_a_hint_again_after_the_record_was_cleared(database: Database) -> None:
    record(database, delivery(envelope(legacy=True)))
    with database.transaction() as session:
        pending.clear(session, CONNECTION, INVOICE, 1)
    record(database, delivery(envelope(legacy=True)))
    with database.transaction() as session:
        assert pending.due(session, CONNECTION, START, 10) == []
        (change,) = pending.due(session, CONNECTION, START + inbox.REPLAY_WAITS, 10)
        assert [event.event_id for event in pending.hints(session, change)] == ["e1"]


def test_a_replayed_legacy_event_neither_hurries_nor_puts_off_a_look_that_is_planned(database: Database) -> None:
    """Each look is a metered read: a delivery that comes again and again costs one a minute at most."""
    record(database, delivery(envelope(legacy=True)))
    later = START + timedelta(seconds=5)
    with database.transaction() as session:
        pending.retry_at(session, CONNECTION, INVOICE, 1, later, "shares the next read", START)
    for _ in range(3):
        record(database, delivery(envelope(legacy=True)))
    with database.transaction() as session:
        (change,) = pending.rows(session, CONNECTION, [INVOICE])
        assert (change.due_at, change.generation) == (later, 4)


@pytest.mark.parametrize("account", ["999", "unknown"])
def test_an_event_of_an_unknown_company_is_kept_with_the_reason(database: Database, account: str) -> None:
    recorded = record(database, delivery(envelope(), account=account))
    assert (recorded.connections, recorded.outcomes) == (set(), {(Side.QUICKBOOKS, inbox.UNKNOWN): 1})
    (event,) = kept(database)
    assert (event.outcome, event.connection_id) == (inbox.UNKNOWN, None)
    assert event.reason == f"no connection has the company {account}"


def test_an_event_of_a_disconnected_company_waits_until_it_is_connected_again(database: Database) -> None:
    with database.transaction() as session:
        connections.get(session, CONNECTION).state = connections.DISCONNECTED
    assert record(database, delivery(envelope())).outcomes == {(Side.QUICKBOOKS, inbox.RECORDED): 1}
    with database.transaction() as session:
        assert pending.due_connections(session, START) == []
        assert len(pending.due(session, CONNECTION, START, 10)) == 1


def test_an_event_of_a_paused_company_is_followed_when_it_resumes(database: Database) -> None:
    with database.transaction() as session:
        connections.pause(session, CONNECTION, "why", "how")
    record(database, delivery(envelope()))
    assert generations(database) == {"quickbooks:invoice:145": 1}


def test_ignored_events_by_the_hundred_do_not_crowd_out_the_one_that_nobody_can_use(database: Database) -> None:
    record(database, delivery(envelope("x", "robot.built"), account="9"))
    record(database, delivery(*(envelope(f"e{number}", "robot.built") for number in range(5))))
    with database.transaction() as session:
        first = inbox.kept_aside(session, Asked(3))
        assert [event.outcome for event in first.rows] == [inbox.UNKNOWN, inbox.IGNORED, inbox.IGNORED]
        second = inbox.kept_aside(session, Asked(3, first.next))
        assert [event.event_id for event in (*first.rows, *second.rows)] == ["x", "e4", "e3", "e2", "e1", "e0"]
        assert second.next is None
        of_one = inbox.kept_aside(session, Asked(3), [inbox.UNKNOWN])
        assert ([event.event_id for event in of_one.rows], of_one.next) == (["x"], None)
        assert inbox.aside_counts(session) == {inbox.IGNORED: 5, inbox.UNKNOWN: 1}


def test_what_cannot_be_followed_is_kept_where_an_operator_sees_it(database: Database) -> None:
    bad = Envelope("unusable-1", "unusable", "", data={"event": 7}, reason="unusable event: a number")
    unknown = envelope("e2", "robot.built")
    good = envelope("e3")
    recorded = record(database, delivery(bad, unknown, good))
    assert recorded.outcomes == {
        (Side.QUICKBOOKS, inbox.UNUSABLE): 1,
        (Side.QUICKBOOKS, inbox.IGNORED): 1,
        (Side.QUICKBOOKS, inbox.RECORDED): 1,
    }
    assert {(event.outcome, event.reason) for event in kept(database)} == {
        (inbox.UNUSABLE, "unusable event: a number"),
        (inbox.IGNORED, "events of type robot.built are not followed"),
    }
    assert generations(database) == {"quickbooks:invoice:145": 1}


def test_the_button_is_a_request(database: Database) -> None:
    event = envelope("e1", "invoice.sync_requested", "inv_1")
    record(database, delivery(event, source=Side.RAVETREE, account=ACCOUNT))
    with database.transaction() as session:
        (change,) = pending.due(session, CONNECTION, START, 10)
        assert change.requested
        assert pending.record_of(change) == Record(Side.RAVETREE, Kind.INVOICE, "inv_1")


NAMES = itertools.count()
DELIVERED = st.lists(
    st.tuples(st.sampled_from(["e1", "e2", "e3"]), st.sampled_from(["145", "146"])), min_size=1, max_size=12
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=DELIVERED)
def test_each_event_counts_once_in_any_order(database: Database, sent: Any) -> None:
    account = f"realm-{next(NAMES)}"
    connection_id = add_connection(database, account, account, account)
    first: dict[str, str] = {}
    for event_id, subject in sent:
        first.setdefault(event_id, subject)
        record(database, delivery(envelope(event_id, subject=first[event_id]), account=account))
    with database.transaction() as session:
        found = {c.record_id: c.generation for c in pending.due(session, connection_id, START, 100)}
    assert found == {s: list(first.values()).count(s) for s in first.values()}


SENT = st.tuples(
    st.sampled_from(["e1", "e2", "e3", "e4"]),
    st.sampled_from(["invoice.updated", "payment.created", "item.updated", "robot.built", "invoice.sync_requested"]),
    st.sampled_from(["145", "146", "no number"]),
    st.booleans(),
)


def rows_of(database: Database, connection_id: str) -> tuple[list[Any], list[Any]]:
    """What was recorded for a connection, without the numbers of the rows."""
    with database.transaction() as session:
        changes = sorted(pending.every(session, connection_id), key=lambda change: str(pending.record_of(change)))
        events = session.query(Event).filter(Event.connection_id == connection_id).order_by(Event.event_id).all()
        return (
            [(str(pending.record_of(c)), c.generation, c.state, c.due_at, c.requested) for c in changes],
            [(e.event_id, e.type, e.subject, e.kind, e.outcome, e.reason, e.occurred_at) for e in events],
        )


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.lists(SENT, max_size=4), sent=st.lists(SENT, min_size=1, max_size=12))
def test_a_batch_is_recorded_as_its_events_one_by_one(database: Database, before: Any, sent: Any) -> None:
    together, alone = (add_connection(database, name, name, name) for name in (f"b{next(NAMES)}", f"b{next(NAMES)}"))

    def envelopes(chosen: Any) -> list[Envelope]:
        # In the order in which a batch is recorded.
        named = [envelope(id_, type_, subject, legacy=legacy) for id_, type_, subject, legacy in chosen]
        return sorted(named, key=lambda event: event.id)

    outcomes: list[Counter[Any]] = [Counter(), Counter()]
    for batch in (before, sent):
        outcomes[0] += record(database, *(delivery(each, account=together) for each in envelopes(batch))).outcomes
        for each in envelopes(batch):
            outcomes[1] += record(database, delivery(each, account=alone)).outcomes
    assert outcomes[0] == outcomes[1]
    assert rows_of(database, together) == rows_of(database, alone)


def test_a_record_is_noted_with_the_first_of_its_events_in_a_batch(database: Database) -> None:
    record(database, delivery(*(envelope(f"e{number}") for number in range(3))))
    with database.transaction() as session:
        (change,) = pending.due(session, CONNECTION, START, 10)
        assert change.generation == 3
        assert [event.event_id for event in pending.hints(session, change)] == ["e0", "e1", "e2"]


def test_a_batch_takes_the_same_few_statements_however_large_it_is(database: Database) -> None:
    """Two statements an event cost two milliseconds an event."""
    seen: list[str] = []

    def executed(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement.split()[0])

    sa.event.listen(database.engine, "before_cursor_execute", executed)
    counts = []
    for size in (1, 200):
        seen.clear()
        record(database, delivery(*(envelope(f"{size}-{number}", subject=str(number)) for number in range(size))))
        counts.append(Counter(seen))
    assert counts[0] == counts[1]
    assert counts[0]["INSERT"] == 2
