"""Both changes of every pair are made, then the news of them is delivered in one order or the other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ravebooks.demo.sides import Body
from tests.simulation.concurrency.british import BRITISH
from tests.simulation.concurrency.closed import CLOSED_INVOICES, CLOSED_MARKED, CLOSED_PAYMENTS
from tests.simulation.concurrency.contacts import CONTACTS
from tests.simulation.concurrency.estimates import ESTIMATES
from tests.simulation.concurrency.invoices import INVOICES
from tests.simulation.concurrency.marked import MARKED
from tests.simulation.concurrency.pairs import Kind, Pair, find_partners
from tests.simulation.concurrency.payments import PAYMENTS
from tests.simulation.concurrency.spelling import Books, outcome
from tests.simulation.world import Letter, World

Order = Callable[[Letter], int]
ORDERS: Mapping[str, Order] = {
    "Ravetree first": lambda letter: "quickbooks" in letter.url,
    "QuickBooks first": lambda letter: "ravetree" in letter.url,
}
OPEN_KINDS = (INVOICES, MARKED, PAYMENTS, ESTIMATES, CONTACTS)
"""Those of a US company whose books are open."""
KINDS = (*OPEN_KINDS, BRITISH, CLOSED_INVOICES, CLOSED_MARKED, CLOSED_PAYMENTS)
A_DAY = timedelta(days=1)

Table = dict[tuple[str, str], str]


@dataclass(frozen=True)
class Pairs:
    """The beginning in which every pair of one kind stands in both books; it is the same for either order."""

    kind: str

    def __call__(self, world: World) -> dict[tuple[str, str], Body]:
        kind = next(each for each in KINDS if each.name == self.kind)
        path = f"/api/connections/{world.connection_id}"
        world.api("PUT", f"{path}/settings", {"removals_limit": 1000})
        world.settle()
        pairs = {(here, there): kind.make(world, f"{here} and {there}") for here in kind.here for there in kind.there}
        world.settle()
        find_partners(kind, pairs, world)
        return {
            names: {key: value for key, value in vars(pair).items() if key != "world"} for names, pair in pairs.items()
        }


def play(kind: Kind, order: Order, directory: Path) -> Table:
    """What becomes of each pair of changes, when the news of them is delivered in this order."""
    world = World(directory, prepare=Pairs(kind.name), country=kind.country)
    try:
        pairs = {names: Pair(world, **parts) for names, parts in world.begun_with.items()}
        if kind.closes:
            world.clock.advance(A_DAY.total_seconds())
        for (here, there), pair in pairs.items():
            kind.here[here](pair)
            kind.there[there](pair)
        if kind.closes:
            _close_books(world, kind.closes)
        for letter in sorted(world.collect(), key=order):
            world.deliver(letter)
            world.work()
        world.settle()
        world.clock.advance(301)
        world.settle()
        books = Books.read(world)
        return {names: outcome(kind, pair, books) for names, pair in pairs.items()}
    finally:
        world.close()


def _close_books(world: World, day: str) -> None:
    (row,) = world.quickbooks.query("select * from Preferences")
    named = {"Id": row["Id"], "SyncToken": row["SyncToken"], "sparse": True}
    world.quickbooks.write("preferences", named | {"AccountingInfoPrefs": {"BookCloseDate": day}})
