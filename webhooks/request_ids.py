"""The id of a request: on its answer, and on every line of the log that is written meanwhile.

Who calls may bring one, so that its log and ours can be read together.
"""

import re
from collections.abc import Iterable
from typing import Any

from flask import Flask

from config.logging import bound
from config.names import REQUEST_ID_KEY
from config.ports import Entropy

HEADER = "Request-Id"
_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SIZE = 8


def install(app: Flask, entropy: Entropy) -> None:
    """Give every request to `app` an id: its own where that is a short token, else a new one."""
    inner: Any = app.wsgi_app

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        name = accepted(environ.get("HTTP_REQUEST_ID", "")) or entropy.token(SIZE)
        environ[REQUEST_ID_KEY] = name

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            return start_response(status, [*headers, (HEADER, name)], *error)

        with bound(request_id=name):
            answer: Iterable[bytes] = inner(environ, start)
            return answer

    app.wsgi_app = serve  # type: ignore[method-assign]  # Flask's own way to put something around an application


def accepted(given: str) -> str:
    """The id that a caller brings; empty if it is nothing that a log should repeat."""
    return given if _SANE.fullmatch(given) else ""
