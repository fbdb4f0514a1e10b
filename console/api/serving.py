"""What the API's views have in common: what they work on, who may call them, and what they take."""

import hmac
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import current_app, request
from flask.views import MethodView
from flask_smorest import Blueprint

from config import telemetry
from config.logging import logger
from config.tally import Tally
from console.api import bodies, queries
from console.api.documentation import ON_EVERY_ANSWER
from console.api.errors import Unauthorised
from console.connecting import Connecting
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
    api_token: str
    tally: Tally
    queries: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    places: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(WAITING_CALLERS))


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
    """The routes of one kind of resource, for those who have the token."""
    made = _Routes(name, __name__, url_prefix=url_prefix, description=description)
    made.before_request(_authorise)
    made.before_request(bodies.check)
    made.before_request(lambda: queries.check(_queries()))
    return made


def _queries() -> Mapping[tuple[str, str], frozenset[str]]:
    return serving().queries


def _authorise() -> None:
    """Raise `Unauthorised` unless the request has the token, which nothing but a header may carry."""
    token = serving().api_token
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    is_ours = hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())
    if token and scheme == "Bearer" and is_ours:
        return
    telemetry.api_unauthorised.inc()
    serving().tally.met(log, "wrong API token", request.remote_addr or "unknown")
    raise Unauthorised("the API token is missing or wrong")
