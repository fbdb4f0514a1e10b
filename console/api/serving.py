"""What the API's views have in common: what they work on, who may call them, and what they take."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Response, current_app, g, request
from flask.views import MethodView
from flask_smorest import Blueprint

from config import telemetry
from config.logging import logger
from config.tally import Tally
from console.access.tokens import Bearer, Tokens
from console.access.users import Users
from console.api import bodies, queries
from console.api.documentation import ON_EVERY_ANSWER
from console.api.errors import Forbidden, Unauthorised
from console.connecting import Connecting
from console.idempotency import KeyedRequests
from storage import acts, api_tokens
from storage.connections import UnknownConnection
from sync.actions import Actions

EXTENSION = "ravebooks"
"""Where an application keeps what its API works on."""
WAITING_CALLERS = 6
"""Callers of the button that may wait at a time: the server's other threads stay free for webhooks and health."""

log = logger("api")


@dataclass(frozen=True)
class Serving:
    """What the API of one application works on. `places` are those of the callers who wait."""

    actions: Actions
    connecting: Connecting
    tokens: Tokens
    users: Users
    tally: Tally
    queries: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    places: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(WAITING_CALLERS))

    @property
    def keyed(self) -> KeyedRequests:
        """Requests that may be sent again."""
        connecting = self.connecting
        return KeyedRequests(connecting.database, connecting.clock, connecting.states.vault)


def serving() -> Serving:
    """What the application of this request works on."""
    found: Serving = current_app.extensions[EXTENSION]
    return found


class View(MethodView):
    """A resource: a method for each of HTTP's that it takes."""

    init_every_request = False

    @property
    def actions(self) -> Actions:
        """What people do."""
        return serving().actions


class _Routes(Blueprint):  # type: ignore[misc]  # flask-smorest publishes no types
    """Routes whose answers have the headers of every answer, in the document too."""

    def response(self, status_code: int, schema: Any = None, **more: Any) -> Any:
        """Called for each operation."""
        return super().response(status_code, schema, headers=ON_EVERY_ANSWER, **more)


def blueprint(name: str, url_prefix: str, description: str) -> Any:
    """The routes of one kind of resource, for those who have a token."""
    made = _Routes(name, __name__, url_prefix=url_prefix, description=description)
    made.before_request(_authorise)
    made.before_request(bodies.check)
    made.before_request(lambda: queries.check(_queries()))
    made.after_request(_note)
    return made


def _queries() -> Mapping[tuple[str, str], frozenset[str]]:
    return serving().queries


def bearer() -> Bearer:
    """Who calls."""
    found: Bearer = g.bearer
    return found


def _authorise() -> None:
    """Raise `Unauthorised` unless the request has a token, which nothing but a header may carry.

    Raises `Forbidden` for what is beyond its scope, and `UnknownConnection` for another account's.
    """
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    known = serving().tokens.bearer(given) if scheme == "Bearer" and given else None
    if known is None:
        telemetry.api_unauthorised.inc()
        serving().tally.met(log, "wrong API token", request.remote_addr or "unknown")
        raise Unauthorised("the API token is missing or wrong")
    g.bearer = known
    connection_id = (request.view_args or {}).get("connection_id")
    if not known.may(_needed(connection_id)):
        raise Forbidden(f"the token {known.name} may {known.scope}, and this needs `{_needed(connection_id)}`")
    if not known.account_id:
        return
    if connection_id is None:
        if request.endpoint != LIST_OF_CONNECTIONS:
            raise Forbidden(f"the token {known.name} is for one account, and this is for all")
    elif serving().actions.connections.one(connection_id).account_id != known.account_id:
        raise UnknownConnection(f"there is no connection {connection_id}")


LIST_OF_CONNECTIONS = "connections.Connections"
"""It shows who is bound to one account that account's connection alone."""


def _needed(connection_id: str | None) -> str:
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return api_tokens.READ
    return api_tokens.OPERATE if connection_id is None else api_tokens.ACT


def _note(response: Response) -> Response:
    """What was done goes into the action log, with who did it."""
    if request.method in ("GET", "HEAD", "OPTIONS") or response.status_code >= 400 or g.get("repeated"):
        return response
    named = request.view_args or {}
    subject = ":".join(str(named[part]) for part in ("side", "kind", "record_id", "part", "letter_id") if part in named)
    subject = subject or g.get("subject", "")
    what = f"{request.method} {(request.url_rule.rule if request.url_rule else request.path).rpartition('/')[2]}"
    serving().actions.installation.note(
        bearer().name, acts.API, what, connection_id=named.get("connection_id", ""), subject=subject
    )
    return response
