"""What the company's Preferences say, as the rules need it."""

from __future__ import annotations

from decimal import Decimal

from quickbooks_sandbox.books.amounts import Doc
from quickbooks_sandbox.books.books import Books, Transaction
from quickbooks_sandbox.books.errors import Fault, business
from quickbooks_sandbox.rules.references import value_of

PREFERENCES_ID = "1"
TAXABLE, NOT_TAXABLE = "TAX", "NON"


def preferences(books: Books | Transaction) -> Doc:
    found = books.get("Preferences", PREFERENCES_ID)
    if found is None:
        raise LookupError("A company is made with its Preferences, but these books have none.")
    return found


def home_currency(books: Books | Transaction) -> str:
    return str(preferences(books)["CurrencyPrefs"]["HomeCurrency"]["value"])


def keeps_own_numbers(transaction: Transaction) -> bool:
    return bool(preferences(transaction)["SalesFormsPrefs"].get("CustomTxnNumbers"))


def company_tax_code(transaction: Transaction) -> str | None:
    """Automated sales tax: the code by which taxable lines are taxed without being asked."""
    prefs = preferences(transaction)["TaxPrefs"]
    automated = prefs.get("UsingSalesTax") and prefs.get("PartnerTaxEnabled")
    return value_of(prefs.get("TaxGroupCodeRef")) or TAXABLE if automated else None


def automatic(transaction: Transaction, what: str) -> bool:
    """AutoApplyCredit or AutoApplyPayments."""
    return bool(preferences(transaction)["SalesFormsPrefs"].get(what))


def check_books_open(transaction: Transaction, *days: str | None) -> None:
    closed = preferences(transaction).get("AccountingInfoPrefs", {}).get("BookCloseDate")
    if closed and any(day and day <= closed for day in days):
        raise Fault("6210")


def is_in_us(transaction: Transaction) -> bool:
    return str((transaction.get("CompanyInfo", "1") or {}).get("Country", "US")) == "US"


def warns_of_duplicate_numbers(transaction: Transaction) -> bool:
    """The company's own setting; it is kept where Preferences keep what has no field."""
    pairs = (preferences(transaction).get("OtherPrefs") or {}).get("NameValue") or []
    values = {pair.get("Name"): pair.get("Value") for pair in pairs if isinstance(pair, dict)}
    return str(values.get(DUPLICATES, "true")).lower() != "false"


def set_currency(transaction: Transaction, doc: Doc, customer: Doc) -> None:
    """A document is in its customer's currency; a foreign one needs a rate (home units a foreign one)."""
    home = home_currency(transaction)
    asked = value_of(doc.get("CurrencyRef"))
    currency = value_of(customer.get("CurrencyRef")) or (home if customer else asked) or home
    if asked and asked != currency:
        raise business(f"The currency of the transaction ({asked}) is not the currency of the customer ({currency}).")
    doc["CurrencyRef"] = {"value": currency, "name": CURRENCY_NAMES.get(currency, currency)}
    if currency == home:
        doc["ExchangeRate"] = Decimal(1)
    elif not doc.get("ExchangeRate"):
        doc["ExchangeRate"] = rate_on(transaction, currency, str(doc.get("TxnDate") or ""))
    elif doc["ExchangeRate"] < 0:
        raise business("The exchange rate must be more than zero.")


def number_addresses(transaction: Transaction, doc: Doc, located: bool = False) -> None:
    """Addresses have Ids of their own, and those of people a place, or the word for none that was found."""
    for name, address in doc.items():
        if name.endswith("Addr") and isinstance(address, dict) and "Line1" in address:
            if not address.get("Id"):
                address["Id"] = str(transaction.next_number("id:Address"))
            if located:
                address.setdefault("Lat", "INVALID")
                address.setdefault("Long", "INVALID")


def rate_on(books: Books | Transaction, currency: str, day: str) -> Decimal:
    """The rate that was entered last on or before that day, else the first one, else the sandbox's own."""
    found = [doc for doc in books.all("ExchangeRate") if doc["SourceCurrencyCode"] == currency]
    found.sort(key=lambda doc: str(doc["AsOfDate"]))
    earlier = [doc for doc in found if doc["AsOfDate"] <= day]
    if found:
        return Decimal((earlier or found[:1])[-1]["Rate"])
    return RATES.get(currency, Decimal(1))


DISCOUNTS = "DiscountsRefundsGiven"  # the kind of account that discounts go to
DUPLICATES = "WarnDuplicateCheckNumber"
CURRENCY_NAMES = {
    "USD": "United States Dollar", "EUR": "Euro", "GBP": "British Pound Sterling", "CAD": "Canadian Dollar",
    "AUD": "Australian Dollar", "CHF": "Swiss Franc", "JPY": "Japanese Yen",
}  # fmt: skip
# The rates that the sandbox's company uses when a document brings none.
RATES = {
    "EUR": Decimal("1.1"), "GBP": Decimal("1.3"), "CAD": Decimal("0.73"), "AUD": Decimal("0.66"),
    "CHF": Decimal("1.12"), "JPY": Decimal("0.0067"),
}  # fmt: skip
