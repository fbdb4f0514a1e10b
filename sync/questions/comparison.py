"""Both books of a connection at one moment: Ravetree's records as they are, QuickBooks' as we know them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeVar

import sqlalchemy as sa

from reconcile import sentences
from reconcile.compare import (
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
from reconcile.invoices import WHEN_SENT
from reconcile.markers import marked_placeholder
from reconcile.model import (
    ZERO,
    Gone,
    Kind,
    QuickBooksEstimate,
    QuickBooksInvoice,
    QuickBooksPayment,
    RavetreeEstimate,
    RavetreeInvoice,
    RavetreePayment,
    Record,
    Side,
)
from reconcile.parity import Compared, Figures, Waiting, missing
from reconcile.payments import KnownInvoice
from schemas import quickbooks, ravetree
from schemas.quickbooks import Body
from storage import copies, journal, pairs, pending, steps
from storage.models import Copy, Mapping, Pair, PendingChange
from sync.books import Books, base_of
from sync.entities import ENTITIES
from sync.outcomes import Waits
from sync.rehearsal import Rehearsal, Rehearsed, attention_of

DOCUMENTS = (Kind.ESTIMATE, Kind.INVOICE)
KINDS = (*DOCUMENTS, Kind.PAYMENT)
RESOURCES = {Kind.ESTIMATE: "estimates", Kind.INVOICE: "invoices", Kind.PAYMENT: "payments"}
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
        wanted = {kind: {pair.quickbooks_id for pair in pairs.every(session, books.id, kind)} for kind in KINDS}
        wanted[Kind.PAYMENT] |= {pair.quickbooks_id for pair in pairs.every(session, books.id, pairs.PLACEHOLDER)}
    for kind in KINDS:
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
        for record in (self.ours, self.theirs):
            if record is not None and not isinstance(record, Gone):
                return record.currency
        return str(self.pair.base_ravetree.get("currency", "")) if self.pair is not None else ""


@dataclass
class BothBooks:
    """Compares what our books know. It writes nothing, and reads nothing that is metered."""

    books: Books
    rehearsal: Rehearsal | None = None
    _rehearsed: int = 0
    _listed: dict[Kind, dict[str, Body]] = field(default_factory=dict)
    _copies: dict[Kind, dict[str, Copy]] = field(default_factory=dict)
    _known: dict[str, KnownInvoice] = field(default_factory=dict)

    # --- one pair --------------------------------------------------------------------------------

    def hold(self, pair: Pair, raw: Body | None, copy: Copy | None) -> SideBySide:
        """One pair: `raw` is Ravetree's record or None if it is gone, `copy` ours of QuickBooks'."""
        kind = Kind(pair.kind)
        ours: Ours | None = None
        theirs: Theirs | None = None
        try:
            ours = self._ours(kind, pair.ravetree_id, raw)
            theirs = self._theirs(kind, pair.quickbooks_id, copy)
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
        if self.rehearsal is None or not found or _UNSEEN in found:
            return found
        if self._rehearsed >= MOST_REHEARSED:
            return tuple(replace(one, next=_ASK_ALONE) for one in found)
        self._rehearsed += 1
        self.books.unit.commit()
        rehearsed = self.rehearsal.run(record)
        return tuple(replace(one, next=next_sync_of(rehearsed, one.next)) for one in found)

    def hold_alone(self, record: Record, raw: Body | None, copy: Copy | None) -> SideBySide:
        """A record without a partner."""
        is_ours = record.side is Side.RAVETREE
        held = SideBySide(record.kind, record.id if is_ours else "", "" if is_ours else record.id, None, None, copy)
        try:
            if is_ours:
                return replace(held, ours=self._ours(record.kind, record.id, raw))
            return replace(held, theirs=self._theirs(record.kind, record.id, copy))
        except quickbooks.UnreadableRecord:
            return held

    def _ours(self, kind: Kind, record_id: str, raw: Body | None) -> Ours:
        if raw is None or raw.get("deleted"):
            return Gone(record_id)
        match kind:
            case Kind.INVOICE:
                return ravetree.load_invoice(raw)
            case Kind.ESTIMATE:
                return ravetree.load_estimate(raw)
            case _:
                return ravetree.load_payment(raw)

    def _theirs(self, kind: Kind, record_id: str, copy: Copy | None) -> Theirs | None:
        if copy is None:
            return None
        return Gone(record_id) if copy.deleted else self._load(kind, copy.body)

    def _load(self, kind: Kind, raw: Body) -> QuickBooksInvoice | QuickBooksEstimate | QuickBooksPayment:
        home = self.books.home_currency
        match kind:
            case Kind.INVOICE:
                return quickbooks.load_invoice(raw, home)
            case Kind.ESTIMATE:
                return quickbooks.load_estimate(raw, home)
            case _:
                return quickbooks.load_payment(raw, home)

    def _differences(
        self, pair: Pair, ours: Ours, theirs: Theirs, raw: Body | None, copy: Copy | None
    ) -> tuple[Difference, ...]:
        bodies = base_of(pair)
        mine: Ours | None = None
        other: Theirs | None = None
        if bodies is not None:
            kind = Kind(pair.kind)
            # Most records are as they were when both agreed, and reading them twice is what takes the time.
            mine = ours if bodies[0] == raw else self._ours(kind, pair.ravetree_id, bodies[0])
            same = copy is not None and not copy.deleted and bodies[1] == copy.body
            other = theirs if same else self._load(kind, bodies[1])
        match ours, theirs, pair.kind:
            case (RavetreeInvoice() | Gone(), QuickBooksInvoice() | Gone(), Kind.INVOICE):
                agreed = _agreed(mine, other, RavetreeInvoice, QuickBooksInvoice)
                sent = str(Record(Side.RAVETREE, Kind.INVOICE, pair.ravetree_id)) in self._sent_written
                return compare_invoice(ours, theirs, agreed, self._links(pair), sent_written=sent)
            case (RavetreeEstimate() | Gone(), QuickBooksEstimate() | Gone(), Kind.ESTIMATE):
                then = _agreed(mine, other, RavetreeEstimate, QuickBooksEstimate)
                return compare_estimate(ours, theirs, then, self._links(pair))
            case (RavetreePayment() | Gone(), QuickBooksPayment() | Gone(), Kind.PAYMENT):
                was = _agreed(mine, other, RavetreePayment, QuickBooksPayment)
                known = self.known_invoices([ours, theirs, mine, other])
                return compare_payment(ours, theirs, was, known, self._methods)
        raise TypeError(f"a pair of {pair.kind} holds other records")

    # --- what one pair is compared with ----------------------------------------------------------

    def _links(self, pair: Pair) -> Links:
        mapped = self._mappings
        return Links(
            customers=self._customers,
            items={row.key: row.quickbooks_id for row in mapped if row.kind == "line_type"},
            tax_codes={row.key: row.quickbooks_id for row in mapped if row.kind == "tax_rate"},
            us_company=self.books.connection.country == "US",
            line_ids=dict(pair.line_ids),
            names=self._names,
        )

    @cached_property
    def _mappings(self) -> list[Mapping]:
        with self.books.reading() as session:
            return list(session.execute(sa.select(Mapping).where(Mapping.connection_id == self.books.id)).scalars())

    @cached_property
    def _methods(self) -> dict[str, str]:
        return {row.key: row.quickbooks_id for row in self._mappings if row.kind == "payment_method"}

    @cached_property
    def _customers(self) -> dict[tuple[str, str], str]:
        with self.books.reading() as session:
            found = pairs.every(session, self.books.id, Kind.CONTACT)
        return {(pair.ravetree_id, pair.currency): pair.quickbooks_id for pair in found}

    @cached_property
    def _names(self) -> dict[str, str]:
        """Customers by id, and items as `item ID`."""
        with self.books.reading() as session:
            known = copies.every(session, self.books.id, Side.QUICKBOOKS, Kind.CONTACT)
        names = {copy.record_id: str(copy.body["DisplayName"]) for copy in known if copy.body.get("DisplayName")}
        return names | {f"item {row.quickbooks_id}": row.name for row in self._mappings if row.name}

    @cached_property
    def _sent_written(self) -> set[str]:
        with self.books.reading() as session:
            return journal.done_subjects(session, self.books.id, "invoice.mark_sent")

    @cached_property
    def _invoice_pairs(self) -> tuple[dict[str, Pair], dict[str, Pair]]:
        with self.books.reading() as session:
            found = pairs.every(session, self.books.id, Kind.INVOICE)
        return {pair.ravetree_id: pair for pair in found}, {pair.quickbooks_id: pair for pair in found}

    def known_invoices(self, records: Iterable[Ours | Theirs | None]) -> tuple[KnownInvoice, ...]:
        """The paired invoices that any of these payments names."""
        by_ours, by_theirs = self._invoice_pairs
        found: dict[str, Pair] = {}
        for record in records:
            if isinstance(record, RavetreePayment | QuickBooksPayment):
                by = by_ours if isinstance(record, RavetreePayment) else by_theirs
                named = [by.get(allocation.invoice_id) for allocation in record.allocations]
                found |= {pair.ravetree_id: pair for pair in named if pair is not None and pair.base_quickbooks}
        return tuple(self._known_invoice(pair) for _, pair in sorted(found.items()))

    def _known_invoice(self, pair: Pair) -> KnownInvoice:
        if pair.ravetree_id not in self._known:
            self._known[pair.ravetree_id] = KnownInvoice(
                pair.ravetree_id,
                pair.quickbooks_id,
                str(pair.base_ravetree["number"]),
                str(pair.base_ravetree["client_id"]),
                quickbooks.load_invoice(pair.base_quickbooks, self.books.home_currency),
            )
        return self._known[pair.ravetree_id]

    # --- everything ------------------------------------------------------------------------------

    def everything(self) -> Iterator[SideBySide]:
        """Every pair of documents and payments."""
        for kind in KINDS:
            with self.books.reading() as session:
                found = pairs.every(session, self.books.id, kind)
            listed, known = self.listed(kind), self.copies(kind)
            for pair in found:
                yield self.hold(pair, listed.get(pair.ravetree_id), known.get(pair.quickbooks_id))

    def listed(self, kind: Kind) -> dict[str, Body]:
        """Ravetree's records of a kind by id, listed once: reads there are free."""
        if kind not in self._listed:
            rows = self.books.neighbours.ravetree.listing(RESOURCES[kind])
            self._listed[kind] = {row["id"]: row for row in rows if not row.get("deleted")}
        return self._listed[kind]

    def copies(self, kind: Kind) -> dict[str, Copy]:
        """Our copies of QuickBooks' records of a kind, by id."""
        if kind not in self._copies:
            with self.books.reading() as session:
                found = copies.every(session, self.books.id, Side.QUICKBOOKS, kind)
            self._copies[kind] = {copy.record_id: copy for copy in found}
        return self._copies[kind]

    @cached_property
    def under_way(self) -> dict[Record, PendingChange]:
        """All that is not at rest, by record."""
        with self.books.reading() as session:
            return {pending.record_of(row): row for row in pending.every(session, self.books.id)}

    def client_name(self, held: SideBySide) -> str:
        """Who a record is about, as Ravetree calls the client."""
        ours = held.ours if held.ours is not None and not isinstance(held.ours, Gone) else None
        if ours is not None:
            contact = self.books.ravetree.contacts().get(ours.client_id)
            return contact.name if contact is not None else ours.client_id
        if held.theirs is not None and not isinstance(held.theirs, Gone):
            return self._names.get(held.theirs.customer_id, held.theirs.customer_id)
        return ""

    # --- for a parity report ---------------------------------------------------------------------

    def compared(self) -> Iterator[Compared]:
        """Every pair, and every record that should have a partner and has none."""
        paired: defaultdict[tuple[Kind, Side], set[str]] = defaultdict(set)
        for held in self.everything():
            paired[held.kind, Side.RAVETREE].add(held.ravetree_id)
            paired[held.kind, Side.QUICKBOOKS].add(held.quickbooks_id)
            yield self._compared(held)
        for kind in DOCUMENTS:
            for name, raw in self.listed(kind).items():
                if name not in paired[kind, Side.RAVETREE]:
                    held = self.hold_alone(Record(Side.RAVETREE, kind, name), raw, None)
                    if self._should_be_there(held):
                        yield missing(self._compared(held))
        for held in self._payments_alone(paired):
            if not self._was_left_alone(held):
                yield missing(self._compared(held))

    def _compared(self, held: SideBySide) -> Compared:
        invoice = held.kind is Kind.INVOICE
        return Compared(
            kind=held.kind,
            ravetree_id=held.ravetree_id,
            quickbooks_id=held.quickbooks_id,
            client=self.client_name(held),
            currency=held.currency,
            ravetree=figures(held.ours),
            quickbooks=figures(held.theirs),
            differences=held.differences,
            own=self._waiting(held.names),
            payments=tuple(self._payments_under_way.get(held.ravetree_id, ())) if invoice else (),
            credit=self._credit.get(held.ravetree_id, ZERO) if invoice else ZERO,
        )

    def _waiting(self, names: Iterable[Record]) -> Waiting | None:
        rows = [self.under_way[name] for name in names if name in self.under_way]
        # What a person has to see to is said before what goes on by itself.
        rows.sort(key=lambda row: row.state not in pending.ATTENTION)
        return Waiting(rows[0].state, rows[0].cause, rows[0].remedy) if rows else None

    @cached_property
    def _payments_under_way(self) -> dict[str, list[Waiting]]:
        """What is under way for payments, by the Ravetree id of the paired invoices that they name."""
        found: defaultdict[str, list[Waiting]] = defaultdict(list)
        for record in self.under_way:
            waiting = self._waiting([record])
            if record.kind is Kind.PAYMENT and waiting is not None:
                for name in self._invoices_of(record):
                    found[name].append(waiting)
        return dict(found)

    def _invoices_of(self, payment: Record) -> set[str]:
        """The Ravetree ids of the paired invoices that a payment names on either side: one may have it deleted."""
        pair = self.books.pair(Kind.PAYMENT, payment.side, payment.id)
        names = {payment.side: payment.id}
        if pair is not None:
            names = {Side.RAVETREE: pair.ravetree_id, Side.QUICKBOOKS: pair.quickbooks_id}
        sides = []
        for side, name in names.items():
            raw = self.listed(Kind.PAYMENT).get(name) if side is Side.RAVETREE else None
            copy = self.copies(Kind.PAYMENT).get(name) if side is Side.QUICKBOOKS else None
            held = self.hold_alone(Record(side, Kind.PAYMENT, name), raw, copy)
            sides += [held.ours, held.theirs]
        return {invoice.ravetree_id for invoice in self.known_invoices(sides)}

    @cached_property
    def _credit(self) -> dict[str, Decimal]:
        """By how much credit makes QuickBooks' balance of an invoice smaller than Ravetree's."""
        by_ours, by_theirs = self._invoice_pairs
        found: defaultdict[str, Decimal] = defaultdict(Decimal)
        for name, copy in self.copies(Kind.PAYMENT).items():
            theirs = self.hold_alone(Record(Side.QUICKBOOKS, Kind.PAYMENT, name), None, copy).theirs
            if isinstance(theirs, QuickBooksPayment) and theirs.is_credit_link:
                for share in theirs.allocations:
                    if (pair := by_theirs.get(share.invoice_id)) is not None:
                        found[pair.ravetree_id] += share.amount
        for name, raw in self.listed(Kind.PAYMENT).items():
            ours = self.hold_alone(Record(Side.RAVETREE, Kind.PAYMENT, name), raw, None).ours
            if isinstance(ours, RavetreePayment) and ours.amount == ZERO and not ours.voided:
                for share in ours.allocations:
                    if share.invoice_id in by_ours:
                        found[share.invoice_id] -= share.amount
        return dict(found)

    # --- records that should have a partner ------------------------------------------------------

    def _should_be_there(self, held: SideBySide) -> bool:
        """Whether a document of Ravetree that has no partner is one that the sync is about."""
        ours, connection = held.ours, self.books.connection
        waiting = self._waiting(held.names)
        if waiting is not None and waiting.state in pending.ATTENTION:
            return True
        since = connection.invoices_since if held.kind is Kind.INVOICE else connection.estimates_since
        if not isinstance(ours, RavetreeInvoice | RavetreeEstimate) or since is None or ours.created_at < since:
            return False
        if isinstance(ours, RavetreeInvoice):
            held_back = connection.draft_policy == WHEN_SENT and not (ours.sent or ours.marked_paid)
            if ours.void or held_back:
                return False
        return bool(ours.lines) and not self._was_left_alone(held)

    def _payments_alone(self, paired: dict[tuple[Kind, Side], set[str]]) -> Iterator[SideBySide]:
        """Money on a paired invoice that stands on one side only."""
        with self.books.reading() as session:
            held_by_marks = {pair.quickbooks_id for pair in pairs.every(session, self.books.id, pairs.PLACEHOLDER)}
        known_ours = paired.get((Kind.PAYMENT, Side.RAVETREE), set())
        known_theirs = paired.get((Kind.PAYMENT, Side.QUICKBOOKS), set()) | held_by_marks
        for name, raw in self.listed(Kind.PAYMENT).items():
            if name not in known_ours:
                held = self.hold_alone(Record(Side.RAVETREE, Kind.PAYMENT, name), raw, None)
                ours = held.ours
                if (
                    isinstance(ours, RavetreePayment)
                    and ours.amount
                    and not ours.voided
                    and self.known_invoices([ours])
                ):
                    yield held
        for name, copy in self.copies(Kind.PAYMENT).items():
            if name not in known_theirs and not copy.deleted:
                held = self.hold_alone(Record(Side.QUICKBOOKS, Kind.PAYMENT, name), None, copy)
                theirs = held.theirs
                if not isinstance(theirs, QuickBooksPayment) or theirs.voided or theirs.is_credit_link:
                    continue
                if self.known_invoices([theirs]) and not marked_placeholder(theirs.note):
                    yield held

    def _was_left_alone(self, held: SideBySide) -> bool:
        """Whether the rules, or a person, left it out on purpose the last time."""
        with self.books.reading() as session:
            last = steps.of(session, self.books.id, held.names)[-1:]
        return any(step.what == "ignored" for step in last)


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
    if isinstance(rehearsed.outcome, Waits):
        target = rehearsed.outcome.target
        if target.id == pending.SWITCH_ON:
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
