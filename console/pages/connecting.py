"""Connecting an account to a company, connecting it anew, and forgetting what was ended."""

from typing import Any

from flask import g, request, url_for
from werkzeug.wrappers import Response

from config.errors import RavebooksError
from console.pages.showing import back, console, page, said, sentence, show, showing, visitor
from storage import users
from storage.connections import DISCONNECTED
from storage.forgetting import FORGOTTEN


@console.route("/connect", methods=["GET", "POST"])
@page(users.BOOKKEEPER)
def connect() -> Response:
    """Connect an account that is not connected yet: whose it is, its API token, and on to QuickBooks."""
    account = visitor().user.account_id or request.form.get("account", "").strip()
    if request.method != "POST":
        return show("connect.html", account=account)
    g.act, g.subject = "begin connect", f"account:{account[:64]}"
    try:
        link = showing().connecting.begin(account, request.form.get("ravetree_token", "").strip(), in_console=True)
    except RavebooksError as error:
        return _refused(error, account=account)
    return _to_quickbooks(link, account)


@console.route("/<connection_id>/connection/reconnect", methods=["GET", "POST"])
@page(users.BOOKKEEPER)
def reconnect(connection_id: str) -> Response:
    """The consent of a connection anew; its mappings, its pairs and what waits are still there."""
    shown = {"connection": g.connection, "active": "connection", "account": g.connection.account_id}
    shown["keeps_token"] = g.connection.state != DISCONNECTED
    if request.method != "POST":
        return show("connect.html", **shown)
    g.act = "begin connect"
    try:
        link = showing().connecting.renew(connection_id, request.form.get("ravetree_token", "").strip())
    except RavebooksError as error:
        return _refused(error, **shown)
    return _to_quickbooks(link, **shown)


def _to_quickbooks(link: str, account: str, **more: Any) -> Response:
    """The page whose link leads on: a form may lead to no other host, and the way to Intuit's page goes over several.

    The link is good once, so that nobody is shown it again.
    """
    address = url_for("consent.start", token=link.partition("?token=")[2])
    return show("connect.html", link=address, account=account, **more)


def _refused(error: RavebooksError, **shown: Any) -> Response:
    g.nothing_done = True
    return show("connect.html", 400, refusal=f"{sentence(error)} {error.remedy}", **shown)


@console.post("/<connection_id>/connection/forget")
@page(users.BOOKKEEPER)
def forget(connection_id: str) -> Response:
    """End a disconnected connection for good."""
    if request.form.get("sure") != connection_id:
        g.nothing_done = True
        said("Tick the box first: nothing was forgotten.", "asks")
        return back("connection", connection_id=connection_id)
    outcome = showing().connecting.forget(connection_id, visitor().user.shown)
    free = f"The account {g.connection.account_id} and the company {g.connection.realm_id} can join others."
    said(f"The connection is {outcome}. {free}")
    return back("home") if outcome == FORGOTTEN else back("connection", connection_id=connection_id)
