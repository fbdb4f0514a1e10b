"""Whatever is delivered twice, late or out of order: the books end as if each event had come once, in order."""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.simulation.world import Letter, World

TIMES = 5
"""Deliveries of one event at most."""

Shuffle = Callable[[list[Letter]], list[Letter]]


def play(shuffle: Shuffle) -> list[tuple[str, ...]]:
    """A busy morning; `shuffle` says in which order, and how often, each phase's deliveries come."""
    with tempfile.TemporaryDirectory() as directory:
        world = World(Path(directory))
        try:
            for phase in (_invoicing, _paying, _correcting):
                phase(world)
                _deliver(world, shuffle)
            world.settle()
            assert world.attention() == []
            report = world.compare()
            assert report.differing == []
            return [(row.kind, row.name, row.ravetree, row.quickbooks) for row in report.rows]
        finally:
            world.close()


def _deliver(world: World, shuffle: Shuffle) -> None:
    """The phase's letters, with some work in between, until the phase is quiet."""
    for place, letter in enumerate(shuffle(world.collect())):
        assert world.deliver(letter).status_code == 200
        if place % 3 == 0:
            world.work()
    world.settle()


def _invoicing(world: World) -> None:
    client = world.client("Northwind Galleries")
    first = world.invoice(client, "100.00", "50.00")
    world.invoice(client, "80.00")
    world.invoice(client, "75.00")
    world.invoice(world.client("Harbour Theatre"), "40.00")
    lines = [*first["lines"][:1], {"type": "other", "description": "New", "quantity": "2", "unit_price": "7.25"}]
    world.ravetree.change("invoices", first["id"], {"lines": lines})


def _paying(world: World) -> None:
    first, second, third, fourth = sorted(world.ravetree.every("invoices"), key=lambda row: row["number"])
    world.quickbooks.pay({first["number"]: "14.50"}, "2026-11-21", "A")
    world.receive({first["id"]: "60.00"}, "B")
    world.quickbooks.pay({first["number"]: "40.00", second["number"]: "80.00"}, "2026-11-22", "C")
    world.ravetree.change("invoices", third["id"], {"status": "paid"})
    theirs = world.quickbooks.invoice(fourth["number"])
    assert theirs is not None
    world.quickbooks.write("invoice", {"Id": theirs["Id"], "SyncToken": theirs["SyncToken"]}, operation="void")


def _correcting(world: World) -> None:
    first = min(world.ravetree.every("invoices"), key=lambda row: row["number"])
    mine = next(row for row in world.ravetree.every("payments") if row["reference"] == "B")
    world.ravetree.change("payments", mine["id"], {"reference": "B2"})
    theirs = next(row for row in world.quickbooks.query("select * from Payment") if row.get("PaymentRefNum") == "A")
    world.quickbooks.write("payment", {"Id": theirs["Id"], "SyncToken": theirs["SyncToken"]}, operation="delete")
    world.ravetree.change("invoices", first["id"], {"status": "sent"})


@functools.cache
def played_in_order() -> list[tuple[str, ...]]:
    """How it ends when each event comes once, in order: always the same."""
    return play(lambda letters: letters)


@pytest.mark.thorough
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
    # An example takes a second: shrinking a failing one would take the whole ring's time.
    phases=[Phase.explicit, Phase.generate],
)
@given(st.data())
def test_any_order_and_number_of_deliveries_ends_the_same(data: st.DataObject) -> None:
    def shuffle(letters: list[Letter]) -> list[Letter]:
        times = [data.draw(st.integers(1, TIMES)) for _ in letters]
        repeated = [letter for letter, count in zip(letters, times, strict=True) for _ in range(count)]
        return data.draw(st.permutations(repeated))

    assert play(shuffle) == played_in_order()
