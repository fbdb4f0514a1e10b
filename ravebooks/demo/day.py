"""A working day: what people do on both sides, step by step, each waited for until both books show it.

The script talks to the two sides alone, so it neither knows nor minds whether the product is restarted meanwhile.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from ravebooks.demo.sides import Body, QuickBooksSide, RavetreeSide, Say

RECORDS = 24
"""What the comparer finds at the end: 13 invoices, 10 payments, 1 placeholder."""

POLL_SECONDS = 0.2


class NotReached(Exception):
    """The two sides did not come to agree in time."""


class Day:
    """One working day. `say` shows each step; `patience` is how many seconds a step may take."""

    def __init__(self, ravetree: RavetreeSide, quickbooks: QuickBooksSide, say: Say, patience: float = 60.0) -> None:
        self._ravetree = ravetree
        self._quickbooks = quickbooks
        self._say = say
        self._patience = patience
        self._today = date(2026, 11, 2)
        self._clients: dict[str, str] = {}
        self._numbers: dict[str, str] = {}

    def steps(self) -> list[Callable[[], None]]:
        """The steps in order."""
        return [
            self.new_client_and_invoice,
            self.lines_edited,
            self.partial_payment_in_quickbooks,
            self.rest_paid_in_ravetree,
            self.sent_in_ravetree,
            self.sent_in_quickbooks,
            self.marked_as_paid,
            self.voided_in_ravetree,
            self.voided_in_quickbooks,
            self.one_payment_over_two_invoices,
            self.foreign_currency,
            self.duplicate_and_reordered_deliveries,
            self.payment_edited_and_deleted,
            self.real_payment_after_marked_as_paid,
            self.quickbooks_outage,
        ]

    def play(self) -> None:
        """The whole day."""
        for step in self.steps():
            step()

    # --- the steps -------------------------------------------------------------------------------

    def new_client_and_invoice(self) -> None:
        """An invoice with all five types of line, for a client that QuickBooks does not know."""
        client = self._client("Northwind Galleries")
        lines = [
            self._line("time", "Concept workshop", "3", "120.00"),
            self._line("expense", "Train tickets", "1", "86.40"),
            self._line("retainer", "November retainer", "1", "500.00"),
            self._line("overage", "Hours over the retainer", "2.5", "95.00"),
            self._line("other", "Printing", "200", "0.45"),
        ]
        number = self._invoice("studio", client, lines)
        theirs = self._until(lambda: self._quickbooks.invoice(number))
        self._say(
            "Invoice with five types of line",
            f"invoice {number}, {self._ours(number)['total']} USD",
            f"customer created, invoice {theirs['DocNumber']} over {theirs['TotalAmt']}",
        )

    def lines_edited(self) -> None:
        """One line changed, one added, one removed."""
        number = self._numbers["studio"]
        lines = self._ours(number)["lines"]
        kept = [line | {"quantity": "4", "amount": "480.00"} if line["type"] == "time" else line for line in lines]
        kept = [line for line in kept if line["type"] != "expense"]
        kept.append(self._line("other", "Courier", "1", "19.90"))
        changed = self._ravetree.change("invoices", self._ours(number)["id"], {"lines": kept})
        self._until(lambda: self._has_total(number, changed["total"]))
        self._say(
            "Lines edited, added, removed",
            f"invoice {number} is now {changed['total']} USD",
            f"the same {len(kept)} lines, {changed['total']}",
        )

    def partial_payment_in_quickbooks(self) -> None:
        """The bookkeeper receives a part."""
        number = self._numbers["studio"]
        self._quickbooks.pay({number: "300.00"}, self._day(), "CHK 1001")
        self._until(lambda: self._ours(number)["status"] == "partially_paid")
        self._say(
            "Partial payment in QuickBooks", f"payment of 300.00, invoice {number} partially paid", "payment of 300.00"
        )

    def rest_paid_in_ravetree(self) -> None:
        """The rest arrives in Ravetree."""
        number = self._numbers["studio"]
        rest = self._ours(number)["balance"]
        self._receive({number: rest}, "WIRE 77")
        self._until(lambda: self._is_paid(number))
        self._say("Rest paid in Ravetree", f"payment of {rest}, invoice {number} paid", f"payment of {rest}, 0 open")

    def sent_in_ravetree(self) -> None:
        """Sent from Ravetree: QuickBooks shows it as sent and mails nobody."""
        number = self._invoice(
            "sent here", self._known("Bright Harbor Studio"), [self._line("time", "Review", "2", "110.00")]
        )
        self._until(lambda: self._quickbooks.invoice(number))
        self._ravetree.change("invoices", self._ours(number)["id"], {"status": "sent"})
        self._until(lambda: self._remote(number).get("EmailStatus") == "EmailSent")
        self._say("Marked sent in Ravetree", f"invoice {number} sent", "shown as sent, nobody mailed")

    def sent_in_quickbooks(self) -> None:
        """Sent from QuickBooks: Ravetree shows it as sent."""
        number = self._invoice("sent there", self._known("Cedar & Finch"), [self._line("time", "Audit", "5", "90.00")])
        theirs = self._until(lambda: self._quickbooks.invoice(number))
        self._quickbooks.write(f"invoice/{theirs['Id']}/send", {}, sendTo="books@cedar.example")
        self._until(lambda: self._ours(number)["sent_at"])
        self._say("Sent from QuickBooks", f"invoice {number} sent, nobody mailed again", "mailed to the customer")

    def marked_as_paid(self) -> None:
        """Marked as paid without a payment: a placeholder stands for it."""
        number = self._invoice(
            "marked", self._known("Bright Harbor Studio"), [self._line("other", "Poster", "1", "75.00")]
        )
        self._until(lambda: self._quickbooks.invoice(number))
        self._ravetree.change("invoices", self._ours(number)["id"], {"status": "paid"})
        self._until(lambda: self._remote(number)["Balance"] == 0)
        self._say("Marked as paid by hand", f"invoice {number} paid without a payment", "placeholder payment of 75.00")

    def voided_in_ravetree(self) -> None:
        """Voided in Ravetree."""
        number = self._invoice("void here", self._known("Cedar & Finch"), [self._line("time", "Mistake", "1", "40.00")])
        self._until(lambda: self._quickbooks.invoice(number))
        self._ravetree.change("invoices", self._ours(number)["id"], {"status": "void"})
        self._until(lambda: self._remote(number)["TotalAmt"] == 0)
        self._say("Voided in Ravetree", f"invoice {number} void", "void")

    def voided_in_quickbooks(self) -> None:
        """Voided in QuickBooks."""
        number = self._invoice("void there", self._known("Cedar & Finch"), [self._line("time", "Double", "1", "60.00")])
        theirs = self._until(lambda: self._quickbooks.invoice(number))
        self._quickbooks.write("invoice", {"Id": theirs["Id"], "SyncToken": theirs["SyncToken"]}, operation="void")
        self._until(lambda: self._ours(number)["status"] == "void")
        self._say("Voided in QuickBooks", f"invoice {number} void", "void")

    def one_payment_over_two_invoices(self) -> None:
        """One cheque for two invoices."""
        client = self._known("O'Neill Construction")
        first = self._invoice("site one", client, [self._line("time", "Site one", "4", "130.00")])
        second = self._invoice("site two", client, [self._line("time", "Site two", "1", "130.00")])
        for number in (first, second):
            self._until(lambda number=number: self._quickbooks.invoice(number))  # type: ignore[misc]  # bound now
        self._quickbooks.pay({first: "520.00", second: "130.00"}, self._day(), "CHK 2002")
        self._until(lambda: self._is_paid(first) and self._is_paid(second))
        self._say(
            "One payment over two invoices", f"one payment of 650.00, {first} and {second} paid", "cheque of 650.00"
        )

    def foreign_currency(self) -> None:
        """A client that pays in another currency."""
        client = self._client("Galerie Mercier", "EUR")
        number = self._invoice("euro", client, [self._line("time", "Katalog", "10", "80.00")], "EUR")
        self._until(lambda: self._quickbooks.invoice(number))
        self._receive({number: "800.00"}, "SEPA 5")
        self._until(lambda: self._is_paid(number))
        self._say("Another currency", f"invoice {number}, 800.00 EUR, paid", "customer in EUR, 800.00 EUR paid")

    def duplicate_and_reordered_deliveries(self) -> None:
        """Every delivery twice and out of order, while both sides are at work."""
        for side in (self._quickbooks, self._ravetree):
            side.steer("faults", {"endpoint": "webhook", "kind": "duplicate", "count": 20, "seconds": 1})
            side.steer("faults", {"endpoint": "webhook", "kind": "reorder", "count": 4, "seconds": 1})
        client = self._client("Harbour Theatre")
        number = self._invoice("theatre", client, [self._line("time", "Lights", "6", "100.00")])
        theirs = self._until(lambda: self._quickbooks.invoice(number))
        self._quickbooks.pay({number: "150.00"}, self._day(), "CHK 3003")
        self._receive({number: "250.00"}, "WIRE 78")
        self._quickbooks.pay({number: "200.00"}, self._day(), "CHK 3004")
        self._until(lambda: self._is_paid(number))
        self._say(
            "Duplicate and reordered deliveries",
            f"invoice {number} paid by 3 payments, each once",
            f"invoice Id {theirs['Id']} paid by the same 3",
        )

    def payment_edited_and_deleted(self) -> None:
        """A payment is corrected on one side and another is taken back on the other."""
        number = self._invoice("edited", self._known("Nora Whitfield"), [self._line("retainer", "Q4", "1", "900.00")])
        self._until(lambda: self._quickbooks.invoice(number))
        paid = self._receive({number: "100.00"}, "WIRE 79")
        self._until(lambda: self._remote(number)["Balance"] == 800)
        wrong = self._quickbooks.pay({number: "55.00"}, self._day(), "CHK 4004")
        self._until(lambda: Decimal(self._ours(number)["balance"]) == 745)
        self._ravetree.change(
            "payments",
            paid["id"],
            {
                "amount": "120.00",
                "unapplied": "0.00",
                "allocations": [{"invoice_id": self._ours(number)["id"], "amount": "120.00"}],
            },
        )
        self._quickbooks.write("payment", {"Id": wrong["Id"], "SyncToken": wrong["SyncToken"]}, operation="delete")
        self._until(lambda: self._remote(number)["Balance"] == 780 and Decimal(self._ours(number)["balance"]) == 780)
        self._say(
            "Payment corrected, another deleted",
            f"invoice {number}: 120.00 instead of 100.00, 55.00 gone",
            "the same, 780.00 open",
        )

    def real_payment_after_marked_as_paid(self) -> None:
        """The money behind a mark arrives: it takes the placeholder's place."""
        number = self._invoice(
            "mark then pay", self._known("Nora Whitfield"), [self._line("other", "Frame", "1", "64.00")]
        )
        self._until(lambda: self._quickbooks.invoice(number))
        self._ravetree.change("invoices", self._ours(number)["id"], {"status": "paid"})
        self._until(lambda: self._remote(number)["Balance"] == 0)
        self._receive({number: "64.00"}, "CASH 9")
        self._until(lambda: self._payment_references(number) == ["CASH 9"])
        self._say(
            "Money behind the mark arrives", f"payment of 64.00 on {number}", "the placeholder became that payment"
        )

    def quickbooks_outage(self) -> None:
        """QuickBooks is away while Ravetree is at work; afterwards it catches up by itself."""
        client = self._client("Lakeside Clinic")
        with self._outage():
            number = self._invoice("outage", client, [self._line("time", "Website", "8", "105.00")])
            self._receive({number: "840.00"}, "WIRE 80")
        self._until(lambda: self._quickbooks.invoice(number) is not None and self._is_paid(number))
        self._say(
            "QuickBooks was away", f"invoice {number} and its payment of 840.00", "both there after the outage, once"
        )

    # --- hands -----------------------------------------------------------------------------------

    @contextmanager
    def _outage(self) -> Iterator[None]:
        self._quickbooks.steer("outage", {"on": True})
        try:
            yield
            time.sleep(2)
        finally:
            self._quickbooks.steer("outage", {"on": False})

    def _client(self, name: str, currency: str = "USD") -> str:
        body = {
            "kind": "account",
            "name": name,
            "currency": currency,
            "email": f"office@{name.split()[0].lower()}.example",
        }
        return str(self._ravetree.create("contacts", body)["id"])

    def _known(self, name: str) -> str:
        """The contact of a customer that QuickBooks has already: made once a day, under its name."""
        if name not in self._clients:
            body = {"kind": "account", "name": name, "currency": "USD"}
            self._clients[name] = str(self._ravetree.create("contacts", body)["id"])
        return self._clients[name]

    def _line(self, kind: str, text: str, quantity: str, price: str) -> Body:
        return {
            "type": kind,
            "description": text,
            "quantity": quantity,
            "unit_price": price,
            "taxable": False,
        }

    def _invoice(self, name: str, client: str, lines: list[Body], currency: str = "USD") -> str:
        body = {
            "client_id": client,
            "issue_date": self._today.isoformat(),
            "due_date": (self._today + timedelta(days=30)).isoformat(),
            "currency": currency,
            "lines": lines,
        }
        made = self._ravetree.create("invoices", body)
        self._numbers[name] = made["number"]
        return str(made["number"])

    def _receive(self, amounts: dict[str, str], reference: str) -> Body:
        invoices = {number: self._ours(number) for number in amounts}
        first = next(iter(invoices.values()))
        body = {
            "client_id": first["client_id"],
            "date": self._day(),
            "amount": str(sum(Decimal(amount) for amount in amounts.values())),
            "currency": first["currency"],
            "reference": reference,
            "allocations": [
                {"invoice_id": invoices[number]["id"], "amount": amount} for number, amount in amounts.items()
            ],
        }
        return self._ravetree.create("payments", body)

    def _day(self) -> str:
        self._today += timedelta(days=1)
        return self._today.isoformat()

    # --- eyes ------------------------------------------------------------------------------------

    def _ours(self, number: str) -> Body:
        return self._ravetree.every("invoices", number=number)[0]

    def _remote(self, number: str) -> Body:
        found = self._quickbooks.invoice(number)
        if found is None:
            raise NotReached(f"invoice {number} is not in QuickBooks")
        return found

    def _has_total(self, number: str, total: str) -> bool:
        return bool(self._remote(number)["TotalAmt"] == Decimal(total))

    def _is_paid(self, number: str) -> bool:
        return bool(self._ours(number)["status"] == "paid" and self._remote(number)["Balance"] == 0)

    def _payment_references(self, number: str) -> list[str]:
        invoice_id = self._remote(number)["Id"]
        return [
            row.get("PaymentRefNum", "")
            for row in self._quickbooks.query("select * from Payment")
            if any(link["TxnId"] == invoice_id for line in row["Line"] for link in line["LinkedTxn"])
        ]

    def _until(self, look: Callable[[], Any]) -> Any:
        """Look again and again until there is something to see."""
        deadline = time.monotonic() + self._patience
        while not (found := look()):
            if time.monotonic() > deadline:
                raise NotReached(f"the sides did not agree within {self._patience:g} s")
            time.sleep(POLL_SECONDS)
        return found
