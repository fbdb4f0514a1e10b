"""Payments of 60 on an invoice, whose client has another invoice over 100."""

from ravebooks.demo.sides import Body
from tests.simulation.concurrency import contacts, invoices
from tests.simulation.concurrency.pairs import Changes, Kind, Pair, deposit, nothing
from tests.simulation.concurrency.spelling import spell_payment
from tests.simulation.world import World


def make(world: World, name: str) -> Pair:
    pair = invoices.make(world, name)
    pair.other = world.invoice(pair.client, "100.00")
    contacts.press(world, pair.other_client())
    pair.payment = world.receive({pair.ours["id"]: "60.00"}, "REF", "2026-11-20")
    return pair


def _other_client(pair: Pair) -> str:
    rows = pair.world.ravetree.every("contacts")
    return str(next(row["id"] for row in rows if row["name"] == f"Other of {pair.name}"))


def _new_client(pair: Pair) -> str:
    return pair.world.client(f"New of {pair.name}")


def _money_here(pair: Pair, amount: str) -> Body:
    return {"amount": amount, "allocations": [{"invoice_id": pair.ours["id"], "amount": amount}], "unapplied": "0.00"}


def _money_there(pair: Pair, amount: float) -> Body:
    return {"TotalAmt": amount, "Line": [dict(pair.theirs["Line"][0], Amount=amount)]}


def _move_there(pair: Pair) -> None:
    links = [{"TxnId": pair.other_there["Id"], "TxnType": "Invoice"}]
    pair.write("payment", pair.theirs, sparse=True, Line=[{"Amount": 60, "LinkedTxn": links}])


def _void(pair: Pair) -> None:
    named = {"Id": pair.theirs["Id"], "SyncToken": pair.theirs["SyncToken"], "sparse": True}
    pair.world.quickbooks.write("payment", named, operation="update", include="void")


NONE: Body = {"allocations": [], "unapplied": "60.00"}
HERE: Changes = {
    "nothing": nothing,
    "reference edited": lambda p: p.change("payments", {"reference": "OURS"}),
    "amount lowered": lambda p: p.change("payments", _money_here(p, "30.00")),
    "taken off the invoice": lambda p: p.change("payments", NONE),
    "moved to the other invoice": lambda p: p.change(
        "payments", {"allocations": [{"invoice_id": p.other["id"], "amount": "60.00"}]}
    ),
    "client changed": lambda p: p.change("payments", NONE | {"client_id": _other_client(p)}),
    "client changed to one of Ravetree's alone": lambda p: p.change("payments", NONE | {"client_id": _new_client(p)}),
    "deleted": lambda p: p.world.ravetree.delete("payments", p.payment["id"]),
}
THERE: Changes = {
    "nothing": nothing,
    "reference edited": lambda p: p.write("payment", p.theirs, sparse=True, PaymentRefNum="THEIRS"),
    "amount lowered": lambda p: p.write("payment", p.theirs, sparse=True, **_money_there(p, 45)),
    "taken off the invoice": lambda p: p.write("payment", p.theirs, sparse=True, Line=[]),
    "moved to the other invoice": _move_there,
    "deposited": lambda p: deposit(p, p.theirs),
    "voided": _void,
    "deleted": lambda p: p.write("payment?operation=delete", p.theirs),
}
PAYMENTS = Kind("payment", make, HERE, THERE, spell_payment, "Payment", "payments")
