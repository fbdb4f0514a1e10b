"""What is known of a payment before its next step is planned: both sides, their invoices, and who may be its twin."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from reconcile.decisions import Decision
from reconcile.invoices import is_left_for_good
from reconcile.markers import marked_payment
from reconcile.marks import is_edited, lost_shares, takes_less, wanted_of
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
from reconcile.payment_facts import KnownInvoice, PaymentBase, PaymentCase, shares_of
from schemas import quickbooks, ravetree
from schemas.quickbooks import Body
from storage import copies, pairs, pending
from storage.models import Copy, Pair
from sync import closing
from sync.books import Books, base_of
from sync.records import receipts
from sync.records.customers import above, is_below, of_others
from sync.records.payment_names import reference

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
    def asked_with(self) -> frozenset[Record]:
        """Its invoices on both sides, what lies on them, and those that may be the same receipt."""
        found = {Record(Side.RAVETREE, Kind.INVOICE, invoice.ravetree_id) for invoice in self.invoices}
        found |= {Record(Side.QUICKBOOKS, Kind.INVOICE, invoice.quickbooks_id) for invoice in self.invoices}
        there = {name for invoice in self.invoices for name in invoice.quickbooks.payment_ids}
        there |= {twin.id for twin in self.case.twins if isinstance(twin, QuickBooksPayment)}
        here = {twin.id for twin in self.case.twins if isinstance(twin, RavetreePayment)}
        found |= {Record(Side.QUICKBOOKS, Kind.PAYMENT, name) for name in there}
        return frozenset(found | {Record(Side.RAVETREE, Kind.PAYMENT, name) for name in here})

    @property
    def remotes(self) -> list[Record]:
        """QuickBooks' records that the work on it depends on: its invoices, what stands for their marks, and itself."""
        found = [Record(Side.QUICKBOOKS, Kind.INVOICE, invoice.quickbooks_id) for invoice in self.invoices]
        holders = [invoice.placeholder for invoice in self.invoices if invoice.placeholder is not None]
        found += [Record(Side.QUICKBOOKS, Kind.PAYMENT, holder.id) for holder in holders]
        found += [Record(Side.QUICKBOOKS, Kind.PAYMENT, self.case.one_id)] if self.case.one_id else []
        return found + ([Record(Side.QUICKBOOKS, Kind.PAYMENT, self.copy.record_id)] if self.copy is not None else [])


def gather(books: Books, subject: Record, *, requested: bool = False) -> SeenPayment:
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
    answers = books.answers({subject, *books.handling})
    methods, deposit_accounts = books.mappings("payment_method"), books.mappings("deposit_account")
    twins = receipts.twins(books, ours, theirs, base, invoices, answers)
    customer_id = _customer_of(books, ours)
    payers = _payers(books, _wanted(ours, invoices), theirs if base is not None else None)
    one = receipts.one_of(books, ours, answers)
    case = PaymentCase(
        ravetree=ours,
        quickbooks=theirs,
        base=base,
        invoices=invoices,
        coming=_coming(books, ours, invoices),
        client_customer_id=customer_id,
        client_below_payer=_is_below_payer(books, customer_id, theirs if base is not None else None),
        payers=payers,
        since=books.connection.invoices_since,
        requested=requested,
        books_closed=closing.closed_until(books),
        is_placeholder=quickbooks_id is not None and _is_placeholder(books, quickbooks_id),
        released=isinstance(theirs, QuickBooksPayment) and receipts.is_released(books, theirs),
        known_then=_known_then(pair),
        lost=_lost(books, pair, base),
        was_asked=_was_asked(books, base, theirs),
        spent=Decimal(str(pair.kept.get("spent", 0))) if pair is not None else ZERO,
        elsewhere=_elsewhere(books, theirs, invoices),
        one=one,
        one_id=receipts.named(answers),
        twin_asked=bool(twins) and _is_asked(books, twins[0].id, copy),
        twin_mute=bool(twins) and receipts.is_mute(books, twins[0]),
        twins=twins,
        below=_below(books, (*twins, one), payers),
        decision=found.decision if found else "",
        decided_on=found.code if found else "",
        decision_target=found.target if found else "",
        answers=answers,
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
    known = {pair.ravetree_id: _known_invoice(books, pair) for pair in found if not _was_left(books, pair, base)}
    return tuple(invoice for _, invoice in sorted(known.items()) if invoice is not None)


def invoices_of_apart(books: Books, seen: SeenPayment) -> tuple[KnownInvoice, ...]:
    """The invoices of a payment that was taken apart, and, if it is Ravetree's, of what was its partner.

    Ravetree tells of a payment that it deletes, and not of what that opens.
    """
    found = books.decided({seen.subject, *books.handling})
    if found is None or not found.target or seen.subject.side is not Side.RAVETREE:
        return seen.invoices
    theirs, _ = books.quickbooks.payment(found.target)
    known = {one.ravetree_id: one for one in (*seen.invoices, *_known_invoices(books, None, theirs, None))}
    return tuple(known.values())


def _was_left(books: Books, pair: Pair, base: PaymentBase | None) -> bool:
    said = books.answers([Record(Side.RAVETREE, Kind.INVOICE, pair.ravetree_id)])
    return is_left_for_good(said, pair.quickbooks_id, base.quickbooks if base is not None else None)


def _known_then(pair: Pair | None) -> frozenset[str]:
    """The invoices that both sides knew at the base; what earlier versions wrote says only which it was about."""
    if pair is None or not pair.base_ravetree:
        return frozenset()
    return frozenset(str(name) for name in pair.kept.get("invoices", ()))


def _lost(books: Books, pair: Pair | None, base: PaymentBase | None) -> frozenset[str]:
    """Those that it lies on in QuickBooks, and that are those of Ravetree's that it is on no more."""
    if base is None:
        return frozenset()
    on = _known_then(pair) & shares_of(base.quickbooks).keys()
    here = {allocation.invoice_id for allocation in base.ravetree.allocations if allocation.amount}
    tied = {pair.quickbooks_id: pair.ravetree_id for pair in books.pairs_among(Kind.INVOICE, Side.QUICKBOOKS, on)}
    return frozenset(name for name in on if tied.get(name) not in here)


def lost_of(books: Books, payment: Record) -> frozenset[str]:
    """QuickBooks' invoices that a paired payment lies on, and that are not those of Ravetree's any more."""
    pair = books.pair(Kind.PAYMENT, payment.side, payment.id)
    return _lost(books, pair, _base(books, pair))


def _was_asked(books: Books, base: PaymentBase | None, theirs: Theirs) -> str:
    """The code of the question about it; looked for where a share of it has become less."""
    if base is None or not isinstance(theirs, QuickBooksPayment):
        return ""
    now = shares_of(theirs)
    if all(now.get(name, ZERO) >= share for name, share in shares_of(base.quickbooks).items()):
        return ""
    with books.reading() as session:
        return next((row.code for row in pending.rows(session, books.id, books.handling) if row.code), "")


def _is_placeholder(books: Books, quickbooks_id: str) -> bool:
    return books.pair(pairs.PLACEHOLDER, Side.QUICKBOOKS, quickbooks_id) is not None


def _is_below_payer(books: Books, customer_id: str | None, theirs: Theirs) -> bool:
    """Whether a client's customer is who pays, or below who pays; asked of QuickBooks only where it is another one."""
    if customer_id is None or not isinstance(theirs, QuickBooksPayment):
        return not isinstance(theirs, QuickBooksPayment)
    return theirs.customer_id == customer_id or is_below(books, customer_id, theirs.customer_id)


def _wanted(ours: Ours, invoices: tuple[KnownInvoice, ...]) -> tuple[KnownInvoice, ...]:
    """The invoices that Ravetree's payment is on now."""
    if not isinstance(ours, RavetreePayment):
        return invoices
    names = {allocation.invoice_id for allocation in ours.allocations if allocation.amount}
    return tuple(invoice for invoice in invoices if invoice.ravetree_id in names)


def _payers(books: Books, invoices: tuple[KnownInvoice, ...], theirs: Theirs) -> tuple[str, ...]:
    """The customers that can pay all of these invoices: their own, and those above it, the nearest first."""
    customers = dict.fromkeys(invoice.quickbooks.customer_id for invoice in invoices)
    paying = {theirs.customer_id} if isinstance(theirs, QuickBooksPayment) else set()
    if len(customers) <= 1 and paying <= set(customers):
        return tuple(customers)
    first, *others = ([name, *above(books, name)] for name in customers) if customers else ([],)
    return tuple(name for name in first if all(name in chain for chain in others))


def _is_asked(books: Books, twin_id: str, copy: Copy | None) -> bool:
    """Whether Ravetree's payment asks, and has done so with what QuickBooks says of this one by now."""
    asking = Record(Side.RAVETREE, Kind.PAYMENT, twin_id)
    return books.waits_for_a_person(asking, copy.seen_at if copy is not None else None)


def _below(
    books: Books, twins: Iterable[RavetreePayment | QuickBooksPayment | None], payers: tuple[str, ...]
) -> frozenset[str]:
    theirs = [twin for twin in twins if isinstance(twin, QuickBooksPayment)]
    return of_others(books, theirs, payers[0]) if payers else frozenset()


def _elsewhere(books: Books, theirs: Theirs, invoices: tuple[KnownInvoice, ...]) -> str:
    """What else in QuickBooks it is applied to, as a bookkeeper finds it."""
    if not isinstance(theirs, QuickBooksPayment):
        return ""
    known = {invoice.quickbooks_id for invoice in invoices}
    foreign = [a.invoice_id for a in theirs.allocations if a.invoice_id not in known]
    numbers = _numbers(books, foreign) if foreign else {}
    named = [f"invoice {numbers[name]}" if numbers.get(name) else f"invoice Id {name}" for name in foreign]
    return ", ".join(dict.fromkeys([*named, *theirs.others]))


def _numbers(books: Books, quickbooks_ids: list[str]) -> dict[str, str]:
    """The numbers of invoices of others, of those that our copies have: nothing is read for a sentence."""
    with books.reading() as session:
        found = copies.among(session, books.id, Side.QUICKBOOKS, Kind.INVOICE, quickbooks_ids)
    return {name: str(copy.body.get("DocNumber") or "") for name, copy in found.items()}


def _known_invoice(books: Books, pair: Pair) -> KnownInvoice | None:
    remote, _ = books.quickbooks.invoice(pair.quickbooks_id)
    deleted_there = not isinstance(remote, QuickBooksInvoice)
    if not isinstance(remote, QuickBooksInvoice):
        # Deleted there, and yet both sides know it: as a stranger its share would count as other money.
        if not pair.base_quickbooks:
            return None
        remote = replace(quickbooks.load_invoice(pair.base_quickbooks, books.home_currency), balance=ZERO)
    placeholder, _ = books.placeholder_of(pair.ravetree_id)
    accepted = pairs.accepted_gap(pair)
    marked_open, open_here, total_here = ZERO, ZERO, None
    invoice, _ = books.ravetree.invoice(pair.ravetree_id)
    is_live = isinstance(invoice, RavetreeInvoice) and not invoice.void
    if isinstance(invoice, RavetreeInvoice) and is_live:
        open_here, total_here = invoice.balance, invoice.total
        if isinstance(placeholder, QuickBooksPayment) and invoice.marked_paid:
            marked_open = wanted_of(invoice, _accepted_still(pair, remote))
    return KnownInvoice(
        ravetree_id=pair.ravetree_id,
        quickbooks_id=pair.quickbooks_id,
        number=pair.base_ravetree["number"],
        client_id=pair.base_ravetree["client_id"],
        quickbooks=remote,
        placeholder=placeholder if isinstance(placeholder, QuickBooksPayment) else None,
        marked_open=marked_open,
        open_here=open_here,
        total_here=total_here,
        placeholder_changed=_is_changed(books, pair.ravetree_id, placeholder),
        placeholder_fell=_fell(books, pair, remote, placeholder),
        ended_here=not is_live and not remote.voided,
        other_currency_here=isinstance(invoice, RavetreeInvoice) and is_live and invoice.currency != remote.currency,
        deleted_there=deleted_there and is_live and not _was_left(books, pair, None),
        accepted=accepted.total if accepted is not None else ZERO,
    )


def _fell(books: Books, pair: Pair, remote: QuickBooksInvoice, placeholder: QuickBooksPayment | Gone | None) -> bool:
    """Whether less of the placeholder is on the invoice only because that takes less."""
    held = books.pair(pairs.PLACEHOLDER, Side.RAVETREE, pair.ravetree_id)
    if held is None or not held.base_quickbooks or not isinstance(placeholder, QuickBooksPayment):
        return False
    written = quickbooks.load_payment(held.base_quickbooks, books.home_currency)
    then = quickbooks.load_invoice(pair.base_quickbooks, books.home_currency)
    return lost_shares(placeholder, written) and takes_less(remote, then)


def _accepted_still(pair: Pair, remote: QuickBooksInvoice) -> Decimal:
    """The accepted difference of the totals, which a placeholder covers too, while QuickBooks' total is as it was."""
    accepted = pairs.accepted_gap(pair)
    if accepted is None or Decimal(str(pair.base_quickbooks.get("TotalAmt"))) != remote.total:
        return ZERO
    return accepted.total


def _is_changed(books: Books, invoice_id: str, placeholder: QuickBooksPayment | Gone | None) -> bool:
    pair = books.pair(pairs.PLACEHOLDER, Side.RAVETREE, invoice_id)
    if pair is None or not pair.base_quickbooks or not isinstance(placeholder, QuickBooksPayment):
        return False
    return is_edited(placeholder, quickbooks.load_payment(pair.base_quickbooks, books.home_currency))


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
    for candidate in receipts.unpaired_on(books, invoices):
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
