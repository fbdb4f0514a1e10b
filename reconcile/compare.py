"""What differs between the two records of a pair, whose it is, and why.

What the next sync does with it is said by whoever rehearses that. It compares with the eyes of the rules: what they
never write, or read into the other side's words, is no difference.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from reconcile.documents import is_exact, tax_code_of
from reconcile.estimates import CLOSED, STATUS
from reconcile.invoices import is_known_void
from reconcile.limits import DESCRIPTION_LIMIT, MEMO_LIMIT
from reconcile.model import (
    ZERO,
    CompanyTax,
    Gone,
    QuickBooksEstimate,
    QuickBooksInvoice,
    QuickBooksLine,
    QuickBooksPayment,
    RavetreeEstimate,
    RavetreeInvoice,
    RavetreeLine,
    RavetreePayment,
    TaxedTotal,
)
from reconcile.payment_facts import Facts, KnownInvoice, agree, quickbooks_facts, ravetree_facts, spent_since

OURS, BOTH = "ravetree", "both"
"""Whose a field is."""

FROM_OTHERS = frozenset({"balance", "status"})
"""What of a document follows from other records: from payments, or from the invoice made of an estimate."""

_ENDED = frozenset({"void", "deleted"})

ROUNDING = Decimal(1)
"""Totals that nobody changed and that are less than this apart differ by the rounding of tax or lines."""


class Cause(StrEnum):
    """Why something differs."""

    WAITING = "waiting"
    HELD = "held"
    PARKED = "parked"
    ENDED = "ended_on_one_side"
    DRIFT = "drift"
    MARKED = "marked_as_paid"
    CREDIT = "credit"
    ROUNDED = "rounding"
    ACCEPTED = "accepted"
    DECIDED = "decided"
    OLD_COPY = "older_copy"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True)
class Difference:
    """One field that the two sides say otherwise, as text: `base` is what they agreed on, empty if nothing.

    `next` is a sentence for a bookkeeper: here what holds while the next sync does nothing with the record.
    `cause` is what the two records and their base show by themselves.
    """

    field: str
    ravetree: str
    quickbooks: str
    base: str
    owner: str
    next: str
    cause: Cause


@dataclass(frozen=True)
class Accepted:
    """By how much QuickBooks' total and tax are more, as a person decided; `words` say who, when and why."""

    gap: TaxedTotal
    words: str

    def covers(self, ours: RavetreeInvoice | RavetreeEstimate, theirs: QuickBooksInvoice | QuickBooksEstimate) -> bool:
        """Whether that is still all that total and tax differ by."""
        made = TaxedTotal(theirs.total, theirs.tax_amount)
        return made.above(TaxedTotal(ours.total, ours.tax_amount)) == self.gap


@dataclass(frozen=True)
class Links:
    """Ravetree's words in QuickBooks' ids. What has no link or mapping is not compared.

    `line_ids` are QuickBooks' line ids by Ravetree's; the names are for people to read. `tax` is how the company
    charges tax, `accepted` what a person lets differ.
    """

    customers: Mapping[tuple[str, str], str] = field(default_factory=dict)
    items: Mapping[str, str] = field(default_factory=dict)
    tax_codes: Mapping[str, str] = field(default_factory=dict)
    us_company: bool = True
    tax: CompanyTax = field(default_factory=CompanyTax)
    line_ids: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    accepted: Accepted | None = None


@dataclass(frozen=True)
class _Field:
    """One field on both sides. Of a line that is there or not, only that counts."""

    label: str
    ravetree: str
    quickbooks: str
    is_line: bool = False

    @property
    def differs(self) -> bool:
        return self._changed(self.ravetree, self.quickbooks)

    def _changed(self, now: str, then: str) -> bool:
        return bool(now) != bool(then) if self.is_line else now != then

    def changed_in_ravetree(self, base: "_Field") -> bool:
        return self._changed(self.ravetree, base.ravetree)

    def changed_in_quickbooks(self, base: "_Field") -> bool:
        return self._changed(self.quickbooks, base.quickbooks)


_Fields = dict[str, _Field]
_NOWHERE = _Field("", "", "")
_RavetreeDocument = RavetreeInvoice | RavetreeEstimate
_QuickBooksDocument = QuickBooksInvoice | QuickBooksEstimate


def in_old_copy(differences: tuple[Difference, ...]) -> tuple[Difference, ...]:
    """The same differences, where a write of ours touched QuickBooks' record after we last saw it.

    What follows from other records is out of date there, and perhaps no difference at all.
    """
    then = "Nothing: a write of ours changed it in QuickBooks after we last saw it; the next look there shows it."
    return tuple(
        replace(one, cause=Cause.OLD_COPY, next=then)
        if one.field in FROM_OTHERS and one.cause in (Cause.UNEXPLAINED, Cause.WAITING, Cause.DRIFT)
        else one
        for one in differences
    )


# --- invoices and estimates ----------------------------------------------------------------------


def compare_invoice(
    ours: RavetreeInvoice | Gone,
    theirs: QuickBooksInvoice | Gone,
    base: tuple[RavetreeInvoice, QuickBooksInvoice] | None,
    links: Links,
    *,
    sent_written: bool = False,
) -> tuple[Difference, ...]:
    """All that differs between an invoice and its partner; nothing once it has ended on both sides.

    `sent_written` says that QuickBooks took our mark as sent: whether it keeps it is its own matter.
    """
    mine = invoice_status(ours)
    if isinstance(theirs, QuickBooksInvoice) and theirs.voided and base is not None and mine not in _ENDED:
        # One that came to nothing before, with a note that begins so, is no void one by itself.
        theirs = replace(theirs, voided=is_known_void(theirs, base[1]))
    other = invoice_status(theirs)
    if mine in _ENDED or other in _ENDED:
        if mine in _ENDED and other in _ENDED:
            return ()
        return (_ended(mine, other, base is not None),)
    if isinstance(ours, Gone) or isinstance(theirs, Gone):
        raise TypeError("what is gone has ended")
    return (
        *_owned_differences(ours, theirs, base, links),
        *_sent_difference(ours, theirs, sent_written=sent_written),
        *_balance_differences(ours, theirs, base, links),
    )


def compare_estimate(
    ours: RavetreeEstimate | Gone,
    theirs: QuickBooksEstimate | Gone,
    base: tuple[RavetreeEstimate, QuickBooksEstimate] | None,
    links: Links,
) -> tuple[Difference, ...]:
    """All that differs between an estimate and its partner; nothing of it ever comes back to Ravetree."""
    if isinstance(ours, Gone):
        if isinstance(theirs, Gone) or (theirs.invoice_ids and theirs.status == CLOSED):
            return ()
        return (_ended("deleted", theirs.status, base is not None),)
    if isinstance(theirs, Gone):
        return (_ended(ours.status, "deleted", base is not None),)
    return _owned_differences(ours, theirs, base, links)


def invoice_status(invoice: RavetreeInvoice | QuickBooksInvoice | Gone) -> str:
    """`open`, `partially paid`, `paid`, `void` or `deleted`. Past due is each side's own matter."""
    if isinstance(invoice, Gone):
        return "deleted"
    if isinstance(invoice, RavetreeInvoice):
        if invoice.void:
            return "void"
        if invoice.marked_paid:
            return "paid"
    elif invoice.voided:
        return "void"
    if invoice.balance <= ZERO < invoice.total:
        return "paid"
    return "partially paid" if invoice.balance < invoice.total else "open"


def _ended(mine: str, other: str, agreed: bool) -> Difference:
    """Void or deleted on one side: nothing else is worth comparing."""
    was = "in both books" if agreed else ""
    return Difference("status", mine, other, was, BOTH, "Nothing: it stays as it is.", Cause.ENDED)


def _owned_differences(
    ours: _RavetreeDocument,
    theirs: _QuickBooksDocument,
    base: tuple[_RavetreeDocument, _QuickBooksDocument] | None,
    links: Links,
) -> tuple[Difference, ...]:
    """The fields that Ravetree decides."""
    now = _document_fields(ours, theirs, links)
    then = _document_fields(*base, links) if base is not None else None
    found = []
    for key, one in now.items():
        if not one.differs:
            continue
        was = None if then is None else then.get(key, _NOWHERE)
        cause = _cause_of_owned(key, one, was, ours, theirs, base)
        at_rest = f"{_AT_THE_NEXT_EDIT}{_past_due(key)}"
        if key in ("total", "tax") and links.accepted is not None and links.accepted.covers(ours, theirs):
            cause, at_rest = Cause.ACCEPTED, links.accepted.words
        found.append(Difference(one.label, one.ravetree, one.quickbooks, _base_of(was), OURS, at_rest, cause))
    return tuple(found)


def _base_of(was: _Field | None) -> str:
    return "" if was is None else was.ravetree


_AT_THE_NEXT_EDIT = "Nothing now: at the next edit in Ravetree its content is written, or a person is asked first."


def _cause_of_owned(
    key: str,
    now: _Field,
    was: _Field | None,
    ours: _RavetreeDocument,
    theirs: _QuickBooksDocument,
    base: tuple[_RavetreeDocument, _QuickBooksDocument] | None,
) -> Cause:
    if base is None or was is None:
        return Cause.UNEXPLAINED
    if now.changed_in_quickbooks(was):
        return Cause.DRIFT
    if ours.owned() != base[0].owned():
        return Cause.WAITING
    # Nobody changed it: QuickBooks made this of what we wrote, or a mapping was changed since.
    if key == "number":
        return Cause.UNEXPLAINED
    if key in ("total", "tax", "discount") or key.endswith(" amount"):
        return Cause.ROUNDED if abs(ours.total - theirs.total) < ROUNDING else Cause.UNEXPLAINED
    return Cause.DRIFT


def _past_due(key: str) -> str:
    return " Past due follows from each side's own date and is never written." if key == "due date" else ""


# --- what the documents say, field by field ------------------------------------------------------


def _document_fields(ours: _RavetreeDocument, theirs: _QuickBooksDocument, links: Links) -> _Fields:
    fields = {"number": _Field("number", ours.number, theirs.number)}
    customer = links.customers.get((ours.client_id, ours.currency))
    if customer is not None:
        names = links.names
        mine, other = names.get(customer, customer), names.get(theirs.customer_id, theirs.customer_id)
        if customer != theirs.customer_id and mine == other:
            mine, other = f"{mine} ({customer})", f"{other} ({theirs.customer_id})"
        fields["client"] = _Field("client", mine, other)
    plain: dict[str, tuple[object, object]] = {
        "issue date": (ours.issue_date, theirs.issue_date),
        "memo": (ours.memo[:MEMO_LIMIT].strip(), theirs.memo.strip()),
        "currency": (ours.currency, theirs.currency),
        "discount": (_discount(ours), theirs.discount) if not ours.tax_inclusive else (ZERO, ZERO),
        "tax": (ours.tax_amount, theirs.tax_amount),
        "total": (ours.total, theirs.total),
    }
    if isinstance(ours, RavetreeInvoice) and isinstance(theirs, QuickBooksInvoice) and ours.due_date is not None:
        # Without one QuickBooks makes up its own.
        plain["due date"] = (ours.due_date, theirs.due_date)
    if isinstance(ours, RavetreeEstimate) and isinstance(theirs, QuickBooksEstimate):
        if ours.expires_on is not None:
            plain["expiry"] = (ours.expires_on, theirs.expires_on)
        # QuickBooks closes an estimate by itself when an invoice is made of it, or of all of it.
        status = theirs.status if theirs.invoice_ids else STATUS.get(ours.status, "Pending")
        plain["status"] = (status, theirs.status)
    fields |= {name: _Field(name, _spell(mine), _spell(other)) for name, (mine, other) in plain.items()}
    return fields | _line_fields(ours, theirs, links)


def _discount(ours: _RavetreeDocument) -> Decimal:
    """What QuickBooks gets as the discount: what lines and tax are above the total."""
    return sum((line.amount for line in ours.lines), ZERO) + ours.tax_amount - ours.total


def _line_fields(ours: _RavetreeDocument, theirs: _QuickBooksDocument, links: Links) -> _Fields:
    remote = {line.id: line for line in theirs.lines}
    fields: _Fields = {}
    for place, line in enumerate(ours.lines, 1):
        partner = remote.pop(links.line_ids.get(line.id, ""), None)
        label = f"line {place}"
        fields[f"line {line.id}"] = _Field(label, _spell_line(line), _spell_line(partner), is_line=True)
        if partner is not None:
            for name, (mine, other) in _line_values(line, partner, ours, links).items():
                fields[f"line {line.id} {name}"] = _Field(f"{label} {name}", _spell(mine), _spell(other))
    ids = {theirs_id: ours_id for ours_id, theirs_id in links.line_ids.items()}
    for line_id, extra in remote.items():
        # A line that was removed in Ravetree keeps its name, so that its base is found under it.
        fields[f"line {ids.get(line_id, f'there:{line_id}')}"] = _Field(
            f"line {_place(theirs, line_id)} in QuickBooks", "", _spell_line(extra), is_line=True
        )
    return fields


def _place(theirs: _QuickBooksDocument, line_id: str) -> int:
    return [line.id for line in theirs.lines].index(line_id) + 1


def _spell_line(line: RavetreeLine | QuickBooksLine | None) -> str:
    return "" if line is None else f"{line.description or 'without description'}, {_spell(line.amount)}"


def _line_values(
    line: RavetreeLine, partner: QuickBooksLine, ours: _RavetreeDocument, links: Links
) -> dict[str, tuple[object, object]]:
    values: dict[str, tuple[object, object]] = {
        "description": (line.description[:DESCRIPTION_LIMIT].strip(), partner.description.strip()),
        "amount": (line.amount, partner.amount),
    }
    if ours.tax_inclusive:
        # QuickBooks holds net amounts: the gross one beside them, or in a US company the price in the description.
        values["amount"] = (line.amount, partner.gross if partner.gross is not None else line.amount)
        if partner.description.startswith(line.description):
            del values["description"]
    elif is_exact(line):
        # Otherwise they are not sent: QuickBooks takes no line whose amount is not quantity times price.
        values["quantity"] = (_number(line.quantity), _number(partner.quantity))
        values["price"] = (_number(line.unit_price), _number(partner.unit_price))
    if line.service_date is not None:
        values["service date"] = (line.service_date, partner.service_date)
    if (item := links.items.get(line.type)) is not None:
        values["item"] = (
            links.names.get(f"item {item}", item),
            links.names.get(f"item {partner.item_id}", partner.item_id),
        )
    code = tax_code_of(line, links.tax_codes, links.tax, ours.issue_date, us_company=links.us_company)
    if code:
        values["tax code"] = (code, partner.tax_code or "")
    return values


def _number(value: Decimal | None) -> str:
    return "" if value is None else format(value.normalize(), "f")


def _spell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        cents = value.quantize(Decimal("0.01"))
        return f"{cents:f}" if cents == value else format(value.normalize(), "f")
    return value.isoformat() if isinstance(value, date) else str(value)


# --- sent, paid ----------------------------------------------------------------------------------


def _sent_difference(ours: RavetreeInvoice, theirs: QuickBooksInvoice, *, sent_written: bool) -> tuple[Difference, ...]:
    if ours.sent == theirs.emailed or (ours.sent and sent_written):
        return ()
    mine, other = ("yes", "no") if ours.sent else ("no", "yes")
    return (Difference("sent", mine, other, "", BOTH, "Nothing by itself.", Cause.WAITING),)


def _balance_differences(
    ours: RavetreeInvoice,
    theirs: QuickBooksInvoice,
    base: tuple[RavetreeInvoice, QuickBooksInvoice] | None,
    links: Links,
) -> tuple[Difference, ...]:
    """Balance and status follow from the payments, and the status from the balance."""
    found = []
    cause, then = _cause_of_balance(ours, theirs, base, links)
    was = base[0] if base is not None else None
    if ours.balance != theirs.balance:
        agreed = _spell(was.balance) if was is not None else ""
        found.append(Difference("balance", _spell(ours.balance), _spell(theirs.balance), agreed, BOTH, then, cause))
    mine, other = invoice_status(ours), invoice_status(theirs)
    if mine != other:
        agreed = invoice_status(was) if was is not None else ""
        found.append(Difference("status", mine, other, agreed, BOTH, then, cause))
    return tuple(found)


def _cause_of_balance(
    ours: RavetreeInvoice,
    theirs: QuickBooksInvoice,
    base: tuple[RavetreeInvoice, QuickBooksInvoice] | None,
    links: Links,
) -> tuple[Cause, str]:
    if ours.marked_paid and theirs.balance == ZERO:
        then = "Nothing: it is only marked as paid in Ravetree; a payment that is entered there takes the mark's place."
        return Cause.MARKED, then
    if ours.marked_paid:
        return Cause.WAITING, "Nothing by itself: it is marked as paid in Ravetree."
    if ours.total - theirs.total == ours.balance - theirs.balance:
        if links.accepted is not None and links.accepted.covers(ours, theirs):
            return Cause.ACCEPTED, links.accepted.words
        return _cause_of_total(ours, theirs, base), "Nothing by itself: it follows from the total."
    return Cause.UNEXPLAINED, "Nothing by itself: it follows from the payments, and each of them is copied."


def _cause_of_total(
    ours: RavetreeInvoice, theirs: QuickBooksInvoice, base: tuple[RavetreeInvoice, QuickBooksInvoice] | None
) -> Cause:
    if base is None:
        return Cause.UNEXPLAINED
    if theirs.total != base[1].total:
        return Cause.DRIFT
    if ours.total != base[0].total:
        return Cause.WAITING
    return Cause.ROUNDED if abs(ours.total - theirs.total) < ROUNDING else Cause.UNEXPLAINED


# --- payments ------------------------------------------------------------------------------------


def compare_payment(
    ours: RavetreePayment | Gone,
    theirs: QuickBooksPayment | Gone,
    base: tuple[RavetreePayment, QuickBooksPayment] | None,
    invoices: tuple[KnownInvoice, ...],
    methods: Mapping[str, str] | None = None,
    spent_then: Decimal = ZERO,
) -> tuple[Difference, ...]:
    """All that differs between a payment and its copy, as far as it is about invoices that both sides have.

    `spent_then` is what QuickBooks had spent elsewhere of it at the base.
    """
    mine, other = payment_status(ours), payment_status(theirs)
    if mine != "received" or other != "received":
        if mine != "received" and other != "received":
            return ()
        return (_ended(mine, other, base is not None),)
    if isinstance(ours, Gone) or isinstance(theirs, Gone):
        raise TypeError("what is gone was not received")
    spent = spent_since(base[1], theirs, invoices, spent_then) if base is not None else ZERO
    here, there = ravetree_facts(ours, invoices, methods), quickbooks_facts(theirs, invoices, methods, spent)
    if agree(here, there, invoices):
        return ()
    agreed = None
    if base is not None:
        agreed = ravetree_facts(base[0], invoices, methods), quickbooks_facts(base[1], invoices, methods, spent_then)
    values, before = _payment_values(here, there, invoices), None
    if agreed is not None:
        before = _payment_values(*agreed, invoices)
    found = []
    for label, (mine, other) in values.items():
        if mine != other:
            cause, then = _cause_of_payment(label, here, there, agreed)
            was = before.get(label, ("", ""))[0] if before is not None else ""
            found.append(Difference(label, mine, other, was, BOTH, then, cause))
    return tuple(found)


def payment_status(payment: RavetreePayment | QuickBooksPayment | Gone) -> str:
    """`received`, `void` or `deleted`."""
    if isinstance(payment, Gone):
        return "deleted"
    return "void" if payment.voided else "received"


def _payment_values(here: Facts, there: Facts, invoices: tuple[KnownInvoice, ...]) -> dict[str, tuple[str, str]]:
    values: dict[str, tuple[object, object]] = {
        "date": (here.date, there.date),
        "amount": (here.amount, there.amount),
        "credit": (here.credit, there.credit),
        "unapplied": (here.unapplied, there.unapplied),
        "currency": (here.currency, there.currency),
        "reference": (here.reference, there.reference),
    }
    if here.method is not None and there.method is not None:
        values["method"] = (here.method, there.method)
    for invoice in invoices:
        shares = [facts.allocations.get(invoice.quickbooks_id) for facts in (here, there)]
        values[f"on invoice {invoice.number}"] = (shares[0], shares[1])
    return {label: (_spell(mine), _spell(other)) for label, (mine, other) in values.items()}


def _cause_of_payment(label: str, here: Facts, there: Facts, agreed: tuple[Facts, Facts] | None) -> tuple[Cause, str]:
    if agreed is None:
        return Cause.UNEXPLAINED, "Nothing by itself."
    edited_here, edited_there = not here.agrees(agreed[0]), not there.agrees(agreed[1])
    if edited_here and edited_there:
        return Cause.HELD, "Nothing by itself: both sides were edited."
    if edited_here or edited_there:
        return Cause.WAITING, "Nothing by itself."
    if here.amount != there.amount or here.allocations != there.allocations:
        return Cause.HELD, "Nothing by itself: this payment may stand twice in QuickBooks."
    return Cause.UNEXPLAINED, f"Nothing: nobody changed the {label} since both agreed."
