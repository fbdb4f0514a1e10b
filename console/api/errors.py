"""What the API answers when it cannot do what was asked: one shape, one table of status by error."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, UnprocessableEntity

from clients.errors import NeighbourError
from config.errors import RavebooksError
from config.logging import logger
from config.names import REQUEST_ID_KEY
from console.access.users import RoleRefused
from console.states import ConnectRefused
from publishers.publisher import NothingTakesIt
from schemas.envelopes import UndecodableMessage
from schemas.ids import NotAnId
from schemas.problems import MEDIA_TYPE, FieldError, Problem, of_error
from schemas.strict_json import MalformedJson
from storage.brakes import UnknownPart
from storage.bulk_jobs import UnknownBulkJob
from storage.connections import NotActive, UnknownConnection
from storage.database import DatabaseDown
from storage.decisions import NotTaken
from storage.idempotency import KeyRefused
from storage.installation import OtherEnvironment
from storage.jobs import JobRefused, UnknownJob
from storage.parity import UnknownReport
from storage.users import UnknownUser
from storage.vault import UnreadableSecret
from sync.actions.installation import UnknownDeadLetter
from sync.actions.many import BulkRefused
from sync.actions.mappings import SwitchRefused
from sync.actions.records import NoSuchRecord

log = logger("api")

LOCATIONS = {"json": "body", "query": "query"}
"""Where a field at fault stands, by the name that the library gives it."""


class Unauthorised(RavebooksError):
    """The API's token is missing or wrong."""

    remedy = "Send the API token as a bearer token: Authorization: Bearer TOKEN."


class Forbidden(RavebooksError):
    """The API's token is right, and does not reach that far."""

    remedy = "Use a token with a wider scope: an operator makes one with `ravebooks tokens make`."


class NotJson(RavebooksError):
    """There is a body, and it is not said to be JSON."""

    remedy = "Send the body as JSON: Content-Type: application/json."


class UnknownParameter(RavebooksError):
    """The address takes no such parameter behind its question mark."""

    def __init__(self, message: str, names: list[str], *, remedy: str) -> None:
        super().__init__(message, remedy=remedy, field=names[0] if len(names) == 1 else None)
        self.errors = [FieldError(name, "query", "Unknown parameter.") for name in names]


class BadKey(RavebooksError):
    """The key of a request that may be sent again is none that could be compared."""

    remedy = "Send 1 to 255 printable characters of ASCII without spaces, such as a UUID."
    field = "Idempotency-Key"


class BadCursor(RavebooksError):
    """The cursor is none that this list gave."""

    remedy = "Take it from `next_cursor` of the page before, with the same filters; or begin again without one."
    field = "cursor"


STATUS: Mapping[type[RavebooksError], int] = {
    MalformedJson: 400,
    Unauthorised: 401,
    Forbidden: 403,
    NoSuchRecord: 404,
    NotAnId: 404,
    UnknownConnection: 404,
    UnknownBulkJob: 404,
    UnknownDeadLetter: 404,
    UnknownJob: 404,
    UnknownPart: 404,
    UnknownReport: 404,
    BulkRefused: 409,
    ConnectRefused: 409,
    JobRefused: 409,
    NotActive: 409,
    NotTaken: 409,
    RoleRefused: 409,
    UnknownUser: 409,
    OtherEnvironment: 409,
    SwitchRefused: 409,
    UndecodableMessage: 409,
    UnreadableSecret: 409,
    KeyRefused: 409,
    NotJson: 415,
    BadCursor: 422,
    BadKey: 422,
    UnknownParameter: 422,
    NeighbourError: 502,
    DatabaseDown: 503,
    NothingTakesIt: 503,
}
"""An error has the status of its nearest class in here; whatever else is a fault of ours, 500."""


def install(app: Flask) -> None:
    """Answer our errors, and bodies that have not the shape they need, with problem details."""
    app.register_error_handler(RavebooksError, refuse)
    app.register_error_handler(UnprocessableEntity, refuse_fields)


def refuse(error: RavebooksError) -> Response:
    """One of our errors."""
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    problem = of_error(error, status, errors=getattr(error, "errors", ()))
    if status == 500:
        log.error("request refused unexpectedly", error=str(error), exc_info=error)
        name = request.environ.get(REQUEST_ID_KEY, "none")
        said = f"{problem.detail} Nobody expected this here: it is in the log with request_id {name}."
        problem = replace(problem, detail=said)
    answer = _answered(problem)
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def refuse_fields(error: HTTPException) -> Response:
    """What the schema of a body or of a query does not take, each field with its reasons."""
    said: Mapping[str, Any] = getattr(error, "data", {}).get("messages", {})
    errors = [
        FieldError(field or None, LOCATIONS.get(location, location), detail)
        for location, messages in said.items()
        for field, detail in _flat(messages)
    ]
    names = {each.field for each in errors}
    field = names.pop() if len(names) == 1 else None
    detail = " ".join(f"{each.field}: {each.detail}" if each.field else each.detail for each in errors)
    remedy = "Correct what is named; the API's document says what each field takes."
    return _answered(Problem(422, "invalid_request", detail or "The request is not understood.", remedy, field, errors))


def _flat(said: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every sentence of what marshmallow says, with the field's name, dots between its parts."""
    if isinstance(said, dict):
        for key, inner in said.items():
            # What is said of the whole stands under this name.
            name = "" if key in ("_schema", "key", "value") else str(key)
            yield from _flat(inner, ".".join(part for part in (path, name) if part))
    elif isinstance(said, list):
        for each in said:
            yield from _flat(each, path)
    else:
        yield path, str(said)


def _answered(problem: Problem) -> Response:
    return Response(problem.as_json(), problem.status, content_type=MEDIA_TYPE)
