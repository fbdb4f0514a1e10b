"""Tables filled with what a connection leaves behind in years, by the database itself: a million rows in seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from storage.database import Database
from storage.models import Connection, Copy, Event, Operation, Pair, PlannedDuty, Step, SyncState

FIRST_ID = 1_000_000
"""Ids of records from here on: neither sandbox has made any of these."""
CHUNK = 2_000
"""Rows with one time: so many come in one statement."""
EVENTS_A_MONTH = 10_000
NOTHING: dict[str, Any] = {}
Number = sa.ColumnElement[Any]
Row = Callable[[Number, datetime], dict[str, Any]]


def history(database: Database, connection: Connection, events: int, pairs: int, ends: datetime) -> None:
    """Pairs of invoices at rest with both copies; their events, steps and writes, as many each month, up to `ends`."""
    of, lasted = _Rows(connection, pairs), timedelta(days=30) * events / EVENTS_A_MONTH
    for model, count, row in (
        (Copy, pairs, of.ravetree_copy),
        (Copy, pairs, of.quickbooks_copy),
        (Pair, pairs, of.pair),
        (SyncState, pairs, of.told),
        (Event, events, of.event),
        (Step, events // 5, of.step),
        (Operation, events // 5, of.operation),
    ):
        fill(database, model, count, row, ends, lasted)


def idle_connections(database: Database, count: int, values: Mapping[str, Any], duties: Mapping[str, datetime]) -> None:
    """Active connections with the same `values`, for each of which every duty is planned for its time."""

    def connection(number: Number, _at: datetime) -> dict[str, Any]:
        names = {"id": _named("idle_", number), "account_id": _named("org_i", number), "realm_id": _text(number)}
        return {**values, **names}

    fill(database, Connection, count, connection, values["created_at"])
    for duty, due_at in duties.items():
        fill(database, PlannedDuty, count, partial(_planned, duty), due_at)


def _planned(duty: str, number: Number, at: datetime) -> dict[str, Any]:
    return {"connection_id": _named("idle_", number), "duty": duty, "due_at": at}


def fill(
    database: Database, model: type[Any], count: int, row: Row, ends: datetime, lasted: timedelta = timedelta()
) -> None:
    """Insert so many rows, numbered from `FIRST_ID`, their times spread over what `lasted` until `ends`."""
    columns = model.__table__.columns
    for begin in range(0, count, CHUNK):
        number = _numbers(FIRST_ID + begin, min(CHUNK, count - begin))
        values = row(number, ends - lasted * (1 - (begin + min(CHUNK, count - begin) / 2) / count))
        selected = [
            value if isinstance(value, sa.ColumnElement) else sa.literal(value, columns[name].type)
            for name, value in values.items()
        ]
        with database.transaction() as session:
            session.execute(sa.insert(model).from_select(list(values), sa.select(*selected)))


def _numbers(first: int, count: int) -> Number:
    """The numbers from `first` on, a row each."""
    numbers = sa.select(sa.literal(first, sa.BigInteger).label("n")).cte(recursive=True)
    numbers = numbers.union_all(sa.select(numbers.c.n + 1).where(numbers.c.n < first + count - 1))
    return numbers.c.n


def _text(number: Number) -> Number:
    return sa.cast(number, sa.String)


def _named(prefix: str, number: Number) -> Number:
    return sa.literal(prefix, sa.String).concat(_text(number))


class _Rows:
    """A row of each table for a number, all of one connection."""

    def __init__(self, connection: Connection, pairs: int) -> None:
        self._account, self._of = connection.account_id, {"connection_id": connection.id}
        self._pairs = pairs

    def _copy(self, side: str, record_id: Number, number: Number, at: datetime) -> dict[str, Any]:
        body = {"number": "N", "total": "100.00", "currency": "USD", "lines": [{"description": "y" * 400}]}
        row = {"side": side, "kind": "invoice", "record_id": record_id, "version": 1, "body": body, "seen_at": at}
        return (
            self._of
            | row
            | {"title": _named("n", number), "client_id": _named("con_", number % 2000), "amount": _text(number)}
        )

    def ravetree_copy(self, number: Number, at: datetime) -> dict[str, Any]:
        return self._copy("ravetree", _named("inv_", number), number, at)

    def quickbooks_copy(self, number: Number, at: datetime) -> dict[str, Any]:
        return self._copy("quickbooks", _text(number), number, at)

    def pair(self, number: Number, at: datetime) -> dict[str, Any]:
        row = {"kind": "invoice", "ravetree_id": _named("inv_", number), "quickbooks_id": _text(number)}
        bases = {"base_ravetree": NOTHING, "base_quickbooks": NOTHING, "line_ids": NOTHING}
        return self._of | row | bases | {"created_at": at, "updated_at": at}

    def told(self, number: Number, at: datetime) -> dict[str, Any]:
        row = {"kind": "invoice", "ravetree_id": _named("inv_", number), "unsent": False, "due_at": at}
        return self._of | row | {"state": "synced", "body": {"state": "synced", "message": None}}

    def event(self, number: Number, at: datetime) -> dict[str, Any]:
        row: dict[str, Any] = {"source": "ravetree", "account": self._account, "event_id": _named("evt_bench_", number)}
        row |= {"type": "invoice.updated", "kind": "invoice", "subject": self._invoice(number)}
        row |= {"occurred_at": at, "received_at": at, "recorded_at": at}
        return self._of | row | {"outcome": "recorded", "data": NOTHING}

    def step(self, number: Number, at: datetime) -> dict[str, Any]:
        return self._of | {"subject": self._subject(number), "at": at, "what": "agreed", "data": NOTHING}

    def operation(self, number: Number, at: datetime) -> dict[str, Any]:
        row = {
            "subject": self._subject(number),
            "side": "quickbooks",
            "action": "invoice.update",
            "key": _named("bench", number),
        }
        row |= {"attempt": 1, "method": "POST", "path": "invoice", "body": "{}", "digest": "", "context": NOTHING}
        return (
            self._of
            | row
            | {"fence": 1, "sends": 1, "state": "done", "journalled_at": at, "answered_at": at, "status": 200}
        )

    def _invoice(self, number: Number) -> Number:
        return _named("inv_", FIRST_ID + number % self._pairs)

    def _subject(self, number: Number) -> Number:
        return _named("ravetree:invoice:inv_", FIRST_ID + number % self._pairs)
