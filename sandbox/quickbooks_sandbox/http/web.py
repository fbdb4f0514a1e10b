"""The web application: routes, ordered faults, the journal, and an answer in JSON whatever happens."""

from __future__ import annotations

import re
import socket
import sys
import time
import traceback
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from quickbooks_sandbox.books.clock import answer_time
from quickbooks_sandbox.books.errors import Fault, not_authenticated, ordered
from quickbooks_sandbox.http.api import AccountingApi
from quickbooks_sandbox.http.book_pages import make_book_pages
from quickbooks_sandbox.http.pages import make_pages
from quickbooks_sandbox.http.requests import ApiAnswer, ApiRequest, endpoint_of
from quickbooks_sandbox.http.steering_pages import make_steering
from quickbooks_sandbox.world.services import Services
from sandbox_kit.faults import OrderedFault
from sandbox_kit.journal import LONGEST_TEXT, body_of_request

LARGEST_BODY = 8 * 1024 * 1024
_OTHER_ENDPOINTS = {"/oauth2/v1/tokens/bearer": "token", "/v2/oauth2/tokens/revoke": "revoke"}
_SECRETS = re.compile(r"(Token expired: |\"(?:access_token|refresh_token|id_token)\":\s*\")[^\"]+")
_STATUS_FAULTS = {"401": "3200", "429": "3001", "500": "10000", "503": "10000"}


def make_app(services: Services) -> Flask:
    app = Flask("quickbooks_sandbox")
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    api = AccountingApi(services)
    app.register_blueprint(make_pages(services))
    app.register_blueprint(make_steering(services))
    app.register_blueprint(make_book_pages(services))

    @app.route("/v3/company/<realm>/<path:path>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def company(realm: str, path: str) -> Response:
        return _json(api.answer(_api_request(realm, path)))

    @app.get("/files/<realm>/<object_id>/<int:expires>/<signature>")
    def file(realm: str, object_id: str, expires: int, signature: str) -> Response:
        content = services.file_at(realm, object_id, expires, signature)
        return Response(content or b"", 403 if content is None else 200, mimetype="application/octet-stream")

    @app.before_request
    def strike() -> Response | None:
        endpoint = _endpoint()
        if endpoint is None:
            return None
        if services.outage:
            return _status(api, "503")
        return _struck(api, services.faults.strike(endpoint))

    @app.after_request
    def finish(response: Response) -> Response:
        tid = _tid(services)
        if _is_emulated():
            services.journal.add(_entry(services, response, tid))
        late: OrderedFault | None = request.environ.get("sandbox.timeout_after")
        if late is not None:
            response = _hang_up(late.seconds or 0)
        response.headers["intuit_tid"] = tid
        return response

    @app.errorhandler(Fault)
    def refused(fault: Fault) -> Response:
        return _json(api.fault(fault))

    @app.errorhandler(HTTPException)
    def not_served(error: HTTPException) -> Response:
        answer = api.fault(Fault("500", f"Operation {request.method} {request.path} is not supported."))
        return _json(ApiAnswer(error.code or 400, answer.body))

    @app.errorhandler(Exception)
    def broken(error: Exception) -> Response:
        traceback.print_exception(error, file=sys.stderr)
        return _json(api.fault(Fault("10000")))

    return app


def _api_request(realm: str, path: str) -> ApiRequest:
    header = request.headers.get("Authorization") or ""
    token = header[7:].strip() if header[:7].lower() == "bearer " else None
    return ApiRequest(request.method, realm, path, request.args, request.get_data(), token, request.content_type or "")


def _is_emulated() -> bool:
    """Not the sandbox's own addresses, and not the consent page."""
    return request.path in _OTHER_ENDPOINTS or _is_company()


def _is_company() -> bool:
    return request.path.startswith("/v3/") and "realm" in (request.view_args or {})


def _endpoint() -> str | None:
    """The endpoint's name, if it is emulated."""
    if request.path in _OTHER_ENDPOINTS:
        return _OTHER_ENDPOINTS[request.path]
    arguments = request.view_args or {}
    return endpoint_of(_api_request(arguments["realm"], arguments["path"])) if _is_company() else None


def _struck(api: AccountingApi, rule: OrderedFault | None) -> Response | None:
    if rule is None:
        return None
    if rule.kind.startswith("fault:"):
        return _json(api.fault(ordered(rule.kind.removeprefix("fault:"))))
    if rule.kind == "timeout_before":
        return _hang_up(rule.seconds or 0)
    if rule.kind == "timeout_after":
        request.environ["sandbox.timeout_after"] = rule
        return None
    return _status(api, rule.kind)


def _status(api: AccountingApi, status: str) -> Response:
    code = _STATUS_FAULTS[status]
    token = _api_request("", "").token or ""
    fault = not_authenticated(token) if code == "3200" else Fault(code)
    return _json(ApiAnswer(int(status), api.fault(fault).body))


def _json(answer: ApiAnswer) -> Response:
    response = Response(answer.body, answer.status, content_type=answer.content_type)
    if answer.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="Intuit", error="invalid_token"'
    return response


def _hang_up(seconds: float) -> Response:
    """Keep the client waiting, then cut the connection without an answer.

    Outside waitress (a test client has no connection) the answer is a 504 instead.
    """
    time.sleep(seconds)
    probe: Any = request.environ.get("waitress.client_disconnected")
    if probe is not None:
        probe.__self__.socket.shutdown(socket.SHUT_RDWR)
    return Response("", 504)


def _tid(services: Services) -> str:
    bits = services.randomness.getrandbits
    return f"1-{bits(32):08x}-{bits(96):024x}"


def _entry(services: Services, response: Response, tid: str) -> dict[str, Any]:
    secret_body = request.path in _OTHER_ENDPOINTS
    return {
        "time": answer_time(services.clock.now()),
        "intuit_tid": tid,
        "method": request.method,
        "path": request.path,
        "query": dict(request.args),
        "body": None if secret_body else body_of_request()[:LONGEST_TEXT],
        "status": response.status_code,
        "answer": _SECRETS.sub(r"\1***", response.get_data(as_text=True))[:LONGEST_TEXT],
    }
