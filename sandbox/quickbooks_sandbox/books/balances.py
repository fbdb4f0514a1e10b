"""What accounts and customers come to, worked out from what is in the books."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from quickbooks_sandbox.books.amounts import ZERO, Doc
from quickbooks_sandbox.books.books import Books
from quickbooks_sandbox.books.ledger import RECEIVABLE, UNDEPOSITED


def balance(books: Books, account: Doc) -> Decimal:
    """What is on an account, in its own currency; nothing on any that is not an asset."""
    if account.get("Classification") != "Asset":
        return ZERO
    currency = account["CurrencyRef"]["value"]
    prefs: Doc = books.get("Preferences", "1") or {}
    is_home = currency == prefs["CurrencyPrefs"]["HomeCurrency"]["value"]
    names = [account["Id"], *_roles(books, account)]
    return sum((books.booked(name, currency, is_home) for name in names), ZERO)


def _roles(books: Books, account: Doc) -> Iterator[str]:
    """What an account is for: the first of its kind, among receivables the first of its currency."""
    for role, subtype in ((UNDEPOSITED, "UndepositedFunds"), (RECEIVABLE, "AccountsReceivable")):
        if account.get("AccountSubType") != subtype:
            continue
        alike = [one for one in books.all("Account") if one.get("AccountSubType") == subtype]
        if role == RECEIVABLE:
            alike = [one for one in alike if one["CurrencyRef"]["value"] == account["CurrencyRef"]["value"]]
        if alike and alike[0]["Id"] == account["Id"]:
            yield role


def balance_with_children(books: Books, account: Doc) -> Decimal:
    children = [one for one in books.all("Account") if (one.get("ParentRef") or {}).get("value") == account["Id"]]
    return balance(books, account) + sum((balance_with_children(books, child) for child in children), ZERO)


def owed_with_jobs(books: Books, customer: str) -> Decimal:
    """What the customer and everybody below owe."""
    return sum(map(books.owed, books.family("Customer", customer)), ZERO)
