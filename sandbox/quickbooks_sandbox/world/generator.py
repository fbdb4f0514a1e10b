"""A year of business for a company: customers, invoices, payments, credits, deposits, reproducible by seed."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from quickbooks_sandbox.books.amounts import Doc, cents
from quickbooks_sandbox.books.books import Books, Transaction
from quickbooks_sandbox.rules.company import home_currency, is_in_us
from quickbooks_sandbox.rules.operations import write
from quickbooks_sandbox.rules.payments import CREDIT_NOTE

WRITES_A_COMMIT = 40
YEAR = timedelta(days=365)
EURO_SHARE, TAXABLE_SHARE = 0.05, 0.2

_FIRST = ["Amber", "Birch", "Cobalt", "Dune", "Ember", "Fjord", "Granite", "Harvest", "Indigo", "Juniper", "Kestrel",
          "Linden", "Maple", "North", "Orchard", "Pine", "Quartz", "River", "Slate", "Timber"]  # fmt: skip
_SECOND = ["Architects", "Bakery", "Clinic", "Dental", "Engineering", "Foods", "Garage", "Hotels", "Interiors",
           "Journal", "Kitchens", "Logistics", "Media", "Nurseries", "Outfitters", "Partners"]  # fmt: skip
SERVICES = [
    ("Consulting", 160), ("Pest Control", 35), ("Photography", 110), ("Copywriting", 80), ("Illustration", 90),
    ("Web development", 130), ("Hosting", 25), ("Training", 150), ("Travel time", 60), ("Printing", 12),
    ("Installation", 50), ("Maintenance", 75),
]  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """How much business: customers beside those of the lists, and invoices with what follows from them."""

    customers: int
    invoices: int
    seed: int = 1


SAMPLE = Plan(customers=22, invoices=40)


class _Business:
    def __init__(self, books: Books, switches: Doc, plan: Plan, until: datetime) -> None:
        self._books = books
        self._switches = switches
        self._plan = plan
        self._random = random.Random(plan.seed)  # noqa: S311  # reproducible, not secret
        self._until = until
        self._moment = until - YEAR
        # Invoices of a customer that are not paid in full: Id and what is left. And who has some, probably.
        self._open: dict[str, list[tuple[str, Decimal]]] = defaultdict(list)
        self._owing: list[Doc] = []
        self._undeposited: list[tuple[str, Decimal]] = []

    # Writing

    @contextmanager
    def _batch(self) -> Iterator[Transaction]:
        with self._books.transaction() as transaction:
            transaction.now = self._moment
            yield transaction

    def _write(self, transaction: Transaction, entity: str, body: Doc) -> Doc:
        return write(transaction, entity, "create", body, self._switches)

    def make(self) -> None:
        with self._batch() as transaction:
            self._checking = self._account(transaction, "checking")
            self._home = home_currency(transaction)
            vat = [code["Id"] for code in transaction.all("TaxCode")]
            self._codes = ["TAX", "NON"] if is_in_us(transaction) else vat
            income = {"value": self._account(transaction, "services")}
            for name, price in SERVICES:
                if not transaction.find("name:Item", name.casefold()):
                    item = {"Name": name, "Type": "Service", "IncomeAccountRef": income, "UnitPrice": price}
                    self._write(transaction, "Item", item)
        self._items = [item for item in self._books.all("Item") if item["Active"]]
        self._make_customers()
        self._customers = [one for one in self._books.all("Customer") if one["Active"]]
        step = YEAR / (self._plan.invoices + 1)
        done = 0
        while done < self._plan.invoices:
            several = min(WRITES_A_COMMIT, self._plan.invoices - done)
            with self._batch() as transaction:
                for _ in range(several):
                    self._moment += step
                    transaction.now = self._moment
                    done += 1
                    self._day(transaction, done)

    def _account(self, transaction: Transaction, name: str) -> str:
        return transaction.find("name:Account", name)[0][1]

    def _make_customers(self) -> None:
        left = self._plan.customers
        number = 0
        while left > 0:
            with self._batch() as transaction:
                for _ in range(min(WRITES_A_COMMIT, left)):
                    number += 1
                    left -= 1
                    self._write(transaction, "Customer", self._customer(number))

    def _customer(self, number: int) -> Doc:
        name = f"{_FIRST[number % len(_FIRST)]} {_SECOND[number // len(_FIRST) % len(_SECOND)]}"
        round_ = number // (len(_FIRST) * len(_SECOND))
        name += f" {round_ + 1}" if round_ else ""
        mail = "".join(letter for letter in name.lower() if letter.isalnum())
        body: Doc = {
            "DisplayName": name, "CompanyName": f"{name} Inc.",
            "PrimaryEmailAddr": {"Address": f"office@{mail}.example"},
            "BillAddr": {"Line1": f"{number} Main Street", "City": "Oakland", "CountrySubDivisionCode": "CA",
                         "PostalCode": f"94{number % 1000:03d}", "Country": "US"},
            "SalesTermRef": {"value": str(1 + number % 5)},
        }  # fmt: skip
        if self._random.random() < EURO_SHARE:
            body["CurrencyRef"] = {"value": "EUR"}
        return body

    # A day's business

    def _day(self, transaction: Transaction, number: int) -> None:
        customer = self._random.choice(self._customers)
        if number % 7 == 3:
            estimate = self._form(transaction, "Estimate", customer)
            link = [{"TxnId": estimate["Id"], "TxnType": "Estimate"}] if number % 2 else []
            invoice = self._form(transaction, "Invoice", customer, LinkedTxn=link, Line=_again(estimate))
        else:
            invoice = self._form(transaction, "Invoice", customer)
        self._open[customer["Id"]].append((invoice["Id"], invoice["Balance"]))
        self._owing.append(customer)
        if number % 3:
            self._pay(transaction, self._payer())
        if number % 13 == 5:
            self._credit(transaction, customer)
        if number % 17 == 9:
            receipt = self._form(transaction, "SalesReceipt", customer)
            if customer["CurrencyRef"]["value"] == self._home:
                self._undeposited.append((f"SalesReceipt:{receipt['Id']}", receipt["TotalAmt"]))
        if len(self._undeposited) >= 8:
            self._deposit(transaction)

    def _form(self, transaction: Transaction, entity: str, customer: Doc, **more: object) -> Doc:
        lines = [self._line() for _ in range(self._random.randint(1, 4))]
        return self._write(transaction, entity, {"CustomerRef": {"value": customer["Id"]}, "Line": lines, **more})

    def _line(self) -> Doc:
        item = self._random.choice(self._items)
        quantity = Decimal(self._random.randint(1, 40)) / 4
        price = item["UnitPrice"] or Decimal(self._random.randint(10, 300))
        code = self._codes[0 if self._random.random() < TAXABLE_SHARE else 1]
        return {
            "DetailType": "SalesItemLineDetail", "Amount": cents(quantity * price), "Description": item["Name"],
            "SalesItemLineDetail": {"ItemRef": {"value": item["Id"]}, "Qty": quantity, "UnitPrice": price,
                                    "TaxCodeRef": {"value": code}},
        }  # fmt: skip

    def _pay(self, transaction: Transaction, customer: Doc) -> None:
        """One payment for up to three of the customer's invoices: in full, in part, now and then too much."""
        waiting = self._open[customer["Id"]]
        if not waiting:
            return
        paid = [waiting.pop(0) for _ in range(min(self._random.randint(1, 3), len(waiting)))]
        lines, chance = [], self._random.random()
        for at, (invoice_id, balance) in enumerate(paid):
            amount = cents(balance / 2) if chance < 0.15 and at == len(paid) - 1 else balance
            if amount < balance:
                waiting.append((invoice_id, balance - amount))
            lines.append(_applied("Invoice", invoice_id, amount))
        total = sum((line["Amount"] for line in lines), Decimal(0))
        extra = Decimal(25) if chance > 0.95 else Decimal(0)
        body = {"CustomerRef": {"value": customer["Id"]}, "TotalAmt": total + extra, "Line": lines,
                "PaymentMethodRef": {"value": str(self._random.randint(1, 6))}}  # fmt: skip
        payment = self._write(transaction, "Payment", body)
        if customer["CurrencyRef"]["value"] == self._home:
            self._undeposited.append((f"Payment:{payment['Id']}", payment["TotalAmt"]))

    def _payer(self) -> Doc:
        """Somebody who probably owes something."""
        at = self._random.randrange(len(self._owing))
        self._owing[at], self._owing[-1] = self._owing[-1], self._owing[at]
        return self._owing.pop()

    def _credit(self, transaction: Transaction, customer: Doc) -> None:
        """A credit memo, linked to an open invoice by a payment of nothing when there is one."""
        memo = self._form(transaction, "CreditMemo", customer)
        waiting = self._open[customer["Id"]]
        if not waiting:
            return
        invoice_id, balance = waiting.pop(0)
        amount = min(balance, memo["RemainingCredit"])
        if amount < balance:
            waiting.append((invoice_id, balance - amount))
        lines = [_applied("Invoice", invoice_id, amount), _applied("CreditMemo", memo["Id"], amount)]
        body = {"CustomerRef": {"value": customer["Id"]}, "TotalAmt": 0, "Line": lines, "PrivateNote": CREDIT_NOTE}
        self._write(transaction, "Payment", body)

    def _deposit(self, transaction: Transaction) -> None:
        lines = []
        for name, amount in self._undeposited:
            kind, _, target = name.partition(":")
            lines.append(_applied(kind, target, amount))
        self._undeposited.clear()
        self._write(transaction, "Deposit", {"DepositToAccountRef": {"value": self._checking}, "Line": lines})


def _applied(kind: str, target: str, amount: Decimal) -> Doc:
    return {"Amount": amount, "LinkedTxn": [{"TxnId": target, "TxnType": kind}]}


def _again(estimate: Doc) -> list[Doc]:
    return [
        {name: value for name, value in line.items() if name not in ("Id", "LineNum")}
        for line in estimate["Line"]
        if line["DetailType"] == "SalesItemLineDetail"
    ]


def make_history(books: Books, switches: Doc, plan: Plan, until: datetime) -> None:
    """The plan's year of business, up to ``until``, written into books that have their lists."""
    _Business(books, switches, plan, until).make()
