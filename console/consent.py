"""Where Intuit sends the user back to."""

from flask import Blueprint, Response, request
from markupsafe import escape

from config.errors import RavebooksError
from config.logging import logger
from console.connecting import Connecting

log = logger("connect")


def blueprint(connecting: Connecting) -> Blueprint:
    """`GET /connect/callback`."""
    routes = Blueprint("consent", __name__, url_prefix="/connect")

    @routes.get("/callback")
    def callback() -> Response:
        state = request.args.get("state", "")
        try:
            if request.args.get("error"):
                connecting.denied(state)
                return _page("QuickBooks is not connected", "You chose not to connect. Nothing was changed.", 200)
            connection_id = connecting.finish(state, request.args.get("code", ""), request.args.get("realmId", ""))
        except RavebooksError as error:
            log.warning("connect refused", error=str(error))
            return _page("QuickBooks is not connected", f"{str(error).capitalize()}. {error.remedy}", 400)
        log.info("connected", connection=connection_id)
        return _page("QuickBooks is connected", "You can close this page and map your line item types.", 200)

    return routes


def _page(title: str, text: str, status: int) -> Response:
    html = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<h1>{escape(title)}</h1><p>{escape(text)}</p></html>"
    )
    return Response(html, status, content_type="text/html; charset=utf-8")
