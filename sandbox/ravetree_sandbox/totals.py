"""The arithmetic of a document: line amounts, discount, tax and total, rounded half up to the minor unit."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ravetree_sandbox.errors import invalid
from ravetree_sandbox.values import Json, round_money

ZERO = Decimal(0)
HUNDRED = Decimal(100)
LARGEST_AMOUNT = Decimal(10**15)


@dataclass(frozen=True)
class Totals:
    subtotal: Decimal
    tax: Decimal
    total: Decimal


def price_line(line: Json, currency: str, path: str) -> None:
    """Completes quantity, unit price and amount of a loaded line; 422 when they contradict each other."""
    quantity, price, amount = line["quantity"], line["unit_price"], line["amount"]
    line["quantity"] = quantity = Decimal(1) if quantity is None else quantity
    if price is None:
        if amount is None:
            raise invalid("A line needs a unit_price or an amount.", f"{path}.unit_price")
        line["unit_price"] = price = _unit_price(amount, quantity)
    if abs(quantity * price) >= LARGEST_AMOUNT:
        raise invalid("The amount of a line has at most 15 digits.", f"{path}.unit_price")
    worked_out = round_money(quantity * price, currency)
    if amount is not None and amount != worked_out:
        message = f"The amount {amount} is not quantity × unit_price, {worked_out}: correct or omit it."
        raise invalid(message, f"{path}.amount")
    line["amount"] = worked_out


def _unit_price(amount: Decimal, quantity: Decimal) -> Decimal:
    return amount if quantity in (ZERO, Decimal(1)) else (amount / quantity).quantize(Decimal("0.000001"))


def total_up(document: Json, percents: Mapping[str, Decimal]) -> Totals:
    """The totals of a loaded document; `percents` are the tax rates by key; a given `tax_amount` wins."""
    currency = document["currency"]
    subtotal = round_money(sum((line["amount"] for line in document["lines"]), ZERO), currency)
    discount = _discount(document["discount"], subtotal, currency)
    tax = document["tax_amount"]
    if tax is None:
        tax = _tax(document, percents, subtotal, discount)
    # With prices that include it, the tax is a part of the lines and not added to them.
    total = subtotal - discount + (ZERO if document["tax_inclusive"] else tax)
    return Totals(subtotal, round_money(tax, currency), round_money(total, currency))


def _discount(discount: Mapping[str, Any] | None, subtotal: Decimal, currency: str) -> Decimal:
    if discount is None:
        return ZERO
    if discount["amount"] is not None:
        return Decimal(discount["amount"])
    return round_money(subtotal * discount["percent"] / HUNDRED, currency)


def _tax(document: Json, percents: Mapping[str, Decimal], subtotal: Decimal, discount: Decimal) -> Decimal:
    """One rounding for each rate, on the sum of its lines; a discount before tax lowers every line alike."""
    before_tax = document["discount"] is not None and document["discount"]["before_tax"]
    share = (subtotal - discount) / subtotal if before_tax and subtotal else Decimal(1)
    taxed: dict[str, Decimal] = defaultdict(Decimal)
    for line in document["lines"]:
        if line["taxable"] and line["tax_rate"] is not None:
            taxed[line["tax_rate"]] += line["amount"]
    return sum(
        (_of_rate(amount * share, percents[key], document) for key, amount in taxed.items()),
        ZERO,
    )


def _of_rate(base: Decimal, percent: Decimal, document: Json) -> Decimal:
    part = percent / (HUNDRED + percent) if document["tax_inclusive"] else percent / HUNDRED
    return round_money(base * part, document["currency"])
