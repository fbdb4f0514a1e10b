"""How a connection is shown to people."""

from datetime import datetime, timedelta

import pytest

from storage import brakes, connections
from storage.connections import ACTIVE, DISCONNECTED, PAUSED, STALLED, VERIFYING, Condition
from storage.database import Database
from storage.models import Connection
from tests.unit.ports import START
from tests.unit.storing import CONNECTION, add_connection


def stuck(state: str = ACTIVE) -> Connection:
    return Connection(state=state, verify_since=START, pause_cause="Ended.", pause_remedy="Connect again.")


def test_a_connection_that_gets_no_further_is_shown_so_also_while_it_verifies(database: Database) -> None:
    """It would verify for ever, and "nothing to do" would be a lie."""
    connection = stuck()
    with database.transaction() as session:
        assert connections.condition(session, connection).state == VERIFYING
        connection.stalled_since, connection.stall_cause, connection.stall_remedy = START, "It fails.", "Report it."
        assert connections.condition(session, connection) == Condition(STALLED, "It fails.", "Report it.")


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (ACTIVE, Condition(PAUSED, "Kim stopped all writes: audit.", "Go on with `ravebooks resume --all`.")),
        (DISCONNECTED, Condition(DISCONNECTED, "Ended.", "Connect again.")),
    ],
)
def test_what_stops_every_write_is_shown_by_every_connection_that_would_write(
    database: Database, state: str, shown: Condition
) -> None:
    with database.transaction() as session:
        brakes.pull(session, "audit", "Kim", START)
        assert connections.condition(session, stuck(state)) == shown


def test_a_look_that_was_under_way_undoes_no_setting_back(database: Database) -> None:
    """What lies behind where it was set back to is still to be read."""
    add_connection(database)
    earlier, later = START - timedelta(hours=3), START + timedelta(hours=1)
    with database.transaction() as session:
        connections.note_cursor(session, CONNECTION, "evt_5", None)
        connections.set_back(session, CONNECTION, earlier, "evt_2")
        connections.note_watermark(session, CONNECTION, later, START)
        connections.note_cursor(session, CONNECTION, "evt_9", "evt_5")
    assert reached(database) == (earlier, "evt_2")
    with database.transaction() as session:
        connections.note_watermark(session, CONNECTION, later, earlier)
        connections.note_cursor(session, CONNECTION, "evt_9", "evt_2")
    assert reached(database) == (later, "evt_9")
    with database.transaction() as session:
        connections.set_back(session, CONNECTION, later + timedelta(days=1), None)
    assert reached(database) == (later, None), "never forward"


def reached(database: Database) -> tuple[datetime, str | None]:
    with database.reading() as session:
        connection = connections.get_current(session, CONNECTION)
        return connection.cdc_watermark, connection.events_cursor
