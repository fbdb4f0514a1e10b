"""What is known of a payment before its next step is planned: both sides, their invoices, and who may be its twin."""

from dataclasses import dataclass, replace

from reconcile import payments as rules
from reconcile.decisions import Decision
from reconcile.markers import external_id, marked_payment, marked_placeholder
from reconcile.model import (
    ZERO,
    Gone,
    Kind,
    QuickBooksInvoice,
    QuickBooksPayment,
    RavetreeInvoice,
    RavetreePayment,
    Record,
    Side,
)
from reconcile.payments import KnownInvoice, PaymentBase, PaymentCase
from schemas import quickbooks, ravetree
from schemas.quickbooks import Body
from storage import connections, pairs
from storage.models import Copy, Pair
from sync.books import Books, base_of

Ours = RavetreePayment | Gone | None
Theirs = QuickBooksPayment | Gone | None


@dataclass(frozen=True)
class SeenPayment:
    """A payment as it is now on both sides: `raw` is Ravetree's, `copy` ours of QuickBooks'."""

    subject: Record
    raw: Body
    copy: Copy | None
    case: PaymentCase

    @property
    def invoices(self) -> tuple[KnownInvoice, ...]:
        """The paired invoices that either side names, or named."""
        return self.case.invoices

    @property
    def body(self) -> Body:
        """QuickBooks' own words. Raises `ValueError` where we have none."""
        if self.copy is None:
            raise ValueError("this write needs our copy of QuickBooks' payment")
        return self.copy.body

    @property
    def remotes(self) -> list[Record]:
        """QuickBooks' records that the work on it depends on: its invoices and itself."""
        found = [Record(Side.QUICKBOOKS, Kind.INVOICE, invoice.quickbooks_id) for invoice in self.invoices]
        return found + ([Record(Side.QUICKBOOKS, Kind.PAYMENT, self.copy.record_id)] if self.copy is not None else [])


def gather(books: Books, subject: Record) -> SeenPayment:
    """Both sides as they are now. It writes to neither of them."""
    pair = books.pair(Kind.PAYMENT, subject.side, subject.id)
    ours: Ours = None
    theirs: Theirs = None
    raw: Body = {}
    copy: Copy | None = None
    ravetree_id = pair.ravetree_id if pair else own_id(subject, Side.RAVETREE)
    quickbooks_id = pair.quickbooks_id if pair else own_id(subject, Side.QUICKBOOKS)
    if ravetree_id is not None:
        ours, raw = books.ravetree.payment(ravetree_id)
    if quickbooks_id is not None:
        theirs, copy = books.quickbooks.payment(quickbooks_id)
    base = _base(books, pair)
    invoices = _known_invoices(books, ours, theirs, base)
    found = books.decided({subject, *books.handling})
    with books.reading() as session:
        methods = connections.mappings(session, books.id, "payment_method")
        deposit_accounts = connections.mappings(session, books.id, "deposit_account")
    case = PaymentCase(
        ravetree=ours,
        quickbooks=theirs,
        base=base,
        invoices=invoices,
        coming=_coming(books, ours, invoices),
        client_customer_id=_customer_of(books, ours),
        twins=_twins(books, ours, theirs, base, invoices),
        decision=found.decision if found else "",
        marked_twin=_marked_twin(books, theirs, base),
        marked_copy_id=_marked_copy(books, ours, raw, base, invoices),
        methods=methods,
        deposit_accounts=deposit_accounts,
        installation=books.installation,
    )
    return SeenPayment(subject, raw, copy, case)


def own_id(subject: Record, side: Side) -> str | None:
    """The id of a payment on a side, if it is named by that one."""
    return subject.id if subject.side is side else None


def reference(books: Books, quickbooks_id: str) -> str:
    """What Ravetree's copy of a QuickBooks payment bears, so that it is made once."""
    return external_id(books.connection.realm_id, Kind.PAYMENT, quickbooks_id)


def _base(books: Books, pair: Pair | None) -> PaymentBase | None:
    bodies = base_of(pair) if pair is not None else None
    if bodies is None:
        return None
    return PaymentBase(ravetree.load_payment(bodies[0]), quickbooks.load_payment(bodies[1], books.home_currency))


# --- its invoices ------------------------------------------------------------------------------------


def _known_invoices(books: Books, ours: Ours, theirs: Theirs, base: PaymentBase | None) -> tuple[KnownInvoice, ...]:
    """The paired invoices that either side names now or named at the base."""
    mine = [p for p in (ours, base.ravetree if base else None) if isinstance(p, RavetreePayment)]
    other = [p for p in (theirs, base.quickbooks if base else None) if isinstance(p, QuickBooksPayment)]
    found = books.pairs_among(
        Kind.INVOICE, Side.RAVETREE, {a.invoice_id for p in mine for a in p.allocations}
    ) + books.pairs_among(Kind.INVOICE, Side.QUICKBOOKS, {a.invoice_id for p in other for a in p.allocations})
    known = {pair.ravetree_id: _known_invoice(books, pair) for pair in found}
    return tuple(invoice for _, invoice in sorted(known.items()) if invoice is not None)


def _known_invoice(books: Books, pair: Pair) -> KnownInvoice | None:
    remote, _ = books.quickbooks.invoice(pair.quickbooks_id)
    if not isinstance(remote, QuickBooksInvoice):
        # Deleted there, and yet both sides know it: as a stranger its share would count as other money.
        if not pair.base_quickbooks:
            return None
        remote = replace(quickbooks.load_invoice(pair.base_quickbooks, books.home_currency), balance=ZERO)
    placeholder, _ = books.placeholder_of(pair.ravetree_id)
    accepted = pairs.accepted_gap(pair)
    marked_open, open_here = ZERO, ZERO
    invoice, _ = books.ravetree.invoice(pair.ravetree_id)
    if isinstance(invoice, RavetreeInvoice) and not invoice.void:
        open_here = invoice.balance
        if isinstance(placeholder, QuickBooksPayment) and invoice.marked_paid:
            marked_open = invoice.balance
    return KnownInvoice(
        ravetree_id=pair.ravetree_id,
        quickbooks_id=pair.quickbooks_id,
        number=pair.base_ravetree["number"],
        client_id=pair.base_ravetree["client_id"],
        quickbooks=remote,
        placeholder=placeholder if isinstance(placeholder, QuickBooksPayment) else None,
        marked_open=marked_open,
        open_here=open_here,
        accepted=accepted.total if accepted is not None else ZERO,
    )


def _coming(books: Books, ours: Ours, invoices: tuple[KnownInvoice, ...]) -> tuple[Record, ...]:
    """Invoices of a Ravetree payment that have no pair yet and are going to have one."""
    if not isinstance(ours, RavetreePayment) or ours.voided:
        return ()
    known = {invoice.ravetree_id for invoice in invoices}
    since = books.connection.invoices_since
    coming = []
    for allocation in ours.allocations:
        if allocation.invoice_id in known or books.pair(Kind.INVOICE, Side.RAVETREE, allocation.invoice_id):
            continue
        invoice, _ = books.ravetree.invoice(allocation.invoice_id)
        said = books.decided([Record(Side.RAVETREE, Kind.INVOICE, allocation.invoice_id)])
        if said is not None and said.decision == Decision.UNLINK:
            continue
        if isinstance(invoice, RavetreeInvoice) and not invoice.void and since and invoice.created_at >= since:
            coming.append(Record(Side.RAVETREE, Kind.INVOICE, invoice.id))
    return tuple(coming)


def _customer_of(books: Books, ours: Ours) -> str | None:
    if not isinstance(ours, RavetreePayment):
        return None
    link = books.pair(Kind.CONTACT, Side.RAVETREE, ours.client_id, ours.currency)
    return link.quickbooks_id if link else None


# --- what bears its mark -----------------------------------------------------------------------------


def _marked_twin(books: Books, theirs: Theirs, base: PaymentBase | None) -> RavetreePayment | Gone | None:
    """The Ravetree payment that an unpaired QuickBooks payment's note names, if that has no pair either."""
    name = marked_payment(theirs.note) if isinstance(theirs, QuickBooksPayment) and base is None else None
    if name is None or books.pair(Kind.PAYMENT, Side.RAVETREE, name) is not None:
        return None
    return books.ravetree.payment(name)[0]


def _marked_copy(
    books: Books, ours: Ours, raw: Body, base: PaymentBase | None, invoices: tuple[KnownInvoice, ...]
) -> str | None:
    """The QuickBooks payment without a pair whose note names this Ravetree payment, or that it was copied from."""
    if base is not None or not isinstance(ours, RavetreePayment):
        return None
    origin = _origin_of(books, ours)
    if origin is not None:
        return origin
    for candidate in _unpaired_copies(books, invoices):
        if marked_payment(candidate.note) == ours.id and not candidate.voided:
            return candidate.id
    return books.restored.marked("payment", ours.id) if books.restored.may_be_forgotten(raw) else None


def _origin_of(books: Books, ours: RavetreePayment) -> str | None:
    """The QuickBooks payment that `ours` is our copy of, known before the answer to our write is."""
    own, prefix = ours.external_id or "", reference(books, "")
    name = own.removeprefix(prefix)
    if not own.startswith(prefix) or not name:
        return None
    if books.pair(Kind.PAYMENT, Side.QUICKBOOKS, name) is not None:
        return None
    copy = books.quickbooks.payment(name)[1]
    return name if copy is not None and not copy.deleted else None


# --- one receipt typed twice -------------------------------------------------------------------------


def _twins(
    books: Books, ours: Ours, theirs: Theirs, base: PaymentBase | None, invoices: tuple[KnownInvoice, ...]
) -> tuple[RavetreePayment | QuickBooksPayment, ...]:
    if base is not None:
        return ()
    if isinstance(theirs, QuickBooksPayment):
        candidates = _ravetree_candidates(books, theirs, invoices)
        return tuple(p for p in candidates if rules.same_receipt(p, theirs, invoices))
    if isinstance(ours, RavetreePayment):
        return tuple(p for p in _quickbooks_candidates(books, invoices) if rules.same_receipt(ours, p, invoices))
    return ()


def _ravetree_candidates(
    books: Books, theirs: QuickBooksPayment, invoices: tuple[KnownInvoice, ...]
) -> list[RavetreePayment]:
    """Ravetree's payments on these invoices that QuickBooks got from nobody, or got after it had this one."""
    found = []
    for invoice in invoices:
        for row in books.neighbours.ravetree.payments_of(invoice.ravetree_id):
            pair = books.pair(Kind.PAYMENT, Side.RAVETREE, row["id"])
            candidate = ravetree.load_payment(row)
            if candidate.external_id == reference(books, theirs.id):
                continue
            if pair is None or _copied_later(books, pair, theirs):
                found.append(candidate)
    return found


def _copied_later(books: Books, pair: Pair, theirs: QuickBooksPayment) -> bool:
    if not pair.base_quickbooks or not marked_payment(str(pair.base_quickbooks.get("PrivateNote", ""))):
        return False
    return quickbooks.load_payment(pair.base_quickbooks, books.home_currency).created_at >= theirs.created_at


def _quickbooks_candidates(books: Books, invoices: tuple[KnownInvoice, ...]) -> list[QuickBooksPayment]:
    """QuickBooks' payments on these invoices that Ravetree does not know and that we did not write."""
    return [
        payment
        for payment in _unpaired_copies(books, invoices)
        if not marked_placeholder(payment.note) and marked_payment(payment.note) is None
    ]


def _unpaired_copies(books: Books, invoices: tuple[KnownInvoice, ...]) -> list[QuickBooksPayment]:
    seen = [
        copy
        for invoice in invoices
        for copy in books.quickbooks.payments_on(invoice.quickbooks_id)
        if books.pair(Kind.PAYMENT, Side.QUICKBOOKS, copy.record_id) is None
    ]
    return [quickbooks.load_payment(copy.body, books.home_currency) for copy in seen]
