"""Exchange rates: one for a currency and a day, in units of the home currency for one of the foreign."""

from __future__ import annotations

from quickbooks_sandbox.books.amounts import Doc
from quickbooks_sandbox.books.books import Books, Transaction
from quickbooks_sandbox.books.clock import company_date
from quickbooks_sandbox.books.errors import Fault, business, invalid_enumeration, required
from quickbooks_sandbox.rules.company import CURRENCY_NAMES, home_currency, rate_on


def save_rate(transaction: Transaction, doc: Doc) -> Doc:
    """Set the rate of a currency for a day (default today); there is no other key. Raises Fault."""
    currency = str(doc.get("SourceCurrencyCode") or "").upper()
    if not currency:
        raise required("SourceCurrencyCode")
    if doc.get("Rate") is None:
        raise required("Rate")
    if doc["Rate"] <= 0:
        raise business("The exchange rate must be more than zero.")
    _check_foreign(transaction, currency)
    day = doc.get("AsOfDate") or company_date(transaction.now)
    key = rate_id(currency, day)
    rate = {
        "SourceCurrencyCode": currency,
        "TargetCurrencyCode": home_currency(transaction),
        "Rate": doc["Rate"],
        "AsOfDate": day,
    }
    if transaction.get("ExchangeRate", key) is None:
        return transaction.place("ExchangeRate", key, rate)
    return transaction.put("ExchangeRate", {**rate, "Id": key})


def rate_id(currency: str, day: str) -> str:
    return f"{currency}:{day}"


def current_rate(books: Books, currency: str | None, day: str) -> Doc:
    """What ``GET /exchangerate`` answers, also for a day that nobody entered a rate for. Raises Fault."""
    if not currency:
        raise required("sourcecurrencycode")
    currency = currency.upper()
    known = books.get("ExchangeRate", rate_id(currency, day))
    if known is not None:
        return {name: value for name, value in known.items() if name != "Id"}
    if currency != home_currency(books):
        _check_foreign(books, currency)
    rate = 1 if currency == home_currency(books) else rate_on(books, currency, day)
    return {
        "SyncToken": "0", "domain": "QBO", "sparse": False, "AsOfDate": day, "SourceCurrencyCode": currency,
        "TargetCurrencyCode": home_currency(books), "Rate": rate,
    }  # fmt: skip


def _check_foreign(books: Books | Transaction, currency: str) -> None:
    if currency not in CURRENCY_NAMES:
        raise invalid_enumeration(currency, "SourceCurrencyCode")
    if currency == home_currency(books):
        raise Fault("6000", "Business Validation Error: The home currency has no exchange rate.")
