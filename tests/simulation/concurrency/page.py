"""docs/concurrent-changes.md, written by what the product does."""

from collections.abc import Mapping
from pathlib import Path

from tests.simulation.concurrency.pairs import Kind
from tests.simulation.concurrency.playing import KINDS, ORDERS, Table, play

PAGE = Path(__file__).parents[3] / "docs" / "concurrent-changes.md"
HEAD = """\
# Concurrent changes

What becomes of a record that is changed in Ravetree (rows) and in QuickBooks (columns) before either heard of the
other. The record is an invoice over 100 (in Great Britain with 20 of tax on it), one that is marked as paid in
Ravetree, a payment of 60 on one of two invoices, an estimate over 100, a contact with its customer. Where the period is
closed, a bookkeeper closes the books up to the day of the record once both have changed it.

A cell names what a person is asked, if anything, and what both books say then: one text where they say the same. With
an invoice stands the money of its client, and the payment that stands for the mark as paid in QuickBooks. In the few
cells that say what comes with QuickBooks' news first, the question is the same; what it is asked with is known before
the payment is written then, and otherwise afterwards.

This page is written by `make concurrency` from what the product does, in both orders of delivery; the simulation fails
when it does something else.
"""
ELSE = "; *QuickBooks' news first*: "


def page(cells: Mapping[str, Table]) -> str:
    """docs/concurrent-changes.md."""
    text = HEAD
    for kind in KINDS:
        table = cells[kind.name]
        text += f"\n## {title(kind)}\n\n| | {' | '.join(kind.there)} |\n|---{'|---' * len(kind.there)}|\n"
        for here in kind.here:
            row = " | ".join(table[here, there] for there in kind.there)
            text += f"| **{here}** | {row} |\n"
    return text


def title(kind: Kind) -> str:
    """The heading of a kind's table."""
    noun, closed, rest = kind.name.partition(" in a ")
    return f"{noun.capitalize()}s{closed}{rest}"


def cells_of(first: Table, second: Table) -> Table:
    """What the page says of a kind: one text where both orders end the same."""
    return {names: text if second[names] == text else f"{text}{ELSE}{second[names]}" for names, text in first.items()}


def in_order(cell: str, order: str) -> str:
    """What a cell says of one order of delivery."""
    first, _, second = cell.partition(ELSE)
    return second if second and order == list(ORDERS)[1] else first


def write_page(directory: Path) -> None:
    """Write docs/concurrent-changes.md from what the product does now; read the difference before it is committed."""
    cells = {}
    for kind in KINDS:
        tables = [play(kind, order, directory / kind.name / name) for name, order in ORDERS.items()]
        cells[kind.name] = cells_of(*tables)
    PAGE.write_text(page(cells))
