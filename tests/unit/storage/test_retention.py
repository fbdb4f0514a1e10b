"""What is kept how long, and what has to stay whatever is set."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from reconcile.model import Kind, Record, Side
from storage import (
    connections,
    dead_letters,
    forgetting,
    inbox,
    journal,
    pairs,
    parity,
    pending,
    retention,
    steps,
    timeline,
)
from storage.database import Database
from storage.models import DeadLetter, Event, Operation, ParityReport, PastEvent, PendingChange, RetentionPass, Step
from sync.operating.retaining import CHECK_EVERY, STEADY_SECONDS, Retaining
from tests.unit.ports import START, FakeClock
from tests.unit.storing import (
    ACCOUNT,
    CONNECTION,
    INVOICE,
    RAVETREE_INVOICE,
    REALM,
    add_connection,
    delivery,
    envelope,
    operation,
)

DAY = timedelta(days=1)
KEPT = {
    what: timedelta(days=days)
    for what, days in {
        "payloads": 30,
        "events": 90,
        "aside": 60,
        "operations": 400,
        "steps": 400,
        "dead": 90,
        "reports": 400,
    }.items()
}
LONG = timedelta(days=1000)


@pytest.fixture(autouse=True)
def connection(database: Database) -> None:
    add_connection(database)


def record(database: Database, *events: Any, source: Side = Side.QUICKBOOKS, account: str = "") -> inbox.Recorded:
    """Record a delivery at the database's time."""
    made = delivery(*events, source=source, account=account or REALM)
    with database.transaction() as session:
        return inbox.record(session, [made], database.now(session))


def worked_on(database: Database) -> None:
    """Whatever was noted is brought to an end."""
    with database.transaction() as session:
        session.execute(sa.delete(PendingChange))


def remove_old(database: Database, clock: FakeClock, after: timedelta = timedelta(0)) -> int:
    """Whole passes of everything, some time later; how many rows went."""
    clock.advance(after.total_seconds())
    retaining = Retaining(database, clock, KEPT)
    removed = retaining.step_if_due()
    clock.advance(STEADY_SECONDS)
    while True:
        removed += retaining.step_if_due()
        if not any(retention.is_due(one, clock.now()) for one in passes(database).values()):
            return removed


def passes(database: Database) -> dict[str, RetentionPass]:
    with database.reading() as session:
        return retention.passes(session)


def count(database: Database, model: Any) -> int:
    with database.reading() as session:
        return session.execute(sa.select(sa.func.count()).select_from(model)).scalar_one()


# --- events --------------------------------------------------------------------------------------


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    ("source", "account", "type_", "subject"),
    [
        (Side.QUICKBOOKS, "", "invoice.updated", "145"),
        (Side.QUICKBOOKS, "", "item.updated", "7"),
        (Side.QUICKBOOKS, "999", "invoice.updated", "145"),
        (Side.RAVETREE, ACCOUNT, "invoice.updated", "inv_1"),
        (Side.RAVETREE, ACCOUNT, "invoice.sync_requested", "inv_1"),
    ],
)
def test_an_event_that_comes_again_after_it_was_removed_changes_nothing(
    database: Database, clock: FakeClock, source: Side, account: str, type_: str, subject: str, legacy: bool
) -> None:
    """Also one of nobody known whose account was connected since, and one by which a person asked for something."""
    late = envelope(type_=type_, subject=subject, legacy=legacy)
    record(database, late, source=source, account=account)
    worked_on(database)
    assert remove_old(database, clock, timedelta(days=91)) == 1
    assert count(database, Event) == 0
    if account == "999":
        add_connection(database, "con_2", "org_2", "999")
    again = record(database, late, source=source, account=account)
    assert (again.connections, dict(again.outcomes)) == (set(), {(source, inbox.DUPLICATE): 1})
    assert (count(database, Event), count(database, PendingChange)) == (0, 0)


def test_what_comes_beside_a_removed_event_is_recorded(database: Database, clock: FakeClock) -> None:
    record(database, envelope())
    worked_on(database)
    remove_old(database, clock, timedelta(days=91))
    again = record(database, envelope(), envelope("e2"), envelope("e2"))
    assert again.outcomes == {(Side.QUICKBOOKS, inbox.RECORDED): 1, (Side.QUICKBOOKS, inbox.DUPLICATE): 2}
    assert (
        record(database, envelope(), source=Side.RAVETREE, account=ACCOUNT).outcomes[(Side.RAVETREE, "duplicate")] == 0
    )


def test_what_an_event_said_goes_before_the_event(database: Database, clock: FakeClock) -> None:
    record(database, envelope(data={"version": 3}), source=Side.QUICKBOOKS)
    worked_on(database)
    assert remove_old(database, clock, timedelta(days=29)) == 0
    assert remove_old(database, clock, timedelta(days=2)) == 1
    with database.reading() as session:
        (event,) = session.execute(sa.select(Event)).scalars()
    assert (event.event_id, event.data) == ("e1", {})


def test_an_event_that_its_record_still_waits_with_stays_whole(database: Database, clock: FakeClock) -> None:
    """By what it says an echo is known, and by its being there that the record has to be read."""
    record(database, envelope(data={"version": 3}))
    record(database, envelope("e2", subject="146"))
    with database.transaction() as session:
        pending.clear(session, CONNECTION, Record(Side.QUICKBOOKS, Kind.INVOICE, "146"), 1)
    assert remove_old(database, clock, LONG) == 1
    with database.reading() as session:
        (change,) = pending.rows(session, CONNECTION, [INVOICE])
        assert [(event.event_id, event.data) for event in pending.hints(session, change)] == [("e1", {"version": 3})]
    worked_on(database)
    assert remove_old(database, clock, timedelta(days=8)) == 2
    assert count(database, Event) == 0


def test_that_something_was_voided_is_known_for_good(database: Database, clock: FakeClock) -> None:
    record(database, envelope(type_="invoice.void"))
    worked_on(database)
    remove_old(database, clock, LONG)
    with database.reading() as session:
        assert inbox.was_told_of(session, CONNECTION, INVOICE, "void")


def test_when_quickbooks_was_heard_last_is_known_for_good(database: Database, clock: FakeClock) -> None:
    """A company with which nothing happens for months is not taken for one whose webhooks do not arrive."""
    record(database, envelope(), envelope("e2", "item.updated"))
    worked_on(database)
    remove_old(database, clock, LONG)
    assert count(database, Event) == 0
    with database.reading() as session:
        assert inbox.last_received(session, CONNECTION) == START


def test_what_is_kept_longer_does_not_hide_when_quickbooks_was_heard_last(database: Database, clock: FakeClock) -> None:
    record(database, envelope("e0", "invoice.void"))
    with database.transaction() as session:
        connections.get(session, CONNECTION).heard_at = START + timedelta(days=30)
    with database.reading() as session:
        assert inbox.last_received(session, CONNECTION) == START + timedelta(days=30)


def test_events_kept_aside_go_by_their_own_time(database: Database, clock: FakeClock) -> None:
    record(database, envelope("e1", "item.updated"), envelope("e2", subject="a b"), account="")
    record(database, envelope("e3"), account="999")
    assert remove_old(database, clock, timedelta(days=59)) == 0
    assert remove_old(database, clock, timedelta(days=2)) == 3
    assert count(database, PastEvent) == 3


# --- writes --------------------------------------------------------------------------------------


def written(database: Database, state: str, **changes: Any) -> int:
    with database.transaction() as session:
        made = operation(session, journal.open_operation, **({"context": {"base_ravetree": {"a": 1}}} | changes))
        if state != journal.JOURNALLED:
            journal.settle(session, made.id, state, START, status=200, answer={"Id": "145"}, error="why")
        return made.id


def operations(database: Database) -> list[Operation]:
    with database.reading() as session:
        return list(session.execute(sa.select(Operation).order_by(Operation.id)).scalars())


@pytest.mark.parametrize("state", [journal.DONE, journal.REFUSED])
def test_an_answered_write_loses_its_contents_and_still_says_that_it_was_made(
    database: Database, clock: FakeClock, state: str
) -> None:
    subject, action = "ravetree:invoice:inv_1", "placeholder.create"
    written(database, state, subject=subject, action=action)
    written(database, journal.DONE, subject=subject, action="invoice.mark_sent")
    (before, _) = operations(database)
    assert remove_old(database, clock, timedelta(days=399)) == 0
    assert remove_old(database, clock, timedelta(days=2)) == 2
    (after, _) = operations(database)
    assert (after.body, after.context, after.answer, after.error) == ("", {}, None, "why")
    assert (after.key, after.digest, after.answered_at) == (before.key, before.digest, before.answered_at)
    with database.reading() as session:
        assert journal.was_tried(session, CONNECTION, subject, action)
        assert journal.was_written(session, subject, "placeholder")
        assert journal.was_done(session, CONNECTION, subject, "invoice.mark_sent")
        assert journal.done_subjects(session, CONNECTION, "invoice.mark_sent") == {subject}
        assert journal.is_ours(session, CONNECTION, before.key)
        assert journal.last_answer(session, CONNECTION) == START
        assert forgetting.outcome(session, CONNECTION) == "archived"
    assert remove_old(database, clock, timedelta(days=8)) == 0


def test_the_same_write_later_is_another_attempt_with_another_key(database: Database, clock: FakeClock) -> None:
    """Under the old key the other side would answer what it answered then, and write nothing."""
    written(database, journal.DONE)
    remove_old(database, clock, LONG)
    written(database, journal.JOURNALLED)
    first, second = operations(database)
    assert (first.attempt, second.attempt) == (0, 1)
    assert first.key != second.key


@pytest.mark.parametrize("state", [journal.JOURNALLED, journal.ABANDONED])
def test_a_write_without_an_answer_is_kept_whole_however_old_it_is(
    database: Database, clock: FakeClock, state: str
) -> None:
    for number in range(retention.BATCH + 10):
        written(database, state, subject=f"ravetree:invoice:inv_{number}")
    written(database, journal.DONE, subject="ravetree:invoice:behind")
    assert remove_old(database, clock, LONG) == 1
    *unanswered, done = operations(database)
    assert {row.body for row in unanswered} == {'{"DocNumber":"1043"}'}
    assert all(row.context for row in unanswered)
    assert done.body == ""


def test_one_that_is_answered_after_years_goes_in_its_turn(database: Database, clock: FakeClock) -> None:
    late = written(database, journal.JOURNALLED)
    written(database, journal.DONE, subject="ravetree:invoice:inv_2")
    assert remove_old(database, clock, LONG) == 1
    with database.transaction() as session:
        journal.settle(session, late, journal.DONE, clock.now(), answer={"Id": "1"})
    assert remove_old(database, clock, timedelta(days=399)) == 0
    assert remove_old(database, clock, timedelta(days=9)) == 1


def test_the_timeline_says_what_is_no_longer_kept(database: Database, clock: FakeClock) -> None:
    written(database, journal.DONE)
    remove_old(database, clock, LONG)
    with database.reading() as session:
        entries = timeline.of(session, CONNECTION, RAVETREE_INVOICE)
    assert [entry["text"] for entry in entries] == [
        "invoice.create (what was written is no longer kept)",
        "invoice.create: done",
    ]


# --- the rest ------------------------------------------------------------------------------------


def test_the_last_step_of_each_record_stays(database: Database, clock: FakeClock) -> None:
    """What was left alone on purpose is still known to have been."""
    with database.transaction() as session:
        for what in ("synced", "held", "ignored"):
            steps.add(session, CONNECTION, INVOICE, what, START)
        steps.add(session, CONNECTION, RAVETREE_INVOICE, "synced", START)
    assert remove_old(database, clock, timedelta(days=401)) == 2
    with database.reading() as session:
        left = session.execute(sa.select(Step).order_by(Step.id)).scalars().all()
    assert [(step.subject, step.what) for step in left] == [
        (str(INVOICE), "ignored"),
        (str(RAVETREE_INVOICE), "synced"),
    ]
    with database.transaction() as session:
        steps.add(session, CONNECTION, INVOICE, "synced", clock.now())
    assert remove_old(database, clock, timedelta(days=8)) == 1


def test_dead_letters_that_nobody_has_looked_at_stay(database: Database, clock: FakeClock) -> None:
    with database.transaction() as session:
        for name in ("waits", "redriven", "discarded"):
            dead_letters.keep(
                session, message_id=name, queue="q", routing_key="", reason="rejected", body=b"x", now=START
            )
        found = {row.message_id: row.id for row in session.execute(sa.select(DeadLetter)).scalars()}
        dead_letters.note_redriven(session, found["redriven"], START + 10 * DAY)
        dead_letters.discard(session, found["discarded"], START)
    assert remove_old(database, clock, timedelta(days=91)) == 1
    assert remove_old(database, clock, timedelta(days=10)) == 1
    with database.reading() as session:
        assert [row.message_id for row in dead_letters.waiting(session)] == ["waits"]


def test_the_newest_parity_report_of_each_connection_stays(database: Database, clock: FakeClock) -> None:
    add_connection(database, "con_2", "org_2", "2")
    with database.transaction() as session:
        for connection_id in (CONNECTION, CONNECTION, "con_2"):
            parity.add(session, connection_id, START, "copies", {"causes": {"unexplained": 1}}, [])
    assert remove_old(database, clock, timedelta(days=401)) == 1
    assert count(database, ParityReport) == 2
    with database.reading() as session:
        assert parity.causes(session) == {"unexplained": 2}


def test_nothing_else_is_ever_removed(database: Database, clock: FakeClock) -> None:
    assert {rule.model for rule in retention.rules(KEPT)} == {Event, Operation, Step, DeadLetter, ParityReport}
    with database.transaction() as session:
        pairs.store(session, CONNECTION, Kind.INVOICE, "inv_1", "145", START)
    remove_old(database, clock, LONG)
    with database.reading() as session:
        assert pairs.find(session, CONNECTION, Kind.INVOICE, Side.RAVETREE, "inv_1") is not None


# --- passes --------------------------------------------------------------------------------------


def test_a_round_removes_a_batch_of_each_kind_at_most(database: Database, clock: FakeClock) -> None:
    """Whoever receives waits for no longer than that."""
    number = 2 * retention.BATCH + 1
    record(database, *(envelope(f"e{n}", "item.updated") for n in range(number)))
    clock.advance(LONG.total_seconds())
    retaining = Retaining(database, clock, KEPT)
    retaining.step_if_due()
    clock.advance(STEADY_SECONDS)
    assert [retaining.step_if_due() for _ in range(4)] == [retention.BATCH, retention.BATCH, 1, 0]
    one = passes(database)["aside"]
    assert (one.removed, one.total, one.ended_at) == (number, number, clock.now())


def test_the_next_pass_is_a_day_later(database: Database, clock: FakeClock) -> None:
    retaining = Retaining(database, clock, KEPT)
    retaining.step_if_due()
    clock.advance(STEADY_SECONDS)
    retaining.step_if_due()
    first = passes(database)["aside"]
    clock.advance(23 * 3600)
    retaining.step_if_due()
    assert passes(database)["aside"].begun_at == first.begun_at
    clock.advance(3600 + CHECK_EVERY)
    retaining.step_if_due()
    assert passes(database)["aside"].begun_at == clock.now()


def test_rows_that_begin_at_the_first_id_again_are_found(database: Database, clock: FakeClock) -> None:
    """As SQLite does when its last row was removed."""
    record(database, *(envelope(f"e{n}", "item.updated") for n in range(20)))
    assert remove_old(database, clock, timedelta(days=61)) == 20
    remove_old(database, clock, timedelta(days=1))
    with database.transaction() as session:
        inbox.record(session, [delivery(envelope("again", "item.updated"))], clock.now() - timedelta(days=61))
    assert remove_old(database, clock, timedelta(days=1)) == 1


def test_a_clock_that_has_just_jumped_removes_nothing(database: Database, clock: FakeClock) -> None:
    """One that runs a year ahead is put right before it has taken everything away."""
    record(database, envelope("e1", "item.updated"))
    retaining = Retaining(database, clock, KEPT)
    retaining.step_if_due()
    clock.advance(STEADY_SECONDS)
    clock._now += LONG
    assert retaining.step_if_due() == 0
    clock.advance(STEADY_SECONDS - 1)
    assert retaining.step_if_due() == 0
    clock._now -= LONG
    clock.advance(STEADY_SECONDS)
    assert retaining.step_if_due() == 0
    assert count(database, Event) == 1


def test_another_sweeper_at_the_same_time_does_no_harm(database: Database, clock: FakeClock) -> None:
    record(database, *(envelope(f"e{n}", "item.updated") for n in range(retention.BATCH + 1)))
    clock.advance(LONG.total_seconds())
    both = [Retaining(database, clock, KEPT) for _ in range(2)]
    for one in both:
        one.step_if_due()
    clock.advance(STEADY_SECONDS)
    assert [one.step_if_due() for one in both] == [retention.BATCH, 1]
    assert (count(database, Event), count(database, PastEvent)) == (0, retention.BATCH + 1)
