"""Plain invoices over 100, as users and bookkeepers change them."""

from ravebooks.demo.sides import Body
from tests.simulation.concurrency.pairs import LINE, MORE, Changes, Kind, Pair, nothing
from tests.simulation.concurrency.spelling import spell_invoice
from tests.simulation.people import plain
from tests.simulation.world import World


def make(world: World, name: str) -> Pair:
    client = world.client(name)
    return Pair(world, name, client, world.invoice(client, "100.00"))


def send(pair: Pair) -> None:
    pair.world.quickbooks.write(f"invoice/{pair.theirs['Id']}/send", {}, sendTo="a@b.example")


def price(pair: Pair, to: float, *, add: bool = False) -> None:
    """A bookkeeper sets another price, or adds a line of 25."""
    now = pair.theirs["Line"][0]
    detail = dict(now["SalesItemLineDetail"], Qty=1, UnitPrice=to)
    lines: list[Body] = [
        {"Id": now["Id"], "DetailType": now["DetailType"], "Amount": to, "SalesItemLineDetail": detail}
    ]
    if add:
        item = {"ItemRef": detail["ItemRef"]}
        lines.append({"DetailType": now["DetailType"], "Amount": 25, "SalesItemLineDetail": item})
    pair.write("invoice", pair.theirs, sparse=True, Line=plain(lines))


def discount(pair: Pair, off: float) -> None:
    """A bookkeeper gives a discount."""
    line = {"DetailType": "DiscountLineDetail", "Amount": off, "DiscountLineDetail": {"PercentBased": False}}
    lines = [line for line in pair.theirs["Line"] if "Id" in line]
    pair.write("invoice", pair.theirs, sparse=True, Line=plain([*lines, line]))


def put_under_a_project(pair: Pair) -> None:
    """A bookkeeper makes a project of the customer and gives it the invoice."""
    body = {"DisplayName": f"Project of {pair.name}", "Job": True, "ParentRef": pair.theirs["CustomerRef"]}
    project = pair.world.quickbooks.write("customer", body)
    pair.write("invoice", pair.theirs, sparse=True, CustomerRef={"value": project["Id"]})


def retype(pair: Pair) -> None:
    """A bookkeeper deletes it and types it again with its number."""
    end(pair, "delete")
    names = ("CustomerRef", "DocNumber", "TxnDate")
    lines = [{key: value for key, value in row.items() if key != "Id"} for row in pair.theirs["Line"] if "Id" in row]
    pair.world.quickbooks.write("invoice", {name: pair.theirs[name] for name in names} | {"Line": plain(lines)})


def end(pair: Pair, operation: str) -> None:
    """A bookkeeper voids or deletes it."""
    pair.write(f"invoice?operation={operation}", pair.theirs)


HERE: Changes = {
    "nothing": nothing,
    "memo edited": lambda p: p.change("invoices", {"memo": "ours"}),
    "line added": lambda p: p.change("invoices", {"lines": [*p.ours["lines"], MORE]}),
    "price lowered": lambda p: p.change("invoices", {"lines": [LINE | {"unit_price": "30.00"}]}),
    "all lines removed": lambda p: p.change("invoices", {"lines": []}),
    "tax on no line": lambda p: p.change("invoices", {"tax_amount": "8.00"}),
    "client changed": lambda p: p.change("invoices", {"client_id": p.other_client()}),
    "sent": lambda p: p.change("invoices", {"status": "sent"}),
    "marked as paid": lambda p: p.change("invoices", {"status": "paid"}),
    "paid in full": lambda p: p.receive("100.00"),
    "paid in part": lambda p: p.receive("40.00"),
    "voided": lambda p: p.change("invoices", {"status": "void"}),
    "deleted": lambda p: p.world.ravetree.delete("invoices", p.ours["id"]),
}
THERE: Changes = {
    "nothing": nothing,
    "memo edited": lambda p: p.write("invoice", p.theirs, sparse=True, CustomerMemo={"value": "theirs"}),
    "total changed": lambda p: price(p, 150.0),
    "line added": lambda p: price(p, 100.0, add=True),
    "discount of 10": lambda p: discount(p, 10.0),
    "deposit of 20 on the form": lambda p: p.write("invoice", p.theirs, sparse=True, Deposit=20),
    "put under a project": put_under_a_project,
    "sent": send,
    "paid in full": lambda p: p.pay_there("100.00"),
    "paid in full the same day": lambda p: p.pay_there("100.00", "2026-11-20"),
    "paid in part": lambda p: p.pay_there("60.00"),
    "60 laid unapplied": lambda p: p.lay_there("60.00"),
    "100 laid unapplied the same day": lambda p: p.lay_there("100.00", "2026-11-20"),
    "voided": lambda p: end(p, "void"),
    "deleted": lambda p: end(p, "delete"),
    "typed again": retype,
}
INVOICES = Kind(
    "invoice",
    make,
    HERE,
    THERE,
    spell_invoice,
    by_order=frozenset({("paid in full", "100 laid unapplied the same day")}),
)
