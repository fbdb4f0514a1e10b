"""What people do in both books until a question stands, and how that is registered: `SITUATIONS`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ravebooks.demo.sides import Body
from tests.simulation.concurrency.pairs import LINE
from tests.simulation.world import World

TODAY, EARLIER = "2026-11-20", "2026-11-02"
CLOSED = "2026-11-10"
"""Up to which day books are closed in the situations that are about that: before `TODAY`, after `EARLIER`."""


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

    def estimate(self, **fields: Any) -> Body:
        """An estimate over 100.00 for a client of its own, in both books."""
        client = fields.pop("client", None) or self.world.client("Aster")
        body = {"client_id": client, "issue_date": TODAY, "currency": "USD", "lines": [LINE]}
        made = self.made.setdefault("estimate", self.world.ravetree.create("estimates", body | fields))
        self.world.settle()
        return made

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


def say(desk: Desk, name: str, decision: str, target: str = "") -> None:
    """A person decides, asked or not, and what follows at once is done."""
    path = f"/api/connections/{desk.world.connection_id}/records/{name.replace(':', '/')}/decision"
    desk.world.api("POST", path, {"decision": decision, "by": "Kim", "note": "as agreed", "target": target})
    desk.world.settle()


def press(desk: Desk, client: str) -> None:
    """A user presses the button of a client in Ravetree."""
    path = f"{desk.world.ravetree.root}/sandbox/app/contacts/{client}/sync"
    desk.world.ravetree.session.post(path).raise_for_status()
    desk.world.settle()


def set_active(desk: Desk, entity: str, row: Body, *, active: bool) -> None:
    """A bookkeeper makes an entry of a list inactive, or active again."""
    where = f"Id = '{row['Id']}' and Active in (true, false)"
    (now,) = desk.world.quickbooks.query(f"select * from {entity} where {where}")  # noqa: S608
    named = {"Id": now["Id"], "SyncToken": now["SyncToken"], "sparse": True}
    desk.world.quickbooks.write(entity.lower(), named | {"Active": active})
    desk.world.settle()


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
