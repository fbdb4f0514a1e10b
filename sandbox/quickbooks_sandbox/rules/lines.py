"""Lines of sales forms: checked, numbered, summed and taxed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from quickbooks_sandbox.books.amounts import ZERO, Doc, cents
from quickbooks_sandbox.books.books import Transaction
from quickbooks_sandbox.books.errors import (
    LINE_KINDS,
    business,
    missing_reference,
    required,
    unknown_line,
    unsupported_property,
    wrong_amount,
)
from quickbooks_sandbox.rules.company import NOT_TAXABLE, TAXABLE, is_in_us
from quickbooks_sandbox.rules.references import value_of

DETAILS = {
    "SalesItemLineDetail": "SalesItemLineDetail",
    "DescriptionOnly": "DescriptionLineDetail",
    "DiscountLineDetail": "DiscountLineDetail",
    "SubTotalLineDetail": "SubTotalLineDetail",
    "GroupLineDetail": "GroupLineDetail",
}
DEFAULT_ITEM = "1"
RECOMPUTED = "recomputed"
GROUP = "GroupLineDetail"
UNIT_PRICE = Decimal("0.0000001")


@dataclass(frozen=True)
class Sums:
    items: Decimal
    taxable: Decimal
    discount: Decimal


def read_lines(transaction: Transaction, doc: Doc) -> None:
    """Leave in ``doc["Line"]`` what was sent and can be, with bundles taken apart and without subtotals."""
    given = [line for line in doc.get("Line") or [] if line.get("DetailType") != "SubTotalLineDetail"]
    if not given:
        raise required("Line")
    for line in given:
        if line.get("DetailType") == GROUP:
            _take_apart(transaction, line)
        else:
            _check(transaction, line)
    for line in _with_parts(given):
        if line["DetailType"] != "DiscountLineDetail" and line.get("CustomExtensions") is None:
            line["CustomExtensions"] = []
    doc["Line"] = given


def settle_lines(doc: Doc, current: Doc | None, switches: Doc) -> Sums:
    """Replace the lines that were read by what QuickBooks would store: ids, numbers and a subtotal."""
    given = doc["Line"]
    _identify(given, current)
    items = sales_lines(given)
    if switches["unit_price"] == RECOMPUTED:
        _recompute_prices(items)
    for line in given:
        if line["DetailType"] == GROUP:
            total = sum((each["Amount"] for each in sales_lines(line[GROUP]["Line"])), ZERO)
            line["Amount"] = total if switches["bundle_amount"] == "sum" else ZERO
    subtotal = sum((line["Amount"] for line in items), ZERO)
    discounts = [line for line in given if line["DetailType"] == "DiscountLineDetail"]
    for line in discounts:
        _settle_discount(line, subtotal)
    if discounts and sum((line["Amount"] for line in discounts), ZERO) > subtotal:
        raise business("The discount amount can't be greater than the subtotal.")
    body = [line for line in given if line["DetailType"] != "DiscountLineDetail"]
    for number, line in enumerate(_with_parts(body), start=1):
        line["LineNum"] = number
    generated: Doc = {"Amount": subtotal, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}}
    doc["Line"] = [*body, generated, *discounts]
    return Sums(
        items=subtotal,
        taxable=sum((line["Amount"] for line in items if _is_taxable(line)), ZERO),
        discount=sum((line["Amount"] for line in discounts), ZERO),
    )


def sales_lines(lines: list[Doc]) -> list[Doc]:
    """The lines that sell something, also inside bundles."""
    return [line for line in _with_parts(lines) if line.get("DetailType") == "SalesItemLineDetail"]


def _with_parts(lines: list[Doc]) -> list[Doc]:
    """Every line, a bundle's own lines behind it."""
    return [each for line in lines for each in (line, *((line.get(GROUP) or {}).get("Line") or []))]


def _take_apart(transaction: Transaction, line: Doc) -> None:
    """A bundle's line gets the lines of its items, unless the request has them already, as an answer does."""
    detail = line[GROUP] = dict(line.get(GROUP) or {})
    bundle_id = value_of(detail.get("GroupItemRef"))
    if not bundle_id:
        raise required("Line.GroupLineDetail.GroupItemRef")
    bundle = transaction.get("Item", bundle_id)
    if bundle is None:
        raise missing_reference("Items", bundle_id, "GroupItemRef")
    if bundle["Type"] != "Group":
        raise business(f"The item {bundle['Name']} is not a bundle.")
    if detail.get("Quantity") is None:
        detail["Quantity"] = Decimal(1)
    if not detail.get("Line"):
        parts = (bundle.get("ItemGroupDetail") or {}).get("ItemGroupLine") or []
        detail["Line"] = [_line_of(transaction, part, detail["Quantity"]) for part in parts]
    for each in detail["Line"]:
        _check(transaction, each)
    line.setdefault("Description", bundle.get("Description") or bundle["Name"])


def _line_of(transaction: Transaction, part: Doc, bundles: Decimal) -> Doc:
    item = transaction.need("Item", part["ItemRef"]["value"])
    quantity = part["Qty"] * bundles
    code = value_of(item.get("SalesTaxCodeRef")) or (TAXABLE if item.get("Taxable") else NOT_TAXABLE)
    return {
        "Description": item.get("Description") or item["Name"],
        "Amount": cents(quantity * item["UnitPrice"]),
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {
            "ItemRef": {"value": item["Id"]}, "Qty": quantity, "UnitPrice": item["UnitPrice"],
            **({"TaxCodeRef": {"value": code}} if transaction.get("TaxCode", code) else {}),
        },
    }  # fmt: skip


def _check(transaction: Transaction, line: Doc) -> None:
    kind = line.get("DetailType")
    if kind is None:
        raise required("Line.DetailType")
    if kind not in LINE_KINDS:
        raise unknown_line(kind)
    if kind not in DETAILS:
        raise unsupported_property("Line.DetailType")
    if kind == "SalesItemLineDetail":
        _check_sale(transaction, line)


def _check_sale(transaction: Transaction, line: Doc) -> None:
    if line.get("Amount") is None:
        raise required("Line.Amount")
    detail = line["SalesItemLineDetail"] = dict(line.get("SalesItemLineDetail") or {})
    line["Amount"] = cents(line["Amount"])
    check_amount(line)
    if not value_of(detail.get("ItemRef")):
        detail["ItemRef"] = {"value": DEFAULT_ITEM}
    if not value_of(detail.get("TaxCodeRef")):
        detail["TaxCodeRef"] = {"value": NOT_TAXABLE} if transaction.get("TaxCode", NOT_TAXABLE) else None
    if is_in_us(transaction):
        detail["TaxClassificationRef"] = {}  # recorded so, empty


def check_amount(line: Doc) -> None:
    """Raises fault 6070 when quantity times price is another amount."""
    detail, amount = line["SalesItemLineDetail"], cents(line["Amount"])
    quantity, price = detail.get("Qty"), detail.get("UnitPrice")
    if not quantity and not price:
        return  # a client that knows neither sends two zeros
    if quantity is not None and price is not None and cents(quantity * price) != amount:
        raise wrong_amount(amount)


def price_of(amount: Decimal, quantity: Decimal) -> Decimal:
    """The price of one, with as many decimals as QuickBooks keeps."""
    price = amount / quantity
    try:
        return price.quantize(UNIT_PRICE)
    except InvalidOperation:  # more digits than a number has
        return price


def _recompute_prices(items: list[Doc]) -> None:
    for line in items:
        detail = line["SalesItemLineDetail"]
        if detail.get("Qty"):
            detail["UnitPrice"] = price_of(line["Amount"], Decimal(detail["Qty"]))


def _identify(given: list[Doc], current: Doc | None) -> None:
    """A line keeps an Id that the document already has; any other Id is replaced by a new one."""
    existing = {line["Id"] for line in _with_parts((current or {}).get("Line") or []) if line.get("Id")}
    used: set[str] = set()
    last = max((int(line_id) for line_id in existing), default=0)
    for line in _with_parts(given):
        if line.get("Id") in existing and line["Id"] not in used:
            used.add(line["Id"])
            continue
        last += 1
        line["Id"] = str(last)


def _settle_discount(line: Doc, subtotal: Decimal) -> None:
    detail = line["DiscountLineDetail"] = dict(line.get("DiscountLineDetail") or {})
    percent, amount = detail.get("DiscountPercent"), line.get("Amount")
    worked_out = None if percent is None else cents(subtotal * percent / 100)
    if worked_out is not None and amount is not None and cents(amount) != worked_out:
        raise business(
            "You can't set both an amount and a discount percentage "
            "if the amount is not the sum of the discount percentage and the subtotal."
        )
    if detail.get("PercentBased"):
        if worked_out is None:
            raise required("Line.DiscountLineDetail.DiscountPercent")
        line["Amount"] = worked_out
    elif amount is None:
        raise required("Line.Amount")
    else:
        detail["PercentBased"] = False
        line["Amount"] = cents(line["Amount"])
    line.pop("Id", None)


def _is_taxable(line: Doc) -> bool:
    return value_of(line["SalesItemLineDetail"].get("TaxCodeRef")) not in (None, NOT_TAXABLE)


def void_lines(doc: Doc) -> None:
    """A void keeps the lines and takes the money out of them."""
    for line in _with_parts(doc["Line"]):
        if "Amount" in line:
            line["Amount"] = ZERO
        detail = line.get("SalesItemLineDetail")
        for name in ("Qty", "TaxInclusiveAmt"):
            if detail and detail.get(name) is not None:
                detail[name] = ZERO
    doc["TxnTaxDetail"] = {"TotalTax": ZERO}
