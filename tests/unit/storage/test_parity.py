"""Parity reports: a history for each connection, and the causes of the newest."""

from datetime import timedelta
from typing import Any

import pytest

from storage import parity
from storage.database import Database
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
