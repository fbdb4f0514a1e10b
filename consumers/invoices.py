"""Brings one invoice into agreement: gather, plan, write, until nothing is left to do."""

from typing import Any

from clients.errors import Missing, Moved
from clients.quickbooks.company import quoted
from clients.quickbooks.faults import DuplicateNumber
from consumers.customers import customer_for
from consumers.journalled import Request
from consumers.outcomes import MAX_ROUNDS, Agreed, NeedsAttention, Outcome, Waits, does_not_settle
from consumers.workbench import Workbench, base_of
from reconcile import invoices as rules
from reconcile.invoices import InvoiceBase, InvoiceCase, Placeholder
from reconcile.model import (
    NOTHING,
    ZERO,
    Attention,
    Gone,
    InvoiceContent,
    Kind,
    PaymentContent,
    QuickBooksInvoice,
    RavetreeInvoice,
    Record,
    Side,
    Write,
    money,
)
from schemas import quickbooks, ravetree
from schemas.quickbooks import Body
from storage import connections, decisions, journal, pairs
from storage.models import Copy, Pair

_CONTENT_ACTIONS = ("invoice.create", "invoice.update")


class InvoiceWork:
    """The work on one invoice, named by its Ravetree id, or by QuickBooks' alone if it has no pair."""

    def __init__(self, bench: Workbench, subject: Record, requested: bool) -> None:
        self._bench = bench
        self._subject = subject
        self._requested = requested
        self._raw: Body = {}
        self._copy: Copy | None = None
        self._placeholder_copy: Copy | None = None
        self._decision = ""

    def run(self) -> Outcome:
        """Plan and write until the sides agree or somebody else has to act."""
        if self._subject.side is Side.QUICKBOOKS:
            return Agreed(ignored="made in QuickBooks")
        with self._bench.database.transaction() as session:
            self._decision = decisions.get(session, self._bench.id, self._bench.handling)
        if self._decision == rules.PUSH:
            self._forget_deleted()
        for _ in range(MAX_ROUNDS):
            case = self._gather()
            plan = rules.plan(case)
            if self._has_old_copy() and (plan != NOTHING or self._marked(case)) and case.base is not None:
                # Never write to, or stop because of, what we know to be out of date.
                self._refresh()
                continue
            if plan.writes:
                self._write(plan.writes[0])
                continue
            if plan.look_at:
                self._bench.look_at(plan.look_at, must_read=True)
            if plan.attention:
                if self._refresh_once():
                    continue
                return NeedsAttention(plan.attention)
            if plan.waits_for:
                return Waits(plan.waits_for)
            return Agreed(plan.ignored)
        return does_not_settle(f"Invoice {self._subject.id}")

    def _forget_deleted(self) -> None:
        """A person wants what was deleted in QuickBooks to be written again: as a new invoice."""
        pair = self._bench.pair(Kind.INVOICE, Side.RAVETREE, self._subject.id)
        if pair is None or not isinstance(self._bench.quickbooks_invoice(pair.quickbooks_id)[0], Gone):
            return
        self._requested = True
        with self._bench.database.transaction() as session:
            pairs.remove(session, self._bench.id, Kind.INVOICE, self._subject.id)
            pairs.remove(session, self._bench.id, pairs.PLACEHOLDER, self._subject.id)

    def _use_up_decision(self) -> None:
        self._decision = ""
        with self._bench.database.transaction() as session:
            decisions.use_up(session, self._bench.id, self._bench.handling)

    # --- gathering -------------------------------------------------------------------------------

    def _gather(self) -> InvoiceCase:
        bench, connection = self._bench, self._bench.connection
        invoice, self._raw = bench.ravetree_invoice(self._subject.id)
        pair = bench.pair(Kind.INVOICE, Side.RAVETREE, self._subject.id)
        remote: QuickBooksInvoice | Gone | None = None
        self._copy = None
        if pair is not None:
            remote, self._copy = bench.quickbooks_invoice(pair.quickbooks_id)
        base = self._base(pair)
        with bench.database.transaction() as session:
            items = connections.mappings(session, bench.id, "line_type")
            tax_codes = connections.mappings(session, bench.id, "tax_rate")
            sent_written = journal.was_done(session, bench.id, str(self._subject), "invoice.mark_sent")
        customer, email = self._customer(invoice, base)
        return InvoiceCase(
            ravetree=invoice,
            quickbooks=remote,
            base=base,
            customer=customer,
            customer_email=email,
            items=items,
            tax_codes=tax_codes,
            us_company=connection.country == "US",
            since=connection.invoices_since,
            requested=self._requested,
            payments_pending=bench.payments_pending(),
            paired_payments=self._paired_payments(invoice, remote),
            placeholder=self._placeholder(),
            customer_unapplied=self._unapplied(invoice, remote),
            decision=self._decision,
            sent_written=sent_written,
        )

    def _base(self, pair: Pair | None) -> InvoiceBase | None:
        bodies = base_of(pair) if pair is not None else None
        if pair is None or bodies is None:
            return None
        return InvoiceBase(
            ravetree.load_invoice(bodies[0]),
            quickbooks.load_invoice(bodies[1], self._bench.home_currency),
            dict(pair.line_ids),
        )

    def _customer(
        self, invoice: RavetreeInvoice | Gone, base: InvoiceBase | None
    ) -> tuple[str | Attention | None, str]:
        """Only asked for when content is going to be written: it may read QuickBooks and create the customer."""
        if isinstance(invoice, Gone) or invoice.void or not invoice.lines:
            return None, ""
        if base is not None and invoice.owned() == base.ravetree.owned():
            return None, ""
        since = self._bench.connection.invoices_since
        if base is None and not self._requested and (since is None or invoice.created_at < since):
            return None, ""
        return customer_for(self._bench, invoice.client_id, invoice.currency)

    def _paired_payments(
        self, invoice: RavetreeInvoice | Gone, remote: QuickBooksInvoice | Gone | None
    ) -> tuple[Record, ...]:
        """QuickBooks' payments behind Ravetree's that may have lost an invoice which QuickBooks voided."""
        if not isinstance(invoice, RavetreeInvoice) or not isinstance(remote, QuickBooksInvoice):
            return ()
        if not remote.voided or invoice.void or invoice.paid_amount == ZERO:
            return ()
        names = [row["id"] for row in self._bench.neighbours.ravetree.payments_of(invoice.id)]
        found = self._bench.pairs_among(Kind.PAYMENT, Side.RAVETREE, names)
        records = [Record(Side.QUICKBOOKS, Kind.PAYMENT, pair.quickbooks_id) for pair in found]
        return tuple(
            record
            for record in records
            if record not in self._bench.looked_at and not self._bench.waits_for_a_person(record)
        )

    def _placeholder(self) -> Placeholder | None:
        payment, self._placeholder_copy = self._bench.placeholder_of(self._subject.id)
        return None if payment is None else Placeholder(payment)

    def _unapplied(self, invoice: RavetreeInvoice | Gone, remote: QuickBooksInvoice | Gone | None) -> Any:
        """The customer's unapplied money, read only when a placeholder is about to be made."""
        if not isinstance(invoice, RavetreeInvoice) or not isinstance(remote, QuickBooksInvoice):
            return ZERO
        if not invoice.marked_paid or self._placeholder_copy is not None or remote.balance == ZERO:
            return ZERO
        where = f"CustomerRef = {quoted(remote.customer_id)}"
        found = self._bench.neighbours.quickbooks.query("Payment", where)
        self._bench.keep(Kind.PAYMENT, {str(raw["Id"]): raw for raw in found})
        payments = [quickbooks.load_payment(raw, self._bench.home_currency) for raw in found]
        return sum((p.unapplied for p in payments if p.currency == invoice.currency and not p.voided), ZERO)

    # --- freshness -------------------------------------------------------------------------------

    def _marked(self, case: InvoiceCase) -> bool:
        return isinstance(case.ravetree, RavetreeInvoice) and case.ravetree.marked_paid

    def _has_old_copy(self) -> bool:
        return self._copy is not None and self._copy.stale

    def _refresh(self) -> None:
        if self._copy is not None:
            self._bench.refresh([Record(Side.QUICKBOOKS, Kind.INVOICE, self._copy.record_id)])

    def _refresh_once(self) -> bool:
        """Before a person is asked, look whether QuickBooks still says what we think it says."""
        if self._copy is None or Record(Side.QUICKBOOKS, Kind.INVOICE, self._copy.record_id) in self._bench.fresh:
            return False
        self._refresh()
        return True

    # --- writing ---------------------------------------------------------------------------------

    def _write(self, write: Write) -> None:
        try:
            self._bench.write(self._request(write))
        except Moved:
            self._refresh()
            self._refresh_placeholder()
        except Missing:
            before = self._state()
            self._refresh()
            self._refresh_placeholder()
            if self._state() == before:
                # Nothing of ours is gone: it is an entry of a list that a person has to see to.
                raise
        except DuplicateNumber as error:
            if not self._adopt_taken(error):
                raise self._offer(error) from error
        else:
            if self._decision and write.content is not None:
                self._use_up_decision()

    def _state(self) -> list[tuple[int, bool]]:
        """Which versions of the invoice and of its placeholder we hold."""
        held = [(Kind.INVOICE, self._copy), (Kind.PAYMENT, self._placeholder_copy)]
        names = [Record(Side.QUICKBOOKS, kind, copy.record_id) for kind, copy in held if copy is not None]
        found = [self._bench.copy(name) for name in names]
        return [(copy.version, copy.deleted) for copy in found if copy is not None]

    def _refresh_placeholder(self) -> None:
        if self._placeholder_copy is not None:
            self._bench.refresh([Record(Side.QUICKBOOKS, Kind.PAYMENT, self._placeholder_copy.record_id)])

    def _request(self, write: Write) -> Request:
        context: dict[str, Any] = {"ravetree_id": self._subject.id}
        if write.side is Side.RAVETREE:
            status = {"invoice.mark_sent": "sent", "invoice.void": "void"}[write.action]
            context["if_match"] = write.version
            return self._named(
                write, f"invoices/{write.record_id}", ravetree.status_body(status), context, method="PATCH"
            )
        if isinstance(write.content, PaymentContent) or write.action.startswith("placeholder."):
            return self._placeholder_request(write, context)
        now = self._copy.body if self._copy is not None else None
        if isinstance(write.content, InvoiceContent):
            context |= {"base_ravetree": self._raw, "line_keys": [line.key for line in write.content.lines]}
            return self._named(write, "invoice", quickbooks.invoice_body(write.content, now), context)
        if now is None:
            raise ValueError(f"{write.action} needs our copy of the invoice")
        if write.action == "invoice.mark_sent":
            return self._named(write, "invoice", quickbooks.sent_body(now), context)
        return self._named(write, "invoice?operation=void", quickbooks.identity_body(now), context)

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

    def _named(self, write: Write, path: str, body: Body, context: dict[str, Any], method: str = "POST") -> Request:
        return Request(self._subject, write.side, write.action, path, body, method, context)

    # --- a number that is taken ------------------------------------------------------------------

    def _adopt_taken(self, error: DuplicateNumber) -> bool:
        """Take over the invoice that has the number: what an own write made whose answer was lost, or if told to."""
        if error.taken_by is None or not (self._was_sent_before() or self._decision == rules.ADOPT):
            return False
        found = self._bench.neighbours.quickbooks.by_ids("Invoice", [error.taken_by])
        if not found or not self._is_same(found[0]):
            return False
        now, raw = self._bench.now(), found[0]
        self._bench.keep(Kind.INVOICE, {error.taken_by: raw})
        lines = [line for line in raw.get("Line", []) if line.get("DetailType") == "SalesItemLineDetail"]
        keys = [line["id"] for line in self._raw.get("lines", [])]
        with self._bench.database.transaction() as session:
            pairs.store(
                session,
                self._bench.id,
                Kind.INVOICE,
                self._subject.id,
                error.taken_by,
                now,
                # None of Ravetree's content was written to it yet: the next plan does that, keeping its lines.
                base_ravetree=self._raw | {"lines": []},
                base_quickbooks=raw,
                line_ids={key: str(line["Id"]) for key, line in zip(keys, lines, strict=False)},
            )
        return True

    def _was_sent_before(self) -> bool:
        with self._bench.database.transaction() as session:
            return journal.may_have_made(session, self._bench.id, str(self._subject), "invoice.create")

    def _is_same(self, raw: Body) -> bool:
        theirs = quickbooks.load_invoice(raw, self._bench.home_currency)
        ours = ravetree.load_invoice(self._raw)
        link = self._bench.pair(Kind.CONTACT, Side.RAVETREE, ours.client_id, ours.currency)
        paired = self._bench.pair(Kind.INVOICE, Side.QUICKBOOKS, theirs.id)
        return (
            paired is None
            and link is not None
            and link.quickbooks_id == theirs.customer_id
            and theirs.total == ours.total
            and theirs.issue_date == ours.issue_date
            and theirs.currency == ours.currency
        )

    def _offer(self, error: DuplicateNumber) -> DuplicateNumber:
        """The same refusal in words that say whether the other invoice could be taken over."""
        found = self._bench.neighbours.quickbooks.by_ids("Invoice", [error.taken_by] if error.taken_by else [])
        if not found:
            return error
        same = self._is_same(found[0])
        total = money(found[0]["TotalAmt"], found[0].get("CurrencyRef", {}).get("value", self._bench.home_currency))
        return DuplicateNumber(
            f"its number is taken in QuickBooks by invoice Id {error.taken_by} over {total}",
            remedy="It has the same customer, total and date: decide `adopt`, or give one of the two another number."
            if same
            else "Give one of the two another number, then press retry.",
            code=error.code,
            detail=error.detail,
            trace=error.trace,
        )
