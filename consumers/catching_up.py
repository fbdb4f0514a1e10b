"""Finding what no webhook told: QuickBooks' change data capture and Ravetree's log of events."""

from datetime import datetime, timedelta

from clients.quickbooks.company import Changes
from clients.ravetree.account import LogExpired
from config import telemetry
from config.logging import logger
from consumers.workbench import ENTITIES, Workbench
from reconcile.model import Kind, Record, Side
from schemas import ravetree_events
from schemas.envelopes import Delivery, Envelope
from schemas.quickbooks import Body
from storage import connections, inbox
from storage.models import Copy

OVERLAP = timedelta(seconds=60)
"""How far before the watermark change data capture begins: objects become visible a little late."""

CDC_REACH = timedelta(days=29)
"""QuickBooks keeps changes for 30 days."""

LOG_BATCH = 200

log = logger("catching up")


def look_at_changes(bench: Workbench, next_due: datetime) -> None:
    """One look at change data capture: confirms presumed echoes and finds what events did not say."""
    since = bench.connection.cdc_watermark - OVERLAP
    if bench.now() - since > CDC_REACH:
        watermark = _compare_in_full(bench, since)
    else:
        changes = bench.neighbours.quickbooks.changes(ENTITIES.values(), since)
        absorb(bench, changes)
        watermark = changes.time if changes.complete else _compare_in_full(bench, since)
    with bench.database.transaction() as session:
        connection = connections.get(session, bench.id)
        connection.cdc_watermark = watermark
        if connection.cdc_due_at == bench.connection.cdc_due_at:
            connection.cdc_due_at = next_due


def absorb(bench: Workbench, changes: Changes) -> None:
    """Keep what was read; what is news to us is noted as pending."""
    for kind, entity in ENTITIES.items():
        bench.keep(kind, {str(raw["Id"]): raw for raw in changes.objects.get(entity, [])})


def _compare_in_full(bench: Workbench, since: datetime) -> datetime:
    """Beyond the reach of change data capture: page by time, and look for deletions one by one."""
    begun = bench.now()
    company = bench.neighbours.quickbooks
    for kind, entity in ENTITIES.items():
        rows = company.query(
            entity,
            f"MetaData.LastUpdatedTime >= '{since.isoformat()}'",
            order="MetaData.LastUpdatedTime",
            limit=10**9,
        )
        bench.keep(kind, {str(raw["Id"]): raw for raw in rows})
        with bench.database.transaction() as session:
            known = session.query(Copy.record_id).filter(
                Copy.connection_id == bench.id,
                Copy.side == Side.QUICKBOOKS,
                Copy.kind == kind,
                Copy.deleted.is_(False),
            )
            names = {name for (name,) in known}
        there: dict[str, Body] = {str(raw["Id"]): raw for raw in company.by_ids(entity, names)}
        bench.keep(kind, there, missing=names - there.keys())
    return begun


def look_at_events(bench: Workbench, next_due: datetime) -> None:
    """Ravetree's log since our last look, through the same inbox as its webhooks: known events change nothing."""
    account = bench.connection.account_id
    cursor = bench.connection.events_cursor
    try:
        batch: list[Envelope] = []
        for row in bench.neighbours.ravetree.events_after(cursor):
            batch.append(ravetree_events.parse(row, str(row.get("id", "")), account))
            if len(batch) >= LOG_BATCH:
                cursor = _record(bench, batch)
                batch = []
        if batch:
            cursor = _record(bench, batch)
    except LogExpired:
        log.warning("ravetree's log no longer reaches back to our last look: all records are compared")
        _look_at_everything(bench)
        cursor = None
    with bench.database.transaction() as session:
        connection = connections.get(session, bench.id)
        connection.events_cursor = cursor
        if connection.events_due_at == bench.connection.events_due_at:
            connection.events_due_at = next_due


def _record(bench: Workbench, envelopes: list[Envelope]) -> str:
    now = bench.now()
    delivery = Delivery(f"log-{envelopes[0].id}", Side.RAVETREE, bench.connection.account_id, now, tuple(envelopes))
    with bench.database.transaction() as session:
        recorded = inbox.record(session, [delivery], now)
    for (source, outcome), count in recorded.outcomes.items():
        telemetry.events_recorded.labels(source, outcome).inc(count)
    return envelopes[-1].id


def _look_at_everything(bench: Workbench) -> None:
    for kind, resource in ((Kind.ESTIMATE, "estimates"), (Kind.INVOICE, "invoices"), (Kind.PAYMENT, "payments")):
        since = {"updated_since": bench.connection.created_at.isoformat().replace("+00:00", "Z")}
        rows = bench.neighbours.ravetree.listing(resource, since)
        bench.look_at([Record(Side.RAVETREE, kind, row["id"]) for row in rows])
