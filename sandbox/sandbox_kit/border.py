"""Who steers a sandbox: programs on this machine and its own pages, but no page from elsewhere in a browser here.

It asks for no credentials. A page of another site could send requests to it all the same: by a form, whose types are
few and JSON is none; by a script, whose requests name their origin; or under a name of its own that suddenly means
this machine, which the `Host` tells.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from flask import Request

JSON = "application/json"


def foreign_page(request: Request, names: Collection[str] = ()) -> str | None:
    """Why a request may come from a page elsewhere, in a sentence; `names` are our own beside loopback's."""
    host = _hostname(request.host)
    if not host or not (_is_loopback(host) or host in names):
        return f"The sandbox is not served as {request.host!r}: call it by a loopback address."
    origin = request.headers.get("Origin")
    if origin is not None and origin not in (f"http://{request.host}", f"https://{request.host}"):
        return f"A page of {origin!r} may not use the sandbox."
    return None


def not_json(request: Request) -> str | None:
    """Why a body is not taken, in a sentence: a form's would be sent by any page."""
    has_body = bool(request.content_length) or "Transfer-Encoding" in request.headers
    if has_body and request.mimetype != JSON:
        return f"Send the body as JSON, with Content-Type: {JSON}."
    return None


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
