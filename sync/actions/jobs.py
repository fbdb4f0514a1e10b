"""What a person does with work over many records: look before it, begin it, move it on, read its report."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from config.ports import Clock
from storage import connections, jobs, switches
from storage.database import Database, again_when_contended
from storage.models import Connection, Job, JobRecord
from storage.paging import Asked, Page
from sync.jobs import spelled
from sync.questions.previews import Previews


@dataclass(frozen=True)
class JobView:
    """A job as a person sees it: `params` is what was asked, `counts` how many records ended how."""

    id: int
    kind: str
    state: str
    params: Mapping[str, Any]
    by: str
    created_at: datetime
    updated_at: datetime
    listed: bool
    counts: Mapping[str, int]


@dataclass(frozen=True)
class JobActions:
    """The jobs of a connection."""

    database: Database
    clock: Clock
    previews: Previews
    nudge: Callable[[str], None]

    def page(self, connection_id: str, asked: Asked) -> Page[JobView]:
        """Jobs, newest first."""
        with self.database.reading() as session:
            connections.get(session, connection_id)
            found = jobs.page(session, connection_id, asked)
            return Page([_view(session, job) for job in found.rows], found.next)

    def every(self, connection_id: str) -> list[JobView]:
        """All jobs, newest first."""
        with self.database.reading() as session:
            connections.get(session, connection_id)
            return [_view(session, job) for job in jobs.every(session, connection_id)]

    def one(self, connection_id: str, job_id: int) -> JobView:
        """One job. Raises `UnknownJob`."""
        with self.database.reading() as session:
            connections.get(session, connection_id)
            return _view(session, jobs.get(session, connection_id, job_id))

    def preview(self, connection_id: str, kind: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """What a job would do: `counts` by outcome, and the first `records` one by one."""
        with self.database.reading() as session:
            params = _as_offered(connections.get(session, connection_id), params)
        return self.previews.job(connection_id, kind, params)

    @again_when_contended
    def begin(self, connection_id: str, kind: str, params: Mapping[str, Any], by: str) -> JobView:
        """Begin a job. Raises `JobRefused` while one of its kind is under way, and `NotActive` if archived."""
        with self.database.transaction() as session:
            params = _as_offered(connections.get(session, connection_id), params)
            job = jobs.begin(session, connection_id, kind, params, by, self.clock.now())
            shown = _view(session, job)
        self.nudge(connection_id)
        return shown

    @again_when_contended
    def move(self, connection_id: str, job_id: int, verb: str) -> JobView:
        """`pause`, `resume` or `stop` a job. Raises `JobRefused` when its state does not allow that."""
        with self.database.transaction() as session:
            shown = _view(session, jobs.move(session, connection_id, job_id, verb, self.clock.now()))
        self.nudge(connection_id)
        return shown

    def records(self, connection_id: str, job_id: int, asked: Asked, outcome: str | None = None) -> Page[JobRecord]:
        """The report: records of a job, all or those with one outcome. Raises `UnknownJob`."""
        with self.database.reading() as session:
            jobs.get(session, connection_id, job_id)
            return jobs.records(session, job_id, asked, outcome)


def _as_offered(connection: Connection, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`made_while_waiting` as what it stands for now: the kinds that waited, and when what is offered was made."""
    rest = {name: value for name, value in params.items() if name != "made_while_waiting"}
    if not params.get("made_while_waiting"):
        return rest
    windows = switches.made_while_waiting(connection)
    if not windows:
        raise jobs.JobRefused(
            "nothing is offered that was made between a tick and its taking effect",
            remedy="Name dates or statuses instead.",
        )
    return rest | {"kinds": [str(kind) for kind in windows], "made": spelled(windows)}


def _view(session: Session, job: Job) -> JobView:
    return JobView(
        job.id,
        job.kind,
        job.state,
        job.params,
        job.by,
        job.created_at,
        job.updated_at,
        job.listed,
        jobs.counts(session, job.id),
    )
