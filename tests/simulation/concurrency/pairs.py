"""One record in both books: how a pair is made, changed by people on either side, and found again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ravebooks.demo.sides import Body
from tests.simulation.world import World

if TYPE_CHECKING:
    from tests.simulation.concurrency.spelling import Books

LINE = {"type": "time", "description": "Work", "quantity": "1", "unit_price": "100.00", "taxable": False}
MORE = {"type": "other", "description": "More", "quantity": "1", "unit_price": "50.00", "taxable": False}


@dataclass
class Pair:
    """One record in both books, and what else is needed to change it.

    `holder` is what stands for a mark as paid; `other` is the client's other invoice, where there is one.
    """

    world: World
    name: str
    client: str
    ours: Body = field(default_factory=dict)
    theirs: Body = field(default_factory=dict)
    payment: Body = field(default_factory=dict)
    holder: Body = field(default_factory=dict)
    other: Body = field(default_factory=dict)
    other_there: Body = field(default_factory=dict)

    def change(self, resource: str, body: Body) -> None:
        """A user edits it in Ravetree."""
        record = self.payment if resource == "payments" else self.ours
        self.world.ravetree.change(resource, record["id"], body)

    def write(self, path: str, row: Body, **fields: Any) -> None:
        """A bookkeeper edits, voids or deletes a row of QuickBooks'."""
        self.world.quickbooks.write(path, {"Id": row["Id"], "SyncToken": row["SyncToken"]} | fields)

    def pay_there(self, amount: str, day: str = "2026-11-01") -> None:
        """A bookkeeper receives money on the invoice."""
        line = {"Amount": float(amount), "LinkedTxn": [{"TxnId": self.theirs["Id"], "TxnType": "Invoice"}]}
        self.lay_there(amount, day, Line=[line])

    def lay_there(self, amount: str, day: str = "2026-11-01", **fields: Any) -> None:
        """A bookkeeper receives money of the customer's, on nothing unless it is said on what."""
        body = {"CustomerRef": self.theirs["CustomerRef"], "TotalAmt": float(amount), "TxnDate": day}
        self.world.quickbooks.write("payment", body | fields)

    def receive(self, amount: str, day: str = "2026-11-20") -> None:
        """A user receives money on the invoice in Ravetree."""
        self.world.receive({self.ours["id"]: amount}, day=day)

    def other_client(self) -> str:
        """Another client of Ravetree's, who is in no other pair."""
        return self.world.client(f"Other of {self.name}", currency=self.ours["currency"])


Change = Callable[[Pair], object]
Changes = dict[str, Change]


@dataclass(frozen=True)
class Kind:
    """One kind of record: how a pair of it is made, what can be done to it, and how it is told what became of it.

    `closes` is the day up to which the books are closed in QuickBooks after both changes, before any news of them.
    `by_order` are the pairs that are asked about before or after a write, as what they are asked with is known then.
    """

    name: str
    make: Callable[[World, str], Pair]
    here: Changes
    there: Changes
    spell: "Callable[[Books, Pair], str]"
    entity: str = "Invoice"
    resource: str = "invoices"
    country: str = "US"
    closes: str = ""
    by_order: frozenset[tuple[str, str]] = frozenset()

    def record(self, pair: Pair) -> Body:
        """Ravetree's record that the kind is about."""
        return pair.payment if self.resource == "payments" else pair.ours

    @property
    def noun(self) -> str:
        """What the product calls such a record."""
        return self.resource.removesuffix("s")


def nothing(_pair: Pair) -> None:
    """The other side is left alone."""


def deposit(pair: Pair, payment: Body) -> None:
    """A bookkeeper brings a payment to the bank."""
    accounts = pair.world.quickbooks.query("select * from Account where AccountType = 'Bank'")
    link = {"TxnId": payment["Id"], "TxnType": "Payment", "TxnLineId": "0"}
    line = {"Amount": float(payment["TotalAmt"]), "LinkedTxn": [link]}
    pair.world.quickbooks.write("deposit", {"DepositToAccountRef": {"value": accounts[0]["Id"]}, "Line": [line]})


def find_partners(kind: Kind, pairs: Mapping[tuple[str, str], Pair], world: World) -> None:
    """Look up what each pair is called in QuickBooks, and what stands there for its mark."""
    rows = {row["Id"]: row for row in world.quickbooks.query(f"select * from {kind.entity}")}  # noqa: S608 - its language
    numbers = {row["DocNumber"]: row for row in world.quickbooks.query("select * from Invoice")}
    holders: dict[str, Body] = {}
    for row in world.quickbooks.query("select * from Payment"):
        holders |= {link["TxnId"]: row for line in row["Line"] for link in line["LinkedTxn"]}
    for pair in pairs.values():
        pair.theirs = rows[world.ravetree.sync_state(kind.noun, kind.record(pair)["id"])["remote_id"]]
        if pair.ours.get("marked_paid_at"):
            pair.holder = holders[pair.theirs["Id"]]
        if pair.other:
            pair.other_there = numbers[pair.other["number"]]
