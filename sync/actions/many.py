"""What an operator does to many: dead letters and parked work by group, jobs over them, a connection looked at anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from config.errors import RavebooksError
from config.ports import Clock
from schemas.times import spell_instant
from storage import bulk_jobs, connections, dead_letters, depths, events, pending
from storage.database import Database, again_when_contended
from storage.dead_letters import Group
from storage.models import BulkJob, DeadLetter, PendingChange
from storage.paging import Asked, Page
from sync.actions.installation import UnknownDeadLetter
from sync.operating import bulk

JOBS_SHOWN = 10
RECOVER_REACH = timedelta(days=29)
"""Neither side's log of changes reaches further back."""


class BulkRefused(RavebooksError):
    """What was asked for does not fit what is there."""

    remedy = "Load the page again and see what is there now."


@dataclass(frozen=True)
class ParkedGroup:
    """What waits for a person because of one question: how many, and since when the longest."""

    state: str
    code: str
    count: int
    oldest: datetime


@dataclass(frozen=True)
class ManyActions:
    """What an operator does to many at once."""

    database: Database
    clock: Clock

    def dead(self) -> list[Group]:
        """Dead letters by what they died of."""
        with self.database.reading() as session:
            return dead_letters.groups(session)

    def letters(self, asked: Asked, fingerprint: str) -> Page[DeadLetter]:
        """Dead letters that wait: all, or those of one fingerprint."""
        with self.database.reading() as session:
            return dead_letters.page(session, asked, fingerprint)

    def letter(self, letter_id: int) -> DeadLetter:
        """One dead letter. Raises `UnknownDeadLetter`."""
        with self.database.reading() as session:
            found = dead_letters.find(session, letter_id)
        if found is None:
            raise UnknownDeadLetter(f"there is no dead letter {letter_id}")
        return found

    @again_when_contended
    def discard(self, letter_id: int) -> None:
        """Nothing is to be done about a dead letter: it waits no more, and stays readable."""
        self.letter(letter_id)
        with self.database.transaction() as session:
            dead_letters.discard(session, letter_id, self.clock.now())

    def parked(self) -> list[ParkedGroup]:
        """What waits for a person in all connections, by question."""
        with self.database.reading() as session:
            return [ParkedGroup(*row) for row in depths.parked_codes(session)]

    def parked_rows(self, asked: Asked, code: str) -> Page[PendingChange]:
        """What waits because of one question, by connection and record."""
        with self.database.reading() as session:
            after = [str(part) for part in asked.after] if asked.after else []
            rows = pending.parked(session, self.clock.now(), code, "", after, asked.limit + 1)
        shown = rows[: asked.limit]
        if len(rows) <= asked.limit:
            return Page(shown)
        last = shown[-1]
        return Page(shown, (last.connection_id, last.side, last.kind, last.record_id))

    # --- work over many --------------------------------------------------------------------------

    def count(self, what: str, wanted: Mapping[str, str]) -> int:
        """How many it would be about now: said before anything is done."""
        with self.database.reading() as session:
            return bulk.count(session, what, self._checked(session, what, wanted), self.clock.now())

    @again_when_contended
    def begin_many(self, what: str, wanted: Mapping[str, str], by: str) -> BulkJob:
        """Do it to all of them, a step at a time; what comes later is not among them. Raises `BulkRefused`."""
        now = self.clock.now()
        with self.database.transaction() as session:
            checked = self._checked(session, what, wanted)
            total = bulk.count(session, what, checked, now)
            if not total and what != bulk.RECOVER:
                raise BulkRefused("nothing is there that this could be done to")
            return bulk_jobs.begin(session, what, checked, total, by, now)

    def _checked(self, session: Session, what: str, wanted: Mapping[str, str]) -> dict[str, Any]:
        if what in (bulk.REDRIVE, bulk.DISCARD):
            return {"fingerprint": wanted.get("fingerprint", ""), "last": dead_letters.newest(session)}
        if what == bulk.LOOK_AGAIN:
            return {name: wanted.get(name, "") for name in ("code", "connection")}
        if what != bulk.RECOVER:
            raise BulkRefused(f"nobody knows how to {what[:40]}")
        connection_id = wanted.get("connection", "")
        connections.get_current(session, connection_id)
        since = _instant(wanted.get("since", ""))
        if not self.clock.now() - RECOVER_REACH <= since <= self.clock.now():
            raise BulkRefused(
                f"{spell_instant(since)} is not within the last {RECOVER_REACH.days} days",
                remedy="Choose a later moment: neither side's log reaches further back.",
            )
        first = events.first_after(session, since) - 1
        last = events.newest(session)
        return {"connection": connection_id, "since": spell_instant(since), "first": first, "last": last}

    def job(self, job_id: int) -> BulkJob:
        """One of them. Raises `UnknownBulkJob`."""
        with self.database.reading() as session:
            return bulk_jobs.get(session, job_id)

    def jobs(self) -> Sequence[BulkJob]:
        """The newest."""
        with self.database.reading() as session:
            return bulk_jobs.newest(session, JOBS_SHOWN)

    @again_when_contended
    def stop_many(self, job_id: int) -> None:
        """Take it no further."""
        with self.database.transaction() as session:
            bulk_jobs.stop(session, job_id, self.clock.now())


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BulkRefused(f"{text[:40]!r} is no moment", remedy="Write it as 2026-11-20T14:00; it is UTC.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
