"""What became of a pair, as one short text: what a person is asked, and what both books say then."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ravebooks.demo.sides import Body
from tests.simulation.concurrency.pairs import Kind, Pair
from tests.simulation.world import World

Rows = Mapping[str, Body]


@dataclass(frozen=True)
class Books:
    """Both books as they are at last, by resource or entity and id; `asked` is what waits for a person, by record."""

    ours: Mapping[str, Rows]
    theirs: Mapping[str, Rows]
    asked: Mapping[tuple[str, str, str], str]

    @classmethod
    def read(cls, world: World) -> "Books":
        """All of it, once."""
        ours = {
            name: {row["id"]: row for row in world.ravetree.every(name)}
            for name in ("invoices", "payments", "contacts")
        }
        theirs = {
            name: {row["Id"]: row for row in world.quickbooks.query(f"select * from {name}{also}")}  # noqa: S608 - its language
            for name, also in (
                ("Invoice", ""),
                ("Payment", ""),
                ("Estimate", ""),
                ("Customer", " where Active in (true, false)"),
            )
        }
        asked = {(row["side"], row["kind"], row["id"]): f"{row['state']} `{row['code']}`" for row in world.attention()}
        return cls(ours, theirs, asked)

    def clients(self, pair: Pair) -> set[str]:
        """The pair's client, and the one that it may have been given to."""
        names = {pair.name, f"Other of {pair.name}"}
        return {id_ for id_, row in self.ours["contacts"].items() if row["name"] in names}

    def of_customers(self, entity: str, pair: Pair) -> dict[str, Body]:
        """What QuickBooks has of the pair's customers and their projects."""
        names = {pair.name, f"Other of {pair.name}", f"Project of {pair.name}"}
        mine = {id_ for id_, row in self.theirs["Customer"].items() if row["DisplayName"] in names}
        return {id_: row for id_, row in self.theirs[entity].items() if row["CustomerRef"]["value"] in mine}

    def of_clients(self, resource: str, pair: Pair) -> dict[str, Body]:
        """What Ravetree has of the pair's clients."""
        clients = self.clients(pair)
        return {id_: row for id_, row in self.ours[resource].items() if row["client_id"] in clients}


def outcome(kind: Kind, pair: Pair, books: Books) -> str:
    """The state of both books, and what a person is asked about this record or about what came with the change."""
    names = {("ravetree", kind.noun, kind.record(pair)["id"]), ("quickbooks", kind.noun, pair.theirs["Id"])}
    names |= {("ravetree", "contact", id_) for id_ in books.clients(pair)}
    if kind.noun != "estimate":
        names.add(("ravetree", "invoice", pair.ours["id"]))
        names |= {("ravetree", "payment", id_) for id_ in books.of_clients("payments", pair)}
        names |= {("quickbooks", "payment", id_) for id_ in books.of_customers("Payment", pair)}
    asked = sorted({text for name, text in books.asked.items() if name in names})
    return "; ".join([*asked, kind.spell(books, pair)])


def amount(value: Any) -> str:
    """Money as people say it."""
    return f"{Decimal(str(value)):.2f}".removesuffix(".00")


def same_or_both(ours: str, theirs: str) -> str:
    """One text where both books say the same."""
    return ours if ours == theirs else f"Ravetree {ours}, QuickBooks {theirs}"


def is_void_there(row: Body) -> bool:
    """Whether a row of QuickBooks' is void."""
    return str(row.get("PrivateNote", "")).startswith("Voided")


# --- invoices ------------------------------------------------------------------------------------


def spell_invoice(books: Books, pair: Pair) -> str:
    """What an invoice comes to, what of it is open, and the money of its client."""
    ours, theirs = books.ours["invoices"].get(pair.ours["id"], {}), books.theirs["Invoice"].get(pair.theirs["Id"], {})
    parts = [same_or_both(_invoice_here(ours), _invoice_there(theirs)), *_money(books, pair)]
    for id_, row in books.of_customers("Invoice", pair).items():
        if id_ != pair.theirs["Id"]:
            parts.append(f"retyped in QuickBooks {_invoice_there(row)}")
    return "; ".join(parts)


def _invoice_here(row: Body) -> str:
    if not row or row["status"] == "void":
        return "void" if row else "gone"
    left = 0 if row["marked_paid_at"] is not None else row["balance"]
    return _said(row["total"], left, row["sent_at"] is not None, row["memo"])


def _invoice_there(row: Body) -> str:
    if not row or is_void_there(row):
        return "void" if row else "gone"
    memo = row.get("CustomerMemo", {}).get("value", "")
    return _said(row["TotalAmt"], row["Balance"], row.get("EmailStatus") == "EmailSent", memo)


def _said(total: Any, left: Any, sent: bool, memo: str) -> str:
    return f"{amount(total)}, open {amount(left)}{', sent' if sent else ''}{f', memo {memo}' if memo else ''}"


def _money(books: Books, pair: Pair) -> list[str]:
    """All payments of the pair's client, in both books, and what stands for its mark."""
    here = [_received(row["amount"], row["unapplied"]) for row in books.of_clients("payments", pair).values()]
    there: list[str] = []
    marks: list[str] = []
    for row in books.of_customers("Payment", pair).values():
        if not is_void_there(row):
            is_mark = "marked as paid in Ravetree" in row.get("PrivateNote", "")
            (marks if is_mark else there).append(_received(row["TotalAmt"], row["UnappliedAmt"]))
    texts = [" and ".join(sorted(each)) or "none" for each in (here, there)]
    found = [f"money {same_or_both(*texts)}"] if here or there else []
    return [*found, *(f"for the mark {text}" for text in marks)]


def _received(total: Any, unapplied: Any) -> str:
    left = amount(unapplied)
    return amount(total) + ("" if left == "0" else f" ({left} unapplied)")


# --- payments, estimates, contacts ---------------------------------------------------------------


def spell_payment(books: Books, pair: Pair) -> str:
    """A payment: its amount, reference, what of it is unapplied, and whether another client or invoice has it."""
    ours, theirs = (
        books.ours["payments"].get(pair.payment["id"], {}),
        books.theirs["Payment"].get(pair.theirs["Id"], {}),
    )
    mine = other = "gone"
    if ours and not ours["voided"]:
        mine = f"{amount(ours['amount'])} {ours['reference']}, unapplied {amount(ours['unapplied'])}"
        mine += _moved(ours["client_id"] != pair.client, pair.other, {a["invoice_id"] for a in ours["allocations"]})
    if theirs and not is_void_there(theirs):
        left = amount(theirs["UnappliedAmt"])
        other = f"{amount(theirs['TotalAmt'])} {theirs.get('PaymentRefNum', '')}, unapplied {left}"
        names = {link["TxnId"] for line in theirs["Line"] for link in line["LinkedTxn"]}
        same = theirs["CustomerRef"]["value"] == pair.theirs["CustomerRef"]["value"]
        other += _moved(not same, pair.other_there, names)
    return same_or_both(mine, other)


def _moved(of_another: bool, other: Body, invoices: set[str]) -> str:
    on_other = {other.get("id"), other.get("Id")} & invoices
    return f"{', on the other invoice' if on_other else ''}{', of another client' if of_another else ''}"


def spell_estimate(books: Books, pair: Pair) -> str:
    """An estimate as QuickBooks has it: it goes one way."""
    theirs = books.theirs["Estimate"].get(pair.theirs["Id"], {})
    if not theirs:
        return "gone in QuickBooks"
    memo = theirs.get("CustomerMemo", {}).get("value", "")
    return f"{amount(theirs['TotalAmt'])} {theirs['TxnStatus']}{f', memo {memo}' if memo else ''}"


def spell_contact(books: Books, pair: Pair) -> str:
    """The customer of a contact."""
    theirs = books.theirs["Customer"].get(pair.theirs["Id"], {})
    mail = theirs.get("PrimaryEmailAddr", {}).get("Address", "no mail")
    name = "renamed" if "renamed" in theirs.get("DisplayName", "") else "same name"
    return f"{'active' if theirs.get('Active') else 'inactive'}, {name}, {mail.partition('@')[0]}"
