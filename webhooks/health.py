"""Health and metrics: the same for every process."""

from collections.abc import Callable, Mapping

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST

from config import telemetry
from config.errors import RavebooksError
from config.telemetry import Progress

Check = Callable[[], None]
"""Raises a `RavebooksError` that says what is missing."""


Notices = Callable[[], dict[str, list[str]]]
"""What stands still although every part is there, by what it is, each in a sentence."""


def blueprint(progress: Progress, checks: Mapping[str, Check], notices: Notices = dict) -> Blueprint:
    """`/healthz` (is this process getting anywhere), `/readyz` (which part is missing), `/metrics`."""
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    def healthz() -> Response:
        stuck = progress.stuck()
        response = jsonify({"alive": not stuck, "stuck": stuck})
        response.status_code = 503 if stuck else 200
        return response

    @routes.get("/readyz")
    def readyz() -> Response:
        parts: dict[str, str] = {}
        for name, check in checks.items():
            try:
                check()
                parts[name] = "ok"
            except RavebooksError as error:
                parts[name] = f"{error}. {error.remedy}"
        ready = all(state == "ok" for state in parts.values())
        # What stands still is no reason to receive nothing: it is said, and deliveries are taken all the same.
        response = jsonify({"ready": ready, "parts": parts} | (notices() if ready else {}))
        response.status_code = 200 if ready else 503
        return response

    @routes.get("/metrics")
    def metrics() -> Response:
        return Response(telemetry.exposition(), content_type=CONTENT_TYPE_LATEST)

    return routes
