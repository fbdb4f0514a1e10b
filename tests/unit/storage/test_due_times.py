"""Due times that a clock which ran ahead left behind."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from storage import connections, due_times, duties, leases, pending
from storage.database import Database
from tests.unit.ports import START, FakeClock
from tests.unit.storing import CONNECTION, INVOICE, add_connection

DAILY = ("cdc", "preflight", "parity")
INTERVALS = dict.fromkeys(DAILY, timedelta(days=1)) | {"events": timedelta(minutes=5)}
LONGEST = due_times.longest(INTERVALS, timedelta(seconds=150))


@pytest.fixture(autouse=True)
def connection(database: Database) -> None:
    add_connection(database)


def plan(session: Session, times: dict[str, datetime]) -> None:
    for duty, due_at in times.items():
        duties.schedule(session, CONNECTION, duty, due_at)


def test_what_lies_within_its_interval_stays(database: Database) -> None:
    with database.transaction() as session:
        plan(session, {"cdc": START + timedelta(days=1), "events": START + timedelta(minutes=5)})
        row = connections.get(session, CONNECTION)
        row.read_at = row.nudged_at = START
        pending.note(session, CONNECTION, INVOICE, START + timedelta(hours=1))
    with database.transaction() as session:
        assert due_times.put_right(session, START, LONGEST) == 0


@pytest.mark.parametrize(("seconds", "wrong"), [(1, 0), (599, 0), (601, 4)])
def test_what_a_process_with_another_clock_has_just_planned_stays(database: Database, seconds: int, wrong: int) -> None:
    """Else a look that costs a metered read would be made again at every sweep."""
    planned = START + timedelta(days=1, seconds=seconds)
    with database.transaction() as session:
        plan(session, dict.fromkeys(DAILY, planned) | {"events": START})
        row = connections.get(session, CONNECTION)
        row.retry_at = START + connections.LONGEST_STALL + timedelta(seconds=seconds)
    with database.transaction() as session:
        assert due_times.put_right(session, START, LONGEST) == wrong


def test_what_lies_further_ahead_is_due_now(database: Database) -> None:
    ahead = START + timedelta(days=366)
    with database.transaction() as session:
        plan(session, dict.fromkeys(INTERVALS, ahead))
        row = connections.get(session, CONNECTION)
        row.retry_at = row.read_at = row.nudged_at = ahead
        pending.note(session, CONNECTION, INVOICE, ahead)
    with database.transaction() as session:
        assert due_times.put_right(session, START, LONGEST) == 8
    with database.transaction() as session:
        row = connections.get(session, CONNECTION)
        assert (row.retry_at, row.read_at, row.nudged_at) == (START, None, None)
        assert duties.planned(session, CONNECTION) == dict.fromkeys(INTERVALS, START)
        assert [change.record_id for change in pending.due(session, CONNECTION, START, 10)] == [INVOICE.id]


def test_a_lease_that_was_taken_by_a_clock_ahead_is_free(database: Database, clock: FakeClock) -> None:
    with database.transaction() as session:
        leases.acquire(database, session, CONNECTION, leases.WORK, "ahead", 366 * 86400)
    with database.transaction() as session:
        assert leases.acquire(database, session, CONNECTION, leases.WORK, "another", 60) is not None
    with database.transaction() as session:
        assert leases.acquire(database, session, CONNECTION, leases.WORK, "a third", 60) is None
