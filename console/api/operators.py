"""For operators: every write stopped, events that were kept aside, and dead letters."""

from typing import Any

from console.api import examples, shapes
from console.api.paging import PageQuery, asked, page_of
from console.api.serving import View, blueprint
from storage.models import DeadLetter, Event
from storage.paging import Page

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
    @routes.arguments(PageQuery, location="query")
    @routes.response(200, page_of(shapes.DeadLetterShape, "dead letters"), example=examples.page(examples.DEAD_LETTER))
    def get(self, query: dict[str, Any]) -> Page[DeadLetter]:
        """List dead letters

        Those that nobody has published again, oldest first.
        """
        return self.actions.installation.dead_letters(asked(query))


@routes.route("/dead-letters/<int(max=9223372036854775807):letter_id>/redrive")
class Redrive(View):
    """A dead letter once more."""

    @routes.doc(operationId="redriveDeadLetter")
    @routes.response(202)
    def post(self, letter_id: int) -> None:
        """Publish a dead letter again

        After the repair. It no longer waits once it is safe.
        """
        self.actions.installation.redrive(letter_id)


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
