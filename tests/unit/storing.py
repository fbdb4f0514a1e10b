"""Rows with defaults for tests at the storage's border."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reconcile.model import Kind, Record, Side
from schemas.envelopes import Delivery, Envelope
from storage import duties, migrations
from storage.database import Database
from storage.models import Connection, Operation
from sync.duties import DUTIES
from tests.unit.ports import START

CONNECTION, ACCOUNT, REALM = "con_1", "org_42", "310687"
INVOICE = Record(Side.QUICKBOOKS, Kind.INVOICE, "145")
PAYMENT = Record(Side.QUICKBOOKS, Kind.PAYMENT, "200")
RAVETREE_INVOICE = Record(Side.RAVETREE, Kind.INVOICE, "inv_1")
FAR_AHEAD = START + timedelta(days=366)


def add_connection(database: Database, id_: str = CONNECTION, account: str = ACCOUNT, realm: str = REALM) -> str:
    """An active connection with nothing due: what the clock asks for everybody is planned far ahead."""
    with database.transaction() as session:
        session.add(
            Connection(
                id=id_,
                account_id=account,
                realm_id=realm,
                state="active",
                created_at=START,
                cdc_watermark=START,
                time_zone="UTC",
            )
        )
        session.flush()
        for duty in DUTIES:
            if not duty.once_switched_on:
                duties.schedule(session, id_, duty.name, FAR_AHEAD)
    return id_


def make_earlier(database: Database) -> None:
    """An empty database as it was before there were installations, with a connection."""
    migrations.upgrade(database, "0002")
    with database.engine.begin() as connection:
        every = sa.inspect(connection).get_columns("connections")
        row = {column["name"]: "" for column in every if not column["nullable"]}
        row |= {"id": CONNECTION, "account_id": ACCOUNT, "realm_id": REALM, "removals_limit": "20"}
        row |= {"created_at": "2026-11-20 12:00:00", "cdc_watermark": "2026-11-20 12:00:00"}
        connection.execute(sa.insert(sa.table("connections", *map(sa.column, row))).values(row))


def make_with_due_columns(database: Database) -> None:
    """An empty database as it was before there were duties, with two connections."""
    migrations.upgrade(database, "0005")
    moment = sa.DateTime(timezone=True)
    with database.engine.begin() as connection:
        every = sa.inspect(connection).get_columns("connections")
        numbers = {"removals_limit": 20, "failures": 0}
        row: dict[str, Any] = {c["name"]: numbers.get(c["name"], "") for c in every if not c["nullable"]}
        for number, more in enumerate([DUE_COLUMNS, {"events_due_at": START}], 1):
            name = f"con_{number}"
            values = row | {"id": name, "account_id": name, "realm_id": name, "state": "active"} | more
            values |= {"created_at": START, "cdc_watermark": START}
            columns = [sa.column(key, moment if isinstance(value, datetime) else None) for key, value in values.items()]
            connection.execute(sa.insert(sa.table("connections", *columns)).values(values))


DUE_COLUMNS: dict[str, Any] = {
    "cdc_due_at": START + timedelta(microseconds=1),
    "events_due_at": START + timedelta(minutes=5),
    "parity_due_at": START + timedelta(days=1),
    "failing_looks": '{"cdc_due_at": {"since": "2026-11-20T13:13:20+00:00", "cause": "it failed"}}',
}


def envelope(id_: str = "e1", type_: str = "invoice.updated", subject: str = "145", **changes: Any) -> Envelope:
    return Envelope(**{"id": id_, "type": type_, "subject": subject, "time": START, **changes})


def delivery(*events: Envelope, source: Side = Side.QUICKBOOKS, account: str = REALM) -> Delivery:
    return Delivery("d" * 32, source, account, START, events)


def operation(session: Session, journalled: Any, connection_id: str = CONNECTION, **changes: Any) -> Operation:
    """Journal one write; `journalled` is `storage.journal.open_operation`."""
    values: dict[str, Any] = {
        "subject": "ravetree:invoice:inv_1",
        "side": "quickbooks",
        "action": "invoice.create",
        "method": "POST",
        "path": "invoice",
        "body": '{"DocNumber":"1043"}',
        "context": {},
        "fence": 1,
        "now": START,
        "retry_after": 150.0,
    }
    opened: Operation = journalled(session, connection_id, **(values | changes))
    return opened


@contextmanager
def at(database: Database) -> Iterator[tuple[Session, datetime]]:
    """A transaction and the database's time in it."""
    with database.transaction() as session:
        yield session, database.now(session)
