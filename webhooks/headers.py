"""Headers that every answer carries: nothing here is to be framed, sniffed, kept or followed back."""

from flask import Flask, Response

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def install(app: Flask) -> None:
    """Add them to every answer of `app`, errors too, unless the answer says otherwise."""

    @app.after_request
    def _add(response: Response) -> Response:
        named = {name.lower() for name, _ in response.headers}
        for name, value in HEADERS.items():
            if name.lower() not in named:
                response.headers.add(name, value)
        return response
