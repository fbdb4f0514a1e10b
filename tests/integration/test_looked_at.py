"""How many rows the hot queries look at: few, however many there are."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from config.ports import SystemClock
from reconcile.model import Kind, Record, Side
from schemas.envelopes import Delivery, Envelope
from storage import (
    copies,
    depths,
    inbox,
    journal,
    listing,
    migrations,
    pairs,
    pending,
    reads,
    retention,
    sync_states,
    timeline,
)
from storage.database import Database
from storage.models import (
    Connection,
    Copy,
    Event,
    Operation,
    Pair,
    PastEvent,
    PaymentLink,
    PendingChange,
    Step,
    SyncState,
)
from tests.services.postgresql import PostgreSQL

pytestmark = pytest.mark.thorough

NOW = datetime(2026, 11, 20, 14, 13, 20, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
ROWS, MOST = 20_000, 200
STEPS_A_ROW = 100
"""Of SQLite's own machine: a row that is read and answered takes fewer."""
INVOICE = Record(Side.RAVETREE, Kind.INVOICE, "inv_77")
HOT: dict[str, Callable[[Session], object]] = {
    "payments on an invoice": lambda s: copies.unpaired_on(s, "c", "77"),
    "payments of a customer": lambda s: copies.of_customers(s, "c", Kind.PAYMENT, ["77", "78"]),
    "customers below one": lambda s: copies.below(s, "c", "77"),
    "whether it was written once": lambda s: journal.was_done(s, "c", str(INVOICE), "invoice.create"),
    "all that an action was done to": lambda s: journal.done_subjects(s, "c", "rare.create"),
    "what has no answer yet": lambda s: journal.unsettled(s, "c"),
    "how much has no answer yet": lambda s: journal.count_unsettled(s, "c"),
    "what a month wrote": lambda s: reads.usage(s, "c", f"{NOW:%Y-%m}"),
    "what is uncertain": lambda s: journal.connections_with_unsettled(s, NOW),
    "a pair by Ravetree's id": lambda s: pairs.find(s, "c", "invoice", Side.RAVETREE, "inv_77"),
    "a pair by QuickBooks' id": lambda s: pairs.find(s, "c", "invoice", Side.QUICKBOOKS, "77"),
    "a contact's pairs": lambda s: pairs.among(s, "c", "contact", Side.QUICKBOOKS, ["77"]),
    "whose turn it is": lambda s: pending.due_connections(s, NOW),
    "whether it is one's turn": lambda s: pending.due_connections(s, NOW, only="c"),
    "what is due": lambda s: pending.due(s, "c", NOW, 50),
    "what is to be told": lambda s: sync_states.unsent(s, "c", NOW, 100),
    "how much is not told yet": depths.untold,
    "how many records have a partner": lambda s: pairs.count(s, "c", MOST // 8),
    "how many records are found": lambda s: listing.count(s, "c", listing.Filter(), MOST // 8),
    "the events of a record": lambda s: inbox.was_told_of(s, "c", INVOICE, "void"),
    "the timeline of a record": lambda s: timeline.of(s, "c", INVOICE),
    "what comes in": lambda s: inbox.record(
        s, [Delivery("d", Side.QUICKBOOKS, "r", NOW, (Envelope("new", "invoice.updated", "77", NOW),))], NOW
    ),
}
KEPT = {
    rule.what: rule
    for rule in retention.rules(
        dict.fromkeys(("payloads", "events", "aside", "operations", "steps"), timedelta(days=1))
    )
}
BATCH_MOST = 12 * retention.BATCH
"""Rows of a batch that goes, and of what each of them is looked for in."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    if request.param == "sqlite":
        url = f"sqlite:///{Path(tmp_path_factory.mktemp('looked'))}/books.db"
    else:
        server: PostgreSQL = request.getfixturevalue("postgresql")
        url = server.new_database()
    made = Database(url, SystemClock())
    migrations.upgrade(made)
    with made.transaction() as session:
        for name, account, realm in (("c", "a", "r"), ("d", "b", "q")):
            session.add(Connection(id=name, account_id=account, realm_id=realm, created_at=NOW, cdc_watermark=NOW))
        session.flush()
        for model, rows in _rows().items():
            session.execute(sa.insert(model), rows)
        if request.param == "postgresql":
            session.execute(sa.text("ANALYZE"))
    if made.is_sqlite:
        made.analyse()
    yield made
    made.close()


def _rows() -> dict[type[Any], list[dict[str, Any]]]:
    """Enough of each table, nearly all of one connection, at rest or not due yet."""
    numbers = range(ROWS)
    copy: dict[str, Any] = {"connection_id": "c", "side": "quickbooks", "version": 1, "seen_at": NOW}
    contacts = [{**copy, "kind": "contact", "record_id": str(n), "client_id": str(n + 1), "body": {}} for n in numbers]
    payments = [{**copy, "kind": "payment", "record_id": str(n), "client_id": str(n), "body": {}} for n in numbers]
    invoices = [
        {**copy, "side": "ravetree", "kind": "invoice", "record_id": f"inv_{n}", "client_id": "", "body": {}}
        for n in numbers
    ]
    pair: dict[str, Any] = {
        "connection_id": "c",
        "base_ravetree": {},
        "base_quickbooks": {},
        "line_ids": {},
        "created_at": NOW,
    }
    written: dict[str, Any] = {
        "connection_id": "c",
        "side": "quickbooks",
        "attempt": 1,
        "method": "POST",
        "path": "invoice",
        "body": "{}",
    }
    written |= {
        "digest": "",
        "context": {},
        "fence": 1,
        "state": "done",
        "journalled_at": NOW,
        "answered_at": NOW - timedelta(days=90),
    }
    event: dict[str, Any] = {
        "connection_id": "c",
        "source": "ravetree",
        "account": "a",
        "type": "invoice.updated",
        "kind": "invoice",
    }
    event |= {"received_at": NOW, "recorded_at": NOW, "outcome": "recorded", "data": {}}
    waiting: dict[str, Any] = {
        "connection_id": "c",
        "side": "ravetree",
        "kind": "invoice",
        "created_at": NOW,
        "updated_at": NOW,
    }
    told: dict[str, Any] = {
        "connection_id": "c",
        "kind": "invoice",
        "body": {},
        "state": "synced",
        "due_at": NOW,
        "unsent": False,
    }
    return {
        Copy: [row for rows in zip(contacts, payments, invoices, strict=True) for row in rows],
        PaymentLink: [{"connection_id": "c", "payment_id": str(n), "target_id": str(n)} for n in numbers],
        Pair: [
            pair | {"kind": kind, "ravetree_id": f"inv_{n}", "quickbooks_id": str(n), "updated_at": NOW}
            for kind in ("invoice", "contact")
            for n in numbers
        ],
        Operation: [
            written | {"subject": f"ravetree:invoice:inv_{n}", "key": str(n), "action": "invoice.create"}
            for n in numbers
        ],
        Event: [event | {"event_id": str(n), "subject": f"inv_{n}"} for n in numbers],
        PendingChange: [waiting | {"record_id": f"inv_{n}", "due_at": LATER} for n in numbers],
        SyncState: [told | {"ravetree_id": f"inv_{n}"} for n in numbers],
        Step: [
            {
                "connection_id": "c",
                "subject": f"ravetree:invoice:inv_{n // 2}",
                "at": NOW,
                "what": "synced",
                "data": {},
            }
            for n in numbers
        ],
        PastEvent: [{"digest": n.to_bytes(16, "big")} for n in numbers],
    }


@pytest.mark.parametrize("what", HOT)
def test_a_hot_query_looks_at_few_rows_however_many_there_are(database: Database, what: str) -> None:
    looked_at = _on_sqlite if database.is_sqlite else _on_postgresql
    assert 0 < looked_at(database, HOT[what]) <= MOST


@pytest.mark.parametrize("what", KEPT)
@pytest.mark.parametrize("reached", [0, ROWS // 2])
def test_a_batch_of_what_is_no_longer_kept_looks_at_few_rows_wherever_it_begins(
    database: Database, what: str, reached: int
) -> None:
    looked_at = _on_sqlite if database.is_sqlite else _on_postgresql
    rule = KEPT[what]

    def remove(session: Session) -> None:
        batch = retention.look(session, rule, reached, LATER)
        assert batch.reached == reached + retention.BATCH
        retention.remove(session, rule, batch.ids, LATER)

    assert 0 < looked_at(database, remove) <= BATCH_MOST


def _on_sqlite(database: Database, ask: Callable[[Session], object]) -> float:
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    with database.transaction() as session:
        driver: Any = session.connection().connection.driver_connection
        driver.set_progress_handler(step, 1)
        ask(session)
        driver.set_progress_handler(None, 0)
        session.rollback()
    return steps / STEPS_A_ROW


def _on_postgresql(database: Database, ask: Callable[[Session], object]) -> float:
    asked: list[tuple[str, Any]] = []

    def executed(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        asked.append((statement, parameters))

    sa.event.listen(database.engine, "before_cursor_execute", executed)
    try:
        with database.transaction() as session:
            ask(session)
            session.rollback()
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", executed)
    looked_at = 0.0
    with database.engine.connect() as connection:
        for statement, parameters in asked:
            plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).scalar_one()
            looked_at += _rows_of((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
            connection.rollback()
    return looked_at


def _rows_of(plan: dict[str, Any]) -> float:
    own: float = plan["Actual Rows"] + sum(plan.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Index Recheck"))
    looped = own * float(plan["Actual Loops"])
    return max(1.0, looped) + sum(map(_rows_of, plan.get("Plans", [])))
