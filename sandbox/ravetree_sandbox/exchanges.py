"""The last requests to the API and to the user's side with their answers, without secrets."""

import re
from collections import deque

from flask import Flask, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from ravetree_sandbox.clock import SandboxClock
from ravetree_sandbox.http import DROP
from ravetree_sandbox.values import Json

KEPT = 2000
LONGEST_TEXT = 4000
_PATHS = ("/v1/", "/sandbox/app/")
_SECRETS = re.compile(r"(rvt_|whsec_|Bearer )[\w+/=.-]+")


class Exchanges:
    """In memory, newest last; they outlive a restored snapshot and no restart."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._entries: deque[Json] = deque(maxlen=KEPT)

    def listen(self, app: Flask) -> None:
        app.after_request(self._note)

    def last(self, limit: int) -> list[Json]:
        return list(self._entries)[-limit:]

    def _note(self, response: Response) -> Response:
        if request.path.startswith(_PATHS):
            self._entries.append(self._entry(response))
        return response

    def _entry(self, response: Response) -> Json:
        return {
            "time": self._clock.stamp(),
            "method": request.method,
            "path": _redacted(request.path),
            "query": {name: _redacted(value) for name, value in request.args.items()},
            "idempotency_key": request.headers.get("Idempotency-Key"),
            "if_match": request.headers.get("If-Match"),
            "body": _redacted(_body()),
            # What the answer would have been, where a fault drops the connection instead.
            "status": response.status_code,
            "answer": _redacted(response.get_data(as_text=True)),
            "dropped": DROP in request.environ,
        }


def _body() -> str:
    try:
        return request.get_data(as_text=True)
    except RequestEntityTooLarge:
        return f"({request.content_length} bytes, refused)"


def _redacted(text: str) -> str:
    return _SECRETS.sub(r"\1***", text)[:LONGEST_TEXT]
