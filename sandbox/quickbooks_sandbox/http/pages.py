"""Intuit's own addresses around the API: discovery, consent, tokens, revocation."""

from __future__ import annotations

import hmac
import re
from html import escape
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, redirect, request

from quickbooks_sandbox.books.amounts import decode, encode
from quickbooks_sandbox.intuit.identity import OPENID, OWNER
from quickbooks_sandbox.intuit.oauth import SCOPE, InvalidGrantError
from quickbooks_sandbox.world.services import Services

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
CHALLENGE_METHOD = "S256"
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_CARRIED = ("client_id", "redirect_uri", "state", "scope", "code_challenge", "code_challenge_method")


def json_answer(body: Any, status: int = 200) -> Response:
    return Response(encode(body), status, mimetype="application/json")


def make_pages(services: Services) -> Blueprint:
    pages = Blueprint("intuit", __name__)

    @pages.get("/.well-known/openid_configuration/", strict_slashes=False)
    @pages.get("/.well-known/openid_sandbox_configuration/", strict_slashes=False)
    def discovery() -> Response:
        document = discovery_document(services.base_url, services.issuer)
        if services.switches["code_challenges"]:
            document["code_challenge_methods_supported"] = [CHALLENGE_METHOD]
        return json_answer(document)

    @pages.get("/connect/oauth2")
    def consent() -> Response:
        problem = _authorization_problem(services, request.args)
        if problem:
            return Response(_page(f"<p>{escape(problem)}</p>"), 400, mimetype="text/html")
        return Response(_consent_page(services, request.args), mimetype="text/html")

    @pages.post("/connect/oauth2")
    def decide() -> Any:
        problem = _authorization_problem(services, request.form)
        if problem:
            return Response(_page(f"<p>{escape(problem)}</p>"), 400, mimetype="text/html")
        return redirect(_decision(services, request.form), 302)

    @pages.post("/oauth2/v1/tokens/bearer")
    def token() -> Response:
        return _token(services)

    @pages.post("/v2/oauth2/tokens/revoke")
    def revoke() -> Response:
        client_id = _authenticated(services)
        if client_id is None:
            return json_answer({"error": "invalid_client"}, 401)
        return Response("", 200 if services.tokens.revoke(client_id, _token_to_revoke()) else 400)

    @pages.get("/v1/openid_connect/userinfo")
    def user_info() -> Response:
        bearer = (request.headers.get("Authorization") or "").removeprefix("Bearer ")
        if services.tokens.realm_of(bearer) is None:
            return json_answer({"error": "invalid_token"}, 401)
        return json_answer(OWNER)

    @pages.get("/op/v1/jwks")
    def keys() -> Response:
        return json_answer(services.tokens.identity.key_set())

    return pages


def discovery_document(base_url: str, issuer: str) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{base_url}/connect/oauth2",
        "token_endpoint": f"{base_url}/oauth2/v1/tokens/bearer",
        "userinfo_endpoint": f"{base_url}/v1/openid_connect/userinfo",
        "revocation_endpoint": f"{base_url}/v2/oauth2/tokens/revoke",
        "jwks_uri": f"{base_url}/op/v1/jwks",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": [SCOPE, OPENID],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "claims_supported": ["aud", "auth_time", "exp", "iat", "iss", "realmid", "sub"],
    }


# Consent


def _authorization_problem(services: Services, values: Any) -> str | None:
    if values.get("client_id") not in [app.client_id for app in services.apps]:
        return "The client_id is unknown."
    target = urlsplit(values.get("redirect_uri", ""))
    if target.scheme not in ("http", "https") or target.hostname not in LOOPBACK:
        return "The redirect_uri must be an http or https address on this machine."
    if SCOPE not in values.get("scope", "").split():
        return f"The scope must contain {SCOPE}."
    if not values.get("state"):
        return "The state is missing."
    if services.switches["code_challenges"] and (values.get("code_challenge") or values.get("code_challenge_method")):
        return _challenge_problem(values)
    return None


def _challenge_problem(values: Any) -> str | None:
    if values.get("code_challenge_method") != CHALLENGE_METHOD:
        return f"The code_challenge_method must be {CHALLENGE_METHOD}."
    if not _CHALLENGE.fullmatch(values.get("code_challenge", "")):
        return "The code_challenge is not a SHA-256 in base64url."
    return None


def _consent_page(services: Services, values: Any) -> str:
    fields = [f'<input type="hidden" name="{name}" value="{escape(values.get(name, ""))}">' for name in _CARRIED]
    app = services.apps.get(values["client_id"])
    options = []
    for realm, books in services.companies.items():
        company = books.get("CompanyInfo", "1") or {}
        options.append(f'<option value="{realm}">{escape(str(company.get("CompanyName")))} ({realm})</option>')
    return _page(
        f"<h1>Connect to QuickBooks</h1><p>{escape(app.name)} asks to read and write this company's books.</p>"
        f'<form method="post" action="/connect/oauth2">{"".join(fields)}'
        f'<p><label>Company <select name="realm_id">{"".join(options)}</select></label></p>'
        '<button type="submit" name="decision" value="connect">Connect</button> '
        '<button type="submit" name="decision" value="cancel">Cancel</button></form>'
    )


def _page(body: str) -> str:
    head = '<meta charset="utf-8"><title>QuickBooks sandbox</title>'
    return f'<!doctype html><html lang="en">{head}<body>{body}</body></html>'


def _decision(services: Services, form: Any) -> str:
    realm = form.get("realm_id") or services.application["realms"][0]
    if form.get("decision", "").lower() == "connect" and realm in services.companies:
        challenge = form.get("code_challenge", "") if services.switches["code_challenges"] else ""
        code = services.tokens.new_code(form["client_id"], realm, form["redirect_uri"], form["scope"], challenge)
        answer = {"code": code, "state": form["state"], "realmId": realm}
    else:
        answer = {"error": "access_denied", "state": form["state"]}
    separator = "&" if urlsplit(form["redirect_uri"]).query else "?"
    return f"{form['redirect_uri']}{separator}{urlencode(answer)}"


# Tokens


def _token(services: Services) -> Response:
    client_id = _authenticated(services)
    if client_id is None:
        return json_answer({"error": "invalid_client"}, 401)
    form = request.form
    try:
        match form.get("grant_type"):
            case "authorization_code":
                answer = services.tokens.exchange(
                    client_id,
                    form.get("code", ""),
                    form.get("redirect_uri", ""),
                    services.issuer,
                    form.get("code_verifier", ""),
                )
            case "refresh_token":
                answer = services.tokens.refresh(client_id, form.get("refresh_token", ""))
            case None:
                return json_answer({"error": "invalid_request"}, 400)
            case _:
                return json_answer({"error": "unsupported_grant_type"}, 400)
    except InvalidGrantError:
        message = "Incorrect or invalid refresh token" if form.get("refresh_token") else "Invalid authorization code"
        return json_answer({"error": "invalid_grant", "error_description": message}, 400)
    if request.headers.get("x-include-refresh-token-hard-expires-in", "").lower() != "true":
        answer.pop("x_refresh_token_hard_expires_in")
    return json_answer(answer)


def _authenticated(services: Services) -> str | None:
    """The client id of the app that asks, when its secret is right."""
    given = request.authorization
    if given is not None and given.type == "basic":
        name, password = str(given.username), str(given.password)
    else:
        name, password = request.form.get("client_id", ""), request.form.get("client_secret", "")
    for app in services.apps:
        if app.client_id == name:
            right = hmac.compare_digest(password.encode(), app.client_secret.encode())
            return app.client_id if right else None
    return None


def _token_to_revoke() -> str:
    if request.form.get("token"):
        return request.form["token"]
    try:
        body = decode(request.get_data())
    except ValueError:
        return ""
    return str(body.get("token") or "") if isinstance(body, dict) else ""
