"""Invoices: Ravetree decides what they say, both sides decide sent and void. See the table in docs/rules.md."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from reconcile.markers import placeholder_marker
from reconcile.model import (
    NOTHING,
    ZERO,
    Allocation,
    Attention,
    ContentLine,
    Gone,
    InvoiceContent,
    Kind,
    PaymentContent,
    Plan,
    QuickBooksInvoice,
    QuickBooksPayment,
    RavetreeInvoice,
    RavetreeLine,
    Record,
    Side,
    held,
    money,
    parked,
    write,
)

OVERWRITE, LEAVE, PUSH, ADOPT, TWO = "overwrite", "leave", "push", "adopt", "two"
"""What a person can decide about an invoice that is held or parked."""

NUMBER_LIMIT = 21
"""Characters that QuickBooks keeps of a DocNumber."""


@dataclass(frozen=True)
class InvoiceBase:
    """What a paired invoice looked like on both sides when Ravetree's content was last written."""

    ravetree: RavetreeInvoice
    quickbooks: QuickBooksInvoice
    line_ids: Mapping[str, str] = field(default_factory=dict)


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
    `sent_written` says that QuickBooks took our mark as sent: no source says that it keeps it.
    """

    ravetree: RavetreeInvoice | Gone | None
    quickbooks: QuickBooksInvoice | Gone | None
    base: InvoiceBase | None
    customer: str | Record | Attention | None = None
    customer_email: str = ""
    items: Mapping[str, str] = field(default_factory=dict)
    tax_codes: Mapping[str, str] = field(default_factory=dict)
    us_company: bool = True
    since: datetime | None = None
    requested: bool = False
    payments_pending: bool = False
    paired_payments: tuple[Record, ...] = ()
    placeholder: Placeholder | None = None
    customer_unapplied: Decimal = ZERO
    decision: str = ""
    sent_written: bool = False


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
        return NOTHING
    if not case.requested and (case.since is None or invoice.created_at < case.since):
        return Plan(ignored="older than the switch-on")
    if not invoice.lines:
        return Plan(ignored="no lines yet")
    content = _content(case, invoice, {})
    if isinstance(content, Plan):
        return content
    return write(Side.QUICKBOOKS, "invoice.create", content=content)


# --- in both books -------------------------------------------------------------------------------


def _plan_live(case: InvoiceCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice, base: InvoiceBase) -> Plan:
    if invoice.owned() != base.ravetree.owned():
        return _plan_overwrite(case, invoice, remote, base)
    if invoice.sent and not remote.emailed and not case.sent_written:
        return write(Side.QUICKBOOKS, "invoice.mark_sent", remote.id, remote.sync_token)
    if remote.emailed and not invoice.sent:
        return write(Side.RAVETREE, "invoice.mark_sent", invoice.id, invoice.version)
    if difference := _difference_after_write(base, remote):
        return difference
    return _plan_placeholder(case, invoice, remote)


def _plan_overwrite(case: InvoiceCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice, base: InvoiceBase) -> Plan:
    name = f"Invoice {invoice.number}"
    if not invoice.lines:
        return parked(
            "invoice_without_lines",
            f"{name} has no lines left in Ravetree; QuickBooks keeps the earlier ones.",
            "Add a line in Ravetree, or void the invoice.",
        )
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
    if invoice.total < settled:
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
    if case.decision != OVERWRITE and _shows_weighty_drift(base.quickbooks, remote, content):
        return held(
            "drift_before_overwrite",
            f"{name} was edited in QuickBooks (now {money(remote.total, remote.currency)}) and then in Ravetree.",
            "Undo the edit in QuickBooks and press retry, or decide `overwrite`.",
        )
    return write(Side.QUICKBOOKS, "invoice.update", remote.id, remote.sync_token, content)


def _shows_weighty_drift(base: QuickBooksInvoice, now: QuickBooksInvoice, wanted: InvoiceContent) -> bool:
    """Whether somebody changed the total or added lines in QuickBooks, other than to what we want anyway."""
    if now.total != base.total and now.total != wanted.total:
        return True
    return len(now.lines) > len(base.lines) and len(now.lines) != len(wanted.lines)


def _difference_after_write(base: InvoiceBase, remote: QuickBooksInvoice) -> Plan | None:
    """What QuickBooks made of our last write, if it was not what we said."""
    ours, theirs = base.ravetree, base.quickbooks
    if ours.number not in (theirs.number, remote.number):
        return parked(
            "number_not_kept",
            f"Invoice {ours.number} got the number {theirs.number or 'none'} in QuickBooks.",
            "Turn on custom transaction numbers in QuickBooks, then press retry.",
        )
    if ours.total not in (theirs.total, remote.total):
        cents = theirs.total - ours.total
        return parked(
            "total_differs",
            f"Invoice {ours.number} is {money(ours.total, ours.currency)} in Ravetree and "
            f"{money(theirs.total, ours.currency)} in QuickBooks, {cents:+.2f}.",
            "Compare its tax in QuickBooks with the mapped tax codes.",
        )
    return None


# --- void and deleted ----------------------------------------------------------------------------


def _plan_ended_in_ravetree(case: InvoiceCase, remote: QuickBooksInvoice) -> Plan:
    """Void and deleted in Ravetree both become void in QuickBooks; payments on it stop that."""
    if remote.voided:
        return NOTHING
    if case.placeholder is not None and isinstance(case.placeholder.payment, QuickBooksPayment):
        payment = case.placeholder.payment
        if not payment.deposited and not payment.voided:
            return write(Side.QUICKBOOKS, "placeholder.delete", payment.id, payment.sync_token)
    if remote.paid_amount > ZERO:
        if case.payments_pending:
            return Plan(waits_for=Record(Side.RAVETREE, Kind.PAYMENT, "*"))
        return held(
            "void_with_payments",
            f"Invoice {remote.number} was voided in Ravetree, but "
            f"{money(remote.paid_amount, remote.currency)} of it are paid in QuickBooks.",
            "Remove the payments in QuickBooks, then press retry.",
        )
    return write(Side.QUICKBOOKS, "invoice.void", remote.id, remote.sync_token)


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
    return write(Side.RAVETREE, "invoice.void", invoice.id, invoice.version)


def _plan_deleted_in_quickbooks(case: InvoiceCase) -> Plan:
    if case.ravetree is None or isinstance(case.ravetree, Gone) or case.ravetree.void:
        return NOTHING
    if case.decision == LEAVE:
        return Plan(ignored="left deleted in QuickBooks")
    return parked(
        "deleted_in_quickbooks",
        f"Invoice {case.ravetree.number} was deleted in QuickBooks and still stands in Ravetree.",
        "Void it in Ravetree, or decide `push` to write it again or `leave`.",
    )


# --- marked as paid ------------------------------------------------------------------------------


def _plan_placeholder(case: InvoiceCase, invoice: RavetreeInvoice, remote: QuickBooksInvoice) -> Plan:
    """Keep the placeholder at what Ravetree calls paid without having a payment for it."""
    wanted = invoice.balance if invoice.marked_paid else ZERO
    payment = case.placeholder.payment if case.placeholder else None
    if isinstance(payment, Gone) or (payment is not None and payment.voided):
        return _plan_lost_placeholder(invoice, wanted)
    if payment is None:
        return _plan_new_placeholder(case, invoice, remote, wanted) if wanted > ZERO else NOTHING
    if payment.deposited or payment.amount == wanted:
        return NOTHING
    if wanted == ZERO:
        return write(Side.QUICKBOOKS, "placeholder.delete", payment.id, payment.sync_token)
    content = placeholder_content(invoice, remote, wanted)
    return write(Side.QUICKBOOKS, "placeholder.update", payment.id, payment.sync_token, content)


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
    if case.customer_unapplied > ZERO and case.decision != TWO:
        return held(
            "unapplied_money_before_placeholder",
            f"Invoice {invoice.number} was marked as paid; its customer has "
            f"{money(case.customer_unapplied, invoice.currency)} unapplied in QuickBooks.",
            "Apply that payment to the invoice in QuickBooks; if it is other money, decide `two`.",
        )
    return write(Side.QUICKBOOKS, "placeholder.create", content=placeholder_content(invoice, remote, wanted))


def placeholder_content(invoice: RavetreeInvoice, remote: QuickBooksInvoice, amount: Decimal) -> PaymentContent:
    """The payment that stands for "marked as paid", dated as the invoice so that it is the same at each try."""
    return PaymentContent(
        party_id=remote.customer_id,
        date=invoice.issue_date,
        amount=amount,
        credit=ZERO,
        unapplied=ZERO,
        currency=invoice.currency,
        reference="",
        marker=placeholder_marker(invoice.id, invoice.number),
        allocations=(Allocation(remote.id, amount),),
    )


# --- content -------------------------------------------------------------------------------------


def _content(case: InvoiceCase, invoice: RavetreeInvoice, line_ids: Mapping[str, str]) -> InvoiceContent | Plan:
    """The invoice in QuickBooks' references, or what is missing for that."""
    name = f"Invoice {invoice.number}"
    if len(invoice.number) > NUMBER_LIMIT:
        return parked(
            "number_too_long",
            f"{name} has a number of {len(invoice.number)} characters; QuickBooks takes {NUMBER_LIMIT}.",
            "Shorten the number in Ravetree.",
        )
    if invoice.total < ZERO:
        return parked(
            "negative_total",
            f"{name} comes to {money(invoice.total, invoice.currency)}; QuickBooks takes no negative invoice.",
            "Correct its lines, or make a credit memo in QuickBooks.",
        )
    if case.customer is None or isinstance(case.customer, Record):
        waits = case.customer or Record(Side.RAVETREE, Kind.CONTACT, invoice.client_id)
        return Plan(waits_for=waits)
    if isinstance(case.customer, Attention):
        return Plan(attention=case.customer)
    lines = _content_lines(case, invoice, line_ids)
    if isinstance(lines, Plan):
        return lines
    discount = sum((line.amount for line in invoice.lines), ZERO) + invoice.tax_amount - invoice.total
    if invoice.tax_inclusive or discount < ZERO:
        return parked(
            "totals_do_not_add_up",
            f"{name}: lines, discount and tax do not add up to its total in a way that QuickBooks can hold.",
            "Use prices without tax for this client in Ravetree.",
        )
    return InvoiceContent(
        customer_id=case.customer,
        email=case.customer_email,
        number=invoice.number,
        issue_date=invoice.issue_date,
        due_date=invoice.due_date,
        currency=invoice.currency,
        memo=invoice.memo,
        lines=lines,
        discount=discount,
        tax_amount=invoice.tax_amount,
        total=invoice.total,
        emailed=invoice.sent,
    )


def _content_lines(
    case: InvoiceCase, invoice: RavetreeInvoice, line_ids: Mapping[str, str]
) -> tuple[ContentLine, ...] | Plan:
    result = []
    for line in invoice.lines:
        item = case.items.get(line.type)
        if item is None:
            return parked(
                "line_type_not_mapped",
                f"Invoice {invoice.number} has a line of type {line.type!r}, which is mapped to no QuickBooks item.",
                f"Map the type {line.type!r} in the settings.",
            )
        code = _tax_code(case, line)
        if isinstance(code, Attention):
            return Plan(attention=replace(code, cause=f"Invoice {invoice.number}: {code.cause}"))
        exact = line.quantity is not None and line.unit_price is not None
        exact = exact and _cents(line.quantity, line.unit_price) == line.amount
        result.append(
            ContentLine(
                key=line.id,
                line_id=line_ids.get(line.id),
                item_id=item,
                description=line.description,
                # QuickBooks refuses a line whose amount is not quantity times price to the cent.
                quantity=line.quantity if exact else None,
                unit_price=line.unit_price if exact else None,
                amount=line.amount,
                service_date=line.service_date,
                tax_code=code,
            )
        )
    return tuple(result)


def _cents(quantity: Decimal | None, price: Decimal | None) -> Decimal | None:
    if quantity is None or price is None:
        return None
    return (quantity * price).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _tax_code(case: InvoiceCase, line: RavetreeLine) -> str | Attention | None:
    if case.us_company:
        return "TAX" if line.taxable else "NON"
    if line.tax_rate is None:
        return case.tax_codes.get("")
    code = case.tax_codes.get(line.tax_rate)
    if code is None:
        return Attention(
            "parked",
            "tax_rate_not_mapped",
            f"the tax rate {line.tax_rate!r} is mapped to no QuickBooks tax code.",
            f"Map the tax rate {line.tax_rate!r} in the settings.",
        )
    return code
