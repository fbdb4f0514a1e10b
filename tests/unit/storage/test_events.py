"""Events as an operator looks for them."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from storage import events
from storage.database import Database
from storage.events import Wanted
from storage.models import Event
from storage.paging import Asked
from tests.unit.ports import START
from tests.unit.storing import ACCOUNT, CONNECTION, REALM, add_connection


def fill(database: Database, count: int) -> None:
    add_connection(database)
    rows: list[dict[str, Any]] = [
        {
            "connection_id": CONNECTION if number % 10 else None,
            "source": "quickbooks" if number % 2 else "ravetree",
            "account": (REALM if number % 2 else ACCOUNT) if number % 10 else "nobody",
            "event_id": f"e{number}",
            "type": "invoice.updated" if number % 100 else "invoice.void",
            "kind": "invoice",
            "subject": f"s{number % 50}",
            "received_at": START + timedelta(seconds=number),
            "recorded_at": START + timedelta(seconds=number),
            "outcome": "recorded" if number % 10 else "unknown",
            "reason": "",
            "data": {},
        }
        for number in range(1, count + 1)
    ]
    with database.transaction() as session:
        session.execute(sa.insert(Event), rows)


def found(database: Database, wanted: Wanted, limit: int = 1000) -> list[str]:
    """Every page after the other."""
    names: list[str] = []
    asked = Asked(limit)
    while True:
        with database.reading() as session:
            page = events.search(session, wanted, asked)
        assert len(page.rows) <= limit
        names += [row.event_id for row in page.rows]
        if page.next is None:
            return names
        asked = Asked(limit, page.next)


def test_everything_is_listed_newest_first_page_by_page(database: Database) -> None:
    fill(database, 250)
    assert found(database, Wanted(), 40) == [f"e{number}" for number in range(250, 0, -1)]


def test_by_id_record_account_type_outcome_and_time(database: Database) -> None:
    fill(database, 250)
    assert found(database, Wanted(event_id="e33")) == ["e33"]
    assert found(database, Wanted(event_id="e30")) == [], "of no connection: its account has to be named"
    assert found(database, Wanted(event_id="e30", account="nobody")) == ["e30"]
    assert found(database, Wanted(record_id="s7"), 2) == ["e207", "e157", "e107", "e57", "e7"]
    assert found(database, Wanted(type="invoice.void")) == ["e200", "e100"]
    assert len(found(database, Wanted(outcome="unknown"), 7)) == 25
    assert found(database, Wanted(until=START + timedelta(seconds=3))) == ["e3", "e2", "e1"]
    assert found(database, Wanted(account="nobody", until=START + timedelta(seconds=20))) == ["e20", "e10"]


def test_a_page_looks_through_a_window_and_goes_on_behind_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database, 250)
    monkeypatch.setattr(events, "WINDOW", 20)
    with database.reading() as session:
        first = events.search(session, Wanted(type="invoice.void"), Asked(10))
    assert (list(first.rows), first.next) == ([], (231,))
    assert found(database, Wanted(type="invoice.void"), 10) == ["e200", "e100"]


def test_the_first_after_a_moment_is_found_among_all(database: Database) -> None:
    fill(database, 100)
    with database.reading() as session:
        places = [events.first_after(session, START + timedelta(seconds=second)) for second in (0, 50, 99.5, 100, 500)]
    assert places == [0, 51, 100, 101, 101]
