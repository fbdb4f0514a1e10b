"""The table of what the clock asks for."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from storage import duties, forgetting, pending
from storage.database import Database
from storage.models import Connection, PlannedDuty
from tests.unit.ports import START
from tests.unit.storing import CONNECTION, add_connection

LATER = START + timedelta(minutes=5)
LAST = START + timedelta(hours=1)


@pytest.fixture(autouse=True)
def connection(database: Database) -> None:
    add_connection(database)
    with database.transaction() as session:
        duties.schedule(session, CONNECTION, "sheep", LATER)


def row(database: Database) -> PlannedDuty:
    with database.transaction() as session:
        return session.get_one(PlannedDuty, (CONNECTION, "sheep"))


def due_at(database: Database) -> datetime:
    return row(database).due_at


def test_what_is_hurried_is_due_no_later(database: Database) -> None:
    for moment, expected in ((LAST, LATER), (START, START)):
        with database.transaction() as session:
            duties.hurry(session, CONNECTION, "sheep", moment)
        assert due_at(database) == expected
    with database.transaction() as session:
        duties.hurry(session, CONNECTION, "goats", LAST)
        assert duties.planned(session, CONNECTION)["goats"] == LAST


def test_only_what_is_due_is_carried_out_and_makes_its_connection_due(database: Database) -> None:
    with database.transaction() as session:
        assert (duties.due(session, CONNECTION, START), pending.due_connections(session, START)) == ({}, [])
        assert duties.due(session, CONNECTION, LATER) == {"sheep": LATER}
        assert pending.due_connections(session, LATER) == [CONNECTION]
        assert pending.due_connections(session, LATER, CONNECTION) == [CONNECTION]
        assert pending.due_connections(session, LATER, "con_2") == []


def test_what_was_planned_anew_meanwhile_stays_so(database: Database) -> None:
    with database.transaction() as session:
        duties.schedule(session, CONNECTION, "sheep", START)
        duties.went_well(session, CONNECTION, "sheep", LATER, LAST)
        duties.plan_next(session, CONNECTION, "sheep", LATER, LAST)
    assert due_at(database) == START
    with database.transaction() as session:
        duties.went_well(session, CONNECTION, "sheep", START, LATER)
    assert due_at(database) == LATER
    with database.transaction() as session:
        duties.plan_next(session, CONNECTION, "sheep", LATER, LAST)
    assert due_at(database) == LAST


def test_what_fails_fails_since_the_first_time_until_it_goes_well(database: Database) -> None:
    with database.transaction() as session:
        duties.failed(session, CONNECTION, "sheep", "the gate is shut", START, LATER)
        duties.failed(session, CONNECTION, "sheep", "the dog is gone", LATER, LAST)
    found = row(database)
    assert (found.failing_since, found.failing_cause, found.due_at) == (START, "the dog is gone", LAST)
    with database.transaction() as session:
        duties.went_well(session, CONNECTION, "sheep", LAST, LAST + timedelta(days=1))
    found = row(database)
    assert (found.failing_since, found.failing_cause, found.due_at) == (None, "", LAST + timedelta(days=1))


@pytest.mark.parametrize(("now", "expected"), [(START, LATER), (LATER, LAST)])
def test_a_neighbour_out_of_reach_puts_off_only_what_is_due(
    database: Database, now: datetime, expected: datetime
) -> None:
    with database.transaction() as session:
        duties.postpone(session, CONNECTION, now, LAST)
    assert due_at(database) == expected


def test_nothing_is_asked_of_a_connection_that_was_archived(database: Database) -> None:
    with database.transaction() as session:
        forgetting._archive(session, session.get_one(Connection, CONNECTION), "why", START)
        assert duties.planned(session, CONNECTION) == {}


def test_what_is_due_is_found_without_a_look_at_what_is_not(database: Database) -> None:
    with database.transaction() as session:
        now = sa.literal(START, PlannedDuty.due_at.type)
        query = duties.connections_due(now).compile(session.connection(), compile_kwargs={"literal_binds": True})
        plan = session.execute(sa.text(f"explain query plan {query}")).all()
    assert ["SEARCH duties USING" in step.detail and "ix_duties_due_at" in step.detail for step in plan] == [True]
