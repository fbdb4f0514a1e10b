"""One record: both books side by side, the question, what the next sync does, and what happened."""

from flask import g, request
from werkzeug.wrappers import Response

from config.errors import RavebooksError
from console.api.paging import asked, sealed
from console.pages.showing import back, console, page, said, sentence, show, showing, visitor
from schemas.ids import record_of
from storage import users
from storage.connections import ARCHIVED, DISCONNECTED
from storage.paging import Page
from sync.actions.records import NoSuchRecord

ENTRIES = 100
"""How much of what happened a page shows."""


@console.get("/<connection_id>/records/<side>/<kind>/<record_id>")
@page()
def record(connection_id: str, side: str, kind: str, record_id: str) -> Response:
    """Ravetree left, QuickBooks right, what both last agreed on between them; only what differs is loud."""
    name, books = record_of(side, kind, record_id), showing().actions.books
    page_asked = asked({"limit": ENTRIES, "cursor": request.args.get("cursor", "")})
    try:
        history = books.timeline_page(connection_id, name, page_asked, newest_first=True)
    except NoSuchRecord:
        history = Page([])
    return show(
        "record.html",
        active="records",
        connection=g.connection,
        name=name,
        shown=books.record(connection_id, name),
        ended=g.connection.state in (DISCONNECTED, ARCHIVED),
        history=history.rows,
        cursor=sealed(history),
    )


@console.get("/<connection_id>/records/<side>/<kind>/<record_id>/preview")
@page()
def preview(connection_id: str, side: str, kind: str, record_id: str) -> Response:
    """What the next sync, or a decision, would do. Writes nothing."""
    name = record_of(side, kind, record_id)
    decision, target = request.args.get("decision", ""), request.args.get("target", "").strip()
    try:
        found, refusal = showing().actions.records.preview(connection_id, name, decision, target), ""
    except RavebooksError as error:
        found, refusal = None, f"{sentence(error)} {error.remedy}"
    return show(
        "preview.html",
        active="records",
        called=showing().actions.records.called(connection_id, [name]).get(name, ""),
        connection=g.connection,
        name=name,
        decision=decision,
        target=target,
        asked=next((row.cause for row in showing().actions.records.asks(connection_id, name)), ""),
        preview=found,
        refusal=refusal,
    )


@console.post("/<connection_id>/records/<side>/<kind>/<record_id>/sync")
@page(users.BOOKKEEPER)
def sync_record(connection_id: str, side: str, kind: str, record_id: str) -> Response:
    """The button "Sync to QuickBooks"."""
    became = showing().actions.records.ask_for(connection_id, record_of(side, kind, record_id), visitor().user.shown)
    said(f"{became.message} {became.remedy}".strip())
    return back("record", connection_id=connection_id, side=side, kind=kind, record_id=record_id)
