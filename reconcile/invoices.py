"""Invoices: Ravetree decides what they say, both sides decide sent and void. See the table in docs/rules.md."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from reconcile.actions import Action
from reconcile.decisions import Decision
from reconcile.documents import (
    content_of,
    deleted_in_quickbooks,
    difference_after_write,
    not_to_push,
    tax_notices,
    without_lines,
)
from reconcile.markers import placeholder_marker
from reconcile.model import (
    NOTHING,
    ZERO,
    Allocation,
    Attention,
    CompanyTax,
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
    TaxedTotal,
    held,
    money,
    write,
)

ON_CREATE, WHEN_SENT = "create", "sent"
"""When a draft goes to QuickBooks."""

VOID, DELETE = "void", "delete"
"""What becomes in QuickBooks of an invoice that is deleted in Ravetree."""


@dataclass(frozen=True)
class InvoiceBase:
    """What a paired invoice looked like on both sides when Ravetree's content was last written.

    `accepted` is what QuickBooks has more, as a person decided.
    """

    ravetree: RavetreeInvoice
    quickbooks: QuickBooksInvoice
    line_ids: Mapping[str, str] = field(default_factory=dict)
    accepted: TaxedTotal | None = None


@dataclass(frozen=True)
class Placeholder:
    """The QuickBooks payment that stands for "marked as paid" in Ravetree."""

    payment: QuickBooksPayment | Gone


@dataclass(frozen=True)
class InvoiceCase:
    """All that decides about one invoice.

    `customer` is the linked customer's id, a record to wait for, or why a person must look; None while unknown.
    `payments_pending` says that payments of this connection are still to be looked at, so that what
    seems to disagree may be under way. `decision` is what a person said of this invoice: `overwrite` an edit made
    in QuickBooks, `leave` it deleted there, or that unapplied money and the mark as paid are `two` things.
    `sent_written` says that QuickBooks took our mark as sent: no source says that it keeps it. `estimate` is the
    QuickBooks estimate behind the invoice, or Ravetree's that is still to be pushed. The two policies are the
    bookkeeper's: `draft_policy` `create` or `sent`, `delete_policy` `void` or `delete`. `installation` is the id that
    our markers bear. `tax`, `customer_taxable` and `percents` are what `References` says of them.
    """

    ravetree: RavetreeInvoice | Gone | None
    quickbooks: QuickBooksInvoice | Gone | None
    base: InvoiceBase | None
    customer: str | Record | Attention | None = None
    customer_email: str = ""
    items: Mapping[str, str] = field(default_factory=dict)
    tax_codes: Mapping[str, str] = field(default_factory=dict)
    us_company: bool = True
    tax: CompanyTax = field(default_factory=CompanyTax)
    customer_taxable: bool = True
    percents: Mapping[str, Decimal] = field(default_factory=dict)
    since: datetime | None = None
    requested: bool = False
    payments_pending: bool = False
    paired_payments: tuple[Record, ...] = ()
    placeholder: Placeholder | None = None
    customer_unapplied: Decimal = ZERO
    decision: str = ""
    sent_written: bool = False
    estimate: str | Record | None = None
    draft_policy: str = ON_CREATE
    delete_policy: str = VOID
    installation: str = ""


def plan(case: InvoiceCase) -> Plan:
    """The next step for one invoice."""
    if case.base is None:
        return _plan_unpaired(case)
    if isinstance(case.quickbooks, Gone):
        return _plan_deleted_in_quickbooks(case)
    if case.quickbooks is None:
        raise ValueError("a paired invoice is planned with QuickBooks' copy of it")
    if case.ravetree is None or isinstance(case.ravetree, Gone) or case.ravetree.void:
        return _plan_ended_in_ravetree(case, case.quickbooks)
    if case.quickbooks.voided:
        return _plan_voided_in_quickbooks(case, case.ravetree)
    return _plan_live(case, case.ravetree, case.quickbooks, case.base)


# --- not yet in QuickBooks -----------------------------------------------------------------------


def _plan_unpaired(case: InvoiceCase) -> Plan:
    invoice = case.ravetree
    if invoice is None:
        return Plan(ignored="made in QuickBooks")
    if isinstance(invoice, Gone) or invoice.void:
        return Plan(ignored="not in Ravetree" if isinstance(invoice, Gone) else "void in Ravetree")
    if why := not_to_push(case, invoice.created_at):
        return Plan(ignored=why)
    if not invoice.lines:
        return Plan(ignored="no lines yet")
    begun = invoice.sent or invoice.marked_paid or invoice.paid_amount > ZERO
    if case.draft_policy == WHEN_SENT and not (begun or case.requested):
        return Plan(ignored="a draft: it is pushed when it is sent")
    if isinstance(case.estimate, Record):
        return Plan(waits_for=case.estimate)
    content = _content(case, invoice, {})
    if isinstance(content, Plan):
        return content
    return write(Side.QUICKBOOKS, Action.INVOICE_CREATE, content=content)


# --- in both books -------------------------------------------------------------------------------


def _plan_live(case: InvoiceCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice, base: InvoiceBase) -> Plan:
    if invoice.owned() != base.ravetree.owned():
        return _plan_overwrite(case, invoice, remote, base)
    if invoice.sent and not remote.emailed and not case.sent_written:
        return write(Side.QUICKBOOKS, Action.INVOICE_MARK_SENT, remote.id, remote.sync_token)
    if remote.emailed and not invoice.sent:
        return write(Side.RAVETREE, Action.INVOICE_MARK_SENT, invoice.id, invoice.version)
    if difference := difference_after_write(case, base, remote):
        return difference
    at_rest = _plan_placeholder(case, invoice, remote)
    if at_rest.is_at_rest:
        return replace(
            at_rest, notices=(*at_rest.notices, *tax_notices(case, remote), *_open_cents(invoice, remote, base))
        )
    return at_rest


def _accepted(base: InvoiceBase | None) -> Decimal:
    """By how much QuickBooks' total is more, as a person decided."""
    return base.accepted.total if base is not None and base.accepted is not None else ZERO


def _open_cents(invoice: RavetreeInvoice, remote: QuickBooksInvoice, base: InvoiceBase) -> tuple[str, ...]:
    """An accepted difference that is all that one side has open, once the other side is paid."""
    gap = _accepted(base)
    open_ones = (("Ravetree", invoice.balance, -gap), ("QuickBooks", remote.balance, gap))
    return tuple(
        f"Invoice {invoice.number}: {money(left, invoice.currency)} stay open in {where}, the accepted difference."
        for where, left, part in open_ones
        if ZERO < left <= part and invoice.balance != remote.balance
    )


def _plan_overwrite(case: InvoiceCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice, base: InvoiceBase) -> Plan:
    name = f"Invoice {invoice.number}"
    if not invoice.lines:
        return without_lines(invoice)
    settled = remote.paid_amount
    if settled > ZERO and invoice.client_id != base.ravetree.client_id:
        return held(
            "client_changed_with_payments",
            f"{name} got another client in Ravetree, but QuickBooks has payments on it.",
            "Remove the payments or set the client back.",
        )
    if settled > ZERO and invoice.currency != base.ravetree.currency:
        return held(
            "currency_changed_with_payments",
            f"{name} got another currency in Ravetree, but QuickBooks has payments on it.",
            "Remove the payments or set the currency back.",
        )
    if invoice.total + _accepted(base) < settled:
        if case.payments_pending:
            return Plan(waits_for=Record(Side.RAVETREE, Kind.PAYMENT, "*"))
        return held(
            "total_below_paid",
            f"{name} fell to {money(invoice.total, invoice.currency)} in Ravetree, but "
            f"{money(settled, invoice.currency)} of it are paid in QuickBooks.",
            "Correct the lines, or take the payment back first.",
        )
    content = _content(case, invoice, base.line_ids)
    if isinstance(content, Plan):
        return content
    if settled > ZERO and content.customer_id != remote.customer_id:
        return held(
            "customer_differs_with_payments",
            f"{name} has another customer in QuickBooks, and payments on it.",
            "Remove the payments in QuickBooks, or set its customer right there; then press retry.",
        )
    if case.decision != Decision.OVERWRITE and _shows_weighty_drift(base.quickbooks, remote, content):
        return held(
            "drift_before_overwrite",
            f"{name} was edited in QuickBooks (now {money(remote.total, remote.currency)}) and then in Ravetree.",
            "Undo the edit in QuickBooks and press retry, or decide `overwrite`.",
            Decision.OVERWRITE,
        )
    return write(Side.QUICKBOOKS, Action.INVOICE_UPDATE, remote.id, remote.sync_token, content)


def _shows_weighty_drift(base: QuickBooksInvoice, now: QuickBooksInvoice, wanted: InvoiceContent) -> bool:
    """Whether somebody changed the total or added lines in QuickBooks, other than to what we want anyway."""
    if now.total != base.total and now.total != wanted.total:
        return True
    return len(now.lines) > len(base.lines) and len(now.lines) != len(wanted.lines)


# --- void and deleted ----------------------------------------------------------------------------


def _plan_ended_in_ravetree(case: InvoiceCase, remote: QuickBooksInvoice) -> Plan:
    """Void and deleted in Ravetree both become void in QuickBooks; payments on it stop that."""
    if remote.voided:
        return NOTHING
    if case.placeholder is not None and isinstance(case.placeholder.payment, QuickBooksPayment):
        payment = case.placeholder.payment
        if not payment.deposited and not payment.voided:
            return write(Side.QUICKBOOKS, Action.PLACEHOLDER_DELETE, payment.id, payment.sync_token)
    if remote.paid_amount > ZERO:
        if case.payments_pending:
            return Plan(waits_for=Record(Side.RAVETREE, Kind.PAYMENT, "*"))
        return held(
            "void_with_payments",
            f"Invoice {remote.number} was voided in Ravetree, but "
            f"{money(remote.paid_amount, remote.currency)} of it are paid in QuickBooks.",
            "Remove the payments in QuickBooks, then press retry.",
        )
    # What is void already stays as it is: a deletion after a void takes nothing more off the books.
    deletes = case.delete_policy == DELETE and isinstance(case.ravetree, Gone)
    ended = Action.INVOICE_DELETE if deletes else Action.INVOICE_VOID
    return write(Side.QUICKBOOKS, ended, remote.id, remote.sync_token)


def _plan_voided_in_quickbooks(case: InvoiceCase, invoice: RavetreeInvoice) -> Plan:
    """Void is final: Ravetree's payments lose the invoice first, since a void invoice takes none there."""
    if invoice.paid_amount > ZERO:
        if case.paired_payments:
            return Plan(look_at=case.paired_payments, waits_for=Record(Side.RAVETREE, Kind.PAYMENT, "*"))
        return held(
            "voided_in_quickbooks_with_payments",
            f"Invoice {invoice.number} was voided in QuickBooks, but Ravetree has "
            f"{money(invoice.paid_amount, invoice.currency)} on it that cannot be taken off by itself.",
            "Settle or remove that payment in Ravetree, then press retry.",
        )
    return write(Side.RAVETREE, Action.INVOICE_VOID, invoice.id, invoice.version)


def _plan_deleted_in_quickbooks(case: InvoiceCase) -> Plan:
    if case.ravetree is None or isinstance(case.ravetree, Gone) or case.ravetree.void:
        return NOTHING
    return deleted_in_quickbooks(case, case.ravetree)


# --- marked as paid ------------------------------------------------------------------------------


def _plan_placeholder(case: InvoiceCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice) -> Plan:
    """Keep the placeholder at what Ravetree calls paid without having a payment for it."""
    wanted = _open_there(case, invoice) if invoice.marked_paid else ZERO
    payment = case.placeholder.payment if case.placeholder else None
    if isinstance(payment, Gone) or (payment is not None and payment.voided):
        return _plan_lost_placeholder(invoice, wanted)
    if payment is None:
        return _plan_new_placeholder(case, invoice, remote, wanted) if wanted > ZERO else NOTHING
    if payment.amount == wanted:
        return NOTHING
    if payment.deposited:
        if case.payments_pending:
            return Plan(waits_for=Record(Side.RAVETREE, Kind.PAYMENT, "*"))
        return _deposited_placeholder(invoice, payment, wanted)
    if wanted == ZERO:
        return write(Side.QUICKBOOKS, Action.PLACEHOLDER_DELETE, payment.id, payment.sync_token)
    content = placeholder_content(case, invoice, remote, wanted)
    return write(Side.QUICKBOOKS, Action.PLACEHOLDER_UPDATE, payment.id, payment.sync_token, content)


def _open_there(case: InvoiceCase, invoice: RavetreeInvoice) -> Decimal:
    """What of Ravetree's open balance is open in QuickBooks too, where a person accepted another total there."""
    return max(ZERO, invoice.balance + _accepted(case.base)) if invoice.balance else ZERO


def _deposited_placeholder(invoice: RavetreeInvoice, payment: QuickBooksPayment, wanted: Decimal) -> Plan:
    """It is the real money by now: nothing of ours changes it, and the books do not say the same."""
    got = money(payment.amount, payment.currency)
    if wanted == ZERO:
        cause = f"Invoice {invoice.number} is not marked as paid any more; {got} for it are deposited in QuickBooks."
    else:
        cause = (
            f"Invoice {invoice.number} is marked as paid with {money(wanted, invoice.currency)} open; "
            f"{got} for it are deposited in QuickBooks."
        )
    return held("placeholder_deposited", cause, f"Enter the payment of {got} in Ravetree, or correct the deposit.")


def _plan_lost_placeholder(invoice: RavetreeInvoice, wanted: Decimal) -> Plan:
    if wanted == ZERO:
        return NOTHING
    return held(
        "placeholder_removed",
        f"Invoice {invoice.number} is marked as paid in Ravetree; its payment was removed in QuickBooks.",
        "Take the mark away in Ravetree, or enter the payment.",
    )


def _plan_new_placeholder(
    case: InvoiceCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice, wanted: Decimal
) -> Plan:
    if remote.balance == ZERO and remote.total > ZERO and not case.payments_pending:
        return NOTHING
    if remote.balance != wanted:
        if case.payments_pending:
            return Plan(waits_for=Record(Side.RAVETREE, Kind.PAYMENT, "*"))
        return held(
            "open_balances_differ",
            f"Invoice {invoice.number} was marked as paid with {money(wanted, invoice.currency)} open in "
            f"Ravetree and {money(remote.balance, invoice.currency)} in QuickBooks.",
            "Enter the missing payment on one side, then press retry.",
        )
    if case.customer_unapplied > ZERO and case.decision != Decision.TWO:
        return held(
            "unapplied_money_before_placeholder",
            f"Invoice {invoice.number} was marked as paid; its customer has "
            f"{money(case.customer_unapplied, invoice.currency)} unapplied in QuickBooks.",
            "Apply that payment to the invoice in QuickBooks; if it is other money, decide `two`.",
            Decision.TWO,
        )
    return write(Side.QUICKBOOKS, Action.PLACEHOLDER_CREATE, content=placeholder_content(case, invoice, remote, wanted))


def placeholder_content(
    case: InvoiceCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice, amount: Decimal
) -> PaymentContent:
    """The payment that stands for "marked as paid", dated as the invoice so that it is the same at each try."""
    return PaymentContent(
        party_id=remote.customer_id,
        date=invoice.issue_date,
        amount=amount,
        credit=ZERO,
        unapplied=ZERO,
        currency=invoice.currency,
        reference="",
        marker=placeholder_marker(invoice.id, invoice.number, case.installation),
        allocations=(Allocation(remote.id, amount),),
    )


# --- content -------------------------------------------------------------------------------------


def _content(case: InvoiceCase, invoice: RavetreeInvoice, line_ids: Mapping[str, str]) -> InvoiceContent | Plan:
    """The invoice in QuickBooks' references, or what is missing for that."""
    content = content_of(case, invoice, line_ids)
    if isinstance(content, Plan):
        return content
    return InvoiceContent(
        **vars(content),
        due_date=invoice.due_date,
        emailed=invoice.sent,
        # A link is made with the invoice: QuickBooks closes the estimate by it.
        estimate_id=case.estimate if case.base is None and isinstance(case.estimate, str) else None,
    )
