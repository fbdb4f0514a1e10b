"""Payments that concern an invoice without standing for it: unapplied money of its customer, and those on it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from decimal import Decimal

from clients.quickbooks.company import quoted_in_parts
from reconcile.model import (
    ZERO,
    Gone,
    Kind,
    QuickBooksInvoice,
    QuickBooksPayment,
    RavetreeInvoice,
    Record,
    Side,
)
from reconcile.payment_facts import KnownInvoice
from reconcile.payments import SEVERAL_PAYERS, SHARED
from schemas import quickbooks, ravetree
from schemas.quickbooks import Body
from storage import answers, copies, decisions, pairs, pending
from storage.models import Copy
from sync.books import Books
from sync.records import customers


def unapplied(
    books: Books,
    invoice: RavetreeInvoice | Gone | None,
    remote: QuickBooksInvoice | Gone | None,
    holder: QuickBooksPayment | Gone | None,
) -> tuple[QuickBooksPayment, ...]:
    """What the customer of an invoice that is marked as paid, or its family, has not applied in full; oldest first.

    Read from QuickBooks when a placeholder is about to be made; beside one our copies have to do.
    """
    if not isinstance(invoice, RavetreeInvoice) or not isinstance(remote, QuickBooksInvoice) or not invoice.marked_paid:
        return ()
    if holder is None and remote.balance == ZERO:
        return ()
    families = _families_of(books, invoice, remote)
    if holder is None and not families <= books.money_read:
        company, parts = books.neighbours.quickbooks, quoted_in_parts(families)
        found = [raw for part in parts for raw in company.query("Payment", f"CustomerRef in ({part})")]
        books.quickbooks.keep(Kind.PAYMENT, {str(raw["Id"]): raw for raw in found})
        books.money_read |= families
    payments = payments_of(books, families)
    return tuple(p for p in payments if p.unapplied > ZERO and p.currency == invoice.currency)


def credit_left(
    books: Books, invoice: RavetreeInvoice | Gone | None, remote: QuickBooksInvoice | Gone | None
) -> dict[str, Decimal]:
    """What is left of the credit memos of its customer by their Ids, as far as change data capture has told us."""
    if not isinstance(invoice, RavetreeInvoice) or not isinstance(remote, QuickBooksInvoice) or not invoice.marked_paid:
        return {}
    families = _families_of(books, invoice, remote)
    with books.reading() as session:
        found = copies.of_customers(session, books.id, Kind.CREDIT, families)
    currencies = [(copy, (copy.body.get("CurrencyRef") or {}).get("value", books.home_currency)) for copy in found]
    left = {
        copy.record_id: Decimal(str(copy.body.get("RemainingCredit") or 0))
        for copy, name in currencies
        if name == invoice.currency
    }
    return {name: amount for name, amount in left.items() if amount > ZERO}


def payments_of(books: Books, customer_ids: Set[str]) -> list[QuickBooksPayment]:
    """Our copies of the live payments of customers, placeholders apart."""
    with books.reading() as session:
        found = copies.of_customers(session, books.id, Kind.PAYMENT, customer_ids)
    return _money(books, found)


def unpaired_of(books: Books, customer_id: str) -> list[QuickBooksPayment]:
    """As `payments_of` of a customer's family, those that have no pair."""
    family = family_of(books, customer_id)
    with books.reading() as session:
        found = copies.unpaired_of_customers(session, books.id, family)
    return _money(books, found)


def _money(books: Books, found: Sequence[Copy]) -> list[QuickBooksPayment]:
    """What these copies say, but of placeholders and of what is void; oldest first."""
    holders = {
        pair.quickbooks_id
        for pair in books.pairs_among(pairs.PLACEHOLDER, Side.QUICKBOOKS, [c.record_id for c in found])
    }
    loaded = [quickbooks.load_payment(c.body, books.home_currency) for c in found if c.record_id not in holders]
    return sorted((p for p in loaded if not p.voided), key=lambda p: (p.created_at, p.id))


def look_at_marks(books: Books, payment: QuickBooksPayment | Gone | None) -> None:
    """What its customer has marked as paid may stand for this money, of which some is not applied."""
    if not isinstance(payment, QuickBooksPayment) or payment.voided or payment.unapplied == ZERO:
        return
    family = family_of(books, payment.customer_id)
    with books.reading() as session:
        names = copies.names_of_customers(session, books.id, Kind.PAYMENT, family)
    held = books.pairs_among(pairs.PLACEHOLDER, Side.QUICKBOOKS, names)
    if held:
        books.look_at([Record(Side.RAVETREE, Kind.INVOICE, pair.ravetree_id) for pair in held])


def look_at_what_differs(books: Books, invoices: tuple[KnownInvoice, ...]) -> None:
    """The invoices of a payment that was written, where both sides do not have the same open now."""
    found = []
    for invoice in invoices:
        copy = books.quickbooks.copy(Record(Side.QUICKBOOKS, Kind.INVOICE, invoice.quickbooks_id))
        current = copy is not None and not copy.stale and not copy.deleted
        if current and invoice.open_here != invoice.quickbooks.balance:
            found.append(Record(Side.RAVETREE, Kind.INVOICE, invoice.ravetree_id))
    if found:
        books.look_at(found)


def _families_of(books: Books, invoice: RavetreeInvoice, remote: QuickBooksInvoice) -> set[str]:
    """Who may have paid it: the family of its customer, and where that is a project, its client's too."""
    link = books.pair(Kind.CONTACT, Side.RAVETREE, invoice.client_id, invoice.currency)
    clients = family_of(books, link.quickbooks_id) if link is not None else set()
    return family_of(books, remote.customer_id) | clients


def family_of(books: Books, customer_id: str) -> set[str]:
    """A customer with those above it, and those below it as far as we have copies of them."""
    ancestors = customers.above(books, customer_id)
    with books.reading() as session:
        return {customer_id, *ancestors, *copies.below(session, books.id, customer_id)}


def payments_on(books: Books, rows: Mapping[str, Body], remote: QuickBooksInvoice) -> tuple[tuple[Record, ...], bool]:
    """The payments on an invoice that were not looked at yet, and whether any is still worked on or waits.

    `rows` are Ravetree's, by id. What a person has taken apart stays as it is, however often it is looked at.
    """
    ours = {pair.ravetree_id: pair for pair in books.pairs_among(Kind.PAYMENT, Side.RAVETREE, rows)}
    theirs = {name: ravetree_id for ravetree_id, name in _paired_with(books, Kind.PAYMENT, remote)}
    holders = {name for _, name in _paired_with(books, pairs.PLACEHOLDER, remote)}
    mine = [Record(Side.RAVETREE, Kind.PAYMENT, name) for name in rows]
    other = [Record(Side.QUICKBOOKS, Kind.PAYMENT, name) for name in remote.payment_ids if name not in holders]
    unseen = [
        record
        for record in mine
        if record.id not in ours or ours[record.id].base_ravetree.get("version") != rows[record.id].get("version")
    ]
    unseen += [record for record in other if record.id not in theirs]
    names = {*mine, *other}
    # What is still to be done is noted under Ravetree's name, even of one that is gone there.
    names |= {Record(Side.RAVETREE, Kind.PAYMENT, name) for name in theirs.values()}
    names |= {Record(Side.QUICKBOOKS, Kind.PAYMENT, pair.quickbooks_id) for pair in ours.values()}
    with books.reading() as session:
        rows_of = pending.rows(session, books.id, names)
        apart = decisions.taken_apart(session, books.id, unseen)
    # What is noted already is looked at by itself.
    noted = {pending.record_of(row) for row in rows_of}
    return tuple(r for r in unseen if r not in books.looked_at | noted | apart), bool(noted)


def _paired_with(books: Books, kind: str, remote: QuickBooksInvoice) -> list[tuple[str, str]]:
    """Ravetree's and QuickBooks' names of the pairs of an invoice's payments. It may have a thousand."""
    with books.reading() as session:
        return pairs.names_among(session, books.id, kind, Side.QUICKBOOKS, remote.payment_ids)


def left_alone(books: Books, rows: Mapping[str, Body], invoice: RavetreeInvoice, remote: QuickBooksInvoice) -> Decimal:
    """By how much more QuickBooks has open on an invoice because a person left payments on one side."""
    theirs = dict(_paired_with(books, Kind.PAYMENT, remote))
    left = ZERO
    for name, codes in _said_of(books, {*rows, *theirs}).items():
        if SEVERAL_PAYERS in codes and name in rows and name not in theirs:
            shares = ravetree.load_payment(rows[name]).allocations
            left += sum((share.amount for share in shares if share.invoice_id == invoice.id), ZERO)
        if SHARED in codes and name in theirs and name not in rows:
            payment, _ = books.quickbooks.payment(theirs[name])
            if isinstance(payment, QuickBooksPayment):
                left -= sum((share.amount for share in payment.allocations if share.invoice_id == remote.id), ZERO)
    return left


def _said_of(books: Books, payment_ids: Set[str]) -> dict[str, set[str]]:
    """To which questions a person has given answers that last, by Ravetree's payments of which there are any."""
    records = [Record(Side.RAVETREE, Kind.PAYMENT, name) for name in payment_ids]
    names = {str(record): record.id for record in records}
    said: defaultdict[str, set[str]] = defaultdict(set)
    with books.reading() as session:
        for row in answers.rows(session, books.id, records):
            said[names[row.subject]].add(row.code)
    return said
