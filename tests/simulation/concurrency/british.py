"""Invoices over 100 and 20 of VAT, in a company of Great Britain."""

from ravebooks.demo.sides import Body
from tests.simulation.concurrency.invoices import discount, end
from tests.simulation.concurrency.pairs import LINE, MORE, Changes, Kind, Pair, nothing
from tests.simulation.concurrency.spelling import spell_invoice
from tests.simulation.people import plain
from tests.simulation.world import TAX_CODES, World

VAT: Body = {"taxable": True, "tax_rate": "vat"}


def make(world: World, name: str) -> Pair:
    client = world.client(name, currency="GBP")
    body = {"client_id": client, "issue_date": "2026-11-20", "due_date": "2026-12-20", "currency": "GBP"}
    return Pair(world, name, client, world.ravetree.create("invoices", body | {"lines": [LINE | VAT]}))


def _lines(pair: Pair, price: float, code: str = "") -> None:
    """A bookkeeper sets another price or another tax code."""
    now = pair.theirs["Line"][0]
    detail = dict(now["SalesItemLineDetail"], Qty=1, UnitPrice=price)
    if code:
        codes = {row["Name"]: row["Id"] for row in pair.world.quickbooks.query("select * from TaxCode")}
        detail["TaxCodeRef"] = {"value": codes[TAX_CODES[code]]}
    line = {"Id": now["Id"], "DetailType": now["DetailType"], "Amount": price, "SalesItemLineDetail": detail}
    pair.write("invoice", pair.theirs, sparse=True, Line=plain([line]))


HERE: Changes = {
    "nothing": nothing,
    "memo edited": lambda p: p.change("invoices", {"memo": "ours"}),
    "line at another rate added": lambda p: p.change(
        "invoices", {"lines": [*p.ours["lines"], MORE | {"taxable": True, "tax_rate": "reduced"}]}
    ),
    "price lowered": lambda p: p.change("invoices", {"lines": [LINE | VAT | {"unit_price": "30.00"}]}),
    "taxed at another rate": lambda p: p.change(
        "invoices", {"lines": [LINE | {"taxable": True, "tax_rate": "reduced"}]}
    ),
    "tax a penny more": lambda p: p.change("invoices", {"tax_amount": "20.01"}),
    "prices with tax": lambda p: p.change("invoices", {"tax_inclusive": True}),
    "discount of 10%": lambda p: p.change("invoices", {"discount": {"percent": "10", "before_tax": True}}),
    "marked as paid": lambda p: p.change("invoices", {"status": "paid"}),
    "paid in full": lambda p: p.receive("120.00"),
    "voided": lambda p: p.change("invoices", {"status": "void"}),
}
THERE: Changes = {
    "nothing": nothing,
    "total changed": lambda p: _lines(p, 150.0),
    "taxed at another rate": lambda p: _lines(p, 100.0, "reduced"),
    "discount of 10": lambda p: discount(p, 10.0),
    "deposit of 20 on the form": lambda p: p.write("invoice", p.theirs, sparse=True, Deposit=20),
    "paid in full": lambda p: p.pay_there("120.00"),
    "paid without the tax": lambda p: p.pay_there("100.00"),
    "120 laid unapplied the same day": lambda p: p.lay_there("120.00", "2026-11-20"),
    "voided": lambda p: end(p, "void"),
}
BRITISH = Kind(
    "british invoice",
    make,
    HERE,
    THERE,
    spell_invoice,
    country="GB",
    by_order=frozenset({("paid in full", "120 laid unapplied the same day")}),
)
