"""The console: pages for bookkeepers and operators, made on the server, on what the actions say."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Request, redirect
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_bootstrap import Bootstrap5
from flask_login import LoginManager
from flask_wtf import CSRFProtect
from werkzeug.wrappers import Response

from console.access.sessions import ENDS_AFTER
from console.pages import (  # noqa: F401 - each adds its own pages
    attention,
    connecting,
    connection,
    entering,
    events,
    home,
    jobs,
    many,
    operating,
    parity,
    people,
    record,
    records,
)
from console.pages.showing import COOKIE, EXTENSION, Showing, console, load, words

__all__ = ["Showing", "install"]


class ConsoleSessions(SecureCookieSessionInterface):
    """Sessions are the console's: webhooks and the API neither read nor write one."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The session of a request; an empty one that takes nothing wherever it is not the console's."""
        if not request.path.startswith(console.url_prefix or ""):
            return self.make_null_session(app)
        return super().open_session(app, request)


class Below:
    """What is in front of us has put us below a path and takes it off again: links have to have it."""

    def __init__(self, inner: Callable[..., Any], path: str) -> None:
        self._inner = inner
        self._path = path

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        return self._inner(environ | {"SCRIPT_NAME": self._path}, start)


def install(app: Flask, showing: Showing) -> None:
    """Add the console to `app`, below `/console`, and lead who opens its bare address there."""
    url = urlsplit(showing.public_url)
    secure = url.scheme == "https"
    key = hmac.new(showing.users.secret_key.encode(), b"sessions of the console", hashlib.sha256).hexdigest()
    app.config.update(
        SECRET_KEY=key,
        SESSION_COOKIE_NAME=f"__Secure-{COOKIE}" if secure else COOKIE,
        SESSION_COOKIE_PATH=f"{url.path.rstrip('/')}/console",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        # Only what changes it sets it: an answer that others may keep carries nobody's session.
        SESSION_REFRESH_EACH_REQUEST=False,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=ENDS_AFTER,
        # Checked by the console's own pages: the API and the webhooks are signed, and have no cookie.
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
        BOOTSTRAP_SERVE_LOCAL=True,
    )
    app.extensions[EXTENSION] = showing
    showing.csrf.append(CSRFProtect(app))
    # Where Bootstrap's own assets are, below `/bootstrap`.
    app.static_url_path = "/static"
    Bootstrap5(app)
    if url.path.strip("/"):
        app.wsgi_app = Below(app.wsgi_app, f"/{url.path.strip('/')}")  # type: ignore[method-assign, assignment]  # as Flask's documents say
    app.session_interface = ConsoleSessions()
    # Not by its `init_app`, which has every answer looked at for a cookie that we never give.
    manager = LoginManager()
    manager.user_loader(load)
    manager.session_protection = None
    app.login_manager = manager  # type: ignore[attr-defined]  # where Flask-Login looks for it
    words(app)
    app.register_blueprint(console)

    @app.get("/")
    def begin() -> Response:
        """Whoever opens the address that they were told."""
        return redirect("console/")
