"""For operators: is it well, what is stopped, events that were kept aside, dead letters, and work over many."""

from typing import Any

from flask import g

from console.api import examples, shapes
from console.api.paging import asked, page_of
from console.api.serving import View, blueprint
from schemas.times import spell_instant
from storage.models import BulkJob, DeadLetter, Event
from storage.paging import Page
from sync.actions.watching import Wellness

routes = blueprint("operations", "/api", "The installation as a whole")


@routes.route("/events/kept-aside")
class KeptAside(View):
    """Events that were not followed."""

    @routes.doc(operationId="listEventsKeptAside")
    @routes.arguments(shapes.KeptAsideQuery, location="query")
    @routes.response(200, page_of(shapes.EventShape, "events"), example=examples.page(examples.EVENT))
    def get(self, query: dict[str, Any]) -> Page[Event]:
        """List events that were kept aside

        Those that nobody can use first, then those of unknown accounts, then those that are ignored; of each the newest
        first. `outcome` asks for one of the three.
        """
        return self.actions.installation.kept_aside(asked(query), query.get("outcome"))


@routes.route("/dead-letters")
class DeadLetters(View):
    """Messages that could not be handled."""

    @routes.doc(operationId="listDeadLetters")
    @routes.arguments(shapes.DeadLettersQuery, location="query")
    @routes.response(200, page_of(shapes.DeadLetterShape, "dead letters"), example=examples.page(examples.DEAD_LETTER))
    def get(self, query: dict[str, Any]) -> Page[DeadLetter]:
        """List dead letters

        Those that nobody has published again or discarded, oldest first; `fingerprint` asks for those of one group.
        """
        return self.actions.many.letters(asked(query), query["fingerprint"])


@routes.route("/dead-letters/groups")
class DeadGroups(View):
    """Dead letters by what they died of."""

    @routes.doc(operationId="groupDeadLetters")
    @routes.response(200, shapes.DeadGroups, example=examples.DEAD_GROUPS)
    def get(self) -> dict[str, Any]:
        """Group dead letters by what they died of

        The largest group first. A bulk job drives one again, or discards it.
        """
        return {"groups": self.actions.many.dead()}


LETTER = "/dead-letters/<int(max=9223372036854775807):letter_id>"


@routes.route(f"{LETTER}/redrive")
class Redrive(View):
    """A dead letter once more."""

    @routes.doc(operationId="redriveDeadLetter")
    @routes.response(202)
    def post(self, letter_id: int) -> None:
        """Publish a dead letter again

        After the repair. It no longer waits once it is safe.
        """
        self.actions.installation.redrive(letter_id)


@routes.route(f"{LETTER}/discard")
class Discard(View):
    """A dead letter that nobody needs."""

    @routes.doc(operationId="discardDeadLetter")
    @routes.response(204)
    def post(self, letter_id: int) -> None:
        """Discard a dead letter

        Nothing is to be done about it. It waits no more, and stays readable in the console.
        """
        self.actions.many.discard(letter_id)


@routes.route("/status")
class Status(View):
    """Is it well?"""

    @routes.doc(operationId="getStatus")
    @routes.response(200, shapes.StatusShape, example=examples.STATUS)
    def get(self) -> Wellness:
        """Say whether it is well

        What the console's page *Is it well?* and `ravebooks status` say: each finding with its cause and its remedy.
        """
        return self.actions.watching.wellness()


@routes.route("/brakes")
class Brakes(View):
    """What is stopped."""

    @routes.doc(operationId="listBrakes")
    @routes.response(200, shapes.BrakesShape, example=examples.BRAKES)
    def get(self) -> dict[str, Any]:
        """List what is stopped

        Everything, a side or a kind of record; who stopped it, when and why.
        """
        return {"stopped": self.actions.watching.stopped()}


@routes.route("/brakes/<part>/pause")
class PausePart(View):
    """Stop a side, or a kind."""

    @routes.doc(operationId="pausePart")
    @routes.arguments(shapes.PauseRequest, example=examples.PAUSE)
    @routes.response(204)
    def post(self, body: dict[str, str], part: str) -> None:
        """Stop writes of a part

        `everything`, what is written to `quickbooks` or `ravetree`, or what is written of `contact`, `estimate`,
        `invoice` or `payment`. Before the next write is sent; what is under way is not called back.
        """
        self.actions.installation.stop_part(part, body["by"], body["cause"])


@routes.route("/brakes/<part>/resume")
class ResumePart(View):
    """Let a side, or a kind, go on."""

    @routes.doc(operationId="resumePart")
    @routes.response(204)
    def post(self, part: str) -> None:
        """Let writes of a part go on

        What waited for it is looked at again.
        """
        self.actions.installation.resume_part(part)


@routes.route("/parked")
class Parked(View):
    """What waits for a person."""

    @routes.doc(operationId="groupParked")
    @routes.response(200, shapes.ParkedGroups, example=examples.PARKED_GROUPS)
    def get(self) -> dict[str, Any]:
        """Group what waits for a person

        By question, in all connections. A bulk job looks at those of one again.
        """
        return {"groups": self.actions.many.parked()}


def _wanted(body: dict[str, Any]) -> dict[str, str]:
    """Which ones a body is about."""
    found = {name: body[name] for name in ("fingerprint", "code", "connection") if body[name]}
    return found | ({"since": spell_instant(body["since"])} if body["since"] else {})


@routes.route("/bulk-jobs/preview")
class BulkPreview(View):
    """How many it would be."""

    @routes.doc(operationId="previewBulkJob")
    @routes.arguments(shapes.BulkCountRequest, example=examples.BULK_COUNT_REQUEST)
    @routes.response(200, shapes.BulkCount, example=examples.BULK_COUNT)
    def post(self, body: dict[str, Any]) -> dict[str, int]:
        """Say how many a bulk job would be about

        As it stands now. Nothing is done.
        """
        return {"count": self.actions.many.count(shapes.BULK[body["what"]], _wanted(body))}


@routes.route("/bulk-jobs")
class BulkJobs(View):
    """Work over many."""

    @routes.doc(operationId="listBulkJobs")
    @routes.response(200, shapes.BulkJobs, example=examples.BULK_JOBS)
    def get(self) -> dict[str, Any]:
        """List the newest bulk jobs

        The ten that were begun last, newest first.
        """
        return {"jobs": self.actions.many.jobs()}

    @routes.doc(operationId="beginBulkJob")
    @routes.arguments(shapes.BulkRequest, example=examples.BULK_REQUEST)
    @routes.response(201, shapes.BulkJobShape, example=examples.BULK_JOB)
    def post(self, body: dict[str, Any]) -> BulkJob:
        """Begin a bulk job

        `redrive` or `discard` dead letters, `look_again` at what waits for a person, or `recover`: look again at
        everything of a connection from a moment on. It goes on by itself, also after a restart; what comes later is not
        among them.
        """
        wanted = _wanted(body)
        job = self.actions.many.begin_many(shapes.BULK[body["what"]], wanted, body["by"])
        g.subject = " ".join((f"job:{job.id}", body["what"], *wanted.values()))
        return job


@routes.route("/bulk-jobs/<int(max=9223372036854775807):job_id>")
class OneBulkJob(View):
    """One of them."""

    @routes.doc(operationId="getBulkJob")
    @routes.response(200, shapes.BulkJobShape, example=examples.BULK_JOB)
    def get(self, job_id: int) -> BulkJob:
        """Show a bulk job

        How far it is.
        """
        return self.actions.many.job(job_id)


@routes.route("/bulk-jobs/<int(max=9223372036854775807):job_id>/stop")
class StopBulkJob(View):
    """No further."""

    @routes.doc(operationId="stopBulkJob")
    @routes.response(204)
    def post(self, job_id: int) -> None:
        """Stop a bulk job

        What was done stays done.
        """
        self.actions.many.stop_many(job_id)


@routes.route("/pause")
class PauseAll(View):
    """Stop everything."""

    @routes.doc(operationId="pauseEverything")
    @routes.arguments(shapes.PauseRequest, example=examples.PAUSE)
    @routes.response(204)
    def post(self, body: dict[str, str]) -> None:
        """Stop every write of this installation

        Before the next one is sent; what is under way is not called back.
        """
        self.actions.installation.stop_all(body["by"], body["cause"])


@routes.route("/resume")
class ResumeAll(View):
    """Let everything go on."""

    @routes.doc(operationId="resumeEverything")
    @routes.response(204)
    def post(self) -> None:
        """Let writes go on

        What `pause` stopped.
        """
        self.actions.installation.resume_all()
