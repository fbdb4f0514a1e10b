"""Lines of sales forms: checked, numbered, summed and taxed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sandbox.quickbooks.amounts import ZERO, Doc, cents
from sandbox.quickbooks.errors import invalid_enumeration, required, wrong_amount
from sandbox.quickbooks.references import value_of

DETAILS = {
    "SalesItemLineDetail": "SalesItemLineDetail",
    "DescriptionOnly": "DescriptionLineDetail",
    "DiscountLineDetail": "DiscountLineDetail",
    "SubTotalLineDetail": "SubTotalLineDetail",
}
DEFAULT_ITEM = "1"
TAXABLE, NOT_TAXABLE = "TAX", "NON"


@dataclass(frozen=True)
class Sums:
    items: Decimal
    taxable: Decimal
    discount: Decimal


def settle_lines(doc: Doc, current: Doc | None) -> Sums:
    """Replace ``doc["Line"]`` by what QuickBooks would store: ids, numbers and a subtotal."""
    given = [line for line in doc.get("Line") or [] if line.get("DetailType") != "SubTotalLineDetail"]
    if not given:
        raise required("Line")
    for line in given:
        _check(line)
    _identify(given, current)
    items = [line for line in given if line["DetailType"] == "SalesItemLineDetail"]
    subtotal = sum((line["Amount"] for line in items), ZERO)
    discounts = [line for line in given if line["DetailType"] == "DiscountLineDetail"]
    for line in discounts:
        _settle_discount(line, subtotal)
    body = [line for line in given if line["DetailType"] != "DiscountLineDetail"]
    for number, line in enumerate(body, start=1):
        line["LineNum"] = number
    generated: Doc = {"Amount": subtotal, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}}
    doc["Line"] = [*body, generated, *discounts]
    return Sums(
        items=subtotal,
        taxable=sum((line["Amount"] for line in items if _is_taxable(line)), ZERO),
        discount=sum((line["Amount"] for line in discounts), ZERO),
    )


def _check(line: Doc) -> None:
    kind = line.get("DetailType")
    if kind is None:
        raise required("Line.DetailType")
    if kind not in DETAILS:
        raise invalid_enumeration(kind, "Line.DetailType")
    if kind == "SalesItemLineDetail":
        _check_sale(line)


def _check_sale(line: Doc) -> None:
    if line.get("Amount") is None:
        raise required("Line.Amount")
    detail = line["SalesItemLineDetail"] = dict(line.get("SalesItemLineDetail") or {})
    line["Amount"] = cents(line["Amount"])
    check_amount(line)
    if not value_of(detail.get("ItemRef")):
        detail["ItemRef"] = {"value": DEFAULT_ITEM}
    if not value_of(detail.get("TaxCodeRef")):
        detail["TaxCodeRef"] = {"value": NOT_TAXABLE}


def check_amount(line: Doc) -> None:
    """Raises fault 6070 when quantity times price is another amount."""
    detail, amount = line["SalesItemLineDetail"], cents(line["Amount"])
    quantity, price = detail.get("Qty"), detail.get("UnitPrice")
    if not quantity and not price:
        return  # a client that knows neither sends two zeros
    if quantity is not None and price is not None and cents(quantity * price) != amount:
        raise wrong_amount(amount)


def _identify(given: list[Doc], current: Doc | None) -> None:
    """A line keeps an Id that the document already has; any other Id is replaced by a new one."""
    existing = {line["Id"] for line in (current or {}).get("Line") or [] if line.get("Id")}
    used: set[str] = set()
    last = max((int(line_id) for line_id in existing), default=0)
    for line in given:
        if line.get("Id") in existing and line["Id"] not in used:
            used.add(line["Id"])
            continue
        last += 1
        line["Id"] = str(last)


def _settle_discount(line: Doc, subtotal: Decimal) -> None:
    detail = line["DiscountLineDetail"] = dict(line.get("DiscountLineDetail") or {})
    if detail.get("PercentBased"):
        if detail.get("DiscountPercent") is None:
            raise required("Line.DiscountLineDetail.DiscountPercent")
        line["Amount"] = cents(subtotal * detail["DiscountPercent"] / 100)
    elif line.get("Amount") is None:
        raise required("Line.Amount")
    else:
        detail["PercentBased"] = False
        line["Amount"] = cents(line["Amount"])
    line.pop("Id", None)


def _is_taxable(line: Doc) -> bool:
    return value_of(line["SalesItemLineDetail"].get("TaxCodeRef")) != NOT_TAXABLE


def void_lines(doc: Doc) -> None:
    """A void keeps the lines and takes the money out of them."""
    for line in doc["Line"]:
        if "Amount" in line:
            line["Amount"] = ZERO
        detail = line.get("SalesItemLineDetail")
        if detail and detail.get("Qty") is not None:
            detail["Qty"] = ZERO
    doc["TxnTaxDetail"] = {"TotalTax": ZERO}
