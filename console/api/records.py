"""Records that wait for a person, and what a person says of them."""

import threading
from datetime import datetime
from typing import Any

from flask_smorest import Blueprint
from sqlalchemy.orm import Session

from console.api import shapes
from console.api.serving import NoSuchRecord, Serving
from reconcile.model import Record
from schemas.ids import record_of
from storage import brakes, connections, decisions, pairs, pending, steps
from storage.decisions import Said
from storage.models import Connection, PendingChange

RETRYING = "retrying"
"""How a record is shown that has failed for an hour and is tried on."""
WAITING_CALLERS = 6
"""Callers of the button that may wait at a time: the server's other threads stay free for webhooks and health."""
SYNC_POLL_SECONDS = 0.1


def blueprint(serving: Serving) -> Blueprint:
    """What waits for a person, and the decisions."""
    routes = Blueprint(
        "attention",
        __name__,
        url_prefix="/api/connections/<connection_id>",
        description="What waits for a person",
    )
    database = serving.database
    places = threading.BoundedSemaphore(WAITING_CALLERS)

    @routes.get("/attention")
    @routes.response(200, shapes.AttentionShape(many=True))
    def attention(connection_id: str) -> list[dict[str, Any]]:
        """What waits for a person, and the connection itself if it gets no further."""
        with database.transaction() as session:
            connection = connections.get(session, connection_id)
            stands = _stands_still(session, connection) + _fails(connection, serving.clock.now())
            return stands + [_waiting(row) for row in pending.attention(session, connection_id)]

    @routes.post("/records/<side>/<kind>/<record_id>/retry")
    @routes.response(202)
    def retry(connection_id: str, side: str, kind: str, record_id: str) -> None:
        record = record_of(side, kind, record_id)
        with database.transaction() as session:
            connections.get(session, connection_id)
            if not decisions.retry(session, connection_id, record, serving.clock.now()):
                raise NoSuchRecord(f"nothing waits for {record}")
        serving.nudge(connection_id)

    @routes.post("/records/<side>/<kind>/<record_id>/decision")
    @routes.arguments(shapes.DecisionRequest)
    @routes.response(202)
    def decide(body: dict[str, str], connection_id: str, side: str, kind: str, record_id: str) -> None:
        record = record_of(side, kind, record_id)
        if body["decision"] in decisions.AT_ANY_TIME:
            check_is_there(connection_id, record)
        with database.transaction() as session:
            connections.get(session, connection_id)
            if not decisions.decide(session, connection_id, record, Said(**body), serving.clock.now()):
                raise NoSuchRecord(f"nothing waits for {record}")
        serving.nudge(connection_id)

    @routes.get("/records/<side>/<kind>/<record_id>/preview")
    @routes.arguments(shapes.PreviewQuery, location="query")
    @routes.response(200, shapes.Preview)
    def preview(query: dict[str, str], connection_id: str, side: str, kind: str, record_id: str) -> dict[str, Any]:
        record = record_of(side, kind, record_id)
        check_is_there(connection_id, record)
        return serving.previews.record(connection_id, record, query["decision"], query["target"])

    @routes.post("/records/<side>/<kind>/<record_id>/sync")
    @routes.arguments(shapes.SyncRequest)
    @routes.response(200, shapes.SyncAnswer)
    def sync(body: dict[str, Any], connection_id: str, side: str, kind: str, record_id: str) -> dict[str, str]:
        """The button: asks for the record, and waits a little for what becomes of it."""
        record = record_of(side, kind, record_id)
        with database.transaction() as session:
            connection = connections.get_current(session, connection_id)
            why = _why_not_now(session, connection)
        # Who finds no place to wait has not even looked whether there is such a record: that waits for a neighbour.
        has_place = places.acquire(blocking=False)
        try:
            if has_place and connection.state != connections.DISCONNECTED:
                check_is_there(connection_id, record)
            with database.transaction() as session:
                decisions.request_sync(session, connection_id, record, serving.clock.now(), body["by"])
            serving.nudge(connection_id)
            if why:
                return {"outcome": "paused", "message": why, "remedy": "It goes on by itself afterwards."}
            return wait_for(connection_id, record, body["wait_seconds"] if has_place else 0.0)
        finally:
            if has_place:
                places.release()

    def wait_for(connection_id: str, record: Record, seconds: float) -> dict[str, str]:
        """What became of a record, as soon as it is no longer pending or `seconds` are over."""
        deadline = serving.clock.monotonic() + seconds
        while (answer := became(connection_id, record))["outcome"] == "pending":
            if serving.clock.monotonic() >= deadline:
                break
            serving.clock.sleep(SYNC_POLL_SECONDS)
        return answer

    def check_is_there(connection_id: str, record: Record) -> None:
        with database.transaction() as session:
            connections.check_connected(session, connection_id)
        if not serving.previews.is_there(connection_id, record):
            raise NoSuchRecord(
                f"{record.side.spelled} has no {record.kind} {record.id}", remedy="Look its id up there."
            )

    def became(connection_id: str, record: Record) -> dict[str, str]:
        with database.transaction() as session:
            return _became(session, connection_id, record)

    return routes


def _waiting(row: PendingChange) -> dict[str, Any]:
    state = RETRYING if row.state == pending.DUE else row.state
    names = ("side", "kind", "record_id", "code", "cause", "remedy", "updated_at")
    return {name: getattr(row, name) for name in names} | {"state": state}


def _stands_still(session: Session, connection: Connection) -> list[dict[str, Any]]:
    """The connection as one more row, of no side, while an unexpected error, or an operator, holds all of it up."""
    said = connections.condition(session, connection)
    stopped = brakes.pulled(session)
    if said.state == connections.STALLED:
        code, since = said.state, connection.stalled_since
    elif stopped is not None and connection.state == connections.ACTIVE:
        code, since = "all_paused", stopped.at
    else:
        return []
    row = {"side": "", "kind": "connection", "record_id": connection.id, "updated_at": since}
    return [row | {"state": said.state, "code": code, "cause": said.cause, "remedy": said.remedy}]


def _fails(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    """What is looked at by the clock and has failed for an hour."""
    row = {"side": "", "kind": "connection", "record_id": connection.id, "state": RETRYING, "code": "look_failing"}
    return [
        row | {"updated_at": look.since, "cause": look.cause, "remedy": look.remedy}
        for look in connections.failing_looks(connection, now)
    ]


def _why_not_now(session: Session, connection: Connection) -> str:
    said = connections.condition(session, connection)
    if said.state in (connections.ACTIVE, connections.VERIFYING, connections.STALLED):
        return ""
    return said.cause or f"The connection is {said.state}."


def _became(session: Session, connection_id: str, record: Record) -> dict[str, str]:
    """What the last work on a record came to, in words for a bookkeeper."""
    rows = pending.rows(session, connection_id, pairs.names(session, connection_id, record))
    waiting = next((row for row in rows if row.state != pending.DUE), None)
    if waiting is not None:
        return {"outcome": waiting.state, "message": waiting.cause, "remedy": waiting.remedy}
    if rows:
        cause = next((row.cause for row in rows if row.cause), "It is being worked on.")
        return {"outcome": "pending", "message": cause, "remedy": "Nothing to do: it goes on by itself."}
    last = next(iter(reversed(steps.of(session, connection_id, [record]))), None)
    if last is not None and last.what == "ignored":
        return {"outcome": "ignored", "message": f"Nothing was done: {last.text}.", "remedy": ""}
    return {"outcome": "synced", "message": "Both books agree on it.", "remedy": ""}
