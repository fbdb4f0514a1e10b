"""What one slice of work has at hand: one connection, its neighbours, our copies of its records."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.orm import Session

from clients.quickbooks.company import quoted
from config.logging import logger
from config.ports import Clock
from consumers.journalled import Request
from consumers.neighbours import Neighbours
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
from schemas.quickbooks import Body
from storage import copies, decisions, pairs, pending
from storage.database import Database
from storage.models import Connection, Copy, Decision, Pair

ENTITIES = {
    Kind.CONTACT: "Customer",
    Kind.ESTIMATE: "Estimate",
    Kind.INVOICE: "Invoice",
    Kind.PAYMENT: "Payment",
}

log = logger("reconciler")


class Writes(Protocol):
    """Who sends writes: the journal, or nobody in a preview."""

    def write(self, request: Request) -> None: ...

    def write_batch(self, requests: Sequence[Request]) -> None: ...

    def resolve_due(self) -> None: ...

    def blocked_until(self, connection_id: str) -> dict[str, datetime]: ...


class Unwritten:
    """Sends nothing: a preview ends where the first write would begin."""

    class Stopped(Exception):
        """The write that would have been sent."""

        def __init__(self, request: Request) -> None:
            super().__init__(request.action)
            self.request = request

    def write(self, request: Request) -> None:
        """Raise `Stopped` with the request."""
        raise self.Stopped(request)

    def write_batch(self, requests: Sequence[Request]) -> None:
        """Raise `Stopped` with the first request."""
        raise self.Stopped(requests[0])

    def resolve_due(self) -> None:
        """Nothing was ever sent."""

    def blocked_until(self, _connection_id: str) -> dict[str, datetime]:
        """Nothing waits for an answer."""
        return {}


@dataclass
class Workbench:
    """One connection during one slice, or during one preview, which is `dry` and writes nothing:
    there `supposed` is what a person is supposed to have said.

    `fresh` are the QuickBooks records read since the last batch of notes was taken. `handling` are those that
    are being worked on: news of any other record is noted as pending when it is read, whatever it was read for.
    `looked_at` are those that a plan of this slice had looked at: once is enough to know that it does not help.
    """

    database: Database
    clock: Clock
    connection: Connection
    neighbours: Neighbours
    journal: Writes
    dry: bool = False
    would_write: list[Request] = field(default_factory=list)
    would_link: dict[tuple[str, str], str] = field(default_factory=dict)
    supposed: dict[Record, Decision] = field(default_factory=dict)
    fresh: set[Record] = field(default_factory=set)
    handling: set[Record] = field(default_factory=set)
    looked_at: set[Record] = field(default_factory=set)
    _contacts: dict[str, RavetreeContact] | None = None
    _numbers: dict[tuple[Kind, str], list[Body]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.connection.id

    @property
    def home_currency(self) -> str:
        return self.connection.home_currency

    def now(self) -> datetime:
        return self.clock.now()

    def write(self, request: Request) -> None:
        """Journal and send one write."""
        self.journal.write(request)

    def take_would_write(self) -> list[Request]:
        """What would have been written beside the record itself since the last time: a new customer."""
        taken, self.would_write[:] = list(self.would_write), []
        return taken

    # --- what people decided -----------------------------------------------------------------------

    def decided(self, names: Iterable[Record]) -> Decision | None:
        """What a person said of a record under any of its names; in a preview what is supposed to have been said."""
        known = list(names)
        supposed = next((self.supposed[name] for name in known if name in self.supposed), None)
        if supposed is not None:
            return supposed
        with self.database.transaction() as session:
            return decisions.find(session, self.id, known)

    def use_up(self, names: Iterable[Record]) -> None:
        """The decision has been carried out."""
        if self.dry:
            return
        with self.database.transaction() as session:
            decisions.use_up(session, self.id, names)

    # --- QuickBooks' side ------------------------------------------------------------------------

    def copy(self, record: Record) -> Copy | None:
        """Our copy of a QuickBooks record."""
        with self.database.transaction() as session:
            return copies.get(session, self.id, record)

    def refresh(self, records: Iterable[Record]) -> None:
        """Read QuickBooks records by id, one read for each kind; what is missing from the answer is gone."""
        wanted = {record for record in records if record.side is Side.QUICKBOOKS}
        for kind, entity in ENTITIES.items():
            ids = {record.id for record in wanted if record.kind is kind}
            if ids:
                found = {str(raw["Id"]): raw for raw in self.neighbours.quickbooks.by_ids(entity, ids)}
                self.keep(kind, found, missing=ids - found.keys())

    def keep(self, kind: Kind, found: Mapping[str, Body], missing: Iterable[str] = ()) -> None:
        """Store what was read, and note what is news to us: our copy is no proof that it was ever planned."""
        now = self.now()
        with self.database.transaction() as session:
            for name, raw in found.items():
                record = Record(Side.QUICKBOOKS, kind, name)
                self.fresh.add(record)
                if quickbooks.is_deleted(raw):
                    copies.mark_deleted(session, self.id, record, now)
                    self._note_news(session, record)
                elif copies.store(session, self.id, record, int(raw["SyncToken"]), raw, now):
                    self._note_news(session, record)
            for name in missing:
                record = Record(Side.QUICKBOOKS, kind, name)
                self.fresh.add(record)
                copies.mark_deleted(session, self.id, record, now)
                self._note_news(session, record)

    def _note_news(self, session: Session, record: Record) -> None:
        """Only what concerns a pair, or is a payment, is followed; a placeholder is a matter of its invoice."""
        if record in self.handling:
            return
        holder = pairs.find(session, self.id, pairs.PLACEHOLDER, Side.QUICKBOOKS, record.id)
        if holder is not None and record.kind is Kind.PAYMENT:
            record = Record(Side.RAVETREE, Kind.INVOICE, holder.ravetree_id)
        paired = bool(pairs.among(session, self.id, record.kind, record.side, [record.id]))
        if not paired and record.kind is not Kind.PAYMENT and record.side is Side.QUICKBOOKS:
            return
        pending.note(session, self.id, record, self.now())

    def look_up_numbers(self, kind: Kind, numbers: Iterable[str]) -> None:
        """Which documents of QuickBooks have these numbers: one read for all of them, good for this slice."""
        wanted = [number for number in dict.fromkeys(numbers) if (kind, number) not in self._numbers]
        if not wanted:
            return
        spelled = ", ".join(quoted(number) for number in wanted)
        with self.neighbours.quickbooks.because("number lookup"):
            found = self.neighbours.quickbooks.query(ENTITIES[kind], f"DocNumber in ({spelled})")
        for number in wanted:
            self._numbers[kind, number] = []
        for raw in found:
            self._numbers.setdefault((kind, str(raw.get("DocNumber", ""))), []).append(raw)

    def with_number(self, kind: Kind, number: str) -> list[Body]:
        """The documents of QuickBooks with this number."""
        self.look_up_numbers(kind, [number])
        return self._numbers[kind, number]

    def forget_number(self, kind: Kind, number: str) -> None:
        """It has just been given to a document of ours."""
        self._numbers.pop((kind, number), None)

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

    def ravetree_invoice(self, record_id: str) -> tuple[RavetreeInvoice | Gone, Body]:
        """An invoice as Ravetree has it now: reads there are free."""
        raw = self.neighbours.ravetree.get(Kind.INVOICE, record_id)
        if raw is None:
            return Gone(record_id), {}
        self._seen(Kind.INVOICE, raw)
        return ravetree.load_invoice(raw), raw

    def ravetree_estimate(self, record_id: str) -> tuple[RavetreeEstimate | Gone, Body]:
        """An estimate as Ravetree has it now."""
        raw = self.neighbours.ravetree.get(Kind.ESTIMATE, record_id)
        if raw is None:
            return Gone(record_id), {}
        self._seen(Kind.ESTIMATE, raw)
        return ravetree.load_estimate(raw), raw

    def ravetree_payment(self, record_id: str) -> tuple[RavetreePayment | Gone, Body]:
        """A payment as Ravetree has it now."""
        raw = self.neighbours.ravetree.get(Kind.PAYMENT, record_id)
        if raw is None:
            return Gone(record_id), {}
        self._seen(Kind.PAYMENT, raw)
        return ravetree.load_payment(raw), raw

    def contacts(self) -> dict[str, RavetreeContact]:
        """Every contact of the account by id, listed once a slice: reads there are free."""
        if self._contacts is None:
            rows = self.neighbours.ravetree.listing("contacts")
            self._contacts = {row["id"]: ravetree.load_contact(row) for row in rows if not row.get("deleted")}
        return self._contacts

    def remember_contact(self, record_id: str) -> None:
        """A contact was made: the list has it too, without listing all of them again."""
        raw = self.neighbours.ravetree.get(Kind.CONTACT, record_id)
        if raw is not None and self._contacts is not None:
            self._contacts[record_id] = ravetree.load_contact(raw)

    def _seen(self, kind: Kind, raw: Body) -> None:
        """Keep the version that is being planned. One that was only looked up proves nothing about its events."""
        record = Record(Side.RAVETREE, kind, raw["id"])
        if record not in self.handling:
            return
        with self.database.transaction() as session:
            copies.store(session, self.id, record, int(raw["version"]), raw, self.now())

    # --- pairs -----------------------------------------------------------------------------------

    def pair(self, kind: str, side: Side, record_id: str, currency: str = "") -> Pair | None:
        """The pair of a record."""
        with self.database.transaction() as session:
            return pairs.find(session, self.id, kind, side, record_id, currency)

    def pairs_among(self, kind: str, side: Side, record_ids: Iterable[str]) -> list[Pair]:
        """The pairs of several records."""
        with self.database.transaction() as session:
            return pairs.among(session, self.id, kind, side, record_ids)

    def payments_pending(self) -> bool:
        """Whether payments of this connection are still to be looked at."""
        with self.database.transaction() as session:
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
        with self.database.transaction() as session:
            return any(row.state in pending.ATTENTION for row in pending.rows(session, self.id, names))

    def look_at(self, records: Sequence[Record], *, must_read: bool = False) -> None:
        """Put records on the list of what must be looked at."""
        self.looked_at.update(records)
        with self.database.transaction() as session:
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


def base_of(pair: Pair) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Both bodies of a pair's base, if it has one."""
    return (pair.base_ravetree, pair.base_quickbooks) if pair.base_quickbooks else None
