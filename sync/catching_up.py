"""Finding what no webhook told: QuickBooks' change data capture and Ravetree's log of events."""

import itertools
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TypeVar

from clients.quickbooks.company import ID_LIMIT, Changes
from clients.ravetree.account import LogExpired
from config import telemetry
from config.logging import logger
from reconcile.model import Kind, Record, Side
from schemas import ids, ravetree_events
from schemas.envelopes import Delivery, Envelope
from schemas.quickbooks import Body
from schemas.times import spell_instant
from storage import connections, copies, inbox
from sync.books import Books
from sync.entities import COPIED, ENTITIES

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


def look_at_changes(books: Books, *, in_full: bool = False) -> None:
    """One look at change data capture: confirms presumed echoes and finds what events did not say.

    `in_full` asks without it: by queries, which reach back as far as is wanted.
    """
    before = books.connection.cdc_watermark
    since = before - OVERLAP
    if in_full or books.now() - since > CDC_REACH:
        watermark = _compare_in_full(books, since)
    else:
        changes = books.neighbours.quickbooks.changes(COPIED.values(), since)
        absorb(books, changes)
        watermark = changes.time if changes.complete else _compare_in_full(books, since)
    if watermark is not None and watermark <= books.now() + TRUSTED_AHEAD:
        # A time that is not told, or cannot be, proves nothing about how far an answer reaches: it is asked again.
        with books.writing() as session:
            connections.note_watermark(session, books.id, watermark, before)


def absorb(books: Books, changes: Changes) -> None:
    """Keep what was read; what is news to us is noted as pending."""
    for kind, entity in COPIED.items():
        books.quickbooks.keep(kind, _by_id(changes.objects.get(entity, [])), told_at=changes.time)


def absorb_pages(books: Books, kinds: Iterable[Kind], since: datetime) -> None:
    """Read and keep everything of these kinds that changed since, however much that is; deletions are not told."""
    for kind in kinds:
        for rows, time in books.neighbours.quickbooks.changed_since(ENTITIES[kind], since):
            books.quickbooks.keep(kind, _by_id(rows), told_at=time)


def _by_id(rows: Iterable[Body]) -> dict[str, Body]:
    """Rows by their ids; one without an id is of no record, and is only said."""
    found: dict[str, Body] = {}
    for raw in rows:
        if isinstance(raw, dict) and ids.is_quickbooks_id(raw.get("Id")):
            found[raw["Id"]] = raw
        else:
            log.error("QuickBooks answered an object without an id", kind=type(raw).__name__)
    return found


def _compare_in_full(books: Books, since: datetime) -> datetime | None:
    """Beyond the reach of change data capture: page by time, and look for deletions one by one.

    Returns QuickBooks' time when it began, by QuickBooks' clock alone.
    """
    begun: list[datetime | None] = []
    company = books.neighbours.quickbooks
    for kind, entity in COPIED.items():
        for rows, time in company.changed_since(entity, since):
            begun.append(time)
            books.quickbooks.keep(kind, _by_id(rows))
        with books.reading() as session:
            names = copies.living(session, books.id, Side.QUICKBOOKS, kind)
        for some in _in_batches(names, ID_LIMIT):
            there = _by_id(company.by_ids(entity, some))
            books.quickbooks.keep(kind, there, missing=set(some) - there.keys())
    return begun[0]


def look_at_events(books: Books) -> bool:
    """Ravetree's log since our last look, through the same inbox as its webhooks: known events change nothing.

    Whether there was anything.
    """
    account = books.connection.account_id
    cursor = before = books.connection.events_cursor
    try:
        for rows in _in_batches(books.neighbours.ravetree.events_after(cursor), BATCH):
            cursor = _record(books, [ravetree_events.parse(row, str(row.get("id", "")), account) for row in rows])
    except LogExpired:
        log.warning("ravetree's log no longer reaches back to our last look: all records are compared")
        look_at_everything(books, books.connection.created_at)
        cursor = None
    else:
        if cursor == before:
            return False
    with books.writing() as session:
        connections.note_cursor(session, books.id, cursor, before)
    return True


def _record(books: Books, envelopes: list[Envelope]) -> str:
    now = books.now()
    delivery = Delivery(f"log-{envelopes[0].id}", Side.RAVETREE, books.connection.account_id, now, tuple(envelopes))
    with books.writing() as session:
        recorded = inbox.record(session, [delivery], now)
    for (source, outcome), count in recorded.outcomes.items():
        telemetry.events_recorded.labels(source, outcome).inc(count)
    return envelopes[-1].id


def look_at_everything(books: Books, since: datetime) -> None:
    """Note every document and payment that changed in Ravetree since."""
    for kind, resource in ((Kind.ESTIMATE, "estimates"), (Kind.INVOICE, "invoices"), (Kind.PAYMENT, "payments")):
        listing = books.neighbours.ravetree.listing(resource, {"updated_since": spell_instant(since)})
        for rows in _in_batches(listing, BATCH):
            books.look_at([Record(Side.RAVETREE, kind, row["id"]) for row in rows])


def _in_batches(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    source = iter(rows)
    while batch := list(itertools.islice(source, size)):
        yield batch
