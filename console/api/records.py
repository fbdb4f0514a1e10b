"""Records that wait for a person, and what a person says of them."""

from typing import Any

from console.api import examples, shapes
from console.api.paging import PageQuery, asked, page_of
from console.api.serving import View, blueprint, serving
from schemas.ids import record_of
from storage.decisions import Said
from storage.paging import Page
from sync.actions.records import AttentionView, Became

routes = blueprint("attention", "/api/connections/<connection_id>", "What waits for a person")


@routes.route("/attention")
class Attention(View):
    """What waits for a person."""

    @routes.doc(operationId="listAttention")
    @routes.arguments(PageQuery, location="query")
    @routes.response(200, page_of(shapes.AttentionShape, "what waits"), example=examples.page(examples.ATTENTION))
    def get(self, query: dict[str, Any], connection_id: str) -> Page[AttentionView]:
        """List what waits for a person

        Newest last; before it the connection itself, if it gets no further.
        """
        return self.actions.records.attention(connection_id, asked(query))


@routes.route("/records/<side>/<kind>/<record_id>/retry")
class Retry(View):
    """Another look."""

    @routes.doc(operationId="retryRecord")
    @routes.response(202)
    def post(self, connection_id: str, side: str, kind: str, record_id: str) -> None:
        """Look at a record now

        With a fresh read. Only what waits can be retried.
        """
        self.actions.records.retry(connection_id, record_of(side, kind, record_id))


@routes.route("/records/<side>/<kind>/<record_id>/decision")
class Decision(View):
    """What a person says."""

    @routes.doc(operationId="decideRecord")
    @routes.arguments(shapes.DecisionRequest, example=examples.DECISION)
    @routes.response(202)
    def post(self, body: dict[str, str], connection_id: str, side: str, kind: str, record_id: str) -> None:
        """Decide what a record asks

        The question lists the decisions that it takes. `push`, `link` and `unlink` need nothing that waits.
        """
        self.actions.records.decide(connection_id, record_of(side, kind, record_id), Said(**body))


@routes.route("/records/<side>/<kind>/<record_id>/preview")
class Preview(View):
    """What would happen."""

    @routes.doc(operationId="previewRecord")
    @routes.arguments(shapes.PreviewQuery, location="query")
    @routes.response(200, shapes.Preview, example=examples.PREVIEW)
    def get(self, query: dict[str, str], connection_id: str, side: str, kind: str, record_id: str) -> dict[str, Any]:
        """Preview a record

        What its next sync, or `decision`, would do. Writes nothing.
        """
        record = record_of(side, kind, record_id)
        return self.actions.records.preview(connection_id, record, query["decision"], query["target"])


@routes.route("/records/<side>/<kind>/<record_id>/sync")
class Sync(View):
    """The button."""

    @routes.doc(operationId="syncRecord")
    @routes.arguments(shapes.SyncRequest, example=examples.SYNC)
    @routes.response(200, shapes.SyncAnswer, example=examples.SYNCED)
    def post(self, body: dict[str, Any], connection_id: str, side: str, kind: str, record_id: str) -> Became:
        """Press "Sync to QuickBooks"

        Asks for the record, and waits a little for what becomes of it. Six callers of one process wait at a time; the
        next one is answered as it stands.
        """
        record, places = record_of(side, kind, record_id), serving().places
        # Who finds no place to wait has not even looked whether there is such a record: that waits for a neighbour.
        has_place = places.acquire(blocking=False)
        try:
            seconds = body["wait_seconds"] if has_place else 0.0
            return self.actions.records.ask_for(connection_id, record, body["by"], wait_seconds=seconds, look=has_place)
        finally:
            if has_place:
                places.release()
