"""Every kind of change in Ravetree with every kind of change in QuickBooks on the same record, made at the same time.

All pairs of one kind of record live in one world, each with a client of its own, so that they cannot meet. What
became of each is spelled as one short text, the same whatever order the news of it arrived in.
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from ravebooks.demo.sides import Body
from tests.simulation.world import Letter, World

Change = Callable[["Pair"], object]
ORDERS: Mapping[str, Callable[[Letter], int]] = {
    "Ravetree first": lambda letter: "quickbooks" in letter.url,
    "QuickBooks first": lambda letter: "ravetree" in letter.url,
}
LINE = {"type": "time", "description": "Work", "quantity": "1", "unit_price": "100.00", "taxable": False}
MORE = {"type": "other", "description": "More", "quantity": "1", "unit_price": "50.00", "taxable": False}


@dataclass
class Pair:
    """One record in both books, and what else is needed to change it."""

    world: World
    client: str
    ours: Body = field(default_factory=dict)
    theirs: Body = field(default_factory=dict)
    payment: Body = field(default_factory=dict)

    def change(self, resource: str, body: Body) -> None:
        record = self.payment if resource == "payments" else self.ours
        self.world.ravetree.change(resource, record["id"], body)

    def write(self, path: str, row: Body, **fields: Any) -> None:
        self.world.quickbooks.write(path, {"Id": row["Id"], "SyncToken": row["SyncToken"]} | fields)

    def pay_there(self, amount: str, day: str = "2026-11-01") -> None:
        """A bookkeeper receives money on the invoice."""
        self.world.quickbooks.write(
            "payment",
            {
                "CustomerRef": self.theirs["CustomerRef"],
                "TotalAmt": float(amount),
                "TxnDate": day,
                "Line": [{"Amount": float(amount), "LinkedTxn": [{"TxnId": self.theirs["Id"], "TxnType": "Invoice"}]}],
            },
        )


def _nothing(_pair: Pair) -> None:
    """The other side is left alone."""


# --- invoices ------------------------------------------------------------------------------------

INVOICE_HERE: Mapping[str, Change] = {
    "nothing": _nothing,
    "memo edited": lambda p: p.change("invoices", {"memo": "ours"}),
    "line added": lambda p: p.change("invoices", {"lines": [*p.ours["lines"], MORE]}),
    "price lowered": lambda p: p.change("invoices", {"lines": [LINE | {"unit_price": "30.00"}]}),
    "all lines removed": lambda p: p.change("invoices", {"lines": []}),
    "tax on no line": lambda p: p.change("invoices", {"tax_amount": "8.00"}),
    "sent": lambda p: p.change("invoices", {"status": "sent"}),
    "marked as paid": lambda p: p.change("invoices", {"status": "paid"}),
    "paid in full": lambda p: _received(p, "100.00"),
    "paid in part": lambda p: _received(p, "40.00"),
    "voided": lambda p: p.change("invoices", {"status": "void"}),
    "deleted": lambda p: p.world.ravetree.delete("invoices", p.ours["id"]),
}
INVOICE_THERE: Mapping[str, Change] = {
    "nothing": _nothing,
    "memo edited": lambda p: p.write("invoice", p.theirs, sparse=True, CustomerMemo={"value": "theirs"}),
    "total changed": lambda p: _lines_of_invoice(p, 150.0),
    "line added": lambda p: _lines_of_invoice(p, 100.0, add=True),
    "sent": lambda p: _send(p),
    "paid in full": lambda p: p.pay_there("100.00"),
    "paid in full the same day": lambda p: p.pay_there("100.00", "2026-11-20"),
    "paid in part": lambda p: p.pay_there("60.00"),
    "voided": lambda p: p.write("invoice?operation=void", p.theirs),
    "deleted": lambda p: p.write("invoice?operation=delete", p.theirs),
}


def _received(pair: Pair, amount: str) -> None:
    pair.world.receive({pair.ours["id"]: amount}, day="2026-11-20")


def _send(pair: Pair) -> None:
    pair.world.quickbooks.write(f"invoice/{pair.theirs['Id']}/send", {}, sendTo="a@b.example")


def _lines_of_invoice(pair: Pair, price: float, *, add: bool = False) -> None:
    now = pair.theirs["Line"][0]
    detail = dict(now["SalesItemLineDetail"], Qty=1, UnitPrice=price)
    lines: list[Body] = [
        {"Id": now["Id"], "DetailType": now["DetailType"], "Amount": price, "SalesItemLineDetail": detail}
    ]
    if add:
        item = {"ItemRef": detail["ItemRef"]}
        lines.append({"DetailType": now["DetailType"], "Amount": 25, "SalesItemLineDetail": item})
    pair.write("invoice", pair.theirs, sparse=True, Line=lines)


# --- payments ------------------------------------------------------------------------------------

PAYMENT_HERE: Mapping[str, Change] = {
    "nothing": _nothing,
    "reference edited": lambda p: p.change("payments", {"reference": "OURS"}),
    "amount lowered": lambda p: p.change("payments", _money_here(p, "30.00")),
    "taken off the invoice": lambda p: p.change("payments", {"allocations": [], "unapplied": "60.00"}),
    "deleted": lambda p: p.world.ravetree.delete("payments", p.payment["id"]),
}
PAYMENT_THERE: Mapping[str, Change] = {
    "nothing": _nothing,
    "reference edited": lambda p: p.write("payment", p.theirs, sparse=True, PaymentRefNum="THEIRS"),
    "amount lowered": lambda p: p.write("payment", p.theirs, sparse=True, **_money_there(p, 45)),
    "taken off the invoice": lambda p: p.write("payment", p.theirs, sparse=True, Line=[]),
    "deposited": lambda p: _deposit(p),
    "voided": lambda p: p.world.quickbooks.write(
        "payment",
        {"Id": p.theirs["Id"], "SyncToken": p.theirs["SyncToken"], "sparse": True},
        operation="update",
        include="void",
    ),
    "deleted": lambda p: p.write("payment?operation=delete", p.theirs),
}


def _money_here(pair: Pair, amount: str) -> Body:
    return {"amount": amount, "allocations": [{"invoice_id": pair.ours["id"], "amount": amount}], "unapplied": "0.00"}


def _money_there(pair: Pair, amount: float) -> Body:
    line = dict(pair.theirs["Line"][0], Amount=amount)
    return {"TotalAmt": amount, "Line": [line]}


def _deposit(pair: Pair) -> None:
    accounts = pair.world.quickbooks.query("select * from Account where AccountType = 'Bank'")
    link = {"TxnId": pair.theirs["Id"], "TxnType": "Payment", "TxnLineId": "0"}
    line = {"Amount": float(pair.theirs["TotalAmt"]), "LinkedTxn": [link]}
    pair.world.quickbooks.write("deposit", {"DepositToAccountRef": {"value": accounts[0]["Id"]}, "Line": [line]})


# --- estimates -----------------------------------------------------------------------------------

ESTIMATE_HERE: Mapping[str, Change] = {
    "nothing": _nothing,
    "memo edited": lambda p: p.change("estimates", {"memo": "ours"}),
    "line added": lambda p: p.change("estimates", {"lines": [*p.ours["lines"], MORE]}),
    "accepted": lambda p: p.change("estimates", {"status": "accepted"}),
    "declined": lambda p: p.change("estimates", {"status": "declined"}),
    "invoiced": lambda p: _invoiced(p),
    "deleted": lambda p: p.world.ravetree.delete("estimates", p.ours["id"]),
}
ESTIMATE_THERE: Mapping[str, Change] = {
    "nothing": _nothing,
    "memo edited": lambda p: p.write("estimate", p.theirs, sparse=True, CustomerMemo={"value": "theirs"}),
    "accepted": lambda p: p.write("estimate", p.theirs, sparse=True, TxnStatus="Accepted"),
    "deleted": lambda p: p.write("estimate?operation=delete", p.theirs),
}


def _invoiced(pair: Pair) -> None:
    pair.world.invoice(pair.client, "100.00", estimate_id=pair.ours["id"])


# --- contacts ------------------------------------------------------------------------------------

CONTACT_HERE: Mapping[str, Change] = {
    "nothing": _nothing,
    "mail edited": lambda p: p.change("contacts", {"email": _mail(p, "ours")}),
    "mail edited, button": lambda p: _button(p),
    "made inactive": lambda p: p.change("contacts", {"active": False}),
    "merged": lambda p: p.change("contacts", {"merged_into": p.world.client(f"Survivor of {p.ours['name']}")}),
}
CONTACT_THERE: Mapping[str, Change] = {
    "nothing": _nothing,
    "mail edited": lambda p: p.write(
        "customer", p.theirs, sparse=True, PrimaryEmailAddr={"Address": _mail(p, "theirs")}
    ),
    "renamed": lambda p: p.write("customer", p.theirs, sparse=True, DisplayName=f"{p.ours['name']} renamed"),
    "made inactive": lambda p: p.write("customer", p.theirs, sparse=True, Active=False),
    "merged": lambda p: _merge_there(p),
}


def _mail(pair: Pair, who: str) -> str:
    return f"{who}@{pair.ours['email'].partition('@')[2]}"


def _button(pair: Pair) -> None:
    pair.change("contacts", {"email": _mail(pair, "ours")})
    press = f"{pair.world.ravetree.root}/sandbox/app/contacts/{pair.ours['id']}/sync"
    pair.world.ravetree.session.post(press).raise_for_status()


def _merge_there(pair: Pair) -> None:
    survivor = pair.world.quickbooks.write("customer", {"DisplayName": f"{pair.ours['name']} group"})
    pair.world.quickbooks.steer("merge", {"survivor": survivor["Id"], "merged": pair.theirs["Id"]})


# --- playing -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """One kind of record: how a pair of it is made, what can be done to it, and how it is told what became of it."""

    name: str
    make: Callable[[World, str], Pair]
    here: Mapping[str, Change]
    there: Mapping[str, Change]
    spell: Callable[[Pair], str]


def make_invoice(world: World, name: str) -> Pair:
    client = world.client(name)
    return Pair(world, client, world.invoice(client, "100.00"))


def make_payment(world: World, name: str) -> Pair:
    pair = make_invoice(world, name)
    pair.payment = world.receive({pair.ours["id"]: "60.00"}, "REF", "2026-11-20")
    return pair


def make_estimate(world: World, name: str) -> Pair:
    client = world.client(name)
    body = {"client_id": client, "issue_date": "2026-11-20", "currency": "USD", "lines": [LINE]}
    return Pair(world, client, world.ravetree.create("estimates", body))


def make_contact(world: World, name: str) -> Pair:
    client = world.client(name, email=f"first@{name.replace(' ', '-').replace(',', '')}.example")
    press = f"{world.ravetree.root}/sandbox/app/contacts/{client}/sync"
    world.ravetree.session.post(press).raise_for_status()
    return Pair(world, client, world.ravetree.get("contacts", client))


def _find(world: World, entity: str, **wanted: str) -> Body:
    rows = world.quickbooks.query(f"select * from {entity}")  # noqa: S608 - QuickBooks' language
    return next((row for row in rows if all(str(row.get(name)) == value for name, value in wanted.items())), {})


def _ours(pair: Pair, resource: str) -> Body:
    record = pair.payment if resource == "payments" else pair.ours
    answer = pair.world.ravetree.session.get(f"{pair.world.ravetree.api}/{resource}/{record['id']}")
    return answer.json()["data"] if answer.status_code == 200 else {}


def _same_or_both(ours: str, theirs: str) -> str:
    return ours if ours == theirs else f"Ravetree {ours}, QuickBooks {theirs}"


def spell_invoice(pair: Pair) -> str:
    ours, theirs = _ours(pair, "invoices"), _find(pair.world, "Invoice", Id=pair.theirs["Id"])
    parts = []
    for row, side in ((ours, "ours"), (theirs, "theirs")):
        if not row:
            parts.append("gone")
            continue
        void = row["status"] == "void" if side == "ours" else str(row.get("PrivateNote", "")).startswith("Voided")
        if void:
            parts.append("void")
            continue
        total, balance = (row["total"], row["balance"]) if side == "ours" else (row["TotalAmt"], row["Balance"])
        sent = row["sent_at"] is not None if side == "ours" else row.get("EmailStatus") == "EmailSent"
        memo = row["memo"] if side == "ours" else row.get("CustomerMemo", {}).get("value", "")
        marked = side == "ours" and row["marked_paid_at"] is not None
        left = Decimal(0) if marked else Decimal(str(balance))
        parts.append(
            f"{Decimal(str(total)):.0f}, open {left:.0f}{', sent' if sent else ''}{f', memo {memo}' if memo else ''}"
        )
    return _same_or_both(*parts)


def spell_payment(pair: Pair) -> str:
    ours, theirs = _ours(pair, "payments"), _find(pair.world, "Payment", Id=pair.theirs["Id"])
    mine = other = "gone"
    if ours and not ours["voided"]:
        mine = f"{Decimal(ours['amount']):.0f} {ours['reference']}, unapplied {Decimal(ours['unapplied']):.0f}"
    if theirs and not str(theirs.get("PrivateNote", "")).startswith("Voided"):
        left = Decimal(str(theirs["UnappliedAmt"]))
        other = f"{Decimal(str(theirs['TotalAmt'])):.0f} {theirs.get('PaymentRefNum', '')}, unapplied {left:.0f}"
    return _same_or_both(mine, other)


def spell_estimate(pair: Pair) -> str:
    theirs = _find(pair.world, "Estimate", Id=pair.theirs["Id"])
    if not theirs:
        return "gone in QuickBooks"
    memo = theirs.get("CustomerMemo", {}).get("value", "")
    return f"{Decimal(str(theirs['TotalAmt'])):.0f} {theirs['TxnStatus']}{f', memo {memo}' if memo else ''}"


def spell_contact(pair: Pair) -> str:
    rows = pair.world.quickbooks.query("select * from Customer where Active in (true, false)")
    theirs: Body = next((row for row in rows if row["Id"] == pair.theirs["Id"]), {})
    mail = theirs.get("PrimaryEmailAddr", {}).get("Address", "no mail")
    name = "renamed" if "renamed" in theirs.get("DisplayName", "") else "same name"
    return f"{'active' if theirs.get('Active') else 'inactive'}, {name}, {mail.partition('@')[0]}"


KINDS = (
    Kind("invoice", make_invoice, INVOICE_HERE, INVOICE_THERE, spell_invoice),
    Kind("payment", make_payment, PAYMENT_HERE, PAYMENT_THERE, spell_payment),
    Kind("estimate", make_estimate, ESTIMATE_HERE, ESTIMATE_THERE, spell_estimate),
    Kind("contact", make_contact, CONTACT_HERE, CONTACT_THERE, spell_contact),
)

Table = dict[tuple[str, str], str]


@dataclass(frozen=True)
class Pairs:
    """The beginning in which every pair of one kind stands in both books; it is the same for either order."""

    kind: str

    def __call__(self, world: World) -> dict[tuple[str, str], tuple[str, Body, Body, Body]]:
        kind = next(each for each in KINDS if each.name == self.kind)
        path = f"/api/connections/{world.connection_id}"
        world.api("PUT", f"{path}/settings", {"removals_limit": 1000})
        world.settle()
        pairs = {(here, there): kind.make(world, f"{here} and {there}") for here in kind.here for there in kind.there}
        world.settle()
        find_partners(kind, pairs, world)
        return {names: (pair.client, pair.ours, pair.theirs, pair.payment) for names, pair in pairs.items()}


def play(kind: Kind, order: Callable[[Letter], int], directory: Path) -> Table:
    """What becomes of each pair of changes, when the news of them is delivered in this order."""
    world = World(directory, prepare=Pairs(kind.name))
    try:
        pairs = {names: Pair(world, *parts) for names, parts in world.begun_with.items()}
        for (here, there), pair in pairs.items():
            kind.here[here](pair)
            kind.there[there](pair)
        for letter in sorted(world.collect(), key=order):
            world.deliver(letter)
            world.work()
        world.settle()
        world.clock.advance(301)
        world.settle()
        waiting = {
            (row["kind"], row["side"], row["id"]): f"{row['state']} `{row['code']}`" for row in world.attention()
        }
        return {names: _outcome(kind, pair, waiting) for names, pair in pairs.items()}
    finally:
        world.close()


def find_partners(kind: Kind, pairs: Mapping[tuple[str, str], Pair], world: World) -> None:
    entity = {"invoice": "Invoice", "payment": "Payment", "estimate": "Estimate", "contact": "Customer"}[kind.name]
    resource = "payment" if kind.name == "payment" else kind.name
    rows = {row["Id"]: row for row in world.quickbooks.query(f"select * from {entity}")}  # noqa: S608 - as above
    for pair in pairs.values():
        record = pair.payment if kind.name == "payment" else pair.ours
        pair.theirs = rows[world.ravetree.sync_state(resource, record["id"])["remote_id"]]


def _outcome(kind: Kind, pair: Pair, waiting: Mapping[tuple[str, str, str], str]) -> str:
    """The state of both books, and what a person is asked about this record or about what came with the change."""
    world = pair.world
    names = {("ravetree", kind.name, (pair.payment or pair.ours)["id"]), ("quickbooks", kind.name, pair.theirs["Id"])}
    if kind.name == "invoice":
        for row in world.ravetree.every("payments", invoice_id=pair.ours["id"]):
            names.add(("ravetree", "payment", row["id"]))
        for row in world.quickbooks.query("select * from Payment"):
            if any(link["TxnId"] == pair.theirs["Id"] for line in row["Line"] for link in line["LinkedTxn"]):
                names.add(("quickbooks", "payment", row["Id"]))
    if kind.name == "payment":
        names.add(("ravetree", "invoice", pair.ours["id"]))
    asked = sorted({text for (k, side, name), text in waiting.items() if (side, k, name) in names})
    return "; ".join([*asked, kind.spell(pair)])


# --- as a page -----------------------------------------------------------------------------------

PAGE = Path(__file__).parents[2] / "docs" / "concurrent-changes.md"
HEAD = """\
# Concurrent changes

What becomes of a record that is changed in Ravetree (rows) and in QuickBooks (columns) before either heard of the
other. The record is an invoice over 100, a payment of 60 on it, an estimate over 100, a contact with its customer. A
cell names what a person is asked, if anything, and what both books say then: one text where they say the same.

This page is written by `make concurrency` from what the product does, in both orders of delivery; the simulation fails
when it does something else.
"""


def page(tables: Mapping[str, Table]) -> str:
    """docs/concurrent-changes.md."""
    text = HEAD
    for kind in KINDS:
        table = tables[kind.name]
        text += f"\n## {kind.name.capitalize()}s\n\n| | {' | '.join(kind.there)} |\n|---{'|---' * len(kind.there)}|\n"
        for here in kind.here:
            cells = " | ".join(table[here, there] for there in kind.there)
            text += f"| **{here}** | {cells} |\n"
    return text


def write_page(directory: Path) -> None:
    """Write docs/concurrent-changes.md from what the product does now; read the difference before it is committed."""
    order = next(iter(ORDERS.values()))
    PAGE.write_text(page({kind.name: play(kind, order, directory / kind.name) for kind in KINDS}))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        write_page(Path(place))
