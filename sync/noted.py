"""Records that must be looked at, each with all the notes about it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from reconcile.model import Kind, Record, Side
from storage import pairs, pending
from sync import echoes
from sync.books import Books
from sync.echoes import Entry

ORDER = (Kind.CONTACT, Kind.ESTIMATE, Kind.INVOICE, Kind.PAYMENT)
"""What others need comes first."""


@dataclass
class Noted:
    """A record to reconcile, under its Ravetree name where it has one, with all the notes about it."""

    record: Record
    entries: list[Entry] = field(default_factory=list)

    @property
    def attempts(self) -> int:
        """How often it was tried."""
        return max(entry.attempts for entry in self.entries)

    @property
    def traces(self) -> list[str]:
        """The traces that its notes came in."""
        return [entry.traceparent for entry in self.entries if entry.traceparent]


def noted_records(books: Books, entries: Iterable[Entry]) -> list[Noted]:
    """The records behind the notes, each once, with every note about it on either side."""
    subjects: dict[Record, Noted] = {}
    for entry in entries:
        names = names_of(books, entry.record)
        subject = subjects.setdefault(names[0], Noted(names[0]))
        known = {e.record for e in subject.entries}
        if entry.record not in known:
            subject.entries.append(entry)
            known.add(entry.record)
        with books.reading() as session:
            for row in pending.rows(session, books.id, [n for n in names if n not in known]):
                subject.entries.append(echoes.note_entry(session, row))
    return sorted(subjects.values(), key=_place)


def _place(subject: Noted) -> int:
    """What others need comes first; last an invoice of which QuickBooks alone tells, mostly of a payment on it."""
    tells_of_payments = (
        subject.record.kind is Kind.INVOICE
        and subject.record.side is Side.RAVETREE
        and all(entry.record.side is Side.QUICKBOOKS for entry in subject.entries)
        and all(event.type.endswith(".updated") for entry in subject.entries for event in entry.events)
    )
    return len(ORDER) if tells_of_payments else ORDER.index(subject.record.kind)


def names_of(books: Books, record: Record) -> list[Record]:
    """A record's names, Ravetree's first. A placeholder is a matter of its invoice."""
    pair = books.pair(record.kind, record.side, record.id)
    if pair is not None:
        return [
            Record(Side.RAVETREE, record.kind, pair.ravetree_id),
            Record(Side.QUICKBOOKS, record.kind, pair.quickbooks_id),
        ]
    if record.side is Side.QUICKBOOKS and record.kind is Kind.PAYMENT:
        holder = books.pair(pairs.PLACEHOLDER, Side.QUICKBOOKS, record.id)
        if holder is not None:
            return [Record(Side.RAVETREE, Kind.INVOICE, holder.ravetree_id), record]
    return [record]
