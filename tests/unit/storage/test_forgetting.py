"""The end of a connection: what may still have been written is never passed over in silence."""

from datetime import timedelta

import pytest

from storage import connections, forgetting, journal
from storage.connections import ARCHIVED, NotActive
from storage.database import Database
from storage.models import Connection
from tests.unit.ports import START
from tests.unit.storing import CONNECTION, add_connection, operation

LATER = START + forgetting.UNDER_WAY


@pytest.fixture
def written(database: Database) -> Database:
    """A disconnected connection with one write that got no answer."""
    add_connection(database)
    with database.transaction() as session:
        operation(session, journal.open_operation)
        connections.disconnect(session, CONNECTION, "Ada")
    return database


def test_a_write_without_an_answer_is_looked_up_before_its_connection_is_archived(written: Database) -> None:
    with written.transaction() as session, pytest.raises(NotActive, match=r"1 write got no answer.*inv_1"):
        forgetting.forget(session, CONNECTION, "Ada", LATER - timedelta(seconds=1))
    with written.transaction() as session:
        assert session.get_one(Connection, CONNECTION).state == connections.DISCONNECTED


def test_a_write_that_never_got_one_is_named_by_the_archived_connection(written: Database) -> None:
    with written.transaction() as session:
        assert forgetting.forget(session, CONNECTION, "Ada", LATER) == ARCHIVED
        cause = session.get_one(Connection, CONNECTION).pause_cause
    assert cause == "Archived by Ada; 1 write got no answer and may have been made (ravetree:invoice:inv_1)."


@pytest.mark.parametrize("state", [journal.DONE, journal.ABANDONED])
def test_what_was_answered_holds_nothing_up(written: Database, state: str) -> None:
    with written.transaction() as session:
        (opened,) = journal.unsettled(session, CONNECTION)
        journal.settle(session, opened.id, state, START)
    with written.transaction() as session:
        said = forgetting.forget(session, CONNECTION, "Ada", START)
    assert said == (ARCHIVED if state == journal.DONE else forgetting.FORGOTTEN)
