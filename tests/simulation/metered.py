"""Played in a simulated world: what happens to an account, and which metered reads of QuickBooks come of it."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.settings import Settings
from tests.simulation.posting import pay
from tests.simulation.world import World, as_paired, as_settled

STEP = 20 * 60
"""Seconds between two looks of the sweeper: half an hour without one means a restored database."""
PAYMENTS, INVOICES = 1000, 100
"""Of a burst."""


@contextmanager
def as_in_production(prepare: Callable[[World], object] = as_paired) -> Iterator[World]:
    """A world with an invoice over 100.00 in both books, whose change data capture is looked at once a day."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(Settings, "effective_cdc_seconds", 86400.0)
        world = World(Path(folder), prepare=prepare)
        try:
            # What confirms the echoes of the beginning is over.
            pass_time(world, 2 * STEP)
            yield world
        finally:
            world.close()


def pass_time(world: World, seconds: float) -> None:
    """Let everybody work for so long."""
    ends = world.clock.monotonic() + seconds
    while world.clock.monotonic() < ends:
        world.settle()
        world.clock.advance(STEP)
    world.settle()


def by_cause(world: World) -> Counter[str]:
    """The metered reads of the connection so far."""
    usage = world.api("GET", f"/api/connections/{world.connection_id}/usage").get_json()["data"]
    found: Counter[str] = Counter()
    for month in usage:
        found.update(month["reads"])
    return found


def codes(world: World) -> set[str]:
    """What is asked of a person."""
    return {row["code"] for row in world.attention()}


# --- what happens: each returns what has to be true afterwards -------------------------------------


def a_mark_that_asks(world: World) -> bool:
    """An invoice is marked as paid while its customer has money that is applied to nothing."""
    world.ravetree.change("invoices", world.begun_with["id"], {"status": "paid"})
    world.settle()
    return codes(world) == {"unapplied_money_beside_mark"}


def lay_money_beside(world: World) -> None:
    """The customer has money that is applied to nothing, and we know of it."""
    theirs = world.quickbooks.invoice(world.begun_with["number"]) or {}
    world.quickbooks.write("payment", {"CustomerRef": {"value": theirs["CustomerRef"]["value"]}, "TotalAmt": 30})


def a_payment_that_asks(world: World) -> bool:
    """A payment is received in Ravetree that QuickBooks seems to have already."""
    world.receive({world.begun_with["id"]: "30.00"}, "mine")
    world.settle()
    return codes(world) == {"one_or_two_payments"}


def a_void(world: World) -> bool:
    """An invoice is void."""
    world.ravetree.change("invoices", world.begun_with["id"], {"status": "void"})
    world.settle()
    theirs = world.quickbooks.invoice(world.begun_with["number"]) or {}
    return str(theirs["PrivateNote"]).startswith("Voided")


def a_quiet_day(world: World) -> bool:
    """Nothing happens for a day."""
    pass_time(world, 86400)
    return not world.attention()


def a_burst(world: World) -> bool:
    """A bookkeeper's program receives a thousand payments, ten a second; Intuit tells of them when they are made."""
    invoices = world.quickbooks.query("select * from Invoice")
    for number in range(PAYMENTS):
        pay(world, invoices[number % len(invoices)], 1)
        world.clock.advance(0.1)
    world.settle()
    return len(world.ravetree.every("payments")) == PAYMENTS


def with_many_invoices(world: World) -> None:
    """The beginning in which a hundred invoices stand in both books."""
    as_settled(world)
    client = world.client("Northwind Galleries")
    for _ in range(INVOICES):
        world.invoice(client, "100.00")
    world.settle()


def nothing_before(_world: World) -> None:
    """All is quiet."""


@dataclass(frozen=True)
class Happening:
    """Something that happens to an account, what comes before it, and how many metered reads it may cost.

    The look that confirms the echoes of what was written is not counted: many happenings share it.
    """

    name: str
    goal: int
    happens: Callable[[World], bool]
    before: Callable[[World], object] = nothing_before
    prepare: Callable[[World], object] = as_paired


HAPPENINGS = (
    Happening("a mark as paid that asks about money", 1, a_mark_that_asks, lay_money_beside),
    Happening("a payment that asks about money", 1, a_payment_that_asks, lay_money_beside),
    Happening("a void", 0, a_void),
    Happening("a quiet day", 2, a_quiet_day, a_quiet_day),
)
BURST = Happening("a thousand payments over a hundred invoices", 5, a_burst, prepare=with_many_invoices)


def play(happening: Happening) -> Counter[str]:
    """The metered reads that it costs, by cause. Raises `AssertionError` if it does not happen."""
    with as_in_production(happening.prepare) as world:
        happening.before(world)
        pass_time(world, 2 * STEP)
        before = by_cause(world)
        assert happening.happens(world), f"{happening.name}: {world.attention()}"
        return by_cause(world) - before
