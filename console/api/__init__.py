"""The JSON API under `/api`, with one bearer token. Its OpenAPI document is served at `/api/openapi.json`."""

from typing import Any

from flask import Blueprint, Flask, Response, json
from flask_smorest import Api

from console.api import connections, documentation, errors, jobs, operators, parity, queries, records
from console.api.serving import EXTENSION, Serving

__all__ = ["Serving", "document", "install"]


def install(app: Flask, serving: Serving, *, with_document: bool = True) -> Api:
    """Add the API to `app`, and its document unless that is served elsewhere (`document`)."""
    app.extensions[EXTENSION] = serving
    api: Any = documentation.describe(app, serving.connecting.public_url)
    for room in (connections, records, jobs, parity, operators):
        api.register_blueprint(room.routes)
    serving.queries.update(queries.named(api.spec.to_dict()))
    errors.install(app)
    if with_document:
        app.register_blueprint(document(api))
    return api


def document(api: Any) -> Blueprint:
    """The document of `api`, for the application that is to serve it."""
    routes = Blueprint("document", __name__, url_prefix="/api")

    @routes.get("/openapi.json")
    def openapi() -> Response:
        # In its own order, which the library's answers do not keep.
        return Response(json.dumps(api.spec.to_dict(), sort_keys=False), content_type="application/json")

    return routes
