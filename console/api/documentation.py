"""What the API's OpenAPI document says of the whole: its security, its server, and the shape of every error."""

from http import HTTPStatus
from typing import Any

from flask import Flask
from flask_smorest import Api
from flask_smorest.utils import prepare_response

from console.api import examples
from schemas.problems import MEDIA_TYPE, ProblemSchema

VERSION = "v1"
_ABOUT = """\
Ravebooks keeps Ravetree and QuickBooks Online in agreement.

Every error is a problem (RFC 9457) with a `code` for programs and a `remedy` for people. Every list is a page, `data`
and `next_cursor`: ask with it as `cursor` for the next one. `Request-Id` on an answer finds the request in the log; a
caller may bring one of its own."""


ON_EVERY_ANSWER = {
    "Request-Id": {
        "description": "Finds the request in the log: the caller's own, if it brought one, or a new one.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"},
        "example": "4e9e3479daea08da",
    }
}
"""The headers of every answer, as the document shows them."""


class _Api(Api):  # type: ignore[misc]  # flask-smorest publishes no types
    """An API whose errors are problems, in its document as in its answers, which our own handlers give."""

    def _register_error_handlers(self) -> None:
        """Ours are those of the application."""

    def _register_responses(self) -> None:
        """Called by flask-smorest: what an operation names as its error, by status."""
        for status in HTTPStatus:
            if status >= HTTPStatus.BAD_REQUEST:
                self._register_problem(status.name, status.phrase, int(status))
        self._register_problem("DEFAULT_ERROR", "What is refused, and what to do about it.", 404)

    def _register_problem(self, name: str, description: str, status: int) -> None:
        response = {
            "description": description,
            "schema": ProblemSchema,
            "example": examples.problem(status),
            "headers": ON_EVERY_ANSWER,
        }
        prepare_response(response, self.spec, MEDIA_TYPE)
        self.spec.components.response(name, response, lazy=True)


def describe(app: Flask, public_url: str) -> Any:
    """The API of `app`, as its document describes it, before it has any path."""
    app.config.update(
        API_TITLE="Ravebooks",
        API_VERSION=VERSION,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=None,
        API_SPEC_OPTIONS={
            "info": {"description": _ABOUT},
            "servers": [{"url": public_url or "/", "description": "This installation"}],
            "security": [{"token": []}],
        },
    )
    api = _Api(app)
    api.spec.components.security_scheme(
        "token", {"type": "http", "scheme": "bearer", "description": "RAVEBOOKS_API_TOKEN of the installation."}
    )
    return api
