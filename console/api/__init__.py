"""The JSON API under `/api`, with one bearer token. Its OpenAPI document is served at `/api/openapi.json`."""

import hmac

from flask import Blueprint, Flask, Response, jsonify, request
from flask_smorest import Api

from clients.errors import NeighbourError
from config import telemetry
from config.errors import RavebooksError
from config.logging import logger
from console.api import bodies, connections, jobs, operators, parity, queries, records
from console.api.serving import NoSuchRecord, Serving
from console.connecting import SwitchRefused
from console.states import ConnectRefused
from publishers.publisher import NothingTakesIt
from schemas.envelopes import UndecodableMessage
from schemas.ids import NotAnId
from storage.connections import NotActive, UnknownConnection
from storage.database import DatabaseDown
from storage.installation import OtherEnvironment
from storage.jobs import JobRefused, UnknownJob
from storage.parity import UnknownReport
from storage.vault import UnreadableSecret

STATUS: dict[type[RavebooksError], int] = {
    UnknownConnection: 404,
    UnknownJob: 404,
    UnknownReport: 404,
    NoSuchRecord: 404,
    NotAnId: 404,
    ConnectRefused: 409,
    JobRefused: 409,
    NotActive: 409,
    OtherEnvironment: 409,
    SwitchRefused: 409,
    UndecodableMessage: 409,
    UnreadableSecret: 409,
    DatabaseDown: 503,
    NothingTakesIt: 503,
    NeighbourError: 502,
}

__all__ = ["Serving", "document", "install"]

DOCUMENT_PREFIX = "/api"
DOCUMENT_PATH = "openapi.json"

log = logger("api")


def install(app: Flask, serving: Serving, *, with_document: bool = True) -> Api:
    """Add the API to `app`, and its document unless that is served elsewhere (`document`)."""
    app.config.update(
        API_TITLE="Ravebooks",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=DOCUMENT_PREFIX if with_document else None,
        OPENAPI_JSON_PATH=DOCUMENT_PATH,
    )
    api = Api(app)
    known: dict[tuple[str, str], frozenset[str]] = {}
    for room in (connections, records, jobs, parity, operators):
        blueprint = room.blueprint(serving)
        blueprint.before_request(lambda: _authorise(serving))
        blueprint.before_request(bodies.check)
        blueprint.before_request(lambda: queries.check(known))
        api.register_blueprint(blueprint)
    known |= queries.named(api.spec.to_dict())
    app.register_error_handler(RavebooksError, _refuse)
    return api


def document(api: Api) -> Blueprint:
    """The document of `api`, for another application than its own."""
    routes = Blueprint("document", __name__, url_prefix=DOCUMENT_PREFIX)

    @routes.get(DOCUMENT_PATH)
    def openapi() -> Response:
        return jsonify(api.spec.to_dict())

    return routes


def _authorise(serving: Serving) -> Response | None:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    is_ours = hmac.compare_digest(given.encode("utf-8", "replace"), serving.api_token.encode())
    if serving.api_token and scheme == "Bearer" and is_ours:
        return None
    telemetry.api_unauthorised.inc()
    serving.tally.met(log, "wrong API token", request.remote_addr or "unknown")
    response = jsonify({"error": {"code": "unauthorised", "message": "Send the API token as a bearer token."}})
    response.status_code = 401
    return response


def _refuse(error: RavebooksError) -> Response:
    response = jsonify({"error": {"code": type(error).__name__, "message": f"{error}.", "remedy": error.remedy}})
    response.status_code = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    return response
