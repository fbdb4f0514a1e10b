"""What a slice of work asks where it begins and where it ends."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from storage import brakes, connections, duties, installation, jobs, journal, pending, slices, sync_states
from storage.database import Database
from storage.models import Installation
from storage.slices import Left
from tests.unit.ports import START
from tests.unit.storing import CONNECTION, INVOICE, RAVETREE_INVOICE, add_connection, operation

SOON = START + timedelta(minutes=5)
NOTHING = Left(work=False, words=False)
THINGS: dict[str, tuple[Callable[[Session], object], Left]] = {
    "a record": (lambda s: pending.note(s, CONNECTION, INVOICE, SOON), Left(work=True, words=False)),
    "a job": (lambda s: jobs.begin(s, CONNECTION, jobs.BACKFILL, {}, "Kim", SOON), Left(work=True, words=False)),
    "a word": (
        lambda s: sync_states.store(s, CONNECTION, RAVETREE_INVOICE, {"state": "synced"}, SOON),
        Left(work=False, words=True),
    ),
}


@pytest.fixture(autouse=True)
def rows(database: Database) -> None:
    add_connection(database)
    add_connection(database, "con_2", "org_2", "2")


def begun(session: Session, moment: datetime = START) -> slices.Beginning:
    found = slices.begin(session, CONNECTION, moment)
    assert found is not None
    return found


def test_an_idle_connection_has_nothing_left(database: Database) -> None:
    with database.transaction() as session:
        pending.note(session, "con_2", INVOICE, START)
        found = begun(session)
        assert (found.connection.id, found.stopped, found.uncertain, found.due) == (CONNECTION, False, False, {})
        assert found.left == slices.left(session, CONNECTION, START) == NOTHING
        assert not slices.end(session, CONNECTION, START)


@pytest.mark.parametrize("what", THINGS)
def test_what_is_due_is_left_from_its_time_on(database: Database, what: str) -> None:
    note, expected = THINGS[what]
    with database.transaction() as session:
        note(session)
        session.flush()
        for moment, left in ((START, NOTHING), (SOON, expected)):
            assert begun(session, moment).left == slices.left(session, CONNECTION, moment) == left
            assert slices.end(session, CONNECTION, moment) == (left != NOTHING)


def test_it_begins_with_the_duties_that_are_due_and_whether_a_write_has_no_answer(database: Database) -> None:
    with database.transaction() as session:
        duties.schedule(session, CONNECTION, "sheep", START)
        duties.schedule(session, CONNECTION, "goats", SOON)
        assert begun(session).due == {"sheep": START}
        assert begun(session, SOON).due == {"sheep": START, "goats": SOON}
        operation(session, journal.open_operation, "con_2")
        assert not begun(session).uncertain
        operation(session, journal.open_operation)
        assert begun(session).uncertain


def test_while_everything_is_stopped_nothing_more_is_due(database: Database) -> None:
    with database.transaction() as session:
        pending.note(session, CONNECTION, INVOICE, START)
        brakes.pull(session, "why", "Kim", START, "ravetree")
        session.flush()
        assert (begun(session).stopped, slices.end(session, CONNECTION, START)) == (False, True)
        brakes.pull(session, "why", "Kim", START)
        session.flush()
        assert (begun(session).stopped, slices.end(session, CONNECTION, START)) == (True, False)


def test_of_what_was_forgotten_or_archived_nothing_begins(database: Database) -> None:
    with database.transaction() as session:
        connections.get(session, CONNECTION).state = connections.ARCHIVED
        session.flush()
        for name in (CONNECTION, "con_9"):
            assert slices.begin(session, name, START) is None
            assert not slices.end(session, name, START)


def test_the_sweepers_nudge_is_over_at_the_end(database: Database) -> None:
    with database.transaction() as session:
        for name in (CONNECTION, "con_2"):
            connections.get(session, name).nudged_at = START
        session.flush()
        slices.end(session, CONNECTION, START)
        nudged = [connections.get(session, name).nudged_at for name in (CONNECTION, "con_2")]
        assert nudged == [None, START]


def test_it_is_a_sign_of_life_and_after_a_long_silence_both_books_are_read_first(database: Database) -> None:
    with database.transaction() as session:
        installation.claim(session, installation.Claimant("local"), new_id="ab12cd34", now=START)
        connections.verified(session, CONNECTION, START)
        assert begun(session).connection.verify_since is None
        assert session.get_one(Installation, "ab12cd34").alive_at == START
        late = START + installation.ASLEEP_AFTER + timedelta(seconds=1)
        assert begun(session, late).connection.verify_since == late
        assert session.get_one(Installation, "ab12cd34").alive_at == late
