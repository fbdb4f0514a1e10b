"""What invoices and estimates have in common: Ravetree's document in QuickBooks' references, or what is missing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

from reconcile.decisions import Decision
from reconcile.limits import MEMO_LIMIT, description_parts, mail_addresses, shortened
from reconcile.model import (
    ZERO,
    Attention,
    ContentLine,
    DocumentContent,
    Kind,
    Plan,
    RavetreeEstimate,
    RavetreeInvoice,
    RavetreeLine,
    Record,
    Side,
    money,
    parked,
)

NUMBER_LIMIT = 21
"""Characters that QuickBooks keeps of a DocNumber."""


class References(Protocol):
    """What of a case the content needs: the customer, and Ravetree's keys in QuickBooks' ids."""

    @property
    def customer(self) -> str | Record | Attention | None:
        """QuickBooks' id of it, else the client to wait for (None: the document's own), or why it cannot go on."""
        ...

    @property
    def customer_email(self) -> str:
        """The customer's e-mail address; empty without one."""
        ...

    @property
    def customer_address(self) -> Mapping[str, str] | None:
        """Its postal address, where the document has another customer in QuickBooks now."""
        ...

    @property
    def items(self) -> Mapping[str, str]:
        """QuickBooks' item of each of Ravetree's line types."""
        ...

    @property
    def tax_codes(self) -> Mapping[str, str]:
        """QuickBooks' tax code of each of Ravetree's tax rates."""
        ...

    @property
    def us_company(self) -> bool:
        """Whether the company is in the US, where lines are taxed or not, at no rate of their own."""
        ...


class Dated(Protocol):
    """What decides whether a document that is not in QuickBooks yet is pushed."""

    @property
    def requested(self) -> bool:
        """Whether a person asked for it, whatever its date."""
        ...

    @property
    def since(self) -> datetime | None:
        """From when on documents of its kind are pushed; None while they are not."""
        ...

    @property
    def decision(self) -> str:
        """What a person decided about it; empty without a decision."""
        ...


@dataclass(frozen=True)
class WrittenContent:
    """What QuickBooks made of our last write, and what it says now."""

    number: str
    total: Decimal


def not_to_push(case: Dated, created_at: datetime) -> str:
    """Why a document that QuickBooks does not have is left alone; empty if it is to be pushed."""
    if case.decision == Decision.UNLINK:
        return "taken apart by a person"
    if not case.requested and (case.since is None or created_at < case.since):
        return "older than the switch-on"
    return ""


def name_of(document: RavetreeInvoice | RavetreeEstimate) -> str:
    """A document as a bookkeeper calls it."""
    return f"{'Invoice' if isinstance(document, RavetreeInvoice) else 'Estimate'} {document.number}"


def deleted_in_quickbooks(case: Dated, document: RavetreeInvoice | RavetreeEstimate) -> Plan:
    """It stands in Ravetree alone: a person says what is right."""
    if case.decision == Decision.LEAVE:
        return Plan(ignored="left deleted in QuickBooks")
    end = "Void" if isinstance(document, RavetreeInvoice) else "Delete"
    return parked(
        "deleted_in_quickbooks",
        f"{name_of(document)} was deleted in QuickBooks and still stands in Ravetree.",
        f"{end} it in Ravetree, or decide `push` to write it again or `leave`.",
        Decision.PUSH,
        Decision.LEAVE,
    )


def difference_after_write(
    name: str, ours: RavetreeInvoice | RavetreeEstimate, then: WrittenContent, now: WrittenContent
) -> Plan | None:
    """What QuickBooks made of our last write, if it was not what we said."""
    if ours.number not in (then.number, now.number):
        return parked(
            "number_not_kept",
            f"{name} got the number {then.number or 'none'} in QuickBooks.",
            "Turn on custom transaction numbers in QuickBooks, then press retry.",
        )
    if ours.total not in (then.total, now.total):
        cents = then.total - ours.total
        return parked(
            "total_differs",
            f"{name} is {money(ours.total, ours.currency)} in Ravetree and "
            f"{money(then.total, ours.currency)} in QuickBooks, {cents:+,.2f}.",
            "Compare its tax in QuickBooks with the mapped tax codes.",
        )
    return None


def without_lines(document: RavetreeInvoice | RavetreeEstimate) -> Plan:
    """All lines of a pushed document were removed."""
    kind, end = ("invoice", "void") if isinstance(document, RavetreeInvoice) else ("estimate", "delete")
    return parked(
        f"{kind}_without_lines",
        f"{name_of(document)} has no lines left in Ravetree; QuickBooks keeps the earlier ones.",
        f"Add a line in Ravetree, or {end} the {kind}.",
    )


# --- content -------------------------------------------------------------------------------------


def content_of(
    case: References, document: RavetreeInvoice | RavetreeEstimate, line_ids: Mapping[str, str]
) -> DocumentContent | Plan:
    """The document in QuickBooks' references, or what is missing for that."""
    name = name_of(document)
    if len(document.number) > NUMBER_LIMIT:
        return parked(
            "number_too_long",
            f"{name} has a number of {len(document.number)} characters; QuickBooks takes {NUMBER_LIMIT}.",
            "Shorten the number in Ravetree.",
        )
    if document.total < ZERO:
        return parked(
            "negative_total",
            f"{name} comes to {money(document.total, document.currency)}; QuickBooks takes no negative one.",
            "Correct its lines, or make a credit memo in QuickBooks.",
        )
    if case.customer is None or isinstance(case.customer, Record):
        waits = case.customer or Record(Side.RAVETREE, Kind.CONTACT, document.client_id)
        return Plan(waits_for=waits)
    if isinstance(case.customer, Attention):
        return Plan(attention=replace(case.customer, cause=f"{name}: {case.customer.cause}"))
    lines = _lines(case, document, name, line_ids)
    if isinstance(lines, Plan):
        return lines
    discount = sum((line.amount for line in document.lines), ZERO) + document.tax_amount - document.total
    if document.tax_inclusive or discount < ZERO:
        return parked(
            "totals_do_not_add_up",
            f"{name}: lines, discount and tax do not add up to its total in a way that QuickBooks can hold.",
            "Use prices without tax for this client in Ravetree.",
        )
    memo, mail = shortened(document.memo, MEMO_LIMIT, "The memo"), mail_addresses(case.customer_email)
    return DocumentContent(
        customer_id=case.customer,
        email=mail.text,
        number=document.number,
        issue_date=document.issue_date,
        currency=document.currency,
        memo=memo.text,
        lines=lines,
        discount=discount,
        tax_amount=document.tax_amount,
        total=document.total,
        address=case.customer_address,
        own_lines=frozenset(line_ids.values()),
        notices=memo.notices + mail.notices,
    )


def _lines(
    case: References, document: RavetreeInvoice | RavetreeEstimate, name: str, line_ids: Mapping[str, str]
) -> tuple[ContentLine, ...] | Plan:
    result = []
    for line in document.lines:
        item = case.items.get(line.type)
        if item is None:
            return parked(
                "line_type_not_mapped",
                f"{name} has a line of type {line.type!r}, which is mapped to no QuickBooks item.",
                f"Map the type {line.type!r} in the settings.",
            )
        code = _tax_code(case, line)
        if isinstance(code, Attention):
            return Plan(attention=replace(code, cause=f"{name}: {code.cause}"))
        description, *below = description_parts(line.description)
        exact = line.quantity is not None and line.unit_price is not None
        exact = exact and _cents(line.quantity, line.unit_price) == line.amount
        result.append(
            ContentLine(
                key=line.id,
                line_id=line_ids.get(line.id),
                item_id=item,
                description=description,
                # QuickBooks refuses a line whose amount is not quantity times price to the cent.
                quantity=line.quantity if exact else None,
                unit_price=line.unit_price if exact else None,
                amount=line.amount,
                service_date=line.service_date,
                tax_code=code,
                below=tuple(below),
            )
        )
    return tuple(result)


def _cents(quantity: Decimal | None, price: Decimal | None) -> Decimal | None:
    if quantity is None or price is None:
        return None
    return (quantity * price).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _tax_code(case: References, line: RavetreeLine) -> str | Attention | None:
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
