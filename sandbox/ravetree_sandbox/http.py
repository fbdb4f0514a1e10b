"""What every part of the HTTP side shares: reading requests, JSON errors, connections that are dropped."""

import hmac
import json
import re
import threading
from collections.abc import Callable, Collection, Iterable
from typing import Any

from flask import Flask, Response, jsonify, request
from waitress.channel import ClientDisconnected
from werkzeug.exceptions import HTTPException

from ravetree_sandbox.errors import ApiError, bad_request, invalid
from ravetree_sandbox.organisation import Organisation
from ravetree_sandbox.records import Query
from ravetree_sandbox.values import Json, format_time, parse_time
from sandbox_kit.border import foreign_page, not_json

DROP = "sandbox.drop"
BODY_LIMIT_BYTES = 2 * 1024 * 1024
LARGEST_PAGE = 200
_FILTERS: dict[str, tuple[str, ...]] = {
    "contacts": ("external_id",),
    "invoices": ("number",),
    "estimates": ("number",),
    "payments": ("invoice_id", "client_id", "external_id"),
}
_ETAG = re.compile(r'"?([0-9]{1,18})"?')


def answer(status: int, body: Json | list[Any]) -> Response:
    response = jsonify(body)
    response.status_code = status
    return response


def check_credentials(organisation: Organisation) -> None:
    """401 without the token, 403 for another account."""
    given = request.headers.get("Authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {organisation.api_token}".encode()):
        raise ApiError(401, "unauthorized", "The API token is missing or wrong.")
    if request.headers.get("Ravetree-Account") != organisation.account_id:
        raise ApiError(403, "forbidden", "The Ravetree-Account header is missing or names another account.")


def refuse_foreign_pages(names: Collection[str]) -> None:
    """403 for what a page from elsewhere may have sent."""
    if problem := foreign_page(request, names):
        raise ApiError(403, "foreign_page", problem)


def refuse_other_types() -> None:
    """415 for a body that is not said to be JSON."""
    if problem := not_json(request):
        raise ApiError(415, "not_json", problem)


def read_json(optional: bool = False) -> Json:
    """The body, which must be a JSON object; with `optional`, none at all will do."""
    raw = request.get_data()
    if optional and not raw:
        return {}
    try:
        body = json.loads(raw, parse_constant=_refuse_constant)
        # Half of a surrogate pair is JSON, but no text that could be stored or answered.
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise bad_request("The body is not JSON.") from error
    if not isinstance(body, dict):
        raise bad_request("The body is not a JSON object.")
    return body


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def take_notify(body: Json) -> bool:
    """Takes `notify` out of a body."""
    notify = body.pop("notify", False)
    if not isinstance(notify, bool):
        raise invalid("notify is true or false.", "notify")
    return notify


def read_if_match() -> int | None:
    header = request.headers.get("If-Match")
    if header is None or header == "*":
        return None
    match = _ETAG.fullmatch(header)
    if match is None:
        raise bad_request('If-Match is a version in quotes, such as "7".')
    return int(match[1])


def read_query(kind: str) -> Query:
    """The parameters of a list; an unknown one is refused rather than overlooked."""
    known = ("limit", "cursor", "updated_since", *_FILTERS.get(kind, ()))
    refuse_unknown(known)
    given: dict[str, Any] = {name: request.args[name] for name in known if name in request.args}
    given["limit"] = read_limit()
    if "updated_since" in given:
        try:
            given["updated_since"] = format_time(parse_time(given["updated_since"]))
        except ValueError as error:
            raise bad_request(str(error), "updated_since") from error
    return Query(**given)


def refuse_unknown(known: Iterable[str]) -> None:
    for name in request.args:
        if name not in known:
            raise bad_request(f"Unknown parameter {name}.", name)


def read_limit() -> int:
    text = request.args.get("limit", "50")
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 1 <= int(text) <= LARGEST_PAGE:
        raise bad_request(f"The limit is a number from 1 to {LARGEST_PAGE}.", "limit")
    return int(text)


def install_error_answers(app: Flask) -> None:
    """Every refusal is JSON, also those of the framework."""
    app.register_error_handler(ApiError, _refuse)
    app.register_error_handler(HTTPException, _refuse_http)


def _refuse(error: ApiError) -> Response:
    response = answer(error.status, error.body())
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _refuse_http(error: HTTPException) -> Response:
    code = (error.name or "error").lower().replace(" ", "_")
    status = error.code or 500
    response = _refuse(ApiError(status, code, error.description or code))
    if status == 405:
        response.headers["Allow"] = error.get_response().headers.get("Allow", "")
    return response


class DroppedConnections:
    """WSGI middleware: where a fault asked for it, hangs and then closes the connection without an answer."""

    def __init__(self, app: Callable[..., Iterable[bytes]], stopping: threading.Event) -> None:
        self._app = app
        self._stopping = stopping

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = self._app(environ, start_response)
        seconds = environ.get(DROP)
        if seconds is None:
            return body
        close = getattr(body, "close", None)
        if close is not None:
            close()
        self._stopping.wait(seconds)
        # The server closes a connection whose client is gone without writing to it.
        raise ClientDisconnected
