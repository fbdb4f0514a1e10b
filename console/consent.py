"""The user's way to Intuit and back, and the way to take it back."""

import re
from urllib.parse import urlsplit

from flask import Blueprint, g, redirect, request
from markupsafe import Markup, escape
from werkzeug.exceptions import InternalServerError
from werkzeug.wrappers import Response

from config.errors import RavebooksError
from config.logging import logger
from config.ports import Entropy
from config.tally import Tally
from console.connecting import Connected, Connecting, Undone
from storage.forgetting import FORGOTTEN

COOKIE = "ravebooks_connect"
COOKIE_SECONDS = 600
COOKIE_BYTES = 32
FORM_BYTES = 4096
DENIED = "access_denied"
"""What Intuit sends back when the user presses no; RFC 6749, 4.1.2.1."""
REFUSALS = {
    "start": ("start refused", "QuickBooks is not connected"),
    "callback": ("connect refused", "QuickBooks is not connected"),
    "undo": ("undo refused", "Nothing was undone"),
}
"""How each of the pages says in the log, and in its title, that something was refused."""
_COOKIE_FORM = re.compile(f"[0-9a-f]{{{2 * COOKIE_BYTES}}}")

log = logger("connect")


class Browser:
    """Who asks, by a cookie that no other site and no script can read: only this browser can finish what it began.

    It is the same for all connects that a browser begins within ten minutes: two tabs do not disturb each other.
    """

    def __init__(self, public_url: str, entropy: Entropy) -> None:
        url = urlsplit(public_url)
        self._entropy = entropy
        self._secure = url.scheme == "https"
        self._name = f"__Secure-{COOKIE}" if self._secure else COOKIE
        self._path = f"{url.path.rstrip('/')}/connect"

    def known(self) -> str:
        """What the browser brings; empty if that is nothing of ours."""
        given = request.cookies.get(self._name, "")
        return given if _COOKIE_FORM.fullmatch(given) else ""

    def known_or_new(self) -> str:
        """What the browser brings, or something new for it to bring."""
        return self.known() or self._entropy.token(COOKIE_BYTES)

    def keep(self, response: Response, value: str) -> Response:
        """Have the browser bring `value` again, for ten minutes from now on."""
        response.set_cookie(
            self._name,
            value,
            max_age=COOKIE_SECONDS,
            path=self._path,
            secure=self._secure,
            httponly=True,
            samesite="Lax",
        )
        return response


def blueprint(connecting: Connecting, tally: Tally) -> Blueprint:
    """`GET /connect/start`, `GET /connect/callback` and `POST /connect/undo`."""
    routes = Blueprint("consent", __name__, url_prefix="/connect")
    browser = Browser(connecting.public_url, connecting.entropy)

    @routes.before_request
    def only_look() -> Response | None:
        """What looks at links for safety or a preview asks by HEAD: it uses nothing up."""
        return _page("QuickBooks", "Open this address in a browser.", 200) if request.method == "HEAD" else None

    @routes.get("/start")
    def start() -> Response:
        """A start link of Ravetree's: on to Intuit's page."""
        whose = browser.known_or_new()
        return browser.keep(redirect(connecting.start(request.args.get("token", ""), whose)), whose)

    @routes.get("/callback")
    def callback() -> Response:
        """What Intuit sends back: a connection, or why there is none."""
        state, whose = request.args.get("state", ""), browser.known()
        begun = connecting.come_back(state, whose)
        g.in_console = begun.in_console
        if error := request.args.get("error"):
            return _denied(error, tally)
        made = connecting.finish(begun, whose, request.args.get("code", ""), request.args.get("realmId", ""))
        log.info("connected", connection=made.connection_id)
        if begun.in_console:
            # The address is relative: what is in front of us may have put us below a path.
            return redirect(f"../console/{made.connection_id}/connection?connected=1")
        return browser.keep(_page("QuickBooks is connected", _joined(made), 200, _way_back(made)), whose)

    @routes.post("/undo")
    def undo() -> Response:
        """The form of the page after a new connect."""
        # A form of one short field: whoever sends more did not get it from us.
        request.max_content_length = request.max_form_memory_size = FORM_BYTES
        undone = connecting.undo(request.form.get("token", ""), browser.known())
        return _page("QuickBooks is not connected any more", _taken_back(undone), 200)

    @routes.errorhandler(RavebooksError)
    def refuse(error: RavebooksError) -> Response:
        event, title = REFUSALS[(request.endpoint or "").rpartition(".")[2]]
        tally.met(log, event, request.remote_addr or "", error=str(error))
        return _page(title, _sentence(error), 400)

    @routes.errorhandler(InternalServerError)
    def crashed(_error: InternalServerError) -> Response:
        """A browser shows a page, not a problem."""
        text = "Something unexpected happened, a fault of Ravebooks. Whether anything was connected, the list of"
        return _page("Something went wrong", f"{text} connections says. Its log has more of it.", 500)

    return routes


def _denied(error: str, tally: Tally) -> Response:
    if error == DENIED:
        return _page("QuickBooks is not connected", "You chose not to connect. Nothing was changed.", 200)
    tally.met(log, "Intuit refused", request.remote_addr or "", error=error[:80])
    text = f"Intuit did not go on ({error[:80]}). Nothing was changed. Begin the connect again from Ravetree."
    return _page("QuickBooks is not connected", text, 400)


def _sentence(error: RavebooksError) -> str:
    text = str(error).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}. {error.remedy}"


def _named(name: str, number: str) -> str:
    return f"{name} ({number})" if name else number


def _joined(made: Connected) -> str:
    account = _named(made.account_name, made.account_id)
    return (
        f"The Ravetree account {account} and the QuickBooks company {_named(made.company_name, made.realm_id)} are "
        "connected. You can close this page and map your line item types."
    )


def _way_back(made: Connected) -> str:
    if made.undo is None:
        return Markup("<p>They were connected before; this renewed it, and is not undone from here.</p>")
    # The address is relative: what is in front of us may have put us below a path.
    return Markup(
        '<form method="post" action="undo"><input type="hidden" name="token" value="{}">'
        "<p>Not the right company? Within ten minutes the connection is undone here: "
        "<button>Undo</button></p></form>"
    ).format(made.undo)


def _taken_back(undone: Undone) -> str:
    free = f"The Ravetree account {undone.account_id} and the QuickBooks company {undone.realm_id} can join others"
    if undone.open:
        free = (
            f"The Ravetree account {undone.account_id} and the QuickBooks company {undone.realm_id} are disconnected, "
            f"and nothing more is written. {undone.open[:1].upper()}{undone.open[1:]}: look there, and have an "
            "operator forget the connection a day from now, so that both can join others"
        )
    stays = "" if undone.outcome == FORGOTTEN else " What was written meanwhile stays in both books, as do its records."
    told = "" if undone.revoked else " Intuit could not be told: remove the app in QuickBooks too."
    return f"{free}.{stays}{told}"


def _page(title: str, text: str, status: int, more: str = "") -> Response:
    if g.get("in_console"):
        more += Markup('<p><a href="../console/">Back to the console</a></p>')
    html = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<h1>{escape(title)}</h1><p>{escape(text)}</p>{more}</html>"
    )
    return Response(html, status, content_type="text/html; charset=utf-8")
