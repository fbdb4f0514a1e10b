"""Jobs: work over many records that a person began, resumable, with progress and a report."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reconcile.model import Kind, Record, Side
from storage import connections, paging
from storage.database import StorageError, insert
from storage.models import Connection, Job, JobRecord
from storage.paging import Asked, Page
from storage.statements import any_given, given

IMPORT_CONTACTS = "import_contacts"
BACKFILL = "backfill"

RUNNING, PAUSED, STOPPED, DONE = "running", "paused", "stopped", "done"
LISTED, QUEUED = "", "queued"
"""Outcomes of a record of which the end is still to come."""


OUTCOMES = ("agreed", "already", "held", "ignored", "parked", QUEUED, "waiting")
"""What becomes of a record of a job; one that is to come has none yet."""


class UnknownJob(StorageError):
    """No job has this id."""

    remedy = "List the jobs of the connection."


class JobRefused(StorageError):
    """The job cannot do that in its state."""

    remedy = "Look at the job's state first."


def begin(session: Session, connection_id: str, kind: str, params: Mapping[str, Any], by: str, now: datetime) -> Job:
    """Begin a job; one of each kind at a time for a connection. Raises `JobRefused`, and `NotActive` if archived."""
    connections.get_current(session, connection_id)
    # Two that begin at once take turns.
    session.execute(sa.select(Connection.id).where(Connection.id == connection_id).with_for_update(key_share=True))
    under_way = session.execute(
        sa.select(Job).where(Job.connection_id == connection_id, Job.kind == kind, Job.state.in_([RUNNING, PAUSED]))
    ).scalar_one_or_none()
    if under_way is not None:
        raise JobRefused(f"job {under_way.id} of this kind is {under_way.state}", remedy="Wait for it, or stop it.")
    job = Job(
        connection_id=connection_id,
        kind=kind,
        state=RUNNING,
        params=dict(params),
        due_at=now,
        by=by,
        created_at=now,
        updated_at=now,
    )
    session.add(job)
    session.flush()
    return job


def get(session: Session, connection_id: str, job_id: int) -> Job:
    """One job. Raises `UnknownJob`."""
    job = session.get(Job, job_id)
    if job is None or job.connection_id != connection_id:
        raise UnknownJob(f"connection {connection_id} has no job {job_id}")
    return job


def every(session: Session, connection_id: str) -> Sequence[Job]:
    """All jobs of a connection, newest first."""
    return session.execute(_of(connection_id).order_by(Job.id.desc())).scalars().all()


def page(session: Session, connection_id: str, asked: Asked) -> Page[Job]:
    """Jobs of a connection, newest first."""
    return paging.select(session, _of(connection_id), [Job.id], asked, descending=True)


def count_running(session: Session, connection_id: str) -> int:
    """How many jobs of a connection are running."""
    query = sa.select(sa.func.count()).select_from(Job).where(Job.connection_id == connection_id, Job.state == RUNNING)
    return session.execute(query).scalar_one()


def _of(connection_id: str) -> sa.Select[Job]:
    return sa.select(Job).where(Job.connection_id == connection_id)


def due(session: Session, connection_id: str, now: datetime) -> Sequence[Job]:
    """The running jobs that may go on now."""
    return session.execute(_DUE, {"connection_id": connection_id, "now": now}).scalars().all()


_DUE = (
    sa.select(Job)
    .where(Job.connection_id == given("connection_id"), Job.state == RUNNING, Job.due_at <= given("now"))
    .order_by(Job.id)
)


def postpone(session: Session, connection_id: str, until: datetime) -> None:
    """No running job of this connection goes on before `until`."""
    session.execute(
        sa.update(Job)
        .where(Job.connection_id == connection_id, Job.state == RUNNING, Job.due_at < until)
        .values(due_at=until)
        .execution_options(synchronize_session=False)
    )


_MOVES = {"pause": ((RUNNING,), PAUSED), "resume": ((PAUSED,), RUNNING), "stop": ((RUNNING, PAUSED), STOPPED)}


def move(session: Session, connection_id: str, job_id: int, verb: str, now: datetime) -> Job:
    """`pause`, `resume` or `stop` a job. Raises `JobRefused`."""
    connections.get_current(session, connection_id)
    job = get(session, connection_id, job_id)
    before, after = _MOVES[verb]
    if job.state not in before:
        raise JobRefused(f"job {job_id} is {job.state}: it cannot {verb}")
    job.state, job.updated_at, job.due_at = after, now, now
    return job


# --- its records ---------------------------------------------------------------------------------


def add_records(session: Session, job: Job, named: Mapping[Record, str], now: datetime) -> None:
    """List records that the job is to look at; those that it has already stay as they are."""
    for record, name in named.items():
        session.execute(
            insert(session, JobRecord)
            .values(
                job_id=job.id,
                subject=str(record),
                connection_id=job.connection_id,
                name=name[:255],
                outcome=LISTED,
                text="",
                updated_at=now,
            )
            .on_conflict_do_nothing(index_elements=["job_id", "subject"])
        )


def note_outcome(session: Session, job: Job, record: Record, outcome: str, text: str, now: datetime) -> None:
    """What became of a record without any work on it."""
    session.execute(
        sa.update(JobRecord)
        .where(JobRecord.job_id == job.id, JobRecord.subject == str(record))
        .values(outcome=outcome, text=text, updated_at=now)
    )


def take(session: Session, job: Job, limit: int, now: datetime) -> list[Record]:
    """The next records to look at, as long as less than `limit` are under way; they are under way from now on."""
    under_way = _count(session, job.id, QUEUED)
    rows = session.execute(
        sa.select(JobRecord)
        .where(JobRecord.job_id == job.id, JobRecord.outcome == LISTED)
        .order_by(JobRecord.subject)
        .limit(max(0, limit - under_way))
    ).scalars()
    taken = []
    for row in rows:
        row.outcome, row.updated_at = QUEUED, now
        side, kind, record_id = row.subject.split(":", 2)
        taken.append(Record(Side(side), Kind(kind), record_id))
    return taken


def conclude(
    session: Session, connection_id: str, records: Iterable[Record], outcome: str, text: str, now: datetime
) -> None:
    """The work on a record has ended so: every job that looked at it says it, also when it ends otherwise later."""
    names = [str(record) for record in records]
    became = {"became": outcome, "because": text, "now": now}
    session.execute(_CONCLUDE, {"connection": connection_id, "names": names} | became)


_CONCLUDE = (
    sa.update(JobRecord)
    .where(
        JobRecord.connection_id == given("connection"),
        JobRecord.subject.in_(any_given("names")),
        JobRecord.outcome != LISTED,
    )
    .values(outcome=given("became"), text=given("because"), updated_at=given("now"))
    .execution_options(synchronize_session=False)
)


def finish_if_over(session: Session, job: Job, now: datetime, again: timedelta) -> bool:
    """End a job whose records are all listed and have all been looked at; else say when to go on."""
    left = _count(session, job.id, LISTED) + _count(session, job.id, QUEUED)
    if job.listed and not left:
        job.state, job.updated_at = DONE, now
        return True
    job.due_at = now + again
    return False


def counts(session: Session, job_id: int) -> dict[str, int]:
    """How many records ended how; `left` are still to come."""
    rows = session.execute(
        sa.select(JobRecord.outcome, sa.func.count()).where(JobRecord.job_id == job_id).group_by(JobRecord.outcome)
    )
    found: dict[str, int] = {"left": 0}
    for outcome, count in rows:
        name = "left" if outcome in (LISTED, QUEUED) else outcome
        found[name] = found.get(name, 0) + count
    return found


def records(session: Session, job_id: int, asked: Asked, outcome: str | None = None) -> Page[JobRecord]:
    """Records of a job in the order of their names, all or those with one outcome."""
    query = sa.select(JobRecord).where(JobRecord.job_id == job_id)
    if outcome is not None:
        query = query.where(JobRecord.outcome == outcome)
    return paging.select(session, query, [JobRecord.subject], asked)


def _count(session: Session, job_id: int, outcome: str) -> int:
    return session.execute(
        sa.select(sa.func.count())
        .select_from(JobRecord)
        .where(JobRecord.job_id == job_id, JobRecord.outcome == outcome)
    ).scalar_one()
