"""The limit of removals: what takes something off one connection's books within an hour."""

from datetime import datetime, timedelta

import pytest

from storage import brakes, journal
from storage.brakes import TooManyRemovals
from storage.database import Database
from storage.models import Connection, Operation
from tests.unit.ports import START
from tests.unit.storing import CONNECTION, add_connection, operation

REMOVING = ["estimate.delete", "invoice.delete", "invoice.void", "payment.delete", "placeholder.delete"]


@pytest.fixture(autouse=True)
def connection(database: Database) -> None:
    add_connection(database)
    add_connection(database, "con_2", "org_2", "2")
    with database.transaction() as session:
        for name in (CONNECTION, "con_2"):
            session.get_one(Connection, name).removals_limit = 1


def journalled(database: Database, action: str, state: str = journal.DONE) -> Operation:
    with database.transaction() as session:
        opened = operation(session, journal.open_operation, action=action)
        if state != journal.JOURNALLED:
            journal.settle(session, opened.id, state, START)
        return opened


def check(database: Database, action: str, connection_id: str = CONNECTION, now: datetime = START) -> None:
    with database.transaction() as session:
        brakes.check_removal(session, connection_id, action, now)


@pytest.mark.parametrize("action", REMOVING)
@pytest.mark.parametrize("state", [journal.JOURNALLED, journal.DONE])
def test_every_write_that_takes_something_off_the_books_counts(database: Database, action: str, state: str) -> None:
    """One whose answer is not known may have done so."""
    check(database, action)
    journalled(database, action, state)
    for another in REMOVING:
        with pytest.raises(TooManyRemovals):
            check(database, another)
    check(database, "invoice.update")
    check(database, "payment.create")


def test_what_removed_nothing_does_not_count(database: Database) -> None:
    journalled(database, "invoice.void", journal.REFUSED)
    journalled(database, "invoice.update")
    check(database, "invoice.void")


def test_removals_of_another_connection_do_not_count(database: Database) -> None:
    journalled(database, "payment.delete")
    check(database, "payment.delete", "con_2")


def test_an_hour_later_it_does_not_count(database: Database) -> None:
    journalled(database, "payment.delete")
    with pytest.raises(TooManyRemovals):
        check(database, "payment.delete", now=START + brakes.WINDOW)
    check(database, "payment.delete", now=START + brakes.WINDOW + timedelta(seconds=1))


def test_a_person_who_releases_the_brake_lets_as_many_more_go(database: Database) -> None:
    journalled(database, "payment.delete")
    later = START + timedelta(minutes=1)
    with database.transaction() as session:
        session.get_one(Connection, CONNECTION).removals_since = later
    check(database, "payment.delete", now=later)
