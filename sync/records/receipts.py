"""Who may be the twin of a payment: one receipt that was typed on both sides."""

from collections.abc import Sequence

from reconcile import receipts as rules
from reconcile.decisions import Decision
from reconcile.markers import OPENING, marked_payment, marked_placeholder
from reconcile.marks import CHANGED
from reconcile.model import (
    ZERO,
    Answer,
    Gone,
    Kind,
    QuickBooksPayment,
    RavetreePayment,
    Record,
    Side,
)
from reconcile.payment_facts import KnownInvoice, PaymentBase
from reconcile.receipts import ONE_OR_TWO
from schemas import quickbooks, ravetree
from storage import pairs
from sync.books import Books
from sync.records import beside_marks
from sync.records.payment_names import reference

Ours = RavetreePayment | Gone | None
Theirs = QuickBooksPayment | Gone | None


def twins(
    books: Books,
    ours: Ours,
    theirs: Theirs,
    base: PaymentBase | None,
    invoices: tuple[KnownInvoice, ...],
    answers: Sequence[Answer],
) -> tuple[RavetreePayment | QuickBooksPayment, ...]:
    """The payments of the other side that may be the same receipt, without those of which a person said two."""
    if isinstance(ours, RavetreePayment) and not ours.voided and (base is None or _is_our_copy(ours, base)):
        said = {answer.other for answer in answers if answer.code == ONE_OR_TWO}
        return tuple(
            payment
            for payment, same_payer in _quickbooks_candidates(books, ours, invoices)
            if payment.id not in said
            and (_is_open(payment, invoices) or rules.same_receipt(ours, payment, invoices, same_payer=same_payer))
        )
    if isinstance(theirs, QuickBooksPayment) and base is None and not theirs.voided:
        found = [p for p in _ravetree_candidates(books, theirs, invoices) if rules.same_receipt(p, theirs, invoices)]
        found += [p for p in _copied_of(books, theirs) if rules.same_receipt(p, theirs, (), same_payer=True)]
        unique = {payment.id: payment for payment in found}
        two = {answer.other for answer in answers if answer.code == ONE_OR_TWO}
        return tuple(p for p in unique.values() if p.id not in two and not _has_said(books, p, theirs))
    return ()


def one_of(books: Books, ours: Ours, answers: Sequence[Answer]) -> QuickBooksPayment | None:
    """The payment that a person said is the same receipt."""
    name = named(answers)
    if not name or not isinstance(ours, RavetreePayment):
        return None
    payment, _ = books.quickbooks.payment(name)
    return payment if isinstance(payment, QuickBooksPayment) else None


def named(answers: Sequence[Answer]) -> str:
    """The Id of the payment that a person said is the same receipt; empty without one."""
    return next((a.other for a in answers if (a.code, a.decision) == (ONE_OR_TWO, Decision.ONE)), "")


def is_released(books: Books, payment: QuickBooksPayment) -> bool:
    """Whether it stood for a mark as paid until a person said that it is the real money."""
    invoice_id = marked_placeholder(payment.note)
    if invoice_id is None:
        return False
    said = books.answers([Record(Side.RAVETREE, Kind.INVOICE, invoice_id)])
    return any((a.code, a.decision, a.other) == (CHANGED, Decision.PAYMENT, payment.id) for a in said)


def is_mute(books: Books, payment: RavetreePayment | QuickBooksPayment) -> bool:
    """Whether a payment of Ravetree's was taken apart from any sync."""
    if not isinstance(payment, RavetreePayment):
        return False
    said = books.decided([Record(Side.RAVETREE, Kind.PAYMENT, payment.id)])
    return said is not None and said.decision == Decision.UNLINK


def _is_our_copy(ours: RavetreePayment, base: PaymentBase) -> bool:
    return marked_payment(base.quickbooks.note) == ours.id


def _has_said(books: Books, ours: RavetreePayment, theirs: QuickBooksPayment) -> bool:
    """Whether a person, or a look a moment ago, has settled that the two are not one."""
    record = Record(Side.RAVETREE, Kind.PAYMENT, ours.id)
    if any((a.code, a.other) == (ONE_OR_TWO, theirs.id) for a in books.answers([record])):
        return True
    return record in books.looked_at and not books.waits_for_a_person(record) and not is_mute(books, ours)


def _copied_of(books: Books, theirs: QuickBooksPayment) -> list[RavetreePayment]:
    """Ravetree's payments that we copied to the same customer, where this one is not applied in full."""
    if theirs.unapplied == ZERO:
        return []
    family = beside_marks.family_of(books, theirs.customer_id)
    names = [payment.id for payment in beside_marks.payments_of(books, family) if marked_payment(payment.note)]
    found = books.pairs_among(Kind.PAYMENT, Side.QUICKBOOKS, names)
    return [ravetree.load_payment(pair.base_ravetree) for pair in found if pair.base_ravetree]


def _ravetree_candidates(
    books: Books, theirs: QuickBooksPayment, invoices: tuple[KnownInvoice, ...]
) -> list[RavetreePayment]:
    """Ravetree's payments on these invoices that QuickBooks got from nobody, or got after it had this one."""
    found = []
    for invoice in invoices:
        rows = {str(row["id"]): row for row in books.neighbours.ravetree.payments_of(invoice.ravetree_id)}
        with books.reading() as session:
            ours = pairs.which_say(session, books.id, Kind.PAYMENT, rows, OPENING)
        # Of a thousand that came from QuickBooks none is read: without a marker of ours it was not copied there.
        for name in (name for name in rows if ours.get(name, True)):
            candidate = ravetree.load_payment(rows[name])
            if candidate.external_id == reference(books, theirs.id):
                continue
            if name not in ours or _copied_later(books, name, theirs):
                found.append(candidate)
    return found


def _copied_later(books: Books, ravetree_id: str, theirs: QuickBooksPayment) -> bool:
    pair = books.pair(Kind.PAYMENT, Side.RAVETREE, ravetree_id)
    if pair is None or not marked_payment(str(pair.base_quickbooks.get("PrivateNote", ""))):
        return False
    return quickbooks.load_payment(pair.base_quickbooks, books.home_currency).created_at >= theirs.created_at


def _quickbooks_candidates(
    books: Books, ours: RavetreePayment, invoices: tuple[KnownInvoice, ...]
) -> list[tuple[QuickBooksPayment, bool]]:
    """QuickBooks' payments on these invoices, or unapplied of the same customer, that Ravetree does not know.

    Beside each, whether its customer is the client's. What we wrote ourselves is none of them.
    """
    customers = {invoice.quickbooks.customer_id for invoice in invoices}
    link = books.pair(Kind.CONTACT, Side.RAVETREE, ours.client_id, ours.currency)
    customers |= {link.quickbooks_id} if link is not None else set()
    lying = {p.id: p for name in sorted(customers) for p in beside_marks.unpaired_of(books, name) if p.unapplied > ZERO}
    found = {payment.id: (payment, False) for payment in unpaired_on(books, invoices)}
    found |= {name: (payment, True) for name, payment in lying.items()}
    for invoice in invoices:
        if invoice.placeholder is not None and _is_asked_about(invoice):
            found[invoice.placeholder.id] = (invoice.placeholder, True)
    return [
        (payment, same_payer)
        for payment, same_payer in found.values()
        if marked_payment(payment.note) is None
        and (not marked_placeholder(payment.note) or _is_open(payment, invoices) or is_released(books, payment))
    ]


def _is_open(payment: QuickBooksPayment, invoices: tuple[KnownInvoice, ...]) -> bool:
    """Whether it stood for a mark as paid, and a person is asked what it is."""
    holders = [invoice.placeholder for invoice in invoices if _is_asked_about(invoice)]
    return any(holder is not None and holder.id == payment.id for holder in holders)


def _is_asked_about(invoice: KnownInvoice) -> bool:
    """Whether a bookkeeper edited what stands for its mark; what fell with the invoice's total is nobody's edit."""
    return invoice.placeholder_changed and not invoice.placeholder_fell


def unpaired_on(books: Books, invoices: tuple[KnownInvoice, ...]) -> list[QuickBooksPayment]:
    """QuickBooks' payments on these invoices that have no pair, as far as we have seen them."""
    seen = [copy for invoice in invoices for copy in books.quickbooks.unpaired_on(invoice.quickbooks_id)]
    return [quickbooks.load_payment(copy.body, books.home_currency) for copy in seen]
