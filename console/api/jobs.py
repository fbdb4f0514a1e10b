"""Jobs: contact import and back-fill, with preview, progress and report."""

from collections.abc import Sequence
from typing import Any

from flask_smorest import Blueprint
from sqlalchemy.orm import Session

from console.api import shapes
from console.api.serving import Serving
from storage import connections, jobs
from storage.models import Job, JobRecord


def blueprint(serving: Serving) -> Blueprint:
    """`/api/connections/ID/jobs`."""
    routes = Blueprint(
        "jobs", __name__, url_prefix="/api/connections/<connection_id>/jobs", description="Work over many records"
    )
    database = serving.database

    @routes.get("")
    @routes.response(200, shapes.JobShape(many=True))
    def listing(connection_id: str) -> list[dict[str, Any]]:
        with database.transaction() as session:
            connections.get(session, connection_id)
            return [_show(session, job) for job in jobs.every(session, connection_id)]

    @routes.post("")
    @routes.arguments(shapes.JobRequest)
    @routes.response(201, shapes.JobShape)
    def begin(body: dict[str, Any], connection_id: str) -> dict[str, Any]:
        kind, by = body.pop("kind"), body.pop("by")
        with database.transaction() as session:
            connections.get(session, connection_id)
            job = jobs.begin(session, connection_id, kind, body, by, serving.clock.now())
            shown = _show(session, job)
        serving.nudge(connection_id)
        return shown

    @routes.post("/preview")
    @routes.arguments(shapes.PreviewRequest)
    @routes.response(200, shapes.BackfillPreview)
    def preview(body: dict[str, Any], connection_id: str) -> dict[str, Any]:
        return serving.previews.job(connection_id, body.pop("kind"), body)

    @routes.get("/<int(max=9223372036854775807):job_id>")
    @routes.response(200, shapes.JobShape)
    def one(connection_id: str, job_id: int) -> dict[str, Any]:
        with database.transaction() as session:
            return _show(session, jobs.get(session, connection_id, job_id))

    @routes.get("/<int(max=9223372036854775807):job_id>/records")
    @routes.arguments(shapes.JobRecordsQuery, location="query")
    @routes.response(200, shapes.JobRecordShape(many=True))
    def records(query: dict[str, str], connection_id: str, job_id: int) -> Sequence[JobRecord]:
        with database.transaction() as session:
            jobs.get(session, connection_id, job_id)
            return jobs.records(session, job_id, query.get("outcome"))

    @routes.post("/<int(max=9223372036854775807):job_id>/<any(pause, resume, stop):verb>")
    @routes.response(200, shapes.JobShape)
    def move(connection_id: str, job_id: int, verb: str) -> dict[str, Any]:
        with database.transaction() as session:
            shown = _show(session, jobs.move(session, connection_id, job_id, verb, serving.clock.now()))
        serving.nudge(connection_id)
        return shown

    return routes


def _show(session: Session, job: Job) -> dict[str, Any]:
    names = ("id", "kind", "state", "params", "by", "created_at", "updated_at", "listed")
    return {name: getattr(job, name) for name in names} | {"counts": jobs.counts(session, job.id)}
