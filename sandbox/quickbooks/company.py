"""What the company's Preferences say, as the rules need it."""

from __future__ import annotations

from decimal import Decimal

from sandbox.quickbooks.amounts import Doc
from sandbox.quickbooks.books import Books, Transaction
from sandbox.quickbooks.errors import Fault, business
from sandbox.quickbooks.references import value_of

PREFERENCES_ID = "1"


def preferences(books: Books | Transaction) -> Doc:
    found = books.get("Preferences", PREFERENCES_ID)
    if found is None:
        raise LookupError("A company is made with its Preferences, but these books have none.")
    return found


def home_currency(books: Books | Transaction) -> str:
    return str(preferences(books)["CurrencyPrefs"]["HomeCurrency"]["value"])


def keeps_own_numbers(transaction: Transaction) -> bool:
    return bool(preferences(transaction)["SalesFormsPrefs"].get("CustomTxnNumbers"))


def charges_tax_itself(transaction: Transaction) -> bool:
    """Automated sales tax: taxable lines get the flat rate without being asked."""
    prefs = preferences(transaction)["TaxPrefs"]
    return bool(prefs.get("UsingSalesTax") and prefs.get("PartnerTaxEnabled"))


def check_books_open(transaction: Transaction, *days: str | None) -> None:
    closed = preferences(transaction).get("AccountingInfoPrefs", {}).get("BookCloseDate")
    if closed and any(day and day <= closed for day in days):
        raise Fault("6210")


def set_currency(transaction: Transaction, doc: Doc, customer: Doc) -> None:
    """A document is in its customer's currency; a foreign one needs a rate (home units a foreign one)."""
    home = home_currency(transaction)
    currency = value_of(customer.get("CurrencyRef")) or home
    asked = value_of(doc.get("CurrencyRef"))
    if asked and asked != currency:
        raise business(f"The currency of the transaction ({asked}) is not the currency of the customer ({currency}).")
    doc["CurrencyRef"] = {"value": currency, "name": CURRENCY_NAMES.get(currency, currency)}
    if currency == home:
        doc["ExchangeRate"] = Decimal(1)
    elif not doc.get("ExchangeRate"):
        doc["ExchangeRate"] = RATES.get(currency, Decimal(1))


CURRENCY_NAMES = {
    "USD": "United States Dollar", "EUR": "Euro", "GBP": "British Pound Sterling", "CAD": "Canadian Dollar",
    "AUD": "Australian Dollar", "CHF": "Swiss Franc", "JPY": "Japanese Yen",
}  # fmt: skip
# The rates that the sandbox's company uses when a document brings none.
RATES = {
    "EUR": Decimal("1.1"), "GBP": Decimal("1.3"), "CAD": Decimal("0.73"), "AUD": Decimal("0.66"),
    "CHF": Decimal("1.12"), "JPY": Decimal("0.0067"),
}  # fmt: skip
