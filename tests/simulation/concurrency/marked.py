"""Invoices over 100 that are marked as paid in Ravetree: a payment stands for the mark in QuickBooks."""

from tests.simulation.concurrency.invoices import price
from tests.simulation.concurrency.pairs import LINE, MORE, Changes, Kind, Pair, deposit, nothing
from tests.simulation.concurrency.spelling import spell_invoice
from tests.simulation.world import World


def make(world: World, name: str) -> Pair:
    client = world.client(name)
    made = world.invoice(client, "100.00")
    return Pair(world, name, client, world.ravetree.change("invoices", made["id"], {"status": "paid"}))


def lower_holder(pair: Pair, to: float) -> None:
    """A bookkeeper lowers what stands for the mark."""
    line = {"Amount": to, "LinkedTxn": pair.holder["Line"][0]["LinkedTxn"]}
    pair.write("payment", pair.holder, sparse=True, TotalAmt=to, Line=[line])


def let_go_and_end(pair: Pair, operation: str) -> None:
    """A bookkeeper takes what stands for the mark off the invoice, and voids or deletes that."""
    take_off(pair)
    (now,) = pair.world.quickbooks.query(f"select * from Invoice where Id = '{pair.theirs['Id']}'")  # noqa: S608 - its language
    pair.write(f"invoice?operation={operation}", now)


def take_off(pair: Pair) -> None:
    """A bookkeeper takes what stands for the mark off the invoice."""
    pair.write("payment", pair.holder, sparse=True, Line=[])


HERE: Changes = {
    "nothing": nothing,
    "memo edited": lambda p: p.change("invoices", {"memo": "ours"}),
    "line added": lambda p: p.change("invoices", {"lines": [*p.ours["lines"], MORE]}),
    "price lowered": lambda p: p.change("invoices", {"lines": [LINE | {"unit_price": "30.00"}]}),
    "mark taken away": lambda p: p.change("invoices", {"status": "sent"}),
    "paid in full": lambda p: p.receive("100.00"),
    "paid in part": lambda p: p.receive("40.00"),
    "client changed": lambda p: p.change("invoices", {"client_id": p.other_client()}),
    "voided": lambda p: p.change("invoices", {"status": "void"}),
    "deleted": lambda p: p.world.ravetree.delete("invoices", p.ours["id"]),
}
THERE: Changes = {
    "nothing": nothing,
    "mark's payment lowered": lambda p: lower_holder(p, 70.0),
    "its note edited": lambda p: p.write("payment", p.holder, sparse=True, PrivateNote="Cheque 17"),
    "taken off the invoice": take_off,
    "deleted": lambda p: p.write("payment?operation=delete", p.holder),
    "deposited": lambda p: deposit(p, p.holder),
    "60 laid unapplied": lambda p: p.lay_there("60.00"),
    "100 laid unapplied the same day": lambda p: p.lay_there("100.00", "2026-11-20"),
    "invoice lowered": lambda p: price(p, 80.0),
    "invoice raised": lambda p: price(p, 150.0),
    "invoice voided": lambda p: let_go_and_end(p, "void"),
    "invoice deleted": lambda p: let_go_and_end(p, "delete"),
}
MARKED = Kind(
    "marked invoice",
    make,
    HERE,
    THERE,
    spell_invoice,
    by_order=frozenset({("paid in full", "100 laid unapplied the same day")}),
)
