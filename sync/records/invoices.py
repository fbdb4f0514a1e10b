"""Brings one invoice into agreement: gather, plan, write, until nothing is left to do."""

from datetime import datetime
from typing import Any

from clients.quickbooks.company import quoted
from reconcile import invoices as rules
from reconcile.invoices import InvoiceBase, InvoiceCase, Placeholder
from reconcile.model import (
    NOTHING,
    ZERO,
    Gone,
    InvoiceContent,
    Kind,
    PaymentContent,
    Plan,
    QuickBooksInvoice,
    QuickBooksPayment,
    RavetreeInvoice,
    Record,
    Side,
    Write,
)
from schemas import ids, quickbooks, ravetree
from schemas.quickbooks import Body
from storage import journal, pairs, pending
from storage.models import Copy
from sync.records.documents import DocumentWork, Partner, content_context
from sync.writes.journal import Request


class InvoiceWork(DocumentWork):
    """The work on one invoice."""

    KIND = Kind.INVOICE
    _placeholder_copy: Copy | None = None
    _case: InvoiceCase | None = None

    def next_plan(self) -> Plan:
        """Gather both sides and plan the next step."""
        self._case = self._gather()
        return rules.plan(self._case)

    def _must_read_first(self, plan: Plan) -> bool:
        case, record = self._case, self._remote_record()
        if self._copy is None or case is None or case.base is None:
            return False
        if plan.writes and plan.writes[0].action == "placeholder.create" and record not in self._books.fresh:
            # It is made for what is open there, and no event says that before it is too late.
            return True
        if not self._copy.stale:
            return False
        return plan != NOTHING or (isinstance(case.ravetree, RavetreeInvoice) and case.ravetree.marked_paid)

    def _since(self) -> datetime | None:
        return self._books.connection.invoices_since

    def _load(self, raw: Body) -> QuickBooksInvoice:
        return quickbooks.load_invoice(raw, self._books.home_currency)

    def _load_own(self, raw: Body) -> RavetreeInvoice:
        return ravetree.load_invoice(raw)

    # --- gathering -------------------------------------------------------------------------------

    def _gather(self) -> InvoiceCase:
        books, connection = self._books, self._books.connection
        invoice, self._raw = books.ravetree_invoice(self._subject.id)
        partner = self._partner()
        self._copy = partner.copy
        remote: QuickBooksInvoice | Gone | None = None
        if self._copy is not None:
            remote = Gone(self._copy.record_id) if self._copy.deleted else self._load(self._copy.body)
        base = self._base(partner)
        with books.reading() as session:
            sent_written = journal.was_done(session, books.id, str(self._subject), "invoice.mark_sent")
        return InvoiceCase(
            ravetree=invoice,
            quickbooks=remote,
            base=base,
            payments_pending=books.payments_pending(),
            paired_payments=self._paired_payments(invoice, remote),
            placeholder=self._placeholder(),
            customer_unapplied=self._unapplied(invoice, remote),
            sent_written=sent_written,
            estimate=self._estimate(invoice, base),
            draft_policy=connection.draft_policy,
            delete_policy=connection.delete_policy,
            installation=books.installation,
            **self._references(invoice, base.ravetree.owned() if base else None),
        )

    def _customer(self, document: Any, owned_before: tuple[Any, ...] | None) -> Any:
        if isinstance(document, RavetreeInvoice) and document.void:
            return None, ""
        return super()._customer(document, owned_before)

    def _estimate(self, invoice: RavetreeInvoice | Gone, base: InvoiceBase | None) -> str | Record | None:
        """The estimate behind a new invoice: QuickBooks' id, or Ravetree's that is about to be pushed."""
        if not isinstance(invoice, RavetreeInvoice) or base is not None or invoice.estimate_id is None:
            return None
        pair = self._books.pair(Kind.ESTIMATE, Side.RAVETREE, invoice.estimate_id)
        if pair is not None:
            copy = self._books.copy_or_read(Record(Side.QUICKBOOKS, Kind.ESTIMATE, pair.quickbooks_id))
            return pair.quickbooks_id if copy is not None and not copy.deleted else None
        record = Record(Side.RAVETREE, Kind.ESTIMATE, invoice.estimate_id)
        with self._books.reading() as session:
            under_way = [row for row in pending.rows(session, self._books.id, [record]) if row.state == pending.DUE]
        # One that waits for a person does not hold up the invoice: the link is a convenience, the money is not.
        return record if under_way and self._books.connection.estimates_since is not None else None

    def _base(self, partner: Partner) -> InvoiceBase | None:
        if partner.base is None:
            return None
        ours, theirs = partner.base
        return InvoiceBase(ravetree.load_invoice(ours), self._load(theirs), partner.line_ids)

    def _paired_payments(
        self, invoice: RavetreeInvoice | Gone, remote: QuickBooksInvoice | Gone | None
    ) -> tuple[Record, ...]:
        """QuickBooks' payments behind Ravetree's that may have lost an invoice which QuickBooks voided."""
        if not isinstance(invoice, RavetreeInvoice) or not isinstance(remote, QuickBooksInvoice):
            return ()
        if not remote.voided or invoice.void or invoice.paid_amount == ZERO:
            return ()
        names = [row["id"] for row in self._books.neighbours.ravetree.payments_of(invoice.id)]
        found = self._books.pairs_among(Kind.PAYMENT, Side.RAVETREE, names)
        records = [Record(Side.QUICKBOOKS, Kind.PAYMENT, pair.quickbooks_id) for pair in found]
        return tuple(
            record
            for record in records
            if record not in self._books.looked_at and not self._books.waits_for_a_person(record)
        )

    def _placeholder(self) -> Placeholder | None:
        self._know_placeholder_again()
        payment, self._placeholder_copy = self._books.placeholder_of(self._subject.id)
        return None if payment is None else Placeholder(payment)

    def _know_placeholder_again(self) -> None:
        """After a restore the pair of a placeholder may be lost: by its note it belongs to this invoice."""
        books = self._books
        if not self._raw.get("marked_paid_at") or not books.may_be_forgotten(self._raw):
            return
        if books.pair(pairs.PLACEHOLDER, Side.RAVETREE, self._subject.id) is not None:
            return
        name = books.marked("placeholder", self._subject.id)
        if name is not None and self._is_for_this_alone(name):
            with books.writing() as session:
                pairs.store(session, books.id, pairs.PLACEHOLDER, self._subject.id, name, books.now())

    def _is_for_this_alone(self, payment_id: str) -> bool:
        """Whether a payment is applied to this invoice and to nothing else: else a person has changed its meaning."""
        payment, _ = self._books.quickbooks_payment(payment_id)
        pair = self._books.pair(Kind.INVOICE, Side.RAVETREE, self._subject.id)
        if pair is None or not isinstance(payment, QuickBooksPayment):
            return False
        return [allocation.invoice_id for allocation in payment.allocations] == [pair.quickbooks_id]

    def _unapplied(self, invoice: RavetreeInvoice | Gone, remote: QuickBooksInvoice | Gone | None) -> Any:
        """The customer's unapplied money, read only when a placeholder is about to be made."""
        if not isinstance(invoice, RavetreeInvoice) or not isinstance(remote, QuickBooksInvoice):
            return ZERO
        if not invoice.marked_paid or self._placeholder_copy is not None or remote.balance == ZERO:
            return ZERO
        where = f"CustomerRef = {quoted(remote.customer_id)}"
        found = self._books.neighbours.quickbooks.query("Payment", where)
        self._books.keep(Kind.PAYMENT, {str(raw["Id"]): raw for raw in found})
        payments = [quickbooks.load_payment(raw, self._books.home_currency) for raw in found]
        return sum((p.unapplied for p in payments if p.currency == invoice.currency and not p.voided), ZERO)

    # --- freshness -------------------------------------------------------------------------------

    def _placeholder_record(self) -> Record | None:
        copy = self._placeholder_copy
        return None if copy is None else Record(Side.QUICKBOOKS, Kind.PAYMENT, copy.record_id)

    def _refresh_all(self) -> None:
        self._refresh()
        if (record := self._placeholder_record()) is not None:
            self._books.refresh([record])

    def _state(self) -> list[tuple[int, bool]]:
        record = self._placeholder_record()
        copy = self._books.copy(record) if record is not None else None
        return super()._state() + ([(copy.version, copy.deleted)] if copy is not None else [])

    # --- writing ---------------------------------------------------------------------------------

    def _unit(self, raw: Body | None = None) -> list[Record]:
        """Ravetree's payments on it, and QuickBooks' on one that is taken over."""
        rows = self._books.neighbours.ravetree.payments_of(self._subject.id)
        theirs = self._load(raw).payment_ids if raw is not None else ()
        return [Record(Side.RAVETREE, Kind.PAYMENT, row["id"]) for row in rows] + [
            Record(Side.QUICKBOOKS, Kind.PAYMENT, name) for name in theirs
        ]

    def request(self, write: Write) -> Request:
        """The write, ready for the journal."""
        context: dict[str, Any] = {"ravetree_id": self._subject.id}
        if write.side is Side.RAVETREE:
            status = {"invoice.mark_sent": "sent", "invoice.void": "void"}[write.action]
            context["if_match"] = write.version
            return self._named(
                write, ids.path("invoices", str(write.record_id)), ravetree.status_body(status), context, method="PATCH"
            )
        if isinstance(write.content, PaymentContent) or write.action.startswith("placeholder."):
            return self._placeholder_request(write, context)
        now = self._copy.body if self._copy is not None else None
        if isinstance(write.content, InvoiceContent):
            context |= content_context(self._raw, write)
            if write.content.estimate_id:
                context["closes_estimate"] = write.content.estimate_id
            if self._requested and write.action == "invoice.create":
                # An older invoice comes as one unit with the payments that live on it.
                context["payments"] = [record.id for record in self._unit()]
            return self._named(write, "invoice", quickbooks.invoice_body(write.content, now), context)
        if now is None:
            raise ValueError(f"{write.action} needs our copy of the invoice")
        if write.action == "invoice.mark_sent":
            return self._named(write, "invoice", quickbooks.sent_body(now), context)
        operation = write.action.partition(".")[2]
        return self._named(write, f"invoice?operation={operation}", quickbooks.identity_body(now), context)

    def _placeholder_request(self, write: Write, context: dict[str, Any]) -> Request:
        touches = [self._copy.record_id] if self._copy is not None else []
        context |= {"touches": touches}
        now = self._placeholder_copy.body if write.record_id and self._placeholder_copy is not None else None
        if write.action == "placeholder.delete":
            if now is None:
                raise ValueError("a placeholder is deleted with our copy of it")
            return self._named(write, "payment?operation=delete", quickbooks.identity_body(now), context)
        if not isinstance(write.content, PaymentContent):
            raise ValueError(f"{write.action} needs content")
        return self._named(write, "payment", quickbooks.payment_body(write.content, now), context)
