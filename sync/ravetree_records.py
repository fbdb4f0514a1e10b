"""Ravetree's records: read when they are first asked for, since reads there are free."""

from reconcile.model import (
    Gone,
    Kind,
    RavetreeContact,
    RavetreeEstimate,
    RavetreeInvoice,
    RavetreePayment,
    Record,
    Side,
)
from schemas import ravetree
from schemas.quickbooks import Body
from storage import copies
from sync.slice import Slice


class RavetreeRecords:
    """Ravetree's records of one connection, each as it was when it was first asked for since the notes were taken."""

    def __init__(self, work: Slice, known_contacts: dict[str, RavetreeContact] | None) -> None:
        self._slice = work
        self.known_contacts = known_contacts
        self._read: dict[Record, Body | None] = {}
        self._kept: set[Record] = set()

    def body(self, kind: Kind, record_id: str) -> Body | None:
        """A record as Ravetree had it when it was first asked for since the notes were taken, or None if it is gone.

        What is changed meanwhile comes with an event of its own, under a later generation.
        """
        record = Record(Side.RAVETREE, kind, record_id)
        if record not in self._read:
            self._read[record] = self._slice.neighbours.ravetree.get(kind, record_id)
        raw = self._read[record]
        if raw is not None and record in self._slice.handling:
            self._seen(record, raw)
        return raw

    def invoice(self, record_id: str) -> tuple[RavetreeInvoice | Gone, Body]:
        """An invoice as Ravetree has it: reads there are free."""
        raw = self.body(Kind.INVOICE, record_id)
        return (ravetree.load_invoice(raw), raw) if raw is not None else (Gone(record_id), {})

    def estimate(self, record_id: str) -> tuple[RavetreeEstimate | Gone, Body]:
        """An estimate as Ravetree has it."""
        raw = self.body(Kind.ESTIMATE, record_id)
        return (ravetree.load_estimate(raw), raw) if raw is not None else (Gone(record_id), {})

    def payment(self, record_id: str) -> tuple[RavetreePayment | Gone, Body]:
        """A payment as Ravetree has it."""
        raw = self.body(Kind.PAYMENT, record_id)
        return (ravetree.load_payment(raw), raw) if raw is not None else (Gone(record_id), {})

    def contacts(self) -> dict[str, RavetreeContact]:
        """Every contact of the account by id, listed once a slice: reads there are free."""
        if self.known_contacts is None:
            rows = self._slice.neighbours.ravetree.listing("contacts")
            self.known_contacts = {row["id"]: ravetree.load_contact(row) for row in rows if not row.get("deleted")}
        return self.known_contacts

    def remember_contact(self, record_id: str) -> None:
        """A contact was made: the list has it too, without listing all of them again."""
        raw = self.body(Kind.CONTACT, record_id)
        if raw is not None and self.known_contacts is not None:
            self.known_contacts = self.known_contacts | {record_id: ravetree.load_contact(raw)}

    def _seen(self, record: Record, raw: Body) -> None:
        """Keep the version that is being planned. One that was only looked up proves nothing about its events."""
        if record in self._kept:
            return
        self._kept.add(record)
        with self._slice.writing() as session:
            copies.store(session, self._slice.id, record, int(raw["version"]), raw, self._slice.now())

    def forget(self) -> None:
        """Something was written, or notes were taken: what was read before may be older than that."""
        self._read.clear()
        self._kept.clear()
