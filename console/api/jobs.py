"""Jobs: contact import and back-fill, with preview, progress and report."""

from typing import Any

from console.api import examples, shapes
from console.api.idempotent import PARAMETER, repeatable
from console.api.paging import PageQuery, asked, page_of
from console.api.serving import View, blueprint
from storage.models import JobRecord
from storage.paging import Page
from sync.actions.jobs import JobView

routes = blueprint("jobs", "/api/connections/<connection_id>/jobs", "Work over many records")


@routes.route("")
class Jobs(View):
    """The jobs of a connection."""

    @routes.doc(operationId="listJobs")
    @routes.arguments(PageQuery, location="query")
    @routes.response(200, page_of(shapes.JobShape, "jobs"), example=examples.page(examples.JOB))
    def get(self, query: dict[str, Any], connection_id: str) -> Page[JobView]:
        """List the jobs

        Newest first, each with how many of its records ended how.
        """
        return self.actions.jobs.page(connection_id, asked(query))

    @routes.doc(operationId="beginJob", parameters=[PARAMETER])
    @routes.arguments(shapes.JobRequest, example=examples.JOB_REQUEST)
    @routes.response(201, shapes.JobShape, example=examples.JOB)
    @repeatable(shapes.JobShape)
    def post(self, body: dict[str, Any], connection_id: str) -> JobView:
        """Begin a job

        A back-fill pushes what is older than the switch-on, an import of contacts makes or matches a contact for every
        customer. One of each kind at a time. Sent again under its `Idempotency-Key` within 24 h it is
        answered alike, and begins nothing.
        """
        kind, by = body.pop("kind"), body.pop("by")
        return self.actions.jobs.begin(connection_id, kind, body, by)


@routes.route("/preview")
class JobPreview(View):
    """A job before it begins."""

    @routes.doc(operationId="previewJob")
    @routes.arguments(shapes.PreviewRequest, example=examples.JOB_REQUEST)
    @routes.response(200, shapes.BackfillPreview, example=examples.JOB_PREVIEW)
    def post(self, body: dict[str, Any], connection_id: str) -> dict[str, Any]:
        """Preview a job

        What it would do: `counts` by outcome, and the first 200 records one by one. Writes nothing.
        """
        return self.actions.jobs.preview(connection_id, body.pop("kind"), body)


@routes.route("/<int(max=9223372036854775807):job_id>")
class Job(View):
    """One job."""

    @routes.doc(operationId="getJob")
    @routes.response(200, shapes.JobShape, example=examples.JOB)
    def get(self, connection_id: str, job_id: int) -> JobView:
        """Show one job

        Its state, what was asked, and how many of its records ended how.
        """
        return self.actions.jobs.one(connection_id, job_id)


@routes.route("/<int(max=9223372036854775807):job_id>/records")
class JobRecords(View):
    """A job's report."""

    @routes.doc(operationId="listJobRecords")
    @routes.arguments(shapes.JobRecordsQuery, location="query")
    @routes.response(
        200, page_of(shapes.JobRecordShape, "records of a job"), example=examples.page(examples.JOB_RECORD)
    )
    def get(self, query: dict[str, Any], connection_id: str, job_id: int) -> Page[JobRecord]:
        """List the records of a job

        By name, all or those with one outcome; a record that is still to come has none.
        """
        return self.actions.jobs.records(connection_id, job_id, asked(query), query.get("outcome"))


@routes.route("/<int(max=9223372036854775807):job_id>/<any(pause, resume, stop):verb>")
class JobMove(View):
    """Pause, resume or stop a job."""

    @routes.doc(operationId="moveJob")
    @routes.response(200, shapes.JobShape, example=examples.JOB)
    def post(self, connection_id: str, job_id: int, verb: str) -> JobView:
        """Pause, resume or stop a job

        Refused in a state that does not allow it. What is handed over already goes on.
        """
        return self.actions.jobs.move(connection_id, job_id, verb)
