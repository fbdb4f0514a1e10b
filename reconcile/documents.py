"""What invoices and estimates have in common: Ravetree's document in QuickBooks' references, or what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

from reconcile.actions import renumbering_of
from reconcile.decisions import Decision
from reconcile.limits import MEMO_LIMIT, description_parts, mail_addresses, shortened
from reconcile.model import (
    EVEN,
    ZERO,
    Answer,
    Attention,
    CompanyTax,
    ContentLine,
    DocumentContent,
    Foreseen,
    Gone,
    Kind,
    Plan,
    QuickBooksEstimate,
    QuickBooksInvoice,
    RavetreeEstimate,
    RavetreeInvoice,
    RavetreeLine,
    Record,
    Side,
    TaxedTotal,
    money,
    more_or_less,
    parked,
    plain,
    write,
)
from reconcile.questions import Asked, answered, says
from reconcile.totals import (
    PRICE,
    AfterDiscount,
    Priced,
    cents,
    comes_to,
    net_discount,
    taken_out,
    without_tax,
)

NUMBER_LIMIT = 21
"""Characters that QuickBooks keeps of a DocNumber."""

DELETED, DIFFERS = "deleted_in_quickbooks", "total_differs"
"""Codes of questions about documents."""

NUMBER_NOT_KEPT = "number_not_kept"
"""The code of the question about a number that QuickBooks has made up by itself."""


class References(Asked, Protocol):
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

    @property
    def tax(self) -> CompanyTax:
        """How the company charges tax."""
        ...

    @property
    def customer_taxable(self) -> bool:
        """Whether the company charges this customer tax; asked for in the US alone."""
        ...

    @property
    def percents(self) -> Mapping[str, Decimal]:
        """What Ravetree's tax rates charge; asked for in the US, where prices include tax."""
        ...

    @property
    def numbers_kept(self) -> bool:
        """Whether QuickBooks was asked, and says that it takes numbers as they are given."""
        ...

    @property
    def quickbooks(self) -> QuickBooksInvoice | QuickBooksEstimate | Gone | None:
        """The document in QuickBooks."""
        ...

    @property
    def base(self) -> "Base | None":
        """What was written last."""
        ...


class Base(Protocol):
    """What of a document's base the content needs. `accepted` is what QuickBooks has more, as a person decided."""

    @property
    def ravetree(self) -> RavetreeInvoice | RavetreeEstimate:
        """Ravetree's document as it was written last."""
        ...

    @property
    def quickbooks(self) -> QuickBooksInvoice | QuickBooksEstimate:
        """What QuickBooks made of it."""
        ...

    @property
    def accepted(self) -> TaxedTotal | None:
        """By how much QuickBooks' total and tax may be more than Ravetree's."""
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


def deleted_in_quickbooks(case: References, document: RavetreeInvoice | RavetreeEstimate) -> Plan:
    """It stands in Ravetree alone: a person says what is right."""
    gone = case.quickbooks.id if isinstance(case.quickbooks, Gone) else ""
    left = answered(case, DELETED, gone)
    if left is not None and left.amounts == (plain(document.total),):
        return Plan(ignored="left deleted in QuickBooks")
    if says(case, DELETED, Decision.LEAVE):
        return Plan(remember=Answer(DELETED, Decision.LEAVE, gone, (plain(document.total),)))
    end = "Void" if isinstance(document, RavetreeInvoice) else "Delete"
    return parked(
        DELETED,
        f"{name_of(document)} was deleted in QuickBooks and still stands in Ravetree.",
        f"{end} it in Ravetree, or decide `push` to write it again or `leave`.",
        Decision.PUSH,
        Decision.LEAVE,
    )


def difference_after_write(case: References, base: Base, now: QuickBooksInvoice | QuickBooksEstimate) -> Plan | None:
    """What QuickBooks made of our last write, if it was not what we said and is not put right since."""
    ours, then, name = base.ravetree, base.quickbooks, name_of(base.ravetree)
    if ours.number not in (then.number, now.number):
        if case.numbers_kept:
            kind = Kind.INVOICE if isinstance(now, QuickBooksInvoice) else Kind.ESTIMATE
            return write(Side.QUICKBOOKS, renumbering_of(kind), now.id, now.sync_token)
        return parked(
            NUMBER_NOT_KEPT,
            f"{name} got the number {then.number or 'none'} in QuickBooks.",
            "Turn on custom transaction numbers in QuickBooks, then press retry.",
        )
    if ours.total in (then.total, now.total) and ours.tax_amount in (then.tax_amount, now.tax_amount):
        return None
    made = TaxedTotal(then.total, then.tax_amount)
    gap = made.above(TaxedTotal(ours.total, ours.tax_amount))
    if gap == base.accepted:
        return None
    if says(case, DIFFERS, Decision.ACCEPT):
        return Plan(accepts=gap)
    return parked(
        DIFFERS,
        _spell_difference(ours, "and {} in QuickBooks", (made,)),
        "Correct its tax in QuickBooks, or decide `accept` to keep the difference.",
        Decision.ACCEPT,
    )


def tax_notices(case: References, now: QuickBooksInvoice | QuickBooksEstimate) -> tuple[str, ...]:
    """What of a document at rest stands otherwise in QuickBooks because of its tax."""
    ours = case.base.ravetree if case.base is not None else None
    if ours is None or not case.us_company or not ours.tax_inclusive:
        return ()
    if not any(is_exact(line) for line in ours.lines) or all(line.quantity is not None for line in now.lines):
        return ()
    return (f"{name_of(ours)}: its prices with tax stand in the descriptions of its lines in QuickBooks.",)


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
    discount = sum((line.amount for line in document.lines), ZERO) - document.total
    if not document.tax_inclusive:
        discount += document.tax_amount
    if discount < ZERO:
        return _cannot_be_held(name, f"its lines, discount and tax do not make its total, {-discount:,.2f} too little")
    memo, mail = shortened(document.memo, MEMO_LIMIT, "The memo"), mail_addresses(case.customer_email)
    content = DocumentContent(
        customer_id=case.customer,
        email=mail.text,
        number=document.number,
        issue_date=document.issue_date,
        currency=document.currency,
        memo=memo.text,
        lines=lines,
        discount=cents(discount),
        tax_amount=cents(document.tax_amount),
        total=document.total,
        address=case.customer_address,
        own_lines=frozenset(line_ids.values()),
        notices=memo.notices + mail.notices,
        discount_before_tax=dict(document.discount).get("before_tax", "True") == "True",
    )
    if not case.us_company:
        taxed = _taxed_per_rate(case, document, content)
    elif document.tax_inclusive:
        taxed = _with_tax_taken_out(case, document, content)
    else:
        taxed = content
    if isinstance(taxed, Plan):
        return taxed
    return _asked_before(case, document, taxed)


def _cannot_be_held(name: str, why: str) -> Plan:
    return parked("totals_do_not_add_up", f"{name}: {why}.", "Correct its lines, discount or tax in Ravetree.")


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
        code = _tax_code(case, line, document.issue_date)
        if isinstance(code, Attention):
            return Plan(attention=replace(code, cause=f"{name}: {code.cause}"))
        description, *below = description_parts(line.description)
        exact = is_exact(line)
        result.append(
            ContentLine(
                key=line.id,
                line_id=line_ids.get(line.id),
                item_id=item,
                description=description,
                # QuickBooks refuses a line whose amount is not quantity times price to the cent.
                quantity=line.quantity if exact else None,
                unit_price=line.unit_price if exact else None,
                amount=cents(line.amount),
                service_date=line.service_date,
                tax_code=code,
                below=tuple(below),
            )
        )
    return tuple(result)


def is_exact(line: RavetreeLine) -> bool:
    """Whether quantity times price makes a line's amount to the cent."""
    return _cents(line.quantity, line.unit_price) == cents(line.amount)


def _cents(quantity: Decimal | None, price: Decimal | None) -> Decimal | None:
    if quantity is None or price is None:
        return None
    return cents(quantity * price)


TAXED, UNTAXED = "TAX", "NON"
"""The tax codes of a line in the US."""


def _tax_code(case: References, line: RavetreeLine, day: date) -> str | Attention | None:
    code = tax_code_of(line, case.tax_codes, case.tax, day, us_company=case.us_company)
    if code is not None or not case.tax.is_charged:
        return code
    if line.tax_rate is None or not line.taxable:
        return Attention(
            "parked",
            "tax_rate_not_mapped",
            "it has a line without tax, which is mapped to no QuickBooks tax code.",
            "Map lines without a tax rate in the settings.",
        )
    return Attention(
        "parked",
        "tax_rate_not_mapped",
        f"the tax rate {line.tax_rate!r} is mapped to no QuickBooks tax code.",
        f"Map the tax rate {line.tax_rate!r} in the settings.",
    )


def tax_code_of(
    line: RavetreeLine, tax_codes: Mapping[str, str], tax: CompanyTax, day: date, *, us_company: bool
) -> str | None:
    """The tax code of a line in QuickBooks; None where it bears none, or where none is mapped.

    A line without tax has the code of its own rate where that charges nothing, else that of lines without a rate.
    """
    if us_company:
        return TAXED if line.taxable else UNTAXED
    if not tax.is_charged:
        return None
    own = tax_codes.get(line.tax_rate) if line.tax_rate is not None else None
    if line.tax_rate is None or (not line.taxable and not tax.is_free(own, day)):
        return tax_codes.get("")
    return own


# --- tax and total -------------------------------------------------------------------------------

EXCLUDED, INCLUSIVE, NOT_APPLICABLE = "TaxExcluded", "TaxInclusive", "NotApplicable"
"""GlobalTaxCalculation, outside the US."""


def _taxed_per_rate(
    case: References, document: RavetreeInvoice | RavetreeEstimate, content: DocumentContent
) -> DocumentContent | Plan:
    """Outside the US QuickBooks reckons the tax itself: what it will come to, by net amounts."""
    if not case.tax.is_charged:
        untaxed = TaxedTotal(sum((line.amount for line in content.lines), ZERO) - content.discount, ZERO)
        return replace(content, tax_method=NOT_APPLICABLE, foreseen=Foreseen({"": untaxed}))
    charged = [case.tax.percents(line.tax_code, document.issue_date) for line in content.lines]
    if document.tax_inclusive:
        return _net_per_rate(case, document, content, charged)
    content = replace(content, tax_method=EXCLUDED)
    if None in charged:
        return content
    priced = [Priced(line.amount, rates or {}) for line, rates in zip(content.lines, charged, strict=True)]
    reduced = comes_to(priced, content.discount, before_tax=True)
    if content.discount_before_tax or not content.discount:
        return replace(content, foreseen=Foreseen({"": reduced}))
    full = comes_to(priced, content.discount, before_tax=False)
    outcomes: dict[str, TaxedTotal] = {AfterDiscount.FULL: full, AfterDiscount.REDUCED: reduced}
    return replace(content, foreseen=Foreseen(outcomes, case.tax.after_discount))


def _net_per_rate(
    case: References,
    document: RavetreeInvoice | RavetreeEstimate,
    content: DocumentContent,
    charged: Sequence[Mapping[str, Decimal] | None],
) -> DocumentContent | Plan:
    """Net amounts beside the gross ones; what QuickBooks has of an unchanged line stays as it was read."""
    there = () if case.quickbooks is None or isinstance(case.quickbooks, Gone) else case.quickbooks.lines
    read = {line.id: line for line in there}
    priced = []
    for line, rates in zip(content.lines, charged, strict=True):
        if rates is None:
            return Plan(
                attention=Attention(
                    "parked",
                    "tax_rate_not_mapped",
                    f"{name_of(document)}: QuickBooks' tax code {line.tax_code} has no rate on {document.issue_date}.",
                    "Correct its date, or map its tax rates to tax codes that are in use.",
                )
            )
        kept = read.get(line.line_id or "")
        if kept is not None and kept.gross == line.amount and kept.tax_code == line.tax_code:
            priced.append(Priced(kept.amount, rates, kept.gross))
        else:
            priced.append(Priced(line.amount, rates))
    net = taken_out(priced)
    discount = net_discount(net, content.discount)
    lines = tuple(_at_net_price(line, made) for line, made in zip(content.lines, net, strict=True))
    outcome = comes_to(net, discount, before_tax=True)
    return replace(
        content,
        lines=lines,
        discount=discount,
        # What comes after tax is not to be had: it is foreseen as what QuickBooks makes of it, and asked about.
        discount_before_tax=True,
        tax_method=INCLUSIVE,
        foreseen=Foreseen({"": outcome}),
    )


def _at_net_price(line: ContentLine, made: Priced) -> ContentLine:
    price = None
    if line.quantity:
        price = (made.amount / line.quantity).quantize(PRICE, ROUND_HALF_UP)
    exact = _cents(line.quantity, price) == made.amount
    return replace(
        line,
        amount=made.amount,
        gross=made.gross,
        quantity=line.quantity if exact else None,
        unit_price=price if exact else None,
    )


def _with_tax_taken_out(
    case: References, document: RavetreeInvoice | RavetreeEstimate, content: DocumentContent
) -> DocumentContent | Plan:
    """In the US prices are without tax: it is taken out of the taxable lines, and the discount with it."""
    gross = [
        (line.amount, case.percents.get(line.tax_rate or "", ZERO) if line.taxable else None) for line in document.lines
    ]
    wanted = TaxedTotal(document.total, document.tax_amount)
    made = without_tax(gross, content.discount, wanted, before_tax=content.discount_before_tax)
    if made is None:
        return _cannot_be_held(name_of(document), "its prices include tax, and its taxable lines are less than the tax")
    lines = tuple(
        _without_price(line, amount, document.currency)
        for line, amount in zip(content.lines, made.amounts, strict=True)
    )
    return replace(content, lines=lines, discount=made.discount)


def _without_price(line: ContentLine, amount: Decimal, currency: str) -> ContentLine:
    """Where quantity and price make another amount they are left out, and the description has the gross price."""
    if line.quantity is None or line.unit_price is None or _cents(line.quantity, line.unit_price) == amount:
        return replace(line, amount=amount)
    said = f"{line.quantity.normalize():f} × {money(line.unit_price, currency)} with tax"
    description = f"{line.description} ({said})" if line.description else said
    return replace(line, amount=amount, quantity=None, unit_price=None, description=description)


def _asked_before(
    case: References, document: RavetreeInvoice | RavetreeEstimate, content: DocumentContent
) -> DocumentContent | Plan:
    """What QuickBooks will make otherwise is asked about before it is posted, with the cents."""
    wanted = TaxedTotal(document.total, document.tax_amount)
    foreseen, why = content.foreseen, ""
    if case.us_company and not _is_in_cents(document):
        foreseen, why = Foreseen({"": _kept(content)}), ", which keeps no thousandths"
    if case.us_company and document.tax_amount:
        why = _why_untaxed(case, content)
        if why:
            foreseen = Foreseen({"": TaxedTotal(document.total - document.tax_amount, ZERO)})
    gaps = {outcome.above(wanted) for outcome in foreseen.likely}
    if gaps <= {EVEN} or _was_accepted(case.base, document, gaps):
        return replace(content, foreseen=foreseen)
    if says(case, DIFFERS, Decision.ACCEPT):
        return replace(content, foreseen=replace(foreseen, is_accepted=True))
    return parked(
        DIFFERS,
        _spell_difference(document, f"but would be {{}} in QuickBooks{why}", foreseen.likely),
        "Correct it in Ravetree, or decide `accept` to keep the difference.",
        Decision.ACCEPT,
    )


def _is_in_cents(document: RavetreeInvoice | RavetreeEstimate) -> bool:
    """Whether none of its amounts has thousandths, as those of some currencies have: QuickBooks keeps cents."""
    amounts = (document.total, document.tax_amount, *(line.amount for line in document.lines))
    return all(amount == cents(amount) for amount in amounts)


def _kept(content: DocumentContent) -> TaxedTotal:
    """What a company in the US comes to, which is told the tax."""
    net = sum((cents(line.amount) for line in content.lines), ZERO) - cents(content.discount)
    return TaxedTotal(net + content.tax_amount, content.tax_amount)


def _why_untaxed(case: References, content: DocumentContent) -> str:
    """Why a company in the US would charge no tax on this."""
    if not case.tax.is_charged:
        return ", which charges no sales tax"
    if not case.customer_taxable:
        return ", where its customer is not taxable"
    if all(line.tax_code == UNTAXED for line in content.lines):
        return ", as no line of it is taxable"
    return ""


def _was_accepted(base: Base | None, document: RavetreeInvoice | RavetreeEstimate, gaps: set[TaxedTotal]) -> bool:
    """Whether it was decided, or written, with the same lines, tax and discount before."""
    if base is None:
        return False
    before = base.ravetree
    if base.accepted is not None:
        return gaps == {base.accepted} or _taxed_part(before) == _taxed_part(document)
    same = before.client_id == document.client_id and before.issue_date == document.issue_date
    return same and _taxed_part(before) == _taxed_part(document)


def _taxed_part(document: RavetreeInvoice | RavetreeEstimate) -> tuple[object, ...]:
    """What total and tax depend on."""
    lines = tuple((line.amount, line.taxable, line.tax_rate) for line in document.lines)
    return lines, document.discount, document.tax_inclusive, document.tax_amount, document.total, document.currency


def _spell_difference(document: RavetreeInvoice | RavetreeEstimate, elsewhere: str, found: Sequence[TaxedTotal]) -> str:
    """Both totals with the cents between them; both taxes where the totals are the same."""
    totals = [one.total for one in found]
    ours, theirs, what = document.total, totals, ""
    if all(total == document.total for total in totals):
        ours, theirs, what = document.tax_amount, [one.tax for one in found], " tax"
    of = document.currency
    named = " or ".join(f"{money(one, of)}{what} ({more_or_less(one - ours, of)})" for one in theirs)
    verb = "has" if what else "is"
    if what:
        elsewhere = elsewhere.replace("would be", "would have")
    return f"{name_of(document)} {verb} {money(ours, document.currency)}{what} in Ravetree {elsewhere.format(named)}."
