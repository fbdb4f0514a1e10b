"""Parity reports: a history for each connection, the causes of the newest, and when the next one is due."""

from datetime import timedelta
from typing import Any

import pytest

from storage import connections, parity
from storage.database import Database
from storage.models import Connection, ParityReport
from storage.paging import Asked
from tests.unit.ports import START
from tests.unit.storing import CONNECTION, add_connection

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def connection(database: Database) -> None:
    add_connection(database)


def add(database: Database, days: int = 0, connection_id: str = CONNECTION, **causes: int) -> int:
    with database.transaction() as session:
        row: dict[str, Any] = {"number": "1043", "ravetree_total": "-12.50"}
        summary = {"causes": causes}
        return parity.add(session, connection_id, START + days * DAY, "copies", summary, [row]).id


def test_a_report_is_kept_as_it_was_made(database: Database) -> None:
    made = add(database, drift=1)
    with database.transaction() as session:
        found = parity.get(session, CONNECTION, made)
    assert (found.day, found.source, found.summary) == ("2026-11-20", "copies", {"causes": {"drift": 1}})
    assert found.rows == [{"number": "1043", "ravetree_total": "-12.50"}]


def test_the_history_is_newest_first_and_of_this_connection(database: Database) -> None:
    add_connection(database, "con_2", "org_2", "2")
    first, _, last = add(database), add(database, 1, "con_2"), add(database, 2)
    with database.transaction() as session:
        page = parity.history(session, CONNECTION, Asked(1))
        assert [row.id for row in page.rows] == [last]
        assert [row.id for row in parity.history(session, CONNECTION, Asked(1, page.next)).rows] == [first]


def test_another_connections_report_is_unknown(database: Database) -> None:
    add_connection(database, "con_2", "org_2", "2")
    other = add(database, 0, "con_2")
    for wanted in (other, 999):
        with database.transaction() as session, pytest.raises(parity.UnknownReport):
            parity.get(session, CONNECTION, wanted)


def test_causes_are_of_the_newest_report_of_each_connection(database: Database) -> None:
    add_connection(database, "con_2", "org_2", "2")
    add(database, 0, held=5, drift=1)
    add(database, 1, drift=2)
    add(database, 0, "con_2", drift=3, credit=1)
    with database.transaction() as session:
        assert parity.causes(session) == {"drift": 5, "credit": 1}


def due(database: Database, **changes: Any) -> Any:
    with database.transaction() as session:
        found = connections.get(session, CONNECTION)
        for name, value in changes.items():
            setattr(found, name, value)
        parity.schedule(found, START)
        return found.parity_due_at


def test_nothing_is_due_while_nothing_is_switched_on(database: Database) -> None:
    assert due(database) is None


@pytest.mark.parametrize("switch", ["invoices_since", "estimates_since"])
def test_a_day_after_the_switch_on_the_first_one_is_due(database: Database, switch: str) -> None:
    assert due(database, **{switch: START}) == START + DAY


def test_what_is_due_already_stays_due(database: Database) -> None:
    overdue = START - DAY
    assert due(database, invoices_since=START, parity_due_at=overdue) == overdue


def test_a_resumed_connection_has_one_due(database: Database) -> None:
    with database.transaction() as session:
        connections.get(session, CONNECTION).invoices_since = START
        connections.resume(session, CONNECTION, START)
    with database.transaction() as session:
        found = session.get_one(Connection, CONNECTION)
        assert found.parity_due_at == START + DAY
        assert session.query(ParityReport).count() == 0
