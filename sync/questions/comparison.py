"""Both books of a connection at one moment: Ravetree's records as they are, QuickBooks' as we know them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, TypeVar

from reconcile import sentences
from reconcile.compare import (
    Accepted,
    Cause,
    Difference,
    Links,
    compare_estimate,
    compare_invoice,
    compare_payment,
    in_old_copy,
    invoice_status,
    payment_status,
)
from reconcile.estimates import STATUS
from reconcile.model import (
    ZERO,
    Gone,
    Kind,
    QuickBooksEstimate,
    QuickBooksInvoice,
    QuickBooksPayment,
    RavetreeContact,
    RavetreeEstimate,
    RavetreeInvoice,
    RavetreePayment,
    Record,
    Side,
)
from reconcile.open_balances import WAITS
from reconcile.parity import Figures
from schemas import quickbooks, ravetree
from schemas.quickbooks import Body
from storage import copies, pairs
from storage.models import Copy, Pair
from sync.books import Books, base_of
from sync.entities import ENTITIES
from sync.outcomes import Waits
from sync.questions.lists import Lists
from sync.records import company_tax
from sync.rehearsal import Rehearsal, Rehearsed, attention_of

DOCUMENTS = (Kind.ESTIMATE, Kind.INVOICE)
COMPARED = (*DOCUMENTS, Kind.PAYMENT)
PAGE = 1000
MOST_REHEARSED = 500
"""Records whose next sync is rehearsed for one question."""
_ASK_ALONE = "Look at this record alone to see what the next sync does."

_M = TypeVar("_M")
_T = TypeVar("_T")
_UNSEEN = Difference(
    "status", "paired", "unknown", "", "both", "Nothing: it was not read from QuickBooks yet.", Cause.UNEXPLAINED
)

Ours = RavetreeInvoice | RavetreeEstimate | RavetreePayment | Gone
Theirs = QuickBooksInvoice | QuickBooksEstimate | QuickBooksPayment | Gone


def read_in_full(books: Books) -> None:
    """Read what concerns the pairs from QuickBooks, a metered read for each thousand records of a kind.

    What is news to us is noted as pending, as with any read. What is missing is asked for by its id before it counts
    as deleted.
    """
    with books.reading() as session:
        invoices = {pair.quickbooks_id for pair in pairs.every(session, books.id, Kind.INVOICE)}
        wanted = {kind: {pair.quickbooks_id for pair in pairs.every(session, books.id, kind)} for kind in COMPARED}
        wanted[Kind.PAYMENT] |= {pair.quickbooks_id for pair in pairs.every(session, books.id, pairs.PLACEHOLDER)}
    for kind in COMPARED:
        if not wanted[kind] and not (kind is Kind.PAYMENT and invoices):
            continue
        seen: set[str] = set()
        for rows in _pages(books, kind):
            kept = {
                str(raw["Id"]): raw
                for raw in rows
                if str(raw["Id"]) in wanted[kind] or (kind is Kind.PAYMENT and _settles(raw, invoices))
            }
            seen |= kept.keys()
            books.quickbooks.keep(kind, kept)
        books.quickbooks.refresh(Record(Side.QUICKBOOKS, kind, name) for name in wanted[kind] - seen)


def _pages(books: Books, kind: Kind) -> Iterator[list[Body]]:
    start = 0
    while True:
        rows = books.neighbours.quickbooks.page(ENTITIES[kind], "", start, PAGE)
        yield rows
        start += len(rows)
        if len(rows) < PAGE:
            return


def _settles(raw: Body, invoices: set[str]) -> bool:
    links = [link for line in raw.get("Line", []) for link in line.get("LinkedTxn", [])]
    return any(link.get("TxnType") == "Invoice" and str(link.get("TxnId")) in invoices for link in links)


@dataclass(frozen=True)
class SideBySide:
    """A pair, or a record alone, held against its partner. `copy` is what we have of QuickBooks' record."""

    kind: Kind
    ravetree_id: str
    quickbooks_id: str
    ours: Ours | None
    theirs: Theirs | None
    copy: Copy | None = None
    pair: Pair | None = None
    differences: tuple[Difference, ...] = ()

    @property
    def names(self) -> list[Record]:
        """What it is called, Ravetree's name first."""
        found = []
        if self.ravetree_id:
            found.append(Record(Side.RAVETREE, self.kind, self.ravetree_id))
        if self.quickbooks_id:
            found.append(Record(Side.QUICKBOOKS, self.kind, self.quickbooks_id))
        return found

    @property
    def number(self) -> str:
        """The number of a document, the reference of a payment."""
        for record in (self.ours, self.theirs):
            if isinstance(record, RavetreePayment | QuickBooksPayment):
                return record.reference
            if record is not None and not isinstance(record, Gone):
                return record.number
        return str(self.pair.base_ravetree.get("number", "")) if self.pair is not None else ""

    @property
    def currency(self) -> str:
        """The currency of whichever side there is."""
        for record in (self.ours, self.theirs):
            if record is not None and not isinstance(record, Gone):
                return record.currency
        return str(self.pair.base_ravetree.get("currency", "")) if self.pair is not None else ""


class BothBooks:
    """Compares what our books know. It writes nothing, and reads nothing that is metered."""

    def __init__(self, books: Books, rehearsal: Rehearsal | None = None, lists: Lists | None = None) -> None:
        self.books = books
        self.lists = lists or Lists(books)
        self._rehearsal = rehearsal
        self._rehearsed = 0
        self._contacts: dict[str, RavetreeContact | None] = {}

    def hold(self, pair: Pair, raw: Body | None, copy: Copy | None) -> SideBySide:
        """One pair: `raw` is Ravetree's record or None if it is gone, `copy` ours of QuickBooks'."""
        kind = Kind(pair.kind)
        ours: Ours | None = None
        theirs: Theirs | None = None
        try:
            ours = _ours(kind, pair.ravetree_id, raw)
            theirs = _theirs(kind, pair.quickbooks_id, copy, self.books.home_currency)
            found = (_UNSEEN,) if theirs is None else self._differences(pair, ours, theirs, raw, copy)
        except quickbooks.UnreadableRecord as error:
            # One record that makes no sense must not hide all others.
            found = (replace(_UNSEEN, next=f"Nothing: {error}. {error.remedy}"),)
        else:
            found = self._with_next(Record(Side.RAVETREE, kind, pair.ravetree_id), found)
        if copy is not None and copy.stale:
            found = in_old_copy(found)
        return SideBySide(kind, pair.ravetree_id, pair.quickbooks_id, ours, theirs, copy, pair, found)

    def _with_next(self, record: Record, found: tuple[Difference, ...]) -> tuple[Difference, ...]:
        """The same differences, each with what the next sync does: rehearsed, for so many records."""
        if self._rehearsal is None or not found or _UNSEEN in found:
            return found
        if self._rehearsed >= MOST_REHEARSED:
            return tuple(replace(one, next=_ASK_ALONE) for one in found)
        self._rehearsed += 1
        self.books.unit.commit()
        rehearsed = self._rehearsal.run(record)
        return tuple(replace(one, next=next_sync_of(rehearsed, one.next)) for one in found)

    def hold_alone(self, record: Record, raw: Body | None, copy: Copy | None) -> SideBySide:
        """A record without a partner."""
        is_ours = record.side is Side.RAVETREE
        held = SideBySide(record.kind, record.id if is_ours else "", "" if is_ours else record.id, None, None, copy)
        try:
            if is_ours:
                return replace(held, ours=_ours(record.kind, record.id, raw))
            return replace(held, theirs=_theirs(record.kind, record.id, copy, self.books.home_currency))
        except quickbooks.UnreadableRecord:
            return held

    def _differences(
        self, pair: Pair, ours: Ours, theirs: Theirs, raw: Body | None, copy: Copy | None
    ) -> tuple[Difference, ...]:
        bodies = base_of(pair)
        mine: Ours | None = None
        other: Theirs | None = None
        if bodies is not None:
            kind = Kind(pair.kind)
            # Most records are as they were when both agreed, and reading them twice is what takes the time.
            mine = ours if bodies[0] == raw else _ours(kind, pair.ravetree_id, bodies[0])
            same = copy is not None and not copy.deleted and bodies[1] == copy.body
            other = theirs if same else _load(kind, bodies[1], self.books.home_currency)
        match ours, theirs, pair.kind:
            case (RavetreeInvoice() | Gone(), QuickBooksInvoice() | Gone(), Kind.INVOICE):
                agreed = _agreed(mine, other, RavetreeInvoice, QuickBooksInvoice)
                sent = str(Record(Side.RAVETREE, Kind.INVOICE, pair.ravetree_id)) in self.lists.sent_written
                return compare_invoice(ours, theirs, agreed, self._links(pair), sent_written=sent)
            case (RavetreeEstimate() | Gone(), QuickBooksEstimate() | Gone(), Kind.ESTIMATE):
                then = _agreed(mine, other, RavetreeEstimate, QuickBooksEstimate)
                return compare_estimate(ours, theirs, then, self._links(pair))
            case (RavetreePayment() | Gone(), QuickBooksPayment() | Gone(), Kind.PAYMENT):
                was = _agreed(mine, other, RavetreePayment, QuickBooksPayment)
                last = other if isinstance(other, QuickBooksPayment) else None
                known = self.lists.known_invoices([ours, theirs, mine, other], last)
                spent = Decimal(str(pair.kept.get("spent", 0)))
                return compare_payment(ours, theirs, was, known, self.lists.methods, spent)
        raise TypeError(f"a pair of {pair.kind} holds other records")

    def _links(self, pair: Pair) -> Links:
        mapped = self.lists.mappings
        return Links(
            customers=self.lists.customers,
            items={row.key: row.quickbooks_id for row in mapped if row.kind == "line_type"},
            tax_codes={row.key: row.quickbooks_id for row in mapped if row.kind == "tax_rate"},
            us_company=self.books.connection.country == "US",
            tax=company_tax.last_known(self.books.connection),
            line_ids=dict(pair.line_ids),
            names=self.lists.names,
            accepted=_accepted(pair),
        )

    def everything(self) -> Iterator[SideBySide]:
        """Every pair of documents and payments."""
        for kind in COMPARED:
            with self.books.reading() as session:
                found = pairs.every(session, self.books.id, kind)
            listed, known = self.lists.listed(kind), self.lists.copies(kind)
            for pair in found:
                yield self.hold(pair, listed.get(pair.ravetree_id), known.get(pair.quickbooks_id))

    def client_name(self, held: SideBySide) -> str:
        """Who a record is about, as Ravetree calls the client."""
        ours = held.ours if held.ours is not None and not isinstance(held.ours, Gone) else None
        if ours is not None:
            contact = self.contact(ours.client_id)
            return contact.name if contact is not None else ours.client_id
        if held.theirs is not None and not isinstance(held.theirs, Gone):
            return self.lists.names.get(held.theirs.customer_id, held.theirs.customer_id)
        return ""

    def contact(self, contact_id: str) -> RavetreeContact | None:
        """One contact, as it was seen last, or as Ravetree says if it never was: nobody lists all of them for one."""
        if contact_id not in self._contacts:
            with self.books.reading() as session:
                copy = copies.get(session, self.books.id, Record(Side.RAVETREE, Kind.CONTACT, contact_id))
            if copy is not None and not copy.deleted:
                raw: Body | None = copy.body
            else:
                raw = self.books.neighbours.ravetree.get(Kind.CONTACT, contact_id)
            self._contacts[contact_id] = ravetree.load_contact(raw) if raw and not raw.get("deleted") else None
        return self._contacts[contact_id]


def _accepted(pair: Pair) -> Accepted | None:
    """What a person lets differ, with who, when and why."""
    gap = pairs.accepted_gap(pair)
    if gap is None or pair.accepted is None:
        return None
    note = f": {pair.accepted['note']}" if pair.accepted.get("note") else ""
    words = f"Nothing: accepted by {pair.accepted.get('by') or 'a person'} on {pair.accepted.get('at', '')[:10]}{note}."
    return Accepted(gap, words)


def _ours(kind: Kind, record_id: str, raw: Body | None) -> Ours:
    if raw is None or raw.get("deleted"):
        return Gone(record_id)
    match kind:
        case Kind.INVOICE:
            return ravetree.load_invoice(raw)
        case Kind.ESTIMATE:
            return ravetree.load_estimate(raw)
        case _:
            return ravetree.load_payment(raw)


def _theirs(kind: Kind, record_id: str, copy: Copy | None, home: str) -> Theirs | None:
    if copy is None:
        return None
    return Gone(record_id) if copy.deleted else _load(kind, copy.body, home)


def _load(kind: Kind, raw: Body, home: str) -> QuickBooksInvoice | QuickBooksEstimate | QuickBooksPayment:
    match kind:
        case Kind.INVOICE:
            return quickbooks.load_invoice(raw, home)
        case Kind.ESTIMATE:
            return quickbooks.load_estimate(raw, home)
        case _:
            return quickbooks.load_payment(raw, home)


def _agreed(mine: Any, other: Any, ours: type[_M], theirs: type[_T]) -> tuple[_M, _T] | None:
    """Both sides of a base, if it is one of these records."""
    return (mine, other) if isinstance(mine, ours) and isinstance(other, theirs) else None


def figures(record: Ours | Theirs | None) -> Figures | None:
    """What a report shows of one side; of a payment the balance is what of it is unapplied."""
    match record:
        case RavetreeInvoice():
            status = invoice_status(record)
            live = not record.void and not record.marked_paid
            total = ZERO if record.void else record.total
            return Figures(record.number, status, total, record.balance, record.balance if live else ZERO)
        case QuickBooksInvoice():
            return Figures(record.number, invoice_status(record), record.total, record.balance, record.balance)
        case RavetreeEstimate():
            return Figures(record.number, STATUS.get(record.status, record.status), record.total, ZERO)
        case QuickBooksEstimate():
            return Figures(record.number, record.status, record.total, ZERO)
        case RavetreePayment() | QuickBooksPayment():
            return Figures(record.reference, payment_status(record), record.amount, record.unapplied)
        case _:
            return None


def next_sync_of(rehearsed: Rehearsed, at_rest: str = "") -> str:
    """What the next sync does with a record, in a sentence; `at_rest` where that is nothing."""
    if rehearsed.unknown:
        return sentences.READS_FIRST
    writes = [(step.side, step.action) for step in rehearsed.steps]
    waits = rehearsed.waits
    if isinstance(rehearsed.outcome, Waits) and rehearsed.outcome.why != WAITS:
        target = rehearsed.outcome.target
        if target.is_switch_on:
            at_rest = f"Nothing: {target.kind}s are switched off."
        else:
            waits = "waits for the payments that are under way"
            if target.id != "*":
                waits = f"waits for {target.kind} {target.id}"
    return sentences.next_sync(writes, attention_of(rehearsed), waits, at_rest)


def spell_amount(amount: Decimal) -> str:
    """An amount as a report keeps it: a plain number."""
    return f"{amount:.2f}" if amount == amount.quantize(Decimal("0.01")) else f"{amount.normalize():f}"


def spell_differences(differences: Iterable[Difference]) -> list[dict[str, Any]]:
    """Differences as the API shows them."""
    return [
        {
            "field": difference.field,
            "ravetree": difference.ravetree,
            "quickbooks": difference.quickbooks,
            "base": difference.base,
            "owner": difference.owner,
            "next": difference.next,
            "cause": str(difference.cause),
        }
        for difference in differences
    ]
