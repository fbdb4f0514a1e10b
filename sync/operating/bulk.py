"""Work over many: dead letters driven again or discarded, parked records and a connection's past looked at again.

A step takes some further, and where it got to is stored, so that a job may be stopped and goes on after a restart.
What is done twice, because two processes took one step, does no harm: a message is recorded once, a record looked at.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from config.errors import RavebooksError
from config.logging import logger
from config.ports import Clock
from reconcile.model import Kind, Record, Side
from schemas import strict_json
from schemas.envelopes import UndecodableMessage
from schemas.times import parse_instant
from storage import bulk_jobs, connections, dead_letters, decisions, events, pending
from storage import duties as storage_duties
from storage.connections import NotActive, UnknownConnection
from storage.database import Database, DatabaseDown
from storage.models import BulkJob
from sync import duties

REDRIVE, DISCARD, LOOK_AGAIN, RECOVER = "redrive", "discard", "look again", "recover"
BATCH = 50

log = logger("bulk")


@dataclass
class Step:
    """What one step did: how far it got, how many went well and how many did not, whom to wake."""

    after: str
    over: bool
    done: int = 0
    failed: int = 0
    error: str = ""
    connections: set[str] = field(default_factory=set)


def count(session: Session, what: str, wanted: Mapping[str, Any], now: datetime) -> int:
    """How many a job would be about, as it stands now."""
    match what:
        case "redrive" | "discard":
            return dead_letters.count(session, wanted.get("fingerprint", ""))
        case "look again":
            return pending.count_parked(session, now, wanted.get("code", ""), wanted.get("connection", ""))
        case _:
            first = events.first_after(session, parse_instant(wanted["since"])) - 1
            return events.count_of_connection(session, wanted["connection"], first, events.newest(session))


class Bulk:
    """Takes the oldest job that is under way a step further. `redrive` publishes one dead letter again."""

    def __init__(
        self, database: Database, clock: Clock, redrive: Callable[[int], object], nudge: Callable[[str], None]
    ) -> None:
        self._database = database
        self._clock = clock
        self._redrive = redrive
        self._nudge = nudge

    def step(self) -> int:
        """One step; returns how many it did something to.

        What keeps all of them from being done is kept with the job, and tried again; one that is about a connection
        which is no more is over.
        """
        with self._database.reading() as session:
            job = bulk_jobs.running(session)
        if job is None:
            return 0
        try:
            step = self._letters(job) if job.what in (REDRIVE, DISCARD) else self._in_the_database(job)
        except (NotActive, UnknownConnection) as error:
            step = Step(job.after, over=True, error=_said(error))
        with self._database.transaction() as session:
            bulk_jobs.go_on(
                session,
                job,
                self._clock.now(),
                after=step.after,
                done=step.done,
                failed=step.failed,
                error=step.error,
                over=step.over,
            )
        for connection_id in sorted(step.connections):
            self._nudge(connection_id)
        if step.over:
            log.info("bulk job done", job=job.id, what=job.what, by=job.by)
        return step.done + step.failed

    def _letters(self, job: BulkJob) -> Step:
        """Each in a transaction of its own: what is published is noted before the next one is."""
        with self._database.reading() as session:
            after = int(job.after or 0)
            letters = dead_letters.some(session, after, job.filter["last"], job.filter.get("fingerprint", ""), BATCH)
        step = Step(str(letters[-1]) if letters else job.after, len(letters) < BATCH)
        for letter_id in letters:
            try:
                self._one_letter(job, letter_id)
                step.done += 1
            except UndecodableMessage as error:
                step.failed, step.error = step.failed + 1, _said(error)
            except DatabaseDown:
                raise
            except RavebooksError as error:
                # The broker is away, and so is what would keep it for later: the next step goes on here.
                return replace(step, after=str(letter_id - 1), over=False, error=_said(error))
        return step

    def _one_letter(self, job: BulkJob, letter_id: int) -> None:
        if job.what == REDRIVE:
            self._redrive(letter_id)
            return
        with self._database.transaction() as session:
            dead_letters.discard(session, letter_id, self._clock.now())

    def _in_the_database(self, job: BulkJob) -> Step:
        with self._database.transaction() as session:
            return (_look_again if job.what == LOOK_AGAIN else _recover)(session, job, self._clock.now())


def _said(error: RavebooksError) -> str:
    return f"{error}. {error.remedy}"


def _look_again(session: Session, job: BulkJob, now: datetime) -> Step:
    after: Sequence[str] = strict_json.loads(job.after) if job.after else ()
    wanted = job.filter.get("code", ""), job.filter.get("connection", "")
    rows = pending.parked(session, job.created_at, *wanted, after, BATCH)
    found = [(row.connection_id, pending.record_of(row)) for row in rows]
    step = Step(job.after, len(rows) < BATCH)
    for connection_id, record in found:
        decisions.retry(session, connection_id, record, now, job.by)
        step.connections.add(connection_id)
        step.done += 1
        step.after = strict_json.dumps([connection_id, record.side, record.kind, record.id])
    return step


def _recover(session: Session, job: BulkJob, now: datetime) -> Step:
    """Both logs are read from that moment on, and every record that an event spoke of since is looked at again."""
    connection_id = job.filter["connection"]
    step = Step(job.after, over=False, connections={connection_id})
    if not job.after:
        since = parse_instant(job.filter["since"])
        cursor = events.last_of(session, connection_id, Side.RAVETREE, job.filter["first"])
        connections.set_back(session, connection_id, since, cursor)
        for duty in (duties.EVENTS, duties.CHANGES):
            storage_duties.schedule(session, connection_id, duty.name, now)
    after = int(job.after or job.filter["first"])
    rows = events.of_connection(session, connection_id, after, job.filter["last"], 10 * BATCH)
    records = {Record(Side(row.source), Kind(row.kind), row.subject) for row in rows}
    for record in sorted(records, key=str):
        pending.note(session, connection_id, record, now, must_read=record.side is Side.QUICKBOOKS)
    step.done, step.over = len(rows), len(rows) < 10 * BATCH
    step.after = str(rows[-1].id if rows else after)
    return step
