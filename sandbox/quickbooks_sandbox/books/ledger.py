"""What sales, payments and deposits book on the accounts of the balance sheet.

Income and the other accounts of profit and loss have no balance in QuickBooks' API either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from quickbooks_sandbox.books.amounts import ZERO, Doc, amount_of, cents

# Accounts that are known by what they are for, instead of by an Id.
UNDEPOSITED, RECEIVABLE = "undeposited", "receivable"
_SIGNS = {"Invoice": 1, "Payment": -1, "CreditMemo": -1}


@dataclass(frozen=True)
class Posting:
    """An amount in the document's currency and in the company's own, more or (negative) less on an account."""

    account: str
    currency: str
    amount: Decimal
    home: Decimal

    def less(self) -> Posting:
        return Posting(self.account, self.currency, -self.amount, -self.home)


def postings(entity: str, doc: Doc) -> Iterator[Posting]:
    """All that a document books; together with its income, tax and discounts it would come to nothing."""
    if entity == "Deposit":
        yield from _deposit(doc)
        return
    money = ZERO  # that was paid with the document
    match entity:
        case "Payment" | "SalesReceipt":
            money = doc["TotalAmt"]
        case "RefundReceipt":
            money = -doc["TotalAmt"]
        case "Invoice":
            money = amount_of(doc.get("Deposit"))
    if entity in _SIGNS:
        owed = doc["TotalAmt"] * _SIGNS[entity] - (money if entity == "Invoice" else ZERO)
        yield _posting(RECEIVABLE, doc, owed)
    if money:
        yield _posting(_account(doc.get("DepositToAccountRef")), doc, money)


def _deposit(doc: Doc) -> Iterator[Posting]:
    yield _posting(_account(doc["DepositToAccountRef"]), doc, doc["TotalAmt"])
    for line in doc["Line"]:
        source = None if line.get("LinkedTxn") else (line.get("DepositLineDetail") or {}).get("AccountRef")
        yield _posting(_account(source), doc, -line["Amount"])


def _account(reference: Doc | None) -> str:
    return str((reference or {}).get("value") or UNDEPOSITED)


def _posting(account: str, doc: Doc, amount: Decimal) -> Posting:
    rate = doc.get("ExchangeRate")
    home = amount if doc.get("HomeTotalAmt") is None or rate is None else cents(amount * rate)
    return Posting(account, doc["CurrencyRef"]["value"], amount, home)


class Ledger:
    """The sums of what living documents book."""

    def __init__(self) -> None:
        self._sums: dict[str, dict[str, tuple[Decimal, Decimal]]] = {}

    def book(self, entries: Iterable[Posting]) -> None:
        for entry in entries:
            sums = self._sums.setdefault(entry.account, {})
            amount, home = sums.get(entry.currency, (ZERO, ZERO))
            sums[entry.currency] = amount + entry.amount, home + entry.home

    def balance(self, account: str, currency: str, is_home: bool) -> Decimal:
        """In the account's currency: a foreign one takes its own money only, one of the company's own takes any."""
        sums = self._sums.get(account, {})
        if account == RECEIVABLE or not is_home:  # every currency has receivables of its own
            return sums.get(currency, (ZERO, ZERO))[0]
        return sum((home for _, home in sums.values()), ZERO)
