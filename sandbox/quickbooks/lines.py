"""Lines of sales forms: checked, numbered, summed and taxed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sandbox.quickbooks.amounts import ZERO, Doc, cents
from sandbox.quickbooks.books import Transaction
from sandbox.quickbooks.company import charges_tax_itself
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
    quantity, price = detail.get("Qty"), detail.get("UnitPrice")
    if quantity is not None and price is not None and cents(quantity * price) != line["Amount"]:
        raise wrong_amount(line["Amount"])
    if not value_of(detail.get("ItemRef")):
        detail["ItemRef"] = {"value": DEFAULT_ITEM}
    if not value_of(detail.get("TaxCodeRef")):
        detail["TaxCodeRef"] = {"value": NOT_TAXABLE}


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


def settle_tax(transaction: Transaction, doc: Doc, sums: Sums, customer: Doc) -> Decimal:
    """The document's tax: what the request says, else the company's flat rate on the taxable lines."""
    asked = doc.get("TxnTaxDetail") or {}
    if asked.get("TotalTax") is not None and doc.get("_TaxIsGiven"):
        tax = cents(asked["TotalTax"])
        doc["TxnTaxDetail"] = {**asked, "TotalTax": tax}
        return tax
    code = value_of(asked.get("TxnTaxCodeRef"))
    if customer.get("Taxable") is False or not (code or charges_tax_itself(transaction)):
        doc["TxnTaxDetail"] = {"TotalTax": ZERO}
        return ZERO
    rate = _rate(transaction, code)
    base = _tax_base(doc, sums)
    tax = cents(base * rate["RateValue"] / 100)
    doc["TxnTaxDetail"] = {**({"TxnTaxCodeRef": {"value": code}} if code else {}), "TotalTax": tax}
    if base:
        doc["TxnTaxDetail"]["TaxLine"] = [_tax_line(rate, base, tax)]
    return tax


def _tax_base(doc: Doc, sums: Sums) -> Decimal:
    if not doc["ApplyTaxAfterDiscount"] or not sums.items:
        return sums.taxable
    return cents(sums.taxable - sums.discount * sums.taxable / sums.items)


def _rate(transaction: Transaction, code: str | None) -> Doc:
    """The first rate of a tax code; of the code TAX, or of none, the company's own rate."""
    tax_code = transaction.get("TaxCode", code or TAXABLE) or {}
    details = (tax_code.get("SalesTaxRateList") or {}).get("TaxRateDetail") or []
    rate_id = details[0]["TaxRateRef"]["value"] if details else "1"
    return transaction.need("TaxRate", rate_id)


def _tax_line(rate: Doc, base: Decimal, tax: Decimal) -> Doc:
    return {
        "Amount": tax,
        "DetailType": "TaxLineDetail",
        "TaxLineDetail": {
            "TaxRateRef": {"value": rate["Id"]}, "PercentBased": True, "TaxPercent": rate["RateValue"],
            "NetAmountTaxable": base,
        },
    }  # fmt: skip


def void_lines(doc: Doc) -> None:
    """A void keeps the lines and takes the money out of them."""
    for line in doc["Line"]:
        if "Amount" in line:
            line["Amount"] = ZERO
        detail = line.get("SalesItemLineDetail")
        if detail and detail.get("Qty") is not None:
            detail["Qty"] = ZERO
    doc["TxnTaxDetail"] = {"TotalTax": ZERO}
