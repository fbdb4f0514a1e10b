"""The JSON API under `/api`, with one bearer token. Its OpenAPI document is served at `/api/openapi.json`."""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import Flask, Response, jsonify, request
from flask_smorest import Api, Blueprint
from sqlalchemy.orm import Session

from clients.errors import NeighbourError
from config.errors import RavebooksError
from config.ports import Clock
from console import shapes
from console.connecting import LINE_TYPE, TAX_RATE, Connecting, ConnectRefused, SwitchRefused
from publishers.port import NothingTakesIt, Publisher
from reconcile.model import Kind, Record, Side
from schemas import envelopes
from schemas.envelopes import UndecodableMessage
from storage import connections, dead_letters, decisions, inbox, journal, pending
from storage.connections import UnknownConnection
from storage.database import Database, DatabaseDown
from storage.models import Connection, DeadLetter, Event, Operation, PendingChange

STATUS: dict[type[RavebooksError], int] = {
    UnknownConnection: 404,
    ConnectRefused: 409,
    SwitchRefused: 409,
    UndecodableMessage: 409,
    DatabaseDown: 503,
    NothingTakesIt: 503,
    NeighbourError: 502,
}


class NoSuchRecord(RavebooksError):
    """Nothing is pending for this record."""

    remedy = "List what needs attention and take the record from there."


STATUS[NoSuchRecord] = 404


@dataclass(frozen=True)
class Serving:
    """What the API needs."""

    database: Database
    clock: Clock
    connecting: Connecting
    publisher: Publisher
    nudge: Callable[[str], None]
    api_token: str


def install(app: Flask, serving: Serving) -> None:
    """Add the API to `app`."""
    app.config.update(
        API_TITLE="Ravebooks",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api",
        OPENAPI_JSON_PATH="openapi.json",
    )
    api = Api(app)
    for blueprint in (_connections(serving), _records(serving), _operations(serving)):
        blueprint.before_request(lambda: _authorise(serving))
        api.register_blueprint(blueprint)
    app.register_error_handler(RavebooksError, _refuse)


def _authorise(serving: Serving) -> Response | None:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if serving.api_token and hmac.compare_digest(given.encode(), serving.api_token.encode()):
        return None
    response = jsonify({"error": {"code": "unauthorised", "message": "Send the API token as a bearer token."}})
    response.status_code = 401
    return response


def _refuse(error: RavebooksError) -> Response:
    response = jsonify({"error": {"code": type(error).__name__, "message": f"{error}.", "remedy": error.remedy}})
    response.status_code = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    return response


# --- connections ---------------------------------------------------------------------------------


def _connections(serving: Serving) -> Blueprint:
    routes = Blueprint("connections", __name__, url_prefix="/api/connections", description="Accounts and companies")
    database, connecting = serving.database, serving.connecting

    @routes.post("")
    @routes.arguments(shapes.ConnectRequest)
    @routes.response(201, shapes.ConnectAnswer)
    def begin(body: dict[str, str]) -> dict[str, str]:
        return {"authorize_url": connecting.begin(body["account_id"], body["ravetree_token"])}

    @routes.get("")
    @routes.response(200, shapes.ConnectionShape(many=True))
    def listing() -> list[dict[str, Any]]:
        with database.transaction() as session:
            return [_show(session, connection) for connection in connections.every(session)]

    @routes.get("/<connection_id>")
    @routes.response(200, shapes.ConnectionShape)
    def one(connection_id: str) -> dict[str, Any]:
        with database.transaction() as session:
            return _show(session, connections.get(session, connection_id))

    @routes.get("/<connection_id>/items")
    @routes.response(200, shapes.ItemShape(many=True))
    def items(connection_id: str) -> list[dict[str, str]]:
        return connecting.items(connection_id)

    @routes.put("/<connection_id>/mappings")
    @routes.arguments(shapes.Mappings)
    @routes.response(200, shapes.Mappings)
    def map_keys(body: dict[str, dict[str, str]], connection_id: str) -> dict[str, dict[str, str]]:
        for name, kind in (("line_types", LINE_TYPE), ("tax_rates", TAX_RATE)):
            if name in body:
                connecting.map_keys(connection_id, kind, body[name])
        return _mappings(database, connection_id)

    @routes.get("/<connection_id>/mappings")
    @routes.response(200, shapes.Mappings)
    def mapped(connection_id: str) -> dict[str, dict[str, str]]:
        return _mappings(database, connection_id)

    @routes.put("/<connection_id>/switches")
    @routes.arguments(shapes.Switches)
    @routes.response(200, shapes.ConnectionShape)
    def switch(body: dict[str, bool], connection_id: str) -> dict[str, Any]:
        connecting.switch(connection_id, invoices=body.get("invoices"), estimates=body.get("estimates"))
        with database.transaction() as session:
            return _show(session, connections.get(session, connection_id))

    @routes.post("/<connection_id>/resume")
    @routes.response(200, shapes.ConnectionShape)
    def resume(connection_id: str) -> dict[str, Any]:
        with database.transaction() as session:
            connections.resume(session, connection_id, serving.clock.now())
            shown = _show(session, connections.get(session, connection_id))
        serving.nudge(connection_id)
        return shown

    return routes


def _show(session: Session, connection: Connection) -> dict[str, Any]:
    counts = session.execute(
        sa.select(PendingChange.state, sa.func.count())
        .where(PendingChange.connection_id == connection.id)
        .group_by(PendingChange.state)
    )
    work = {"due": 0, "waiting": 0, "held": 0, "parked": 0} | {row[0]: row[1] for row in counts}
    work["uncertain"] = session.execute(
        sa.select(sa.func.count())
        .select_from(Operation)
        .where(Operation.connection_id == connection.id, Operation.state == journal.JOURNALLED)
    ).scalar_one()
    names = [field.attribute or name for name, field in shapes.ConnectionShape().fields.items() if name != "work"]
    return {name: getattr(connection, name) for name in names} | {"work": work}


def _mappings(database: Database, connection_id: str) -> dict[str, dict[str, str]]:
    with database.transaction() as session:
        connections.get(session, connection_id)
        return {
            "line_types": connections.mappings(session, connection_id, LINE_TYPE),
            "tax_rates": connections.mappings(session, connection_id, TAX_RATE),
        }


# --- records that wait for a person --------------------------------------------------------------


def _records(serving: Serving) -> Blueprint:
    routes = Blueprint(
        "attention",
        __name__,
        url_prefix="/api/connections/<connection_id>",
        description="What waits for a person",
    )
    database = serving.database

    @routes.get("/attention")
    @routes.response(200, shapes.AttentionShape(many=True))
    def attention(connection_id: str) -> Sequence[PendingChange]:
        with database.transaction() as session:
            connections.get(session, connection_id)
            return pending.attention(session, connection_id)

    @routes.post("/records/<side>/<kind>/<record_id>/retry")
    @routes.response(202)
    def retry(connection_id: str, side: str, kind: str, record_id: str) -> None:
        record = _record(side, kind, record_id)
        with database.transaction() as session:
            if not pending.retry(session, connection_id, record, serving.clock.now()):
                raise NoSuchRecord(f"nothing waits for {record}")
        serving.nudge(connection_id)

    @routes.post("/records/<side>/<kind>/<record_id>/decision")
    @routes.arguments(shapes.DecisionRequest)
    @routes.response(202)
    def decide(body: dict[str, str], connection_id: str, side: str, kind: str, record_id: str) -> None:
        record, now = _record(side, kind, record_id), serving.clock.now()
        with database.transaction() as session:
            connections.get(session, connection_id)
            decisions.store(session, connection_id, record, body["decision"], body["by"], body["note"], now)
            if not pending.retry(session, connection_id, record, now):
                raise NoSuchRecord(f"nothing waits for {record}")
        serving.nudge(connection_id)

    return routes


def _record(side: str, kind: str, record_id: str) -> Record:
    try:
        return Record(Side(side), Kind(kind), record_id)
    except ValueError:
        raise NoSuchRecord(f"there is no kind of record {side}/{kind}") from None


# --- for operators -------------------------------------------------------------------------------


def _operations(serving: Serving) -> Blueprint:
    routes = Blueprint("operations", __name__, url_prefix="/api", description="Events and dead letters")
    database = serving.database

    @routes.get("/events/kept-aside")
    @routes.response(200, shapes.EventShape(many=True))
    def kept_aside() -> list[Event]:
        with database.transaction() as session:
            return inbox.kept_aside(session)

    @routes.get("/dead-letters")
    @routes.response(200, shapes.DeadLetterShape(many=True))
    def dead() -> Sequence[DeadLetter]:
        with database.transaction() as session:
            return dead_letters.waiting(session)

    @routes.post("/dead-letters/<int:letter_id>/redrive")
    @routes.response(202)
    def redrive(letter_id: int) -> None:
        with database.transaction() as session:
            letter = session.get(DeadLetter, letter_id)
        if letter is None:
            raise NoSuchRecord(f"there is no dead letter {letter_id}")
        serving.publisher.publish([envelopes.decode(letter.body)])
        with database.transaction() as session:
            session.execute(
                sa.update(DeadLetter).where(DeadLetter.id == letter_id).values(redriven_at=serving.clock.now())
            )

    return routes
