"""Every question that a person can be asked about a record: how it comes to be asked, and each decision to its end.

A situation is what people do in both books until the question stands. Each decision is then played in a copy of that
world: the question has to be gone, and both books agree, or differ by what the person decided.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ravebooks.demo.sides import Body
from reconcile.model import Kind, Record, Side
from storage import pending
from storage.models import Operation
from tests.simulation.concurrency import LINE
from tests.simulation.test_tax import charge_sales_tax
from tests.simulation.world import World

TODAY, EARLIER = "2026-11-20", "2026-11-02"
CLOSED = "2026-11-10"
"""Up to which day books are closed in the situations that are about that: before `TODAY`, after `EARLIER`."""
REST_SECONDS = 301


@dataclass
class Desk:
    """What a user of Ravetree and a bookkeeper do in one world. `made` are the records that a situation is about."""

    world: World
    made: dict[str, Body] = field(default_factory=dict)

    # --- Ravetree --------------------------------------------------------------------------------

    def bill(self, *prices: str, name: str = "Aster", **fields: Any) -> Body:
        """An invoice for a client of its own, in both books."""
        client = fields.pop("client", None) or self.world.client(name)
        invoice = self.made.setdefault("invoice", self.world.invoice(client, *(prices or ("100.00",)), **fields))
        self.world.settle()
        return invoice

    def mark(self, invoice: Body) -> None:
        self.world.ravetree.change("invoices", invoice["id"], {"status": "paid"})
        self.world.settle()

    def change(self, invoice: Body, **fields: Any) -> None:
        self.world.ravetree.change("invoices", invoice["id"], fields)
        self.world.settle()

    def receive(self, amounts: dict[str, str], **fields: Any) -> Body:
        payment = self.world.receive(amounts, day=TODAY)
        if fields:
            self.world.ravetree.change("payments", payment["id"], fields)
        self.world.settle()
        return self.made.setdefault("payment", payment)

    # --- QuickBooks ------------------------------------------------------------------------------

    def there(self, invoice: Body, entity: str = "Invoice") -> Body:
        """QuickBooks' document of this number."""
        found = self.world.quickbooks.query(f"select * from {entity} where DocNumber = '{invoice['number']}'")  # noqa: S608
        assert len(found) == 1, found
        return found[0]

    def payments(self) -> list[Body]:
        return self.world.quickbooks.query("select * from Payment")

    def edit(self, entity: str, row: Body, **fields: Any) -> Body:
        """A bookkeeper edits a record."""
        now = self.world.quickbooks.query(f"select * from {entity} where Id = '{row['Id']}'")[0]  # noqa: S608
        named = {"Id": now["Id"], "SyncToken": now["SyncToken"], "sparse": True}
        if entity == "Payment":
            named |= {name: now[name] for name in ("CustomerRef", "TotalAmt", "Line")}
        edited = self.world.quickbooks.write(entity.lower(), named | fields)
        self.world.settle()
        return edited

    def end(self, entity: str, row: Body, operation: str = "delete") -> None:
        """A bookkeeper deletes a record, or voids it."""
        now = self.world.quickbooks.query(f"select * from {entity} where Id = '{row['Id']}'")[0]  # noqa: S608
        named = {"Id": now["Id"], "SyncToken": now["SyncToken"]}
        self.world.quickbooks.write(f"{entity.lower()}?operation={operation}", named)
        self.world.settle()

    def price(self, invoice: Body, amount: float, *, more: float = 0) -> None:
        """A bookkeeper sets another price, or adds a line."""
        row = self.there(invoice)
        line = dict(next(line for line in row["Line"] if line["DetailType"] == "SalesItemLineDetail"), Amount=amount)
        line["SalesItemLineDetail"] = dict(line["SalesItemLineDetail"], Qty=1, UnitPrice=amount)
        lines = [line]
        if more:
            item = {"ItemRef": line["SalesItemLineDetail"]["ItemRef"]}
            lines.append({"DetailType": line["DetailType"], "Amount": more, "SalesItemLineDetail": item})
        self.edit("Invoice", row, Line=lines)

    def pay_there(self, amount: float, *invoices: tuple[Body, float], customer: str = "", **fields: Any) -> Body:
        """A bookkeeper receives money: what is on no invoice stays unapplied."""
        rows = [(self.there(invoice), share) for invoice, share in invoices]
        lines = [{"Amount": share, "LinkedTxn": [{"TxnId": r["Id"], "TxnType": "Invoice"}]} for r, share in rows]
        who = {"value": customer} if customer else rows[0][0]["CustomerRef"]
        body = {"CustomerRef": who, "TotalAmt": amount, "TxnDate": TODAY, "Line": lines}
        made = self.world.quickbooks.write("payment", body | fields)
        self.world.settle()
        return made

    def foreign(self, customer: str, amount: float, number: str = "X-1") -> Body:
        """An invoice of the bookkeeper's own."""
        item = self.world.quickbooks.query("select * from Item where Type = 'Service'")[0]["Id"]
        line = {
            "Amount": amount,
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": {"ItemRef": {"value": item}},
        }
        body = {"CustomerRef": {"value": customer}, "DocNumber": number, "TxnDate": TODAY, "Line": [line]}
        return self.world.quickbooks.write("invoice", body)

    def customer(self, name: str, **fields: Any) -> str:
        return str(self.world.quickbooks.write("customer", {"DisplayName": name} | fields)["Id"])

    def deposit(self, payment: Body) -> None:
        """A bookkeeper brings money to the bank: nobody changes it from then on."""
        bank = self.world.quickbooks.query("select * from Account where AccountType = 'Bank'")[0]["Id"]
        link = {"TxnId": payment["Id"], "TxnType": "Payment", "TxnLineId": "0"}
        line = {"Amount": float(payment["TotalAmt"]), "LinkedTxn": [link]}
        self.world.quickbooks.write("deposit", {"DepositToAccountRef": {"value": bank}, "Line": [line]})
        self.world.settle()

    def close_books(self, day: str = CLOSED) -> None:
        row = self.world.quickbooks.query("select * from Preferences")[0]
        named = {"Id": row["Id"], "SyncToken": row["SyncToken"], "sparse": True}
        self.world.quickbooks.write("preferences", named | {"AccountingInfoPrefs": {"BookCloseDate": day}})
        self.world.settle()


Provoke = Callable[[Desk], str]
"""Brings the question about; the record that asks, as `ravetree:invoice:inv_1`."""


@dataclass(frozen=True)
class Situation:
    """How a question comes to be asked, in words for a bookkeeper, and which decisions it takes.

    `targets` says which record a decision names, where it names one. `repair` is what a person does instead of a
    decision, in words and as it is done. `differs` are the decisions after which the books differ for good, as somebody
    decided. `then` are further questions that a decision leads to, each with its answer: they are played too; one
    without an answer waits for a repair.
    """

    code: str
    when: str
    provoke: Provoke
    decisions: tuple[str, ...] = ()
    targets: Mapping[str, Callable[[Desk], str]] = field(default_factory=dict)
    differs: frozenset[str] = frozenset()
    country: str = "US"
    then: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    repair: tuple[str, Callable[[Desk], None]] | None = None

    @property
    def ways(self) -> tuple[str, ...]:
        """How it is answered: each decision, then the repair."""
        return (*self.decisions, *((self.repair[0],) if self.repair else ()))

    @property
    def name(self) -> str:
        """What a test of it is called."""
        return f"{self.code}, {self.when}"


SITUATIONS: list[Situation] = []


def situation(
    code: str,
    when: str,
    *decisions: str,
    differs: tuple[str, ...] = (),
    country: str = "US",
    then: Mapping[str, tuple[tuple[str, str], ...]] | None = None,
    repair: tuple[str, Callable[[Desk], None]] | None = None,
    **targets: Callable[[Desk], str],
) -> Callable[[Provoke], Provoke]:
    """Adds a way to bring a question about."""

    def add(provoke: Provoke) -> Provoke:
        found = Situation(code, when, provoke, decisions, targets, frozenset(differs), country, then or {}, repair)
        SITUATIONS.append(found)
        return provoke

    return add


def _invoice(desk: Desk) -> str:
    return f"ravetree:invoice:{desk.made['invoice']['id']}"


def _payment(desk: Desk) -> str:
    return f"ravetree:payment:{desk.made['payment']['id']}"


# --- marked as paid ------------------------------------------------------------------------------


@situation(
    "placeholder_changed",
    "its amount was lowered",
    "payment",
    "restore",
    then={"payment": (("mark_not_covered", "placeholder"),)},
)
def _(desk: Desk) -> str:
    desk.mark(desk.bill())
    (row,) = desk.payments()
    desk.edit("Payment", row, TotalAmt=60, Line=[dict(row["Line"][0], Amount=60)])
    return _invoice(desk)


@situation("placeholder_changed", "its reference was written in", "payment", "restore")
def _(desk: Desk) -> str:
    desk.mark(desk.bill())
    desk.edit("Payment", desk.payments()[0], PaymentRefNum="CHK 77")
    return _invoice(desk)


@situation("placeholder_changed", "its date was set", "payment", "restore")
def _(desk: Desk) -> str:
    desk.mark(desk.bill())
    desk.edit("Payment", desk.payments()[0], TxnDate=EARLIER)
    return _invoice(desk)


@situation("placeholder_changed", "it was raised, and put on another invoice too", "payment")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.mark(invoice)
    (row,) = desk.payments()
    other = desk.foreign(row["CustomerRef"]["value"], 50)
    more = {"Amount": 50, "LinkedTxn": [{"TxnId": other["Id"], "TxnType": "Invoice"}]}
    desk.edit("Payment", row, TotalAmt=150, Line=[*row["Line"], more])
    return _invoice(desk)


@situation(
    "placeholder_changed",
    "and the invoice was voided in Ravetree since",
    "payment",
    "restore",
    then={"payment": (("void_with_payments", ""),)},
)
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.mark(invoice)
    desk.edit("Payment", desk.payments()[0], PaymentRefNum="CHK 77")
    desk.change(invoice, status="void")
    return _invoice(desk)


@situation("placeholder_removed", "deleted in QuickBooks", "placeholder", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    desk.mark(desk.bill())
    desk.end("Payment", desk.payments()[0])
    return _invoice(desk)


@situation("mark_not_covered", "a payment beside it was deleted", "placeholder", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.mark(invoice)
    payment = desk.receive({invoice["id"]: "100.00"})
    desk.world.ravetree.delete("payments", payment["id"])
    desk.world.settle()
    return _invoice(desk)


@situation("mark_in_closed_period", "marked before the books were closed", "today", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.world.ravetree.change("invoices", invoice["id"], {"status": "paid"})
    desk.close_books(TODAY)
    desk.world.clock.advance(86_400)
    desk.world.settle()
    return _invoice(desk)


@situation("unapplied_money_beside_mark", "the same amount", "one", "two")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.pay_there(100, (invoice, 0))
    desk.mark(invoice)
    return _invoice(desk)


@situation("unapplied_money_beside_mark", "less, and after the placeholder", "one", "two")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.mark(invoice)
    desk.pay_there(40, customer=desk.there(invoice)["CustomerRef"]["value"])
    return _invoice(desk)


@situation(
    "unapplied_money_beside_mark",
    "two payments",
    "one",
    "two",
    one=lambda desk: str(desk.payments()[0]["Id"]),
    then={"one": (("unapplied_money_beside_mark", "one"),)},
)
def _(desk: Desk) -> str:
    invoice = desk.bill()
    customer = desk.there(invoice)["CustomerRef"]["value"]
    desk.pay_there(40, customer=customer)
    desk.pay_there(60, customer=customer)
    desk.mark(invoice)
    return _invoice(desk)


@situation("credit_beside_mark", "a credit memo of the customer's", "placeholder")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    row = desk.there(invoice)
    item = {"ItemRef": row["Line"][0]["SalesItemLineDetail"]["ItemRef"]}
    line = {"Amount": 30, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": item}
    desk.world.quickbooks.write("creditmemo", {"CustomerRef": row["CustomerRef"], "Line": [line]})
    desk.world.settle()
    desk.mark(invoice)
    return _invoice(desk)


# --- what is open --------------------------------------------------------------------------------


@situation("open_balances_differ", "the total was raised in QuickBooks", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    desk.price(desk.bill(), 150)
    return _invoice(desk)


@situation("deposit_on_form", "a deposit on the form in QuickBooks", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.edit("Invoice", desk.there(invoice), Deposit=40)
    return _invoice(desk)


# --- payments ------------------------------------------------------------------------------------


@situation("one_or_two_payments", "on the same invoice", "one", "two")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.world.ravetree.change("invoices", invoice["id"], {"memo": "m"})
    desk.world.receive({invoice["id"]: "40.00"}, "MINE", TODAY)
    desk.made["payment"] = desk.world.ravetree.every("payments")[0]
    desk.pay_there(40, (invoice, 40), PaymentRefNum="THEIRS")
    return _payment(desk)


@situation("one_or_two_payments", "it lies unapplied in QuickBooks", "one", "two")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.pay_there(60, customer=desk.there(invoice)["CustomerRef"]["value"])
    desk.receive({invoice["id"]: "60.00"})
    return _payment(desk)


@situation("one_or_two_payments", "it appears after ours was copied", "one", "two")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.receive({invoice["id"]: "60.00"})
    desk.pay_there(60, customer=desk.there(invoice)["CustomerRef"]["value"])
    return _payment(desk)


@situation("one_or_two_payments", "ours is deposited already", "two")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.receive({invoice["id"]: "60.00"})
    desk.deposit(desk.payments()[0])
    desk.pay_there(60, customer=desk.there(invoice)["CustomerRef"]["value"])
    return _payment(desk)


@situation("one_or_two_payments", "several may be it", "one", "two", one=lambda desk: str(desk.payments()[0]["Id"]))
def _(desk: Desk) -> str:
    invoice = desk.bill()
    customer = desk.there(invoice)["CustomerRef"]["value"]
    desk.pay_there(60, customer=customer)
    desk.pay_there(60, customer=customer)
    desk.receive({invoice["id"]: "60.00"})
    return _payment(desk)


@situation("several_payers", "invoices of two clients", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    first, second = desk.bill(), desk.world.invoice(desk.world.client("Birch"), "50.00")
    desk.world.settle()
    desk.receive({first["id"]: "100.00", second["id"]: "50.00"})
    return _payment(desk)


@situation("removed_here_shared_there", "deposited", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    invoice = desk.bill()
    payment = desk.receive({invoice["id"]: "60.00"})
    desk.deposit(desk.payments()[0])
    desk.world.ravetree.delete("payments", payment["id"])
    desk.world.settle()
    return _payment(desk)


@situation("removed_here_edited_there", "a reference was written in", "ravetree", "quickbooks")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    payment = desk.receive({invoice["id"]: "60.00"})
    row = desk.payments()[0]
    named = {name: row[name] for name in ("Id", "SyncToken", "CustomerRef", "TotalAmt", "Line")}
    desk.world.quickbooks.write("payment", named | {"sparse": True, "PaymentRefNum": "CHK 1"})
    desk.world.ravetree.delete("payments", payment["id"])
    desk.world.settle()
    return _payment(desk)


@situation("removed_there_edited_here", "a reference was written in", "quickbooks", "ravetree")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    payment = desk.receive({invoice["id"]: "60.00"})
    row = desk.payments()[0]
    desk.world.ravetree.change("payments", payment["id"], {"reference": "CHK 1"})
    desk.world.quickbooks.write("payment?operation=delete", {"Id": row["Id"], "SyncToken": row["SyncToken"]})
    desk.world.settle()
    return _payment(desk)


@situation("edited_on_both_sides", "two references", "ravetree", "quickbooks")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    payment = desk.receive({invoice["id"]: "60.00"})
    row = desk.payments()[0]
    named = {name: row[name] for name in ("Id", "SyncToken", "CustomerRef", "TotalAmt", "Line")}
    desk.world.quickbooks.write("payment", named | {"sparse": True, "PaymentRefNum": "THEIRS"})
    desk.world.ravetree.change("payments", payment["id"], {"reference": "OURS"})
    desk.world.settle()
    return _payment(desk)


@situation("edited_on_both_sides", "two amounts", "ravetree", "quickbooks")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    payment = desk.receive({invoice["id"]: "60.00"})
    row = desk.payments()[0]
    named = {name: row[name] for name in ("Id", "SyncToken", "CustomerRef")}
    line = dict(row["Line"][0], Amount=45)
    desk.world.quickbooks.write("payment", named | {"sparse": True, "TotalAmt": 45, "Line": [line]})
    share = [{"invoice_id": invoice["id"], "amount": "30.00"}]
    desk.world.ravetree.change("payments", payment["id"], {"amount": "30.00", "allocations": share})
    desk.world.settle()
    return _payment(desk)


@situation(
    "share_fell_with_total",
    "the invoice was lowered after it was paid",
    "quickbooks",
    differs=("quickbooks",),
    then={"quickbooks": (("open_balances_differ", "leave"),)},
)
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.receive({invoice["id"]: "100.00"})
    desk.price(invoice, 90)
    return _payment(desk)


# --- documents -----------------------------------------------------------------------------------


@situation("drift_before_overwrite", "edited in QuickBooks, then in Ravetree", "overwrite")
def _(desk: Desk) -> str:
    invoice = desk.bill()
    row = desk.there(invoice)
    line = dict(row["Line"][0], Amount=150)
    line["SalesItemLineDetail"] = dict(line["SalesItemLineDetail"], Qty=1, UnitPrice=150)
    named = {"Id": row["Id"], "SyncToken": row["SyncToken"], "sparse": True}
    desk.world.quickbooks.write("invoice", named | {"Line": [line]})
    desk.change(invoice, memo="please pay")
    return _invoice(desk)


@situation("deleted_in_quickbooks", "an invoice", "push", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    desk.end("Invoice", desk.there(desk.bill()))
    return _invoice(desk)


@situation("deleted_in_quickbooks", "an estimate", "push", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    body = {"client_id": desk.world.client("Aster"), "issue_date": TODAY, "currency": "USD", "lines": [LINE]}
    estimate = desk.world.ravetree.create("estimates", body)
    desk.world.settle()
    desk.end("Estimate", desk.there(estimate, "Estimate"))
    return f"ravetree:estimate:{estimate['id']}"


@situation("ended_in_closed_period", "voided in Ravetree", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    invoice = desk.bill(issue_date=EARLIER)
    desk.close_books()
    desk.change(invoice, status="void")
    return _invoice(desk)


@situation("ended_in_closed_period", "deleted in Ravetree", "leave", differs=("leave",))
def _(desk: Desk) -> str:
    invoice = desk.bill(issue_date=EARLIER)
    desk.close_books()
    desk.world.ravetree.delete("invoices", invoice["id"])
    desk.world.settle()
    return _invoice(desk)


@situation("total_differs", "tax, and QuickBooks charges none", "accept", differs=("accept",))
def _(desk: Desk) -> str:
    charge_sales_tax(desk.world, on=False)
    line = LINE | {"taxable": True}
    invoice = {"client_id": desk.world.client("Aster"), "issue_date": TODAY, "currency": "USD", "lines": [line]}
    desk.made["invoice"] = desk.world.ravetree.create("invoices", invoice | {"tax_amount": "8.00"})
    desk.world.settle()
    return _invoice(desk)


@situation("total_differs", "tax rounded by line", "accept", differs=("accept",), country="GB")
def _(desk: Desk) -> str:
    line = LINE | {"unit_price": "0.33", "taxable": True, "tax_rate": "vat"}
    client = desk.world.client("Aster", currency="GBP")
    body = {"client_id": client, "issue_date": TODAY, "currency": "GBP", "lines": [line] * 3, "tax_amount": "0.21"}
    desk.made["invoice"] = desk.world.ravetree.create("invoices", body)
    desk.world.settle()
    return _invoice(desk)


# --- clients -------------------------------------------------------------------------------------


def _customer(desk: Desk) -> str:
    return str(desk.made["customer"]["Id"])


@situation("contact_ambiguous", "a customer with another e-mail address", "link", "two", link=_customer)
def _(desk: Desk) -> str:
    mail = {"Address": "books@aster.example"}
    desk.made["customer"] = {"Id": desk.customer("Aster", PrimaryEmailAddr=mail)}
    desk.bill(client=desk.world.client("Aster", email="office@elsewhere.example"))
    return _invoice(desk)


@situation("contact_unlinked", "its client was taken apart", "link", "two", link=_customer)
def _(desk: Desk) -> str:
    invoice = desk.bill()
    desk.made["customer"] = {"Id": desk.there(invoice)["CustomerRef"]["value"]}
    path = f"/api/connections/{desk.world.connection_id}/records/ravetree/contact/{invoice['client_id']}/decision"
    desk.world.api("POST", path, {"decision": "unlink"})
    desk.world.settle()
    desk.made["invoice"] = desk.world.invoice(invoice["client_id"], "30.00")
    desk.world.settle()
    return _invoice(desk)


# --- playing -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asking:
    """The beginning in which a question stands. It begins with the name of what asks, and what was made."""

    place: int

    def __call__(self, world: World) -> tuple[str, dict[str, Body]]:
        world.settle()
        desk = Desk(world)
        return SITUATIONS[self.place].provoke(desk), desk.made


@contextmanager
def asked(one: Situation, directory: Path | None = None) -> Iterator[tuple[Desk, str]]:
    """A world in which the question stands, and the record that asks."""
    with tempfile.TemporaryDirectory() as made:
        world = World(directory or Path(made), prepare=Asking(SITUATIONS.index(one)), country=one.country)
        name, records = world.begun_with
        try:
            yield Desk(world, records), name
        finally:
            world.close()


def decide(desk: Desk, name: str, decision: str, target: str = "") -> None:
    """A person decides, and all that comes of it is done."""
    path = f"/api/connections/{desk.world.connection_id}/records/{name.replace(':', '/')}/decision"
    desk.world.api("POST", path, {"decision": decision, "by": "Kim", "note": "as agreed", "target": target})
    rest(desk)


def rest(desk: Desk) -> None:
    """All that is under way is done, with what looks again after some minutes."""
    desk.world.settle()
    desk.world.clock.advance(REST_SECONDS)
    desk.world.settle()


def writes(desk: Desk) -> int:
    """How many writes were made to both books."""
    with desk.world.parts.database.reading() as session:
        return int(session.execute(sa.select(sa.func.count()).select_from(Operation)).scalar_one())


def look_at_all_again(desk: Desk) -> None:
    """Every document and payment of both books is looked at once more, with a fresh read."""
    names = []
    for kind in (Kind.INVOICE, Kind.ESTIMATE, Kind.PAYMENT):
        rows = desk.world.quickbooks.query(f"select * from {kind.capitalize()}")  # noqa: S608 - QuickBooks' language
        names += [Record(Side.RAVETREE, kind, row["id"]) for row in desk.world.ravetree.every(f"{kind}s")]
        names += [Record(Side.QUICKBOOKS, kind, row["Id"]) for row in rows]
    now = desk.world.clock.now()
    with desk.world.parts.database.transaction() as session:
        for name in names:
            pending.note(session, desk.world.connection_id, name, now, must_read=name.side is Side.QUICKBOOKS)
    rest(desk)


def spell_books(desk: Desk) -> str:
    """Every document of both books with what is open of it, and the money; one text where both say the same."""
    here, there = [], []
    for row in sorted(desk.world.ravetree.every("invoices"), key=lambda row: row["number"]):
        left = Decimal(0) if row["marked_paid_at"] else Decimal(row["balance"])
        here.append("void" if row["status"] == "void" else f"{Decimal(row['total']):.2f}, open {left:.2f}")
    for row in sorted(desk.world.quickbooks.query("select * from Invoice"), key=lambda row: row["DocNumber"]):
        void = str(row.get("PrivateNote", "")).startswith("Voided")
        if not row["DocNumber"].startswith("X-"):
            there.append("void" if void else f"{row['TotalAmt']:.2f}, open {row['Balance']:.2f}")
    ours, theirs = "; ".join(here) or "nothing", "; ".join(there) or "nothing"
    return ours if ours == theirs else f"Ravetree {ours}, QuickBooks {theirs}"
