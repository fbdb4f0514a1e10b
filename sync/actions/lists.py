"""What keys can be mapped to, for people who look again and again: QuickBooks is asked once in a while."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from config.ports import Clock
from storage import kept_lists
from storage.database import Database, again_when_contended
from sync.actions.mappings import ListEntry

KEPT_FOR = timedelta(days=1)
"""How old a list may be that is shown without asking QuickBooks."""


@dataclass(frozen=True)
class ReadList:
    """The entries of a list, and when QuickBooks named them."""

    read_at: datetime
    entries: Sequence[ListEntry]


@dataclass(frozen=True)
class ListActions:
    """QuickBooks' lists, kept for a day; `read` asks for one, which is metered."""

    database: Database
    clock: Clock
    read: Callable[[str, str], Sequence[ListEntry]]

    def of(self, connection_id: str, kind: str) -> ReadList:
        """What keys of a kind can be mapped to. Raises `NotActive` and `NeighbourError` when it has to be read."""
        now = self.clock.now()
        with self.database.reading() as session:
            kept = kept_lists.find(session, connection_id, kind)
        if kept is not None and now - KEPT_FOR < kept.read_at <= now:
            return ReadList(kept.read_at, [ListEntry(*entry) for entry in kept.entries])
        entries = self.read(connection_id, kind)
        self._keep(connection_id, kind, entries, now)
        return ReadList(now, entries)

    @again_when_contended
    def _keep(self, connection_id: str, kind: str, entries: Sequence[ListEntry], now: datetime) -> None:
        with self.database.transaction() as session:
            kept_lists.keep(session, connection_id, kind, [(entry.id, entry.name) for entry in entries], now)

    @again_when_contended
    def forget(self, connection_id: str) -> None:
        """The next look asks QuickBooks anew."""
        with self.database.transaction() as session:
            kept_lists.forget(session, connection_id)
