"""Brings one invoice into agreement."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from reconcile import invoices as rules
from reconcile.actions import Action
from reconcile.invoices import InvoiceBase, InvoiceCase
from reconcile.marks import BESIDE, Mark, Placeholder, put_back
from reconcile.model import (
    NOTHING,
    ZERO,
    Gone,
    Kind,
    Plan,
    QuickBooksEstimate,
    QuickBooksInvoice,
    QuickBooksPayment,
    RavetreeInvoice,
    Record,
    Side,
    Write,
)
from reconcile.open_balances import differs
from reconcile.time_zones import day_in
from schemas import quickbooks, ravetree
from schemas.quickbooks import Body
from schemas.times import parse_instant
from storage import answers, inbox, journal, pairs
from storage.models import Connection
from sync import closing
from sync.books import Books
from sync.records import beside_marks, customers, estimate_behind, invoice_requests
from sync.records.beside_marks import payments_on
from sync.records.documents import Documents
from sync.records.seen import Partner, Seen, Wish, is_written, partner_of, references
from sync.writes.journal import Request

Invoice = RavetreeInvoice | Gone
Remote = QuickBooksInvoice | Gone | None

VOID_IN_BOTH = "void_in_both"
"""What is kept with the pair of an invoice once it is void in QuickBooks and ended in Ravetree."""


class Invoices(Documents[InvoiceCase]):
    """What invoices say for themselves."""

    KIND = Kind.INVOICE

    def since(self, connection: Connection) -> datetime | None:
        """When invoices were switched on."""
        return connection.invoices_since

    def load(self, raw: Body, home_currency: str) -> QuickBooksInvoice:
        """QuickBooks' invoice."""
        return quickbooks.load_invoice(raw, home_currency)

    def load_own(self, raw: Body) -> RavetreeInvoice:
        """Ravetree's invoice."""
        return ravetree.load_invoice(raw)

    def own(self, books: Books, record_id: str) -> RavetreeInvoice | Gone:
        """Ravetree's invoice as it is there now."""
        return books.ravetree.invoice(record_id)[0]

    def gather(self, books: Books, subject: Record, wish: Wish) -> Seen[InvoiceCase]:
        """Both sides as they are now."""
        connection = books.connection
        invoice, raw = books.ravetree.invoice(subject.id)
        partner = partner_of(books, subject)
        copy = partner.copy
        remote: Remote = None
        if copy is not None:
            remote = Gone(copy.record_id) if copy.deleted else self.load(copy.body, books.home_currency)
        base = _base(partner, books.home_currency)
        with books.reading() as session:
            void_told = _void_told(session, books, remote)
            sent_written = journal.was_done(session, books.id, str(subject), Action.INVOICE_MARK_SENT)
        payments_pending = books.payments_pending()
        paired_payments = _paired_payments(books, invoice, remote)
        _know_placeholder_again(books, subject, raw)
        payment, placeholder = books.placeholder_of(subject.id)
        owned_before = base.ravetree.owned() if base else None
        since = self.since(connection)
        is_new = base is None and is_written(invoice, None, since, wish)
        estimate = estimate_behind.estimate_of(books, invoice, is_new=is_new)
        unapplied = beside_marks.unapplied(books, invoice, remote, payment)
        credit = beside_marks.credit_left(books, invoice, remote) if payment is None else {}
        case = InvoiceCase(
            ravetree=invoice,
            quickbooks=remote,
            base=base,
            payments_pending=payments_pending,
            paired_payments=paired_payments,
            placeholder=_placeholder(books, subject, payment),
            mark=_mark(partner),
            unapplied=unapplied,
            below=_below(books, unapplied, remote),
            credit_left=sum(credit.values(), ZERO),
            books_closed=closing.closed_until(books),
            today=day_in(connection.time_zone, books.now()),
            is_current=copy is None or not copy.stale,
            sent_written=sent_written,
            void_told=void_told,
            void_before=bool(partner.kept.get(VOID_IN_BOTH)),
            estimate=estimate,
            estimate_invoices=estimate_behind.invoiced_by_others(books, estimate, raw) if is_new else (),
            draft_policy=connection.draft_policy,
            delete_policy=connection.delete_policy,
            installation=books.installation,
            time_zone=connection.time_zone,
            **references(books, invoice, partner, owned_before, since, wish),
        )
        asked_with = _asked_with(case, credit)
        return Seen(subject, wish, raw, copy, _with_payments(books, case), placeholder, asked_with)

    def plan(self, seen: Seen[InvoiceCase]) -> Plan:
        """The next step."""
        return rules.plan(seen.case)

    def is_too_old(self, books: Books, seen: Seen[InvoiceCase], plan: Plan) -> bool:
        """Whether our copy is known to be too old for this plan."""
        if seen.copy is None or seen.case.base is None:
            return False
        if plan.writes and plan.writes[0].action == Action.PLACEHOLDER_CREATE and seen.remote not in books.fresh:
            # It is made for what is open there, and no event says that before it is too late.
            return True
        if _makes_room(seen.case, plan) and seen.remote not in books.fresh:
            # Whether a person is to be asked about the edit itself is known before anything moves for it.
            return True
        if not seen.copy.stale:
            return False
        invoice = seen.case.ravetree
        is_marked = isinstance(invoice, RavetreeInvoice) and invoice.marked_paid
        # What a person was asked ends with an agreement that is seen, not with one that nobody knows of.
        return not plan.is_at_rest or is_marked or books.is_asked(seen.subject)

    def depends_on_closing_date(self, seen: Seen[InvoiceCase], plan: Plan) -> bool:
        """What is raised behind the invoice is asked about before that is written."""
        edits = bool(plan.writes) and plan.writes[0].action == Action.INVOICE_UPDATE
        return super().depends_on_closing_date(seen, plan) or (edits and rules.raises_mark(seen.case))

    def at_rest(self, books: Books, seen: Seen[InvoiceCase]) -> None:
        """That it was void in both books is kept: a bookkeeper may make QuickBooks' valid again."""
        ours, theirs = seen.case.ravetree, seen.case.quickbooks
        ended = isinstance(ours, Gone) or (isinstance(ours, RavetreeInvoice) and ours.void)
        if not ended or not isinstance(theirs, QuickBooksInvoice) or not theirs.voided or seen.case.void_before:
            return
        with books.writing() as session:
            pairs.keep(session, books.id, Kind.INVOICE, seen.subject.id, **{VOID_IN_BOTH: True})

    def unit(self, books: Books, subject: Record, raw: Body | None = None) -> list[Record]:
        """Ravetree's payments on it, and QuickBooks' on one that is taken over."""
        rows = books.neighbours.ravetree.payments_of(subject.id)
        theirs = self.load(raw, books.home_currency).payment_ids if raw is not None else ()
        return [Record(Side.RAVETREE, Kind.PAYMENT, row["id"]) for row in rows] + [
            Record(Side.QUICKBOOKS, Kind.PAYMENT, name) for name in theirs
        ]

    def request(self, books: Books, seen: Seen[InvoiceCase], write: Write) -> Request:
        """The write, ready for the journal."""
        if write.action == Action.INVOICE_RENUMBER:
            return self.renumbering(seen)
        # An older invoice comes as one unit with the payments that live on it.
        is_older = seen.wish.requested and write.action == Action.INVOICE_CREATE
        payments = [record.id for record in self.unit(books, seen.subject)] if is_older else []
        beside = None
        if write.action == Action.MONEY_APPLY:
            found = books.quickbooks.copy(Record(Side.QUICKBOOKS, Kind.PAYMENT, str(write.record_id)))
            beside = found.body if found is not None else None
        return invoice_requests.request(seen, write, payments, beside)

    def put_back(self, books: Books, seen: Seen[InvoiceCase], write: Write) -> Plan:
        """The placeholder that made room for an edit, or for money beside it, as it was."""
        if write.action not in (Action.INVOICE_UPDATE, Action.MONEY_APPLY):
            return NOTHING
        if write.action == Action.MONEY_APPLY:
            with books.writing() as session:
                answers.forget(session, books.id, [seen.subject], BESIDE, str(write.record_id))
        now = self.gather(books, seen.subject, Wish())
        invoice, remote = now.case.ravetree, now.case.quickbooks
        if not isinstance(invoice, RavetreeInvoice) or not isinstance(remote, QuickBooksInvoice):
            return NOTHING
        return put_back(now.case, invoice, remote)


def _makes_room(case: InvoiceCase, plan: Plan) -> bool:
    """Whether what stands for the mark goes, or comes down, for an edit of the invoice that is written behind it."""
    if not plan.writes or plan.writes[0].action not in (Action.PLACEHOLDER_UPDATE, Action.PLACEHOLDER_DELETE):
        return False
    invoice, base = case.ravetree, case.base
    if not isinstance(invoice, RavetreeInvoice) or invoice.void or base is None:
        return False
    return invoice.owned() != base.ravetree.owned()


def _asked_with(case: InvoiceCase, credit: Iterable[str]) -> frozenset[Record]:
    """The payments on it, the money and credit beside its mark, and its estimate with what others invoiced of it."""
    named: dict[Kind, set[str]] = {
        Kind.PAYMENT: {payment.id for payment in case.unapplied},
        Kind.CREDIT: set(credit),
        Kind.INVOICE: {invoice.id for invoice in case.estimate_invoices},
    }
    if isinstance(case.quickbooks, QuickBooksInvoice):
        named[Kind.PAYMENT].update(case.quickbooks.payment_ids)
    if isinstance(case.estimate, QuickBooksEstimate):
        named[Kind.ESTIMATE] = {case.estimate.id}
    return frozenset(Record(Side.QUICKBOOKS, kind, name) for kind, names in named.items() for name in names)


def _void_told(session: Session, books: Books, remote: Remote) -> bool:
    """Whether QuickBooks has said of an invoice that looks void that it is: asked for only of such a one."""
    if not isinstance(remote, QuickBooksInvoice) or not remote.voided:
        return False
    return inbox.was_told_of(session, books.id, Record(Side.QUICKBOOKS, Kind.INVOICE, remote.id), "void")


def _below(books: Books, unapplied: tuple[QuickBooksPayment, ...], remote: Remote) -> frozenset[str]:
    if not isinstance(remote, QuickBooksInvoice):
        return frozenset()
    return customers.of_others(books, unapplied, remote.customer_id)


def _base(partner: Partner, home_currency: str) -> InvoiceBase | None:
    if partner.base is None:
        return None
    ours, theirs = partner.base
    return InvoiceBase(
        ravetree.load_invoice(ours),
        quickbooks.load_invoice(theirs, home_currency),
        partner.line_ids,
        partner.accepted,
        partner.notices,
    )


def _placeholder(books: Books, subject: Record, payment: QuickBooksPayment | Gone | None) -> Placeholder | None:
    if payment is None:
        return None
    pair = books.pair(pairs.PLACEHOLDER, Side.RAVETREE, subject.id)
    written = pair.base_quickbooks if pair is not None else {}
    return Placeholder(payment, quickbooks.load_payment(written, books.home_currency) if written else None)


def _mark(partner: Partner) -> Mark | None:
    """For which mark there was a placeholder last, as it was kept with the pair."""
    kept = partner.kept.get("mark") or {}
    if not kept.get("at"):
        return None
    day = date.fromisoformat(kept["day"]) if kept.get("day") else None
    wanted = Decimal(kept["wanted"]) if kept.get("wanted") else None
    return Mark(parse_instant(kept["at"]), day, bool(kept.get("moving")), wanted)


def _with_payments(books: Books, case: InvoiceCase) -> InvoiceCase:
    """The same with what explains that its balances differ, asked for only where they do."""
    invoice, remote = case.ravetree, case.quickbooks
    if not isinstance(invoice, RavetreeInvoice) or not isinstance(remote, QuickBooksInvoice) or case.base is None:
        return case
    if invoice.void or remote.voided or not case.is_current or not differs(case, invoice, remote):
        return case
    rows = {str(row["id"]): row for row in books.neighbours.ravetree.payments_of(invoice.id)}
    unseen, under_way = payments_on(books, rows, remote)
    left = beside_marks.left_alone(books, rows, invoice, remote)
    return replace(case, unseen_payments=unseen, payments_under_way=under_way, left_alone=left)


def _paired_payments(books: Books, invoice: Invoice, remote: Remote) -> tuple[Record, ...]:
    """QuickBooks' payments behind Ravetree's that may have lost an invoice which QuickBooks voided."""
    if not isinstance(invoice, RavetreeInvoice) or not isinstance(remote, QuickBooksInvoice):
        return ()
    if not remote.voided or invoice.void or invoice.paid_amount == ZERO:
        return ()
    names = [row["id"] for row in books.neighbours.ravetree.payments_of(invoice.id)]
    found = books.pairs_among(Kind.PAYMENT, Side.RAVETREE, names)
    records = [Record(Side.QUICKBOOKS, Kind.PAYMENT, pair.quickbooks_id) for pair in found]
    return tuple(record for record in records if record not in books.looked_at and not books.waits_for_a_person(record))


def _know_placeholder_again(books: Books, subject: Record, raw: Body) -> None:
    """After a restore the pair of a placeholder may be lost: by its note it belongs to this invoice."""
    if not raw.get("marked_paid_at") or not books.restored.may_be_forgotten(raw):
        return
    if books.pair(pairs.PLACEHOLDER, Side.RAVETREE, subject.id) is not None:
        return
    name = books.restored.marked("placeholder", subject.id)
    if name is not None and _is_for_this_alone(books, subject, name):
        with books.writing() as session:
            pairs.store(session, books.id, pairs.PLACEHOLDER, subject.id, name, books.now())


def _is_for_this_alone(books: Books, subject: Record, payment_id: str) -> bool:
    """Whether a payment is applied to this invoice and to nothing else: else a person has changed its meaning."""
    payment, _ = books.quickbooks.payment(payment_id)
    pair = books.pair(Kind.INVOICE, Side.RAVETREE, subject.id)
    if pair is None or not isinstance(payment, QuickBooksPayment):
        return False
    return [allocation.invoice_id for allocation in payment.allocations] == [pair.quickbooks_id]
