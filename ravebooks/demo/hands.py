"""What people do on the two sides, and how they see what became of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from ravebooks.demo.sides import Body, QuickBooksSide, RavetreeSide

POLL_SECONDS = 0.2
FIRST_DAY = date(2026, 11, 2)


class NotReached(Exception):
    """The two sides did not come to agree in time."""


class Eyes:
    """Looks at both sides. `patience` is how many seconds something may take to be seen."""

    def __init__(self, ravetree: RavetreeSide, quickbooks: QuickBooksSide, patience: float) -> None:
        self._ravetree = ravetree
        self._quickbooks = quickbooks
        self._patience = patience

    def ours(self, number: str) -> Body:
        """The invoice of that number in Ravetree."""
        return self._ravetree.every("invoices", number=number)[0]

    def remote(self, number: str) -> Body:
        """The invoice of that number in QuickBooks. Raises `NotReached` where there is none."""
        found = self._quickbooks.invoice(number)
        if found is None:
            raise NotReached(f"invoice {number} is not in QuickBooks")
        return found

    def has_total(self, number: str, total: str) -> bool:
        """Whether QuickBooks shows that total."""
        return bool(self.remote(number)["TotalAmt"] == Decimal(total))

    def is_paid(self, number: str) -> bool:
        """Whether both sides show it as paid."""
        return bool(self.ours(number)["status"] == "paid" and self.remote(number)["Balance"] == 0)

    def payment_references(self, number: str) -> list[str]:
        """The references of the payments that QuickBooks links to an invoice."""
        invoice_id = self.remote(number)["Id"]
        return [
            row.get("PaymentRefNum", "")
            for row in self._quickbooks.query("select * from Payment")
            if any(link["TxnId"] == invoice_id for line in row["Line"] for link in line["LinkedTxn"])
        ]

    def until(self, look: Callable[[], Any]) -> Any:
        """Look again and again until there is something to see."""
        deadline = time.monotonic() + self._patience
        while not (found := look()):
            if time.monotonic() > deadline:
                raise NotReached(f"the sides did not agree within {self._patience:g} s")
            time.sleep(POLL_SECONDS)
        return found


class Hands:
    """Acts in Ravetree; remembers clients and invoice numbers by name, and what day it is."""

    def __init__(self, ravetree: RavetreeSide, eyes: Eyes) -> None:
        self._ravetree = ravetree
        self._eyes = eyes
        self._today = FIRST_DAY
        self._clients: dict[str, str] = {}
        self.numbers: dict[str, str] = {}

    def client(self, name: str, currency: str = "USD") -> str:
        """A new client; its id."""
        body = {
            "kind": "account",
            "name": name,
            "currency": currency,
            "email": f"office@{name.split()[0].lower()}.example",
        }
        return str(self._ravetree.create("contacts", body)["id"])

    def known(self, name: str) -> str:
        """The contact of a customer that QuickBooks has already, once the import has made it.

        One made by hand meanwhile would be a second of that name, about which a person is asked.
        """
        if name not in self._clients:
            there = self._eyes.until(
                lambda: [row["id"] for row in self._ravetree.every("contacts") if row["name"] == name]
            )
            self._clients[name] = str(there[0])
        return self._clients[name]

    def invoice(self, name: str, client: str, lines: list[Body], currency: str = "USD") -> str:
        """A new invoice for `client`, remembered under `name`; its number."""
        body = {
            "client_id": client,
            "issue_date": self._today.isoformat(),
            "due_date": (self._today + timedelta(days=30)).isoformat(),
            "currency": currency,
            "lines": lines,
        }
        made = self._ravetree.create("invoices", body)
        self.numbers[name] = made["number"]
        return str(made["number"])

    def receive(self, amounts: dict[str, str], reference: str) -> Body:
        """A payment of `amounts`, by invoice number."""
        invoices = {number: self._eyes.ours(number) for number in amounts}
        first = next(iter(invoices.values()))
        body = {
            "client_id": first["client_id"],
            "date": self.day(),
            "amount": str(sum(Decimal(amount) for amount in amounts.values())),
            "currency": first["currency"],
            "reference": reference,
            "allocations": [
                {"invoice_id": invoices[number]["id"], "amount": amount} for number, amount in amounts.items()
            ],
        }
        return self._ravetree.create("payments", body)

    def day(self) -> str:
        """The next day, as ISO date."""
        self._today += timedelta(days=1)
        return self._today.isoformat()


def line(kind: str, text: str, quantity: str, price: str) -> Body:
    """A line of an invoice in Ravetree, untaxed."""
    return {
        "type": kind,
        "description": text,
        "quantity": quantity,
        "unit_price": price,
        "taxable": False,
    }


@contextmanager
def outage_of(quickbooks: QuickBooksSide) -> Iterator[None]:
    """QuickBooks answers nothing meanwhile."""
    quickbooks.steer("outage", {"on": True})
    try:
        yield
        time.sleep(2)
    finally:
        quickbooks.steer("outage", {"on": False})
