"""Records as a list: found by number, client, amount, kind and state, all of it in the address."""

from collections.abc import Mapping

from flask import g, request
from werkzeug.wrappers import Response

from console.api.paging import asked, sealed
from console.pages.showing import back, carried_out, console, note, page, said, show, showing, visitor
from reconcile.model import Kind, Record, Side
from schemas.ids import record_of
from storage import users
from storage.listing import Filter
from storage.paging import Asked

ROWS = 50
MOST_AT_ONCE, MOST_FOUND = 200, 500
"""How many are asked for at once: those that are ticked, and all that a filter finds."""
KINDS = (Kind.INVOICE, Kind.ESTIMATE, Kind.PAYMENT, Kind.CONTACT)
STATES = {
    "synced": "Synced",
    "pending": "On its way",
    "needs_attention": "Needs attention",
    "held": "Asks",
    "paused": "Paused",
}


@console.get("/<connection_id>/records")
@page()
def records(connection_id: str) -> Response:
    """What was synced, or waits; those that were seen last first."""
    wanted = _wanted(request.args)
    page_asked = asked({"limit": ROWS, "cursor": request.args.get("cursor", "")})
    found = showing().actions.records.listed(connection_id, wanted, page_asked)
    return show(
        "records.html",
        active="records",
        connection=g.connection,
        found=found,
        wanted=wanted,
        kinds=KINDS,
        states=STATES,
        most=MOST_FOUND,
        cursor=sealed(found.page),
    )


@console.post("/<connection_id>/records/sync-found")
@page(users.BOOKKEEPER)
def sync_found(connection_id: str) -> Response:
    """The button for everything that a filter finds, up to `MOST_FOUND`."""
    wanted, actions = _wanted(request.form), showing().actions.records
    g.nothing_done = True  # each of them is noted by itself
    found = actions.listed(connection_id, wanted, Asked(MOST_FOUND))
    if found.page.next is not None:
        said(f"More than {MOST_FOUND} are found: narrow it down, or begin a back-fill.", "asks")
    else:
        for row in found.page.rows:
            _ask_for(connection_id, Record(Side.RAVETREE, Kind(row.kind), row.id))
        said(f"{len(found.page.rows)} asked for: each {carried_out(g.connection)}")
    return back("records", connection_id=connection_id, q=wanted.text, kind=wanted.kind, state=wanted.state)


def _wanted(asked_for: Mapping[str, str]) -> Filter:
    kind, state = asked_for.get("kind", ""), asked_for.get("state", "")
    return Filter(
        kind=kind if kind in KINDS else "",
        state=state if state in STATES else "",
        text=asked_for.get("q", "").strip()[:255].replace("\0", ""),
    )


def _ask_for(connection_id: str, record: Record) -> None:
    # It was seen: neither side has to be asked whether there is such a record.
    showing().actions.records.ask_for(connection_id, record, visitor().user.shown, look=False)
    note("sync record", connection_id=connection_id, subject=str(record))


@console.post("/<connection_id>/records/sync")
@page(users.BOOKKEEPER)
def sync_many(connection_id: str) -> Response:
    """The button "Sync to QuickBooks" for every record that was ticked."""
    ticked = [name.partition(":") for name in request.form.getlist("record")[:MOST_AT_ONCE]]
    wanted = [record_of(Side.RAVETREE, kind, record_id) for kind, _, record_id in ticked]
    g.nothing_done = True  # each of them is noted by itself
    for record in wanted:
        _ask_for(connection_id, record)
    said(f"{len(wanted)} asked for: each {carried_out(g.connection)}" if wanted else "Nothing was ticked.")
    return back("records", connection_id=connection_id)
