"""For operators: events that were kept aside, and dead letters."""

from collections.abc import Sequence

import sqlalchemy as sa
from flask_smorest import Blueprint

from console.api import shapes
from console.api.serving import NoSuchRecord, Serving
from schemas import envelopes
from storage import brakes, dead_letters, inbox
from storage.models import DeadLetter, Event


def blueprint(serving: Serving) -> Blueprint:
    """`/api/events`, `/api/dead-letters`."""
    routes = Blueprint("operations", __name__, url_prefix="/api", description="Events and dead letters")
    database = serving.database

    @routes.get("/events/kept-aside")
    @routes.arguments(shapes.KeptAsideQuery, location="query")
    @routes.response(200, shapes.EventShape(many=True))
    def kept_aside(query: dict[str, str]) -> list[Event]:
        """The last 200 of each outcome, or of one, newest first."""
        outcomes = (query["outcome"],) if "outcome" in query else inbox.ASIDE
        with database.transaction() as session:
            return inbox.kept_aside(session, outcomes=outcomes)

    @routes.get("/dead-letters")
    @routes.response(200, shapes.DeadLetterShape(many=True))
    def dead() -> Sequence[DeadLetter]:
        with database.transaction() as session:
            return dead_letters.waiting(session)

    @routes.post("/dead-letters/<int(max=9223372036854775807):letter_id>/redrive")
    @routes.response(202)
    def redrive(letter_id: int) -> None:
        with database.transaction() as session:
            letter = session.get(DeadLetter, letter_id)
        if letter is None:
            raise NoSuchRecord(f"there is no dead letter {letter_id}", remedy="List them at `/api/dead-letters`.")
        serving.publisher.publish([envelopes.decode(letter.body)])
        with database.transaction() as session:
            session.execute(
                sa.update(DeadLetter).where(DeadLetter.id == letter_id).values(redriven_at=serving.clock.now())
            )

    @routes.post("/pause")
    @routes.arguments(shapes.PauseRequest)
    @routes.response(204)
    def pause_all(body: dict[str, str]) -> None:
        """Stop every write of this installation, before the next one is sent."""
        with database.transaction() as session:
            brakes.pull(session, body["cause"], body["by"], serving.clock.now())

    @routes.post("/resume")
    @routes.response(204)
    def resume_all() -> None:
        with database.transaction() as session:
            brakes.release(session)

    return routes
