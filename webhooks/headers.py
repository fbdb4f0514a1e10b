"""Headers that every answer carries: nothing here is to be framed, sniffed, kept or followed back."""

from collections.abc import Iterable
from typing import Any

from flask import Flask

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


_NAMES = {name.lower(): (name, value) for name, value in HEADERS.items()}


def install(app: Flask) -> None:
    """Add them to every answer of `app`, errors too, unless the answer says otherwise."""
    inner: Any = app.wsgi_app

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            said = {name.lower() for name, _ in headers}
            missing = [header for name, header in _NAMES.items() if name not in said]
            return start_response(status, headers + missing, *error)

        answer: Iterable[bytes] = inner(environ, start)
        return answer

    app.wsgi_app = serve  # type: ignore[method-assign]  # Flask's own way to put something around an application
