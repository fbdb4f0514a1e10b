"""A slice of work: one connection for as long as it is worked on, and what has been seen and done meanwhile."""

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property

from config.ports import Clock
from reconcile.model import Kind, Record, Side
from storage import connections, installation, pairs
from storage.models import Connection, Pair
from storage.unit import UnitOfWork
from sync.neighbours import Neighbours


class Slice:
    """One connection during one slice, or during one rehearsal, of which nothing is kept.

    `fresh` are the QuickBooks records read since the last batch of notes was taken; `absent` those among them that
    are not there and never were, as far as we know: their events may have come before they can be read. `handling`
    are those that are being worked on: news of any other record is noted as pending when it is read, whatever it
    was read for. `money_read` are QuickBooks' customers all of whose payments were read, as long as what is `fresh`.
    `looked_at` are those that a plan of this slice had looked at: once is enough to know that it does not help.
    `let_go` are those whose end has let others of this slice go on that waited for them.
    """

    def __init__(self, unit: UnitOfWork, clock: Clock, connection: Connection, neighbours: Neighbours) -> None:
        self.unit = unit
        self.clock = clock
        self.connection = connection
        self.neighbours = neighbours
        self.fresh: set[Record] = set()
        self.absent: set[Record] = set()
        self.money_read: set[str] = set()
        self.handling: set[Record] = set()
        self.looked_at: set[Record] = set()
        self.let_go: set[Record] = set()
        self._mappings: dict[str, dict[str, str]] | None = None
        # What does not change while somebody works.
        self.id: str = connection.id
        self.home_currency: str = connection.home_currency
        self.reading = unit.reading
        self.writing = unit.writing

    def now(self) -> datetime:
        """The time."""
        return self.clock.now()

    @cached_property
    def installation(self) -> str:
        """The id that our markers bear: the same for as long as the installation lives."""
        with self.reading() as session:
            return installation.id_of(session)

    def mappings(self, kind: str) -> dict[str, str]:
        """QuickBooks' ids by Ravetree's keys, as they were when they were first asked for in the work at hand."""
        if self._mappings is None:
            with self.reading() as session:
                self._mappings = connections.mappings_by_kind(session, self.id)
        return self._mappings.get(kind, {})

    def take_up(self, handling: set[Record]) -> None:
        """These records, under all of their names, are the work at hand from now on."""
        self.handling = handling
        self._mappings = None

    def pair(self, kind: str, side: Side, record_id: str, currency: str = "") -> Pair | None:
        """The pair of a record."""
        if side is Side.RAVETREE and kind in (Kind.INVOICE, pairs.PLACEHOLDER):
            # Whoever asks for one of the two asks for the other.
            both = self.unit.once(("invoice", record_id), lambda session: pairs.of_invoice(session, self.id, record_id))
            return both.get(kind)
        key = ("pair", kind, side, record_id, currency)
        return self.unit.once(key, lambda session: pairs.find(session, self.id, kind, side, record_id, currency))

    def pairs_among(self, kind: str, side: Side, record_ids: Iterable[str]) -> list[Pair]:
        """The pairs of several records."""
        named = tuple(record_ids)
        found = self.unit.once(
            ("pairs", kind, side, named), lambda session: pairs.among(session, self.id, kind, side, named)
        )
        return list(found)
