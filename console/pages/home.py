"""The home page answers one question: do my books agree?"""

from typing import Any

from flask import g, redirect, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from console.pages.showing import console, own_connections, page, show, showing, visitor
from storage import users
from storage.paging import Asked


@console.get("/")
@page()
def home() -> Response:
    """All connections that the visitor sees; the only one at once."""
    found = own_connections()
    current = [one for one in found if one.state != "archived"]
    if len(current) == 1 and (visitor().user.account_id or len(found) == 1):
        return redirect(url_for("console.account", connection_id=current[0].id))
    can_connect = visitor().may(users.BOOKKEEPER) and not (visitor().user.account_id and current)
    return show("connections.html", connections=found, can_connect=can_connect)


@console.get("/all-parts")
@page()
def all_parts() -> Response:
    """Everything that pages are made of, to look at; in the local environment alone."""
    if not showing().is_local:
        raise NotFound
    return show("all_parts.html")


@console.get("/<connection_id>/")
@page()
def account(connection_id: str) -> Response:
    """Whether both books of one account agree, and what waits for a person, by cause."""
    return show("home.html", active="home", **_standing(connection_id))


@console.get("/<connection_id>/now")
@page()
def account_now(connection_id: str) -> Response:
    """The same as a fragment, for a page that is open."""
    answer = show("_standing.html", **_standing(connection_id))
    answer.add_etag()
    # Asked for again and again: what has not changed is not sent again.
    return answer.make_conditional(request)


def _standing(connection_id: str) -> dict[str, Any]:
    actions = showing().actions
    reports = actions.books.reports(connection_id, Asked(1)).rows
    return {
        "connection": g.connection,
        "standing": actions.records.standing(connection_id),
        "report": reports[0] if reports else None,
    }
