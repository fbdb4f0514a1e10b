"""Finding what no webhook told: QuickBooks' change data capture and Ravetree's log of events."""

import itertools
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TypeVar

from clients.quickbooks.company import ID_LIMIT, Changes
from clients.ravetree.account import LogExpired
from config import telemetry
from config.logging import logger
from consumers.workbench import ENTITIES, Workbench
from reconcile.model import Kind, Record, Side
from schemas import ids, ravetree_events
from schemas.envelopes import Delivery, Envelope
from schemas.quickbooks import Body
from schemas.times import spell_instant
from storage import connections, inbox
from storage.models import Copy

OVERLAP = timedelta(seconds=60)
"""How far before the watermark change data capture begins: objects become visible a little late."""

CDC_REACH = timedelta(days=29)
"""QuickBooks keeps changes for 30 days."""

TRUSTED_AHEAD = timedelta(days=1)
"""How far QuickBooks' clock may be ahead of ours: from a watermark beyond that nothing would be found any more."""

BATCH = 200
"""Rows of Ravetree's that are taken in together."""

T = TypeVar("T")

log = logger("catching up")


def look_at_changes(bench: Workbench, next_due: datetime, *, in_full: bool = False) -> None:
    """One look at change data capture: confirms presumed echoes and finds what events did not say.

    `in_full` asks without it: by queries, which reach back as far as is wanted.
    """
    since = bench.connection.cdc_watermark - OVERLAP
    if in_full or bench.now() - since > CDC_REACH:
        watermark = _compare_in_full(bench, since)
    else:
        changes = bench.neighbours.quickbooks.changes(ENTITIES.values(), since)
        absorb(bench, changes)
        watermark = changes.time if changes.complete else _compare_in_full(bench, since)
    with bench.database.transaction() as session:
        connection = connections.get(session, bench.id)
        if watermark is not None and watermark <= bench.now() + TRUSTED_AHEAD:
            # A time that is not told, or cannot be, proves nothing about how far an answer reaches: it is asked again.
            connection.cdc_watermark = watermark
        if connection.cdc_due_at == bench.connection.cdc_due_at:
            connection.cdc_due_at = next_due


def absorb(bench: Workbench, changes: Changes) -> None:
    """Keep what was read; what is news to us is noted as pending."""
    for kind, entity in ENTITIES.items():
        bench.keep(kind, _by_id(changes.objects.get(entity, [])))


def _by_id(rows: Iterable[Body]) -> dict[str, Body]:
    """Rows by their ids; one without an id is of no record, and is only said."""
    found: dict[str, Body] = {}
    for raw in rows:
        if isinstance(raw, dict) and ids.is_quickbooks_id(raw.get("Id")):
            found[raw["Id"]] = raw
        else:
            log.error("QuickBooks answered an object without an id", kind=type(raw).__name__)
    return found


def _compare_in_full(bench: Workbench, since: datetime) -> datetime | None:
    """Beyond the reach of change data capture: page by time, and look for deletions one by one.

    Returns QuickBooks' time when it began, by QuickBooks' clock alone.
    """
    begun: list[datetime | None] = []
    company = bench.neighbours.quickbooks
    for kind, entity in ENTITIES.items():
        bench.before_a_call()
        for rows, time in company.changed_since(entity, since):
            bench.before_a_call()
            begun.append(time)
            bench.keep(kind, _by_id(rows))
        with bench.database.transaction() as session:
            known = session.query(Copy.record_id).filter(
                Copy.connection_id == bench.id,
                Copy.side == Side.QUICKBOOKS,
                Copy.kind == kind,
                Copy.deleted.is_(False),
            )
            names = sorted(name for (name,) in known)
        for some in _in_batches(names, ID_LIMIT):
            bench.before_a_call()
            there = _by_id(company.by_ids(entity, some))
            bench.keep(kind, there, missing=set(some) - there.keys())
    return begun[0]


def look_at_events(bench: Workbench, next_due: datetime) -> None:
    """Ravetree's log since our last look, through the same inbox as its webhooks: known events change nothing."""
    account = bench.connection.account_id
    cursor = bench.connection.events_cursor
    try:
        for rows in _in_batches(bench.neighbours.ravetree.events_after(cursor), BATCH):
            bench.before_a_call()
            cursor = _record(bench, [ravetree_events.parse(row, str(row.get("id", "")), account) for row in rows])
    except LogExpired:
        log.warning("ravetree's log no longer reaches back to our last look: all records are compared")
        look_at_everything(bench, bench.connection.created_at)
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


def look_at_everything(bench: Workbench, since: datetime) -> None:
    """Note every document and payment that changed in Ravetree since."""
    for kind, resource in ((Kind.ESTIMATE, "estimates"), (Kind.INVOICE, "invoices"), (Kind.PAYMENT, "payments")):
        listing = bench.neighbours.ravetree.listing(resource, {"updated_since": spell_instant(since)})
        for rows in _in_batches(listing, BATCH):
            bench.before_a_call()
            bench.look_at([Record(Side.RAVETREE, kind, row["id"]) for row in rows])


def _in_batches(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    source = iter(rows)
    while batch := list(itertools.islice(source, size)):
        yield batch
