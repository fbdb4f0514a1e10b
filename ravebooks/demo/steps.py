"""The steps of the working day: each is done on one side and waited for until both books show it."""

from dataclasses import dataclass
from decimal import Decimal

from ravebooks.demo.hands import Eyes, Hands, line, outage_of
from ravebooks.demo.sides import QuickBooksSide, RavetreeSide, Say


@dataclass(frozen=True)
class Steps:
    """What every step works with; `say` shows it."""

    ravetree: RavetreeSide
    quickbooks: QuickBooksSide
    hands: Hands
    eyes: Eyes
    say: Say


class InvoiceSteps(Steps):
    """Invoices written, sent, marked and voided on either side."""

    def new_client_and_invoice(self) -> None:
        """An invoice with all five types of line, for a client that QuickBooks does not know."""
        client = self.hands.client("Northwind Galleries")
        lines = [
            line("time", "Concept workshop", "3", "120.00"),
            line("expense", "Train tickets", "1", "86.40"),
            line("retainer", "November retainer", "1", "500.00"),
            line("overage", "Hours over the retainer", "2.5", "95.00"),
            line("other", "Printing", "200", "0.45"),
        ]
        number = self.hands.invoice("studio", client, lines)
        theirs = self.eyes.until(lambda: self.quickbooks.invoice(number))
        self.say(
            "Invoice with five types of line",
            f"invoice {number}, {self.eyes.ours(number)['total']} USD",
            f"customer created, invoice {theirs['DocNumber']} over {theirs['TotalAmt']}",
        )

    def lines_edited(self) -> None:
        """One line changed, one added, one removed."""
        number = self.hands.numbers["studio"]
        lines = self.eyes.ours(number)["lines"]
        kept = [line | {"quantity": "4", "amount": "480.00"} if line["type"] == "time" else line for line in lines]
        kept = [line for line in kept if line["type"] != "expense"]
        kept.append(line("other", "Courier", "1", "19.90"))
        changed = self.ravetree.change("invoices", self.eyes.ours(number)["id"], {"lines": kept})
        self.eyes.until(lambda: self.eyes.has_total(number, changed["total"]))
        self.say(
            "Lines edited, added, removed",
            f"invoice {number} is now {changed['total']} USD",
            f"the same {len(kept)} lines, {changed['total']}",
        )

    def sent_in_ravetree(self) -> None:
        """Sent from Ravetree: QuickBooks shows it as sent and mails nobody."""
        number = self.hands.invoice(
            "sent here", self.hands.known("Bright Harbor Studio"), [line("time", "Review", "2", "110.00")]
        )
        self.eyes.until(lambda: self.quickbooks.invoice(number))
        self.ravetree.change("invoices", self.eyes.ours(number)["id"], {"status": "sent"})
        self.eyes.until(lambda: self.eyes.remote(number).get("EmailStatus") == "EmailSent")
        self.say("Marked sent in Ravetree", f"invoice {number} sent", "shown as sent, nobody mailed")

    def sent_in_quickbooks(self) -> None:
        """Sent from QuickBooks: Ravetree shows it as sent."""
        number = self.hands.invoice(
            "sent there", self.hands.known("Cedar & Finch"), [line("time", "Audit", "5", "90.00")]
        )
        theirs = self.eyes.until(lambda: self.quickbooks.invoice(number))
        self.quickbooks.write(f"invoice/{theirs['Id']}/send", {}, sendTo="books@cedar.example")
        self.eyes.until(lambda: self.eyes.ours(number)["sent_at"])
        self.say("Sent from QuickBooks", f"invoice {number} sent, nobody mailed again", "mailed to the customer")

    def marked_as_paid(self) -> None:
        """Marked as paid without a payment: a placeholder stands for it."""
        number = self.hands.invoice(
            "marked", self.hands.known("Bright Harbor Studio"), [line("other", "Poster", "1", "75.00")]
        )
        self.eyes.until(lambda: self.quickbooks.invoice(number))
        self.ravetree.change("invoices", self.eyes.ours(number)["id"], {"status": "paid"})
        self.eyes.until(lambda: self.eyes.remote(number)["Balance"] == 0)
        self.say("Marked as paid by hand", f"invoice {number} paid without a payment", "placeholder payment of 75.00")

    def voided_in_ravetree(self) -> None:
        """Voided in Ravetree."""
        number = self.hands.invoice(
            "void here", self.hands.known("Cedar & Finch"), [line("time", "Mistake", "1", "40.00")]
        )
        self.eyes.until(lambda: self.quickbooks.invoice(number))
        self.ravetree.change("invoices", self.eyes.ours(number)["id"], {"status": "void"})
        self.eyes.until(lambda: self.eyes.remote(number)["TotalAmt"] == 0)
        self.say("Voided in Ravetree", f"invoice {number} void", "void")

    def voided_in_quickbooks(self) -> None:
        """Voided in QuickBooks."""
        number = self.hands.invoice(
            "void there", self.hands.known("Cedar & Finch"), [line("time", "Double", "1", "60.00")]
        )
        theirs = self.eyes.until(lambda: self.quickbooks.invoice(number))
        self.quickbooks.write("invoice", {"Id": theirs["Id"], "SyncToken": theirs["SyncToken"]}, operation="void")
        self.eyes.until(lambda: self.eyes.ours(number)["status"] == "void")
        self.say("Voided in QuickBooks", f"invoice {number} void", "void")

    def foreign_currency(self) -> None:
        """A client that pays in another currency."""
        client = self.hands.client("Galerie Mercier", "EUR")
        number = self.hands.invoice("euro", client, [line("time", "Katalog", "10", "80.00")], "EUR")
        self.eyes.until(lambda: self.quickbooks.invoice(number))
        self.hands.receive({number: "800.00"}, "SEPA 5")
        self.eyes.until(lambda: self.eyes.is_paid(number))
        self.say("Another currency", f"invoice {number}, 800.00 EUR, paid", "customer in EUR, 800.00 EUR paid")


class PaymentSteps(Steps):
    """Money received, corrected and taken back on either side."""

    def partial_payment_in_quickbooks(self) -> None:
        """The bookkeeper receives a part."""
        number = self.hands.numbers["studio"]
        self.quickbooks.pay({number: "300.00"}, self.hands.day(), "CHK 1001")
        self.eyes.until(lambda: self.eyes.ours(number)["status"] == "partially_paid")
        self.say(
            "Partial payment in QuickBooks", f"payment of 300.00, invoice {number} partially paid", "payment of 300.00"
        )

    def rest_paid_in_ravetree(self) -> None:
        """The rest arrives in Ravetree."""
        number = self.hands.numbers["studio"]
        rest = self.eyes.ours(number)["balance"]
        self.hands.receive({number: rest}, "WIRE 77")
        self.eyes.until(lambda: self.eyes.is_paid(number))
        self.say("Rest paid in Ravetree", f"payment of {rest}, invoice {number} paid", f"payment of {rest}, 0 open")

    def one_payment_over_two_invoices(self) -> None:
        """One cheque for two invoices."""
        client = self.hands.known("O'Neill Construction")
        first = self.hands.invoice("site one", client, [line("time", "Site one", "4", "130.00")])
        second = self.hands.invoice("site two", client, [line("time", "Site two", "1", "130.00")])
        for number in (first, second):
            self.eyes.until(lambda number=number: self.quickbooks.invoice(number))  # type: ignore[misc]  # bound now
        self.quickbooks.pay({first: "520.00", second: "130.00"}, self.hands.day(), "CHK 2002")
        self.eyes.until(lambda: self.eyes.is_paid(first) and self.eyes.is_paid(second))
        self.say(
            "One payment over two invoices", f"one payment of 650.00, {first} and {second} paid", "cheque of 650.00"
        )

    def payment_edited_and_deleted(self) -> None:
        """A payment is corrected on one side and another is taken back on the other."""
        number = self.hands.invoice(
            "edited", self.hands.known("Nora Whitfield"), [line("retainer", "Q4", "1", "900.00")]
        )
        self.eyes.until(lambda: self.quickbooks.invoice(number))
        paid = self.hands.receive({number: "100.00"}, "WIRE 79")
        self.eyes.until(lambda: self.eyes.remote(number)["Balance"] == 800)
        wrong = self.quickbooks.pay({number: "55.00"}, self.hands.day(), "CHK 4004")
        self.eyes.until(lambda: Decimal(self.eyes.ours(number)["balance"]) == 745)
        self.ravetree.change(
            "payments",
            paid["id"],
            {
                "amount": "120.00",
                "unapplied": "0.00",
                "allocations": [{"invoice_id": self.eyes.ours(number)["id"], "amount": "120.00"}],
            },
        )
        self.quickbooks.write("payment", {"Id": wrong["Id"], "SyncToken": wrong["SyncToken"]}, operation="delete")
        self.eyes.until(
            lambda: self.eyes.remote(number)["Balance"] == 780 and Decimal(self.eyes.ours(number)["balance"]) == 780
        )
        self.say(
            "Payment corrected, another deleted",
            f"invoice {number}: 120.00 instead of 100.00, 55.00 gone",
            "the same, 780.00 open",
        )

    def real_payment_after_marked_as_paid(self) -> None:
        """The money behind a mark arrives: it takes the placeholder's place."""
        number = self.hands.invoice(
            "mark then pay", self.hands.known("Nora Whitfield"), [line("other", "Frame", "1", "64.00")]
        )
        self.eyes.until(lambda: self.quickbooks.invoice(number))
        self.ravetree.change("invoices", self.eyes.ours(number)["id"], {"status": "paid"})
        self.eyes.until(lambda: self.eyes.remote(number)["Balance"] == 0)
        self.hands.receive({number: "64.00"}, "CASH 9")
        self.eyes.until(lambda: self.eyes.payment_references(number) == ["CASH 9"])
        self.say(
            "Money behind the mark arrives", f"payment of 64.00 on {number}", "the placeholder became that payment"
        )


class TroubleSteps(Steps):
    """What must not matter: deliveries in disorder, a side that is away."""

    def duplicate_and_reordered_deliveries(self) -> None:
        """Every delivery twice and out of order, while both sides are at work."""
        for side in (self.quickbooks, self.ravetree):
            side.steer("faults", {"endpoint": "webhook", "kind": "duplicate", "count": 20, "seconds": 1})
            side.steer("faults", {"endpoint": "webhook", "kind": "reorder", "count": 4, "seconds": 1})
        client = self.hands.client("Harbour Theatre")
        number = self.hands.invoice("theatre", client, [line("time", "Lights", "6", "100.00")])
        theirs = self.eyes.until(lambda: self.quickbooks.invoice(number))
        self.quickbooks.pay({number: "150.00"}, self.hands.day(), "CHK 3003")
        self.hands.receive({number: "250.00"}, "WIRE 78")
        self.quickbooks.pay({number: "200.00"}, self.hands.day(), "CHK 3004")
        self.eyes.until(lambda: self.eyes.is_paid(number))
        self.say(
            "Duplicate and reordered deliveries",
            f"invoice {number} paid by 3 payments, each once",
            f"invoice Id {theirs['Id']} paid by the same 3",
        )

    def quickbooks_outage(self) -> None:
        """QuickBooks is away while Ravetree is at work; afterwards it catches up by itself."""
        client = self.hands.client("Lakeside Clinic")
        with outage_of(self.quickbooks):
            number = self.hands.invoice("outage", client, [line("time", "Website", "8", "105.00")])
            self.hands.receive({number: "840.00"}, "WIRE 80")
        self.eyes.until(lambda: self.quickbooks.invoice(number) is not None and self.eyes.is_paid(number))
        self.say(
            "QuickBooks was away", f"invoice {number} and its payment of 840.00", "both there after the outage, once"
        )
