"""Sales tax: automated and flat in a US company; elsewhere per rate on the sum of its lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import cycle
from typing import Any

from quickbooks_sandbox.books.amounts import CENT, ZERO, Doc, cents
from quickbooks_sandbox.books.books import Transaction
from quickbooks_sandbox.books.errors import Fault, business, missing_reference, required, unsupported_property
from quickbooks_sandbox.books.indexes import name_key
from quickbooks_sandbox.rules.company import NOT_TAXABLE, company_tax_code, is_in_us
from quickbooks_sandbox.rules.lines import Sums, price_of, sales_lines
from quickbooks_sandbox.rules.references import value_of

NOT_APPLICABLE, INCLUSIVE = "NotApplicable", "TaxInclusive"
GROSS, HONOURED, EVERYWHERE = "gross", "honoured", "everywhere"  # positions of switches


def settle_tax(transaction: Transaction, doc: Doc, sums: Sums, customer: Doc, switches: Doc) -> Decimal:
    """The document's tax, written into it."""
    if is_in_us(transaction):
        return _settle_us(transaction, doc, sums, customer)
    return _settle_global(transaction, doc, sums, switches)


# United States


def _settle_us(transaction: Transaction, doc: Doc, sums: Sums, customer: Doc) -> Decimal:
    """What the request says, else the company's flat rate on the taxable lines."""
    asked = doc.get("TxnTaxDetail") or {}
    if asked.get("TotalTax") is not None and doc.get("_TaxIsGiven"):
        tax = cents(asked["TotalTax"])
        doc["TxnTaxDetail"] = {**asked, "TotalTax": tax}
        return tax
    code = value_of(asked.get("TxnTaxCodeRef")) or company_tax_code(transaction)
    if customer.get("Taxable") is False or not code:
        doc["TxnTaxDetail"] = {"TotalTax": ZERO}
        return ZERO
    rate = _first_rate(transaction, code)
    base = _tax_base(doc, sums)
    tax = cents(base * rate["RateValue"] / 100)
    line = _tax_line(rate, base, tax)
    doc["TxnTaxDetail"] = {"TxnTaxCodeRef": {"value": code}, "TotalTax": tax, "TaxLine": [line]}
    return tax


def _tax_base(doc: Doc, sums: Sums) -> Decimal:
    if not doc["ApplyTaxAfterDiscount"] or not sums.items:
        return sums.taxable
    return cents(sums.taxable - sums.discount * sums.taxable / sums.items)


def _first_rate(transaction: Transaction, code: str) -> Doc:
    """The first rate of a tax code; of one without any, the company's own."""
    rates = _rates_of(transaction, code)
    return rates[0] if rates else transaction.need("TaxRate", "1")


def _tax_line(rate: Doc, base: Decimal, tax: Decimal) -> Doc:
    return {
        "Amount": tax,
        "DetailType": "TaxLineDetail",
        "TaxLineDetail": {
            "TaxRateRef": {"value": rate["Id"]}, "PercentBased": True, "TaxPercent": rate["RateValue"],
            "NetAmountTaxable": base,
        },
    }  # fmt: skip


# Everywhere else


def take_tax_out(transaction: Transaction, doc: Doc, switches: Doc) -> None:
    """Give every line of a TaxInclusive document its net Amount, and what it is with its tax in TaxInclusiveAmt.

    A line that comes with a TaxInclusiveAmt, as an answer's does, is known by that: its Amount is net. Of a line
    without one a switch says whether its Amount is gross or net. Whatever was rounded, net amounts and taxes come to
    what the lines are with their tax: cents that are left over go to the largest lines.
    """
    if is_in_us(transaction):
        return
    inclusive = doc.get("GlobalTaxCalculation") == INCLUSIVE
    lines = sales_lines(doc["Line"])
    for line in lines:
        if inclusive:
            _know_gross(transaction, line, gross=switches["tax_inclusive_amount"] == GROSS)
        else:
            line["SalesItemLineDetail"].pop("TaxInclusiveAmt", None)
    if inclusive:
        bearing = [line for line in lines if _percent_of(transaction, line)]
        _share_cents(lines, bearing, _taxes_within(transaction, doc))


def _know_gross(transaction: Transaction, line: Doc, gross: bool) -> None:
    detail = line["SalesItemLineDetail"]
    percent = _percent_of(transaction, line)
    told, amount = detail.get("TaxInclusiveAmt"), line["Amount"]
    if told is None:
        told = amount if gross else amount * (100 + percent) / 100
    detail["TaxInclusiveAmt"] = told = cents(told)
    net = cents(told * 100 / (100 + percent))
    if gross or abs(net - amount) > CENT:  # the Amount that was sent is not that of this line without its tax
        _set_net(line, net)


def _set_net(line: Doc, net: Decimal) -> None:
    detail = line["SalesItemLineDetail"]
    line["Amount"] = net
    if detail.get("Qty") and detail.get("UnitPrice") is not None:
        detail["UnitPrice"] = price_of(net, Decimal(detail["Qty"]))


def _share_cents(lines: list[Doc], bearing: list[Doc], taxes: Decimal) -> None:
    with_tax = sum((line["SalesItemLineDetail"]["TaxInclusiveAmt"] for line in lines), ZERO)
    left = with_tax - taxes - sum((line["Amount"] for line in lines), ZERO)
    step = CENT if left > 0 else -CENT
    for line in cycle(sorted(bearing, key=lambda line: -abs(line["Amount"]))):
        if not left:
            break
        _set_net(line, line["Amount"] + step)
        left -= step


def _taxes_within(transaction: Transaction, doc: Doc) -> Decimal:
    taxes: dict[str, Decimal] = {}
    for line, borne in _taxed_lines(transaction, doc):
        for rate in borne:
            taxes[rate["Id"]] = taxes.get(rate["Id"], ZERO) + _tax_on(line, rate, borne)
    return sum(map(cents, taxes.values()), ZERO)


def _tax_on(line: Doc, rate: Doc, borne: list[Doc]) -> Decimal:
    """What a line bears of one of its rates, not rounded."""
    gross = line["SalesItemLineDetail"].get("TaxInclusiveAmt")
    if gross is None:
        return Decimal(line["Amount"] * rate["RateValue"] / 100)
    return Decimal(gross * rate["RateValue"] / (100 + sum((one["RateValue"] for one in borne), ZERO)))


def _percent_of(transaction: Transaction, line: Doc) -> Decimal:
    code = value_of(line["SalesItemLineDetail"].get("TaxCodeRef")) or ""
    return sum((rate["RateValue"] for rate in _rates_of(transaction, code)), ZERO)


def _settle_global(transaction: Transaction, doc: Doc, sums: Sums, switches: Doc) -> Decimal:
    """Every rate is charged once, on the sum of the lines that bear it, less their part of the discount."""
    method = doc["GlobalTaxCalculation"] = doc.get("GlobalTaxCalculation") or "TaxExcluded"
    if method == NOT_APPLICABLE:
        doc["TxnTaxDetail"] = {"TotalTax": ZERO}
        return ZERO
    before_tax = doc["ApplyTaxAfterDiscount"] or switches["apply_tax_after_discount"] != EVERYWHERE
    rest = 1 - sums.discount / sums.items if sums.items and before_tax else Decimal(1)
    rates: dict[str, Doc] = {}
    bases: dict[str, Decimal] = {}
    taxes: dict[str, Decimal] = {}
    for line, borne in _taxed_lines(transaction, doc):
        for rate in borne:
            key = rate["Id"]
            rates[key] = rate
            bases[key] = bases.get(key, ZERO) + line["Amount"] * rest
            taxes[key] = taxes.get(key, ZERO) + _tax_on(line, rate, borne) * rest
    if switches["given_tax_lines"] == HONOURED and doc.get("_TaxLinesAreGiven"):
        taxes |= {key: amount for key, amount in _given_taxes(doc) if key in taxes}
    lines = [_tax_line(rates[key], cents(bases[key]), cents(taxes[key])) for key in rates]
    total = sum((line["Amount"] for line in lines), ZERO)
    doc["TxnTaxDetail"] = {"TotalTax": total, "TaxLine": lines}
    return total


def _given_taxes(doc: Doc) -> Iterator[tuple[str, Decimal]]:
    for line in (doc.get("TxnTaxDetail") or {}).get("TaxLine") or []:
        rate = value_of((line.get("TaxLineDetail") or {}).get("TaxRateRef"))
        if rate and line.get("Amount") is not None:
            yield rate, line["Amount"]


def _taxed_lines(transaction: Transaction, doc: Doc) -> Iterable[tuple[Doc, list[Doc]]]:
    for line in sales_lines(doc["Line"]):
        code = value_of(line["SalesItemLineDetail"].get("TaxCodeRef"))
        if code in (None, NOT_TAXABLE):
            raise business("Make sure all your transactions have a VAT rate before you save.")
        yield line, _rates_of(transaction, str(code))


def _rates_of(transaction: Transaction, code: str) -> list[Doc]:
    tax_code = transaction.get("TaxCode", code) or {}
    details = (tax_code.get("SalesTaxRateList") or {}).get("TaxRateDetail") or []
    return [transaction.need("TaxRate", detail["TaxRateRef"]["value"]) for detail in details]


# The tax service: the only way to make tax codes and rates


def create_tax_code(transaction: Transaction, body: Any) -> Doc:
    """``POST /taxservice/taxcode``: a code with its rates. Raises Fault."""
    if not isinstance(body, dict):
        raise unsupported_property("TaxCode")
    name = body.get("TaxCode")
    details = body.get("TaxRateDetails")
    if not isinstance(name, str) or not name:
        raise required("TaxCode")
    if not isinstance(details, list) or not details or not all(isinstance(one, dict) for one in details):
        raise required("TaxRateDetails")
    if transaction.find("name:TaxCode", name_key(name)):
        raise Fault("6240", f"The name supplied already exists. : TaxCode={name}")
    made = [_rate(transaction, detail) for detail in details]
    lists: dict[str, list[Doc]] = {"Sales": [], "Purchase": []}
    for order, (rate, detail) in enumerate(zip(made, details, strict=True)):
        reference = {"value": rate["Id"], "name": rate["Name"]}
        listed = {"TaxRateRef": reference, "TaxTypeApplicable": "TaxOnAmount", "TaxOrder": order}
        lists["Purchase" if detail.get("TaxApplicableOn") == "Purchase" else "Sales"].append(listed)
    code = transaction.put("TaxCode", {
        "Name": name, "Description": name, "Active": True, "Hidden": False, "Taxable": True, "TaxGroup": True,
        "SalesTaxRateList": {"TaxRateDetail": lists["Sales"]},
        "PurchaseTaxRateList": {"TaxRateDetail": lists["Purchase"]},
    })  # fmt: skip
    answered = [
        {**detail, "TaxRateName": rate["Name"], "TaxRateId": rate["Id"], "TaxAgencyId": rate["AgencyRef"]["value"]}
        for rate, detail in zip(made, details, strict=True)
    ]
    return {"TaxCode": name, "TaxCodeId": code["Id"], "TaxRateDetails": answered}


def _rate(transaction: Transaction, detail: Doc) -> Doc:
    """A rate that exists, by TaxRateId, or a new one."""
    if detail.get("TaxRateId"):
        found = transaction.get("TaxRate", str(detail["TaxRateId"]))
        if found is None:
            raise missing_reference("TaxRates", str(detail["TaxRateId"]), "TaxRateId")
        return found
    name, agency = detail.get("TaxRateName"), str(detail.get("TaxAgencyId") or "")
    if not isinstance(name, str) or not name:
        raise required("TaxRateName")
    if transaction.get("TaxAgency", agency) is None:
        raise missing_reference("TaxAgencies", agency, "TaxAgencyId")
    if transaction.find("name:TaxRate", name_key(name)):
        raise Fault("6240", f"The name supplied already exists. : TaxRate={name}")
    return transaction.put("TaxRate", {
        "Name": name, "Description": name, "Active": True, "RateValue": _percent(detail.get("RateValue")),
        "AgencyRef": {"value": agency}, "SpecialTaxType": "NONE", "DisplayType": "ReadOnly",
    })  # fmt: skip


def _percent(value: Any) -> Decimal:
    try:
        percent = Decimal(str(value))
    except ArithmeticError:
        raise unsupported_property("RateValue") from None
    if not percent.is_finite() or not ZERO <= percent <= 100:
        raise business("A tax rate is between 0 and 100.")
    return percent
