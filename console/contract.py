"""The contract with Ravetree, for its engineers: served as it is checked."""

from flask import Blueprint, Response, jsonify

from schemas import contract


def blueprint() -> Blueprint:
    """`GET /contract/ravetree/openapi.json` and `/contract/ravetree/events.json`."""
    routes = Blueprint("contract", __name__, url_prefix="/contract/ravetree")

    @routes.get("/openapi.json")
    def rest() -> Response:
        return jsonify(contract.openapi())

    @routes.get("/events.json")
    def events() -> Response:
        return jsonify(contract.events())

    return routes
