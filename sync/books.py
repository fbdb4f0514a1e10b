"""What one slice of work has at hand: one connection, its neighbours, our copies of its records."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.orm import Session

from clients.errors import NeighbourError
from clients.quickbooks.company import quoted
from config.errors import Stop
from config.logging import logger
from config.ports import Clock
from reconcile import markers
from reconcile.markers import marker_of
from reconcile.model import (
    Gone,
    Kind,
    QuickBooksInvoice,
    QuickBooksPayment,
    RavetreeContact,
    RavetreeEstimate,
    RavetreeInvoice,
    RavetreePayment,
    Record,
    Side,
)
from schemas import quickbooks, ravetree
from schemas.quickbooks import Body, UnreadableRecord
from schemas.times import parse_instant
from storage import connections, copies, decisions, installation, journal, pairs, pending
from storage.models import Connection, Copy, Decision, Pair
from storage.unit import UnitOfWork
from sync.neighbours import Neighbours
from sync.writes.journal import Request

ENTITIES = {
    Kind.CONTACT: "Customer",
    Kind.ESTIMATE: "Estimate",
    Kind.INVOICE: "Invoice",
    Kind.PAYMENT: "Payment",
}

log = logger("reconciler")


class RestoreFound(Stop):
    """QuickBooks has a payment of ours that our database never heard of: it was restored from a backup."""

    remedy = "Nothing to do: both books are read before anything is written, then it goes on by itself."


class Writes(Protocol):
    """Who sends writes: the journal, or nobody in a preview."""

    def write(self, request: Request) -> None: ...

    def write_batch(self, requests: Sequence[Request]) -> None: ...

    def resolve_due(self) -> None: ...

    def blocked_until(self, connection_id: str) -> dict[str, datetime]: ...


class NoWrites:
    """For whoever only looks: a write is a fault of ours."""

    def write(self, request: Request) -> None:
        """Raise `TypeError`."""
        raise TypeError(f"{request.action} of {request.subject} where nothing is to be written")

    def write_batch(self, requests: Sequence[Request]) -> None:
        """Raise `TypeError`."""
        self.write(requests[0])

    def resolve_due(self) -> None:
        """Nothing was ever sent."""

    def blocked_until(self, _connection_id: str) -> dict[str, datetime]:
        """Nothing waits for an answer."""
        return {}


@dataclass
class Books:
    """One connection during one slice, or during one rehearsal, of which nothing is kept.

    `fresh` are the QuickBooks records read since the last batch of notes was taken; `absent` those among them that
    are not there and never were, as far as we know: their events may have come before they can be read. `handling`
    are those that are being worked on: news of any other record is noted as pending when it is read, whatever it
    was read for.
    `looked_at` are those that a plan of this slice had looked at: once is enough to know that it does not help.
    """

    unit: UnitOfWork
    clock: Clock
    connection: Connection
    neighbours: Neighbours
    journal: Writes
    fresh: set[Record] = field(default_factory=set)
    absent: set[Record] = field(default_factory=set)
    handling: set[Record] = field(default_factory=set)
    looked_at: set[Record] = field(default_factory=set)
    known_contacts: dict[str, RavetreeContact] | None = None
    numbers: dict[tuple[Kind, str], list[Body]] = field(default_factory=dict)
    _read_there: dict[Record, Body | None] = field(default_factory=dict)
    _kept_there: set[Record] = field(default_factory=set)

    @property
    def id(self) -> str:
        return self.connection.id

    @property
    def installation(self) -> str:
        """The id that our markers bear."""
        with self.reading() as session:
            return installation.id_of(session)

    @property
    def home_currency(self) -> str:
        return self.connection.home_currency

    def now(self) -> datetime:
        return self.clock.now()

    def reading(self) -> AbstractContextManager[Session]:
        """The session to read with."""
        return self.unit.reading()

    def writing(self) -> AbstractContextManager[Session]:
        """The session to store with: committed before the next call of a neighbour, and at the end."""
        return self.unit.writing()

    def write(self, request: Request) -> None:
        """Journal and send one write."""
        try:
            self.journal.write(request)
        except NeighbourError:
            # Something is not as it was when it was read.
            self._forget_what_was_read()
            raise
        if request.side is Side.RAVETREE:
            self._forget_what_was_read()

    def begin_again(self) -> None:
        """Notes were taken: what was read before may be older than what they speak of."""
        self.fresh.clear()
        self.absent.clear()
        self._forget_what_was_read()

    def _forget_what_was_read(self) -> None:
        self._read_there.clear()
        self._kept_there.clear()

    def note_read(self) -> None:
        """QuickBooks is asked something: what comes within the window after it shares the next read."""
        self.connection.read_at = self.now()
        with self.writing() as session:
            connections.note_read(session, self.id, self.connection.read_at)

    # --- what people decided -----------------------------------------------------------------------

    def decided(self, names: Iterable[Record]) -> Decision | None:
        """What a person said of a record under any of its names."""
        with self.reading() as session:
            return decisions.find(session, self.id, list(names))

    def use_up(self, names: Iterable[Record]) -> None:
        """The decision has been carried out."""
        with self.writing() as session:
            decisions.use_up(session, self.id, names)

    # --- QuickBooks' side ------------------------------------------------------------------------

    def copy(self, record: Record) -> Copy | None:
        """Our copy of a QuickBooks record."""
        with self.reading() as session:
            return copies.get(session, self.id, record)

    def refresh(self, records: Iterable[Record]) -> None:
        """Read QuickBooks records by id, one read for each kind. Raises `UnreadableRecord`.

        What is missing from the answer is gone if we knew it, else not there yet.
        """
        wanted = {record for record in records if record.side is Side.QUICKBOOKS}
        for kind, entity in ENTITIES.items():
            ids = {record.id for record in wanted if record.kind is kind}
            if ids:
                found = {str(raw["Id"]): raw for raw in self.neighbours.quickbooks.by_ids(entity, ids)}
                self.keep(kind, found, missing=ids - found.keys())
                for name, raw in found.items():
                    if why := quickbooks.why_unreadable(raw):
                        raise UnreadableRecord(f"QuickBooks' {kind} {name} cannot be read: {why}")

    def keep(self, kind: Kind, found: Mapping[str, Body], missing: Iterable[str] = ()) -> None:
        """Store what was read, and note what is news to us: our copy is no proof that it was ever planned.

        What cannot be kept is noted to be read by itself, where its cause is said.
        """
        forgotten = ""
        with self.writing() as session:
            for name, raw in found.items():
                record = Record(Side.QUICKBOOKS, kind, name)
                self.fresh.add(record)
                self.absent.discard(record)
                if kind is Kind.PAYMENT and self._is_forgotten(session, record, raw):
                    forgotten = name
                if quickbooks.is_deleted(raw):
                    self._mark_deleted(session, record)
                elif why := quickbooks.why_unreadable(raw):
                    log.error("a record cannot be read", record=str(record), why=why)
                    self._note_news(session, record, must_read=True)
                elif self._store(session, record, raw):
                    self._note_news(session, record)
            for name in missing:
                record = Record(Side.QUICKBOOKS, kind, name)
                self.fresh.add(record)
                if self._was_known(session, record):
                    self._mark_deleted(session, record)
                else:
                    self.absent.add(record)
            if forgotten:
                connections.verify(session, self.now())
        if forgotten:
            raise RestoreFound(f"payment {forgotten} in QuickBooks was written from here, and our database lacks it")

    def _is_forgotten(self, session: Session, record: Record, raw: Body) -> bool:
        """Whether a payment bears our marker though neither a pair nor a write of ours is known."""
        marker = marker_of(str(raw.get("PrivateNote") or ""))
        if marker is None or not marker.installation or marker.installation != installation.id_of(session):
            return False
        if copies.get(session, self.id, record) is not None:
            # Seen before: the first sight of it was the sign.
            return False
        verified = self.connection.verified_at
        if self.connection.verify_since is not None or (verified is not None and not _is_made_after(raw, verified)):
            # It was, or is going to be, seen by reading both books.
            return False
        kind = pairs.PLACEHOLDER if marker.placeholder else Kind.PAYMENT
        paired = any(
            pairs.among(session, self.id, kind, side, [name])
            for side, name in ((Side.QUICKBOOKS, record.id), (Side.RAVETREE, marker.record.id))
        )
        return not paired and not journal.was_written(
            session, str(marker.record), "placeholder" if marker.placeholder else "payment"
        )

    def marked(self, what: str, ravetree_id: str) -> str | None:
        """The unpaired QuickBooks payment whose note names this `payment`, or `placeholder`, of Ravetree's.

        Looked for only where a restore may have lost the pair: for what was made before both books were read.
        """
        with self.reading() as session:
            found = copies.noted(session, self.id, markers.ending(what, ravetree_id))
            for copy in found:
                marker = marker_of(str(copy.body.get("PrivateNote") or ""))
                named = (marker.placeholder, marker.record.id) if marker is not None else None
                if named != (what == "placeholder", ravetree_id) or quickbooks.is_void_payment(copy.body):
                    # The words alone may stand in anybody's memo, and what is void stands for no money.
                    continue
                kinds = (Kind.PAYMENT, pairs.PLACEHOLDER)
                if not any(pairs.among(session, self.id, kind, Side.QUICKBOOKS, [copy.record_id]) for kind in kinds):
                    return copy.record_id
        return None

    def may_be_forgotten(self, raw: Body) -> bool:
        """Whether a record of Ravetree's is older than the last restore, so that QuickBooks may have its partner."""
        verified = self.connection.verified_at
        try:
            return verified is not None and parse_instant(raw["created_at"]) <= verified
        except (KeyError, TypeError, ValueError):
            return verified is not None

    def _store(self, session: Session, record: Record, raw: Body) -> bool:
        return copies.store(session, self.id, record, int(raw["SyncToken"]), raw, self.now(), read=True)

    def _mark_deleted(self, session: Session, record: Record) -> None:
        copies.mark_deleted(session, self.id, record, self.now())
        self._note_news(session, record)

    def _was_known(self, session: Session, record: Record) -> bool:
        """Whether a record that is missing was ever there for us: it was read once, or is part of a pair."""
        if copies.get(session, self.id, record) is not None:
            return True
        kinds = [record.kind, *([pairs.PLACEHOLDER] if record.kind is Kind.PAYMENT else [])]
        return any(pairs.among(session, self.id, kind, record.side, [record.id]) for kind in kinds)

    def payments_on(self, quickbooks_invoice_id: str) -> list[Copy]:
        """QuickBooks' payments that we have seen on an invoice."""
        with self.reading() as session:
            return copies.payments_on(session, self.id, quickbooks_invoice_id)

    def _note_news(self, session: Session, record: Record, *, must_read: bool = False) -> None:
        """Only what concerns a pair, or is a payment, is followed; a placeholder is a matter of its invoice."""
        if record in self.handling:
            return
        read = record
        holder = pairs.find(session, self.id, pairs.PLACEHOLDER, Side.QUICKBOOKS, record.id)
        if holder is not None and record.kind is Kind.PAYMENT:
            record = Record(Side.RAVETREE, Kind.INVOICE, holder.ravetree_id)
        paired = bool(pairs.among(session, self.id, record.kind, record.side, [record.id]))
        if not paired and record.kind is not Kind.PAYMENT and record.side is Side.QUICKBOOKS:
            return
        pending.note(session, self.id, read if must_read else record, self.now(), must_read=must_read)

    def look_up_numbers(self, kind: Kind, numbers: Iterable[str]) -> None:
        """Which documents of QuickBooks have these numbers: one read for all of them, good for this slice."""
        wanted = [number for number in dict.fromkeys(numbers) if (kind, number) not in self.numbers]
        if not wanted:
            return
        spelled = ", ".join(quoted(number) for number in wanted)
        with self.neighbours.quickbooks.because("number lookup"):
            found = self.neighbours.quickbooks.query(ENTITIES[kind], f"DocNumber in ({spelled})")
        for number in wanted:
            self.numbers[kind, number] = []
        for raw in found:
            self.numbers.setdefault((kind, str(raw.get("DocNumber", ""))), []).append(raw)

    def with_number(self, kind: Kind, number: str) -> list[Body]:
        """The documents of QuickBooks with this number."""
        self.look_up_numbers(kind, [number])
        return self.numbers[kind, number]

    def forget_number(self, kind: Kind, number: str) -> None:
        """It has just been given to a document of ours."""
        self.numbers.pop((kind, number), None)

    def quickbooks_invoice(self, record_id: str) -> tuple[QuickBooksInvoice | Gone | None, Copy | None]:
        """Our copy of an invoice, read first if we have none."""
        copy = self.copy_or_read(Record(Side.QUICKBOOKS, Kind.INVOICE, record_id))
        if copy is None or copy.deleted:
            return (Gone(record_id) if copy else None), copy
        return quickbooks.load_invoice(copy.body, self.home_currency), copy

    def quickbooks_payment(self, record_id: str) -> tuple[QuickBooksPayment | Gone | None, Copy | None]:
        """Our copy of a payment, read first if we have none."""
        copy = self.copy_or_read(Record(Side.QUICKBOOKS, Kind.PAYMENT, record_id))
        if copy is None or copy.deleted:
            return (Gone(record_id) if copy else None), copy
        return quickbooks.load_payment(copy.body, self.home_currency), copy

    def copy_or_read(self, record: Record) -> Copy | None:
        """Our copy of a QuickBooks record, read first if we have none."""
        copy = self.copy(record)
        if copy is None:
            self.refresh([record])
            copy = self.copy(record)
        return copy

    # --- Ravetree's side -------------------------------------------------------------------------

    def ravetree_body(self, kind: Kind, record_id: str) -> Body | None:
        """A record as Ravetree had it when it was first asked for since the notes were taken, or None if it is gone.

        What is changed meanwhile comes with an event of its own, under a later generation.
        """
        record = Record(Side.RAVETREE, kind, record_id)
        if record not in self._read_there:
            self._read_there[record] = self.neighbours.ravetree.get(kind, record_id)
        raw = self._read_there[record]
        if raw is not None and record in self.handling:
            self._seen(record, raw)
        return raw

    def ravetree_invoice(self, record_id: str) -> tuple[RavetreeInvoice | Gone, Body]:
        """An invoice as Ravetree has it: reads there are free."""
        raw = self.ravetree_body(Kind.INVOICE, record_id)
        return (ravetree.load_invoice(raw), raw) if raw is not None else (Gone(record_id), {})

    def ravetree_estimate(self, record_id: str) -> tuple[RavetreeEstimate | Gone, Body]:
        """An estimate as Ravetree has it."""
        raw = self.ravetree_body(Kind.ESTIMATE, record_id)
        return (ravetree.load_estimate(raw), raw) if raw is not None else (Gone(record_id), {})

    def ravetree_payment(self, record_id: str) -> tuple[RavetreePayment | Gone, Body]:
        """A payment as Ravetree has it."""
        raw = self.ravetree_body(Kind.PAYMENT, record_id)
        return (ravetree.load_payment(raw), raw) if raw is not None else (Gone(record_id), {})

    def contacts(self) -> dict[str, RavetreeContact]:
        """Every contact of the account by id, listed once a slice: reads there are free."""
        if self.known_contacts is None:
            rows = self.neighbours.ravetree.listing("contacts")
            self.known_contacts = {row["id"]: ravetree.load_contact(row) for row in rows if not row.get("deleted")}
        return self.known_contacts

    def remember_contact(self, record_id: str) -> None:
        """A contact was made: the list has it too, without listing all of them again."""
        raw = self.ravetree_body(Kind.CONTACT, record_id)
        if raw is not None and self.known_contacts is not None:
            self.known_contacts = self.known_contacts | {record_id: ravetree.load_contact(raw)}

    def _seen(self, record: Record, raw: Body) -> None:
        """Keep the version that is being planned. One that was only looked up proves nothing about its events."""
        if record in self._kept_there:
            return
        self._kept_there.add(record)
        with self.writing() as session:
            copies.store(session, self.id, record, int(raw["version"]), raw, self.now())

    # --- pairs -----------------------------------------------------------------------------------

    def pair(self, kind: str, side: Side, record_id: str, currency: str = "") -> Pair | None:
        """The pair of a record."""
        with self.reading() as session:
            return pairs.find(session, self.id, kind, side, record_id, currency)

    def pairs_among(self, kind: str, side: Side, record_ids: Iterable[str]) -> list[Pair]:
        """The pairs of several records."""
        with self.reading() as session:
            return pairs.among(session, self.id, kind, side, record_ids)

    def payments_pending(self) -> bool:
        """Whether payments of this connection are still to be looked at."""
        with self.reading() as session:
            return pending.others_pending(session, self.id, Kind.PAYMENT)

    def waits_for_a_person(self, record: Record) -> bool:
        """Whether this record, or its partner, is held or parked."""
        pair = self.pair(record.kind, record.side, record.id)
        names = [record]
        if pair is not None:
            names = [
                Record(Side.RAVETREE, record.kind, pair.ravetree_id),
                Record(Side.QUICKBOOKS, record.kind, pair.quickbooks_id),
            ]
        with self.reading() as session:
            return any(row.state in pending.ATTENTION for row in pending.rows(session, self.id, names))

    def look_at(self, records: Sequence[Record], *, must_read: bool = False) -> None:
        """Put records on the list of what must be looked at."""
        self.looked_at.update(records)
        with self.writing() as session:
            for record in records:
                pending.note(
                    session,
                    self.id,
                    record,
                    self.now(),
                    must_read=must_read and record.side is Side.QUICKBOOKS,
                )

    def placeholder_of(self, invoice_id: str) -> tuple[QuickBooksPayment | Gone | None, Copy | None]:
        """The payment that stands for "marked as paid" on a Ravetree invoice."""
        pair = self.pair(pairs.PLACEHOLDER, Side.RAVETREE, invoice_id)
        return self.quickbooks_payment(pair.quickbooks_id) if pair else (None, None)


def _is_made_after(raw: Body, moment: datetime) -> bool:
    try:
        return parse_instant(raw["MetaData"]["CreateTime"]) > moment
    except (KeyError, TypeError, ValueError):
        return True


def base_of(pair: Pair) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Both bodies of a pair's base, if it has one."""
    return (pair.base_ravetree, pair.base_quickbooks) if pair.base_quickbooks else None
