"""The user's way to Intuit and back."""

from flask import Blueprint, redirect, request
from markupsafe import escape
from werkzeug.wrappers import Response

from config.errors import RavebooksError
from config.logging import logger
from console.connecting import Connecting

log = logger("connect")


def blueprint(connecting: Connecting) -> Blueprint:
    """`GET /connect/start` and `GET /connect/callback`."""
    routes = Blueprint("consent", __name__, url_prefix="/connect")

    @routes.get("/start")
    def start() -> Response:
        """A start link of Ravetree's: on to Intuit's page."""
        try:
            return redirect(connecting.start(request.args.get("token", "")))
        except RavebooksError as error:
            log.warning("start refused", error=str(error))
            return _page("QuickBooks is not connected", _sentence(error), 400)

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
            return _page("QuickBooks is not connected", _sentence(error), 400)
        log.info("connected", connection=connection_id)
        return _page("QuickBooks is connected", "You can close this page and map your line item types.", 200)

    return routes


def _sentence(error: RavebooksError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}. {error.remedy}"


def _page(title: str, text: str, status: int) -> Response:
    html = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<h1>{escape(title)}</h1><p>{escape(text)}</p></html>"
    )
    return Response(html, status, content_type="text/html; charset=utf-8")
