"""What an operator does to many at once: begun, taken further, ended; a row each, which stays."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage.database import StorageError
from storage.models import BulkJob

RUNNING, DONE, STOPPED = "running", "done", "stopped"


class UnknownBulkJob(StorageError):
    """No such job."""

    remedy = "See the newest ones on the page Dead letters."


def begin(session: Session, what: str, wanted: Mapping[str, Any], total: int, by: str, now: datetime) -> BulkJob:
    """Begin one."""
    job = BulkJob(
        what=what, filter=dict(wanted), state=RUNNING, total=total, by=by[:255], created_at=now, updated_at=now
    )
    session.add(job)
    session.flush()
    return job


def get(session: Session, job_id: int) -> BulkJob:
    """One job. Raises `UnknownBulkJob`."""
    found = session.get(BulkJob, job_id)
    if found is None:
        raise UnknownBulkJob(f"there is no job {job_id}")
    return found


def newest(session: Session, limit: int) -> Sequence[BulkJob]:
    """The newest jobs first."""
    return session.execute(sa.select(BulkJob).order_by(BulkJob.id.desc()).limit(limit)).scalars().all()


def running(session: Session) -> BulkJob | None:
    """The oldest that is under way."""
    query = sa.select(BulkJob).where(BulkJob.state == RUNNING).order_by(BulkJob.id).limit(1)
    return session.execute(query).scalar_one_or_none()


def go_on(
    session: Session, job: BulkJob, now: datetime, *, after: str, done: int, failed: int, error: str, over: bool
) -> bool:
    """It got as far as `after`; False when somebody else has taken it further, or stopped it, meanwhile."""
    result = session.execute(
        sa.update(BulkJob)
        .where(BulkJob.id == job.id, BulkJob.after == job.after, BulkJob.state == RUNNING)
        .values(
            after=after,
            done=BulkJob.done + done,
            failed=BulkJob.failed + failed,
            last_error=error or BulkJob.last_error,
            state=DONE if over else RUNNING,
            updated_at=now,
        )
        .execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]  # an UPDATE's result counts rows


def stop(session: Session, job_id: int, now: datetime) -> None:
    """Take it no further: what was done stays done."""
    job = get(session, job_id)
    if job.state == RUNNING:
        job.state, job.updated_at = STOPPED, now
