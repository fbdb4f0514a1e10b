"""The last requests to the API and to the user's side with their answers, without secrets."""

import re

from flask import Flask, Response, request

from ravetree_sandbox.clock import SandboxClock
from ravetree_sandbox.http import DROP
from ravetree_sandbox.values import Json
from sandbox_kit.journal import LONGEST_TEXT, RequestJournal, body_of_request

_PATHS = ("/v1/", "/sandbox/app/")
_SECRETS = re.compile(r"(rvt_|whsec_|Bearer )[\w+/=.-]+")


class Exchanges(RequestJournal):
    """Those of the API and of a user's side, without tokens and secrets."""

    def __init__(self, clock: SandboxClock) -> None:
        super().__init__()
        self._clock = clock

    def listen(self, app: Flask) -> None:
        app.after_request(self._note)

    def _note(self, response: Response) -> Response:
        if request.path.startswith(_PATHS):
            self.add(self._entry(response))
        return response

    def _entry(self, response: Response) -> Json:
        return {
            "time": self._clock.stamp(),
            "method": request.method,
            "path": _redacted(request.path),
            "query": {name: _redacted(value) for name, value in request.args.items()},
            "idempotency_key": request.headers.get("Idempotency-Key"),
            "if_match": request.headers.get("If-Match"),
            "body": _redacted(body_of_request()),
            # What the answer would have been, where a fault drops the connection instead.
            "status": response.status_code,
            "answer": _redacted(response.get_data(as_text=True)),
            "dropped": DROP in request.environ,
        }


def _redacted(text: str) -> str:
    return _SECRETS.sub(r"\1***", text)[:LONGEST_TEXT]
