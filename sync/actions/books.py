"""Both books of a connection held against each other: reports, drift, one record and what happened to it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from reconcile.model import Record
from storage import connections, paging, parity, timeline
from storage.database import Database
from storage.models import ParityReport
from storage.paging import Asked, Page
from sync.actions.records import NoSuchRecord
from sync.questions.parity import Parity


@dataclass(frozen=True)
class BookActions:
    """What a person asks about both books. Nothing is written to either."""

    database: Database
    parity: Parity
    nudge: Callable[[str], None]

    def make_report(self, connection_id: str, *, full: bool) -> ParityReport:
        """Hold both books against each other now; `full` reads QuickBooks first, a thousand records a call."""
        made = self.parity.make(connection_id, full=full)
        self.nudge(connection_id)
        return self.report(connection_id, made)

    def report(self, connection_id: str, report_id: int) -> ParityReport:
        """One report. Raises `UnknownReport`."""
        with self.database.reading() as session:
            return parity.get(session, connection_id, report_id)

    def reports(self, connection_id: str, asked: Asked) -> Page[ParityReport]:
        """Reports without their rows, newest first."""
        with self.database.reading() as session:
            connections.get(session, connection_id)
            return parity.history(session, connection_id, asked)

    def drift(self, connection_id: str, *, fresh: bool) -> list[dict[str, Any]]:
        """Every pair that differs in any field; `fresh` reads QuickBooks in full first."""
        return self.parity.drift(connection_id, fresh=fresh)

    def drift_page(self, connection_id: str, asked: Asked, *, fresh: bool) -> Page[dict[str, Any]]:
        """The same, a page at a time, which may have fewer rows. QuickBooks is read before the first page alone."""
        return self.parity.drift_page(connection_id, asked, fresh=fresh)

    def record(self, connection_id: str, record: Record) -> dict[str, Any]:
        """Both sides of a record, what waits for a person, and each difference. Raises `NoSuchRecord`."""
        shown = self.parity.record(connection_id, record)
        if shown is None:
            raise NoSuchRecord(f"neither book has {record}", remedy="Look its id up there, or list what differs.")
        return shown

    def timeline(self, connection_id: str, record: Record) -> Iterator[dict[str, Any]]:
        """Everything that is known to have happened to a record, oldest first. Raises `NoSuchRecord`."""
        return paging.through(lambda asked: self.timeline_page(connection_id, record, asked))

    def timeline_page(
        self, connection_id: str, record: Record, asked: Asked, *, newest_first: bool = False
    ) -> Page[dict[str, Any]]:
        """The same, a page at a time."""
        with self.database.reading() as session:
            connections.get(session, connection_id)
            found = timeline.page(session, connection_id, record, asked, newest_first=newest_first)
        if not found.rows and asked.after is None:
            raise NoSuchRecord(f"nothing ever happened to {record}", remedy="Look its id up in its book.")
        return found
