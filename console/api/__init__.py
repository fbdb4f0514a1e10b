"""The JSON API under `/api`, with one bearer token. Its OpenAPI document is served at `/api/openapi.json`."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from flask import Blueprint, Flask, Response, json

from console.api import connections, documentation, errors, jobs, operators, parity, queries, records
from console.api.serving import EXTENSION, Serving

__all__ = ["Serving", "document", "install"]


_ROOMS = (connections, records, jobs, parity, operators)


def install(app: Flask, serving: Serving, *, with_document: bool = True) -> None:
    """Add the API to `app`, and its document unless that is served elsewhere (`document`)."""
    public_url = serving.connecting.public_url
    app.extensions[EXTENSION] = serving
    for room in _ROOMS:
        app.register_blueprint(room.routes)
    serving.queries.update(queries.named(_described(public_url)))
    errors.install(app)
    if with_document:
        app.register_blueprint(document(public_url))


def document(public_url: str) -> Blueprint:
    """The API's document, for the application that is to serve it; `public_url` is where the API itself is."""
    routes = Blueprint("document", __name__, url_prefix="/api")

    @routes.get("/openapi.json")
    def openapi() -> Response:
        # In its own order, which the library's answers do not keep.
        return Response(json.dumps(_described(public_url), sort_keys=False), content_type="application/json")

    return routes


@cache
def _described(public_url: str) -> Mapping[str, Any]:
    """The document, made once: it takes as long as all else that a web application begins with."""
    api: Any = documentation.describe(Flask(__name__, static_folder=None), public_url)
    for room in _ROOMS:
        api.register_blueprint(room.routes)
    described: Mapping[str, Any] = api.spec.to_dict()
    return described
