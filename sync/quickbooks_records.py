"""Our copies of QuickBooks' records: read by id, kept, and what is news to us noted."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from config.logging import logger
from reconcile.model import Gone, Kind, QuickBooksInvoice, QuickBooksPayment, Record, Side
from schemas import quickbooks
from schemas.quickbooks import Body, UnreadableRecord
from storage import connections, copies, pairs, pending
from storage.models import Copy
from sync.entities import ENTITIES
from sync.restored import Restored, RestoreFound
from sync.slice import Slice

TOGETHER = 50
"""Records that are stored in one transaction: a thousand held SQLite's write lock for seconds."""

log = logger("reconciler")


class QuickBooksRecords:
    """QuickBooks' records of one connection, as we have them or read them."""

    def __init__(self, work: Slice, restored: Restored) -> None:
        self._slice = work
        self._restored = restored

    def copy(self, record: Record) -> Copy | None:
        """Our copy of a QuickBooks record."""
        return self._slice.unit.once(("copy", record), lambda session: copies.get(session, self._slice.id, record))

    def copy_or_read(self, record: Record) -> Copy | None:
        """Our copy of a QuickBooks record, read first if we have none."""
        copy = self.copy(record)
        if copy is None:
            self.refresh([record])
            copy = self.copy(record)
        return copy

    def invoice(self, record_id: str) -> tuple[QuickBooksInvoice | Gone | None, Copy | None]:
        """Our copy of an invoice, read first if we have none."""
        copy = self.copy_or_read(Record(Side.QUICKBOOKS, Kind.INVOICE, record_id))
        if copy is None or copy.deleted:
            return (Gone(record_id) if copy else None), copy
        return quickbooks.load_invoice(copy.body, self._slice.home_currency), copy

    def payment(self, record_id: str) -> tuple[QuickBooksPayment | Gone | None, Copy | None]:
        """Our copy of a payment, read first if we have none."""
        copy = self.copy_or_read(Record(Side.QUICKBOOKS, Kind.PAYMENT, record_id))
        if copy is None or copy.deleted:
            return (Gone(record_id) if copy else None), copy
        return quickbooks.load_payment(copy.body, self._slice.home_currency), copy

    def refresh(self, records: Iterable[Record]) -> None:
        """Read QuickBooks records by id, one read for each kind. Raises `UnreadableRecord`.

        What is missing from the answer is gone if we knew it, else not there yet.
        """
        wanted = {record for record in records if record.side is Side.QUICKBOOKS}
        for kind, entity in ENTITIES.items():
            ids = {record.id for record in wanted if record.kind is kind}
            if ids:
                found = {str(raw["Id"]): raw for raw in self._slice.neighbours.quickbooks.by_ids(entity, ids)}
                self.keep(kind, found, missing=ids - found.keys())
                for name, raw in found.items():
                    if why := quickbooks.why_unreadable(raw):
                        raise UnreadableRecord(f"QuickBooks' {kind} {name} cannot be read: {why}")

    def keep(
        self, kind: Kind, found: Mapping[str, Body], missing: Iterable[str] = (), told_at: datetime | None = None
    ) -> None:
        """Store what was read, and note what is news to us: our copy is no proof that it was ever planned.

        `told_at` is QuickBooks' own time of the answer that it stands in, where it is one answer.
        What cannot be kept is noted to be read by itself, where its cause is said. Many are stored in parts, so that
        whoever else writes waits for none for long; each part has its notes with it.
        """
        records: list[tuple[str, Body | None]] = [*found.items(), *((name, None) for name in missing)]
        forgotten = ""
        for begin in range(0, len(records), TOGETHER):
            if begin:
                self._slice.unit.commit()
            with self._slice.writing() as session:
                for name, raw in records[begin : begin + TOGETHER]:
                    record = Record(Side.QUICKBOOKS, kind, name)
                    if kind is Kind.PAYMENT and raw and self._restored.is_forgotten(session, record, raw):
                        forgotten = name
                        connections.verify(session, self._slice.now())
                    self._keep_one(session, record, raw, told_at)
        if forgotten:
            raise RestoreFound(f"payment {forgotten} in QuickBooks was written from here, and our database lacks it")

    def _keep_one(self, session: Session, record: Record, raw: Body | None, told_at: datetime | None) -> None:
        """One record, or that it is missing."""
        self._slice.fresh.add(record)
        if raw is None:
            if self._was_known(session, record):
                self._mark_deleted(session, record)
            else:
                self._slice.absent.add(record)
            return
        self._slice.absent.discard(record)
        if quickbooks.is_deleted(raw):
            self._mark_deleted(session, record)
        elif why := quickbooks.why_unreadable(raw):
            log.error("a record cannot be read", record=str(record), why=why)
            self._note_news(session, record, must_read=True)
        elif self._store(session, record, raw, told_at):
            self._note_news(session, record)

    def unpaired_on(self, quickbooks_invoice_id: str) -> list[Copy]:
        """QuickBooks' payments that we have seen on an invoice and that have no pair."""
        found = self._slice.unit.once(
            ("unpaired on", quickbooks_invoice_id),
            lambda session: copies.unpaired_on(session, self._slice.id, quickbooks_invoice_id),
        )
        return list(found)

    def _store(self, session: Session, record: Record, raw: Body, told_at: datetime | None) -> bool:
        version, now = int(raw["SyncToken"]), self._slice.now()
        return copies.store(session, self._slice.id, record, version, raw, now, read=True, told_at=told_at)

    def _mark_deleted(self, session: Session, record: Record) -> None:
        copies.mark_deleted(session, self._slice.id, record, self._slice.now())
        self._note_news(session, record)

    def _was_known(self, session: Session, record: Record) -> bool:
        """Whether a record that is missing was ever there for us: it was read once, or is part of a pair."""
        if copies.get(session, self._slice.id, record) is not None:
            return True
        kinds = [record.kind, *([pairs.PLACEHOLDER] if record.kind is Kind.PAYMENT else [])]
        return any(pairs.among(session, self._slice.id, kind, record.side, [record.id]) for kind in kinds)

    def _note_news(self, session: Session, record: Record, *, must_read: bool = False) -> None:
        """Only what concerns a pair, or is a payment, is followed; a placeholder is a matter of its invoice."""
        if record in self._slice.handling:
            return
        read = record
        holder = pairs.find(session, self._slice.id, pairs.PLACEHOLDER, Side.QUICKBOOKS, record.id)
        if holder is not None and record.kind is Kind.PAYMENT:
            record = Record(Side.RAVETREE, Kind.INVOICE, holder.ravetree_id)
            # Payments that wait until it makes room, or for what it is, are planned with what it has become.
            pending.wake(session, self._slice.id, [record], self._slice.now())
        paired = bool(pairs.among(session, self._slice.id, record.kind, record.side, [record.id]))
        if not paired and record.kind is not Kind.PAYMENT and record.side is Side.QUICKBOOKS:
            return
        pending.note(session, self._slice.id, read if must_read else record, self._slice.now(), must_read=must_read)
