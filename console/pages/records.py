"""Records as a list: found by number, client, amount, kind and state, all of it in the address."""

from flask import g, request
from werkzeug.wrappers import Response

from console.api.paging import asked, sealed
from console.pages.showing import back, carried_out, console, note, page, said, show, showing, visitor
from reconcile.model import Kind, Side
from schemas.ids import record_of
from storage import users
from storage.listing import Filter

ROWS = 50
MOST_AT_ONCE = 200
KINDS = (Kind.INVOICE, Kind.ESTIMATE, Kind.PAYMENT, Kind.CONTACT)
STATES = {"synced": "Synced", "pending": "On its way", "needs_attention": "Needs attention", "held": "Asks"}


@console.get("/<connection_id>/records")
@page()
def records(connection_id: str) -> Response:
    """What was synced, or waits; those that were seen last first."""
    kind, state = request.args.get("kind", ""), request.args.get("state", "")
    wanted = Filter(
        kind=kind if kind in KINDS else "",
        state=state if state in STATES else "",
        text=request.args.get("q", "").strip()[:255],
    )
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
        cursor=sealed(found.page),
    )


@console.post("/<connection_id>/records/sync")
@page(users.BOOKKEEPER)
def sync_many(connection_id: str) -> Response:
    """The button "Sync to QuickBooks" for every record that was ticked."""
    ticked = [name.partition(":") for name in request.form.getlist("record")[:MOST_AT_ONCE]]
    wanted = [record_of(Side.RAVETREE, kind, record_id) for kind, _, record_id in ticked]
    g.nothing_done = True  # each of them is noted by itself
    for record in wanted:
        # Each of them was seen: neither side has to be asked whether there is such a record.
        showing().actions.records.ask_for(connection_id, record, visitor().user.shown, look=False)
        note("sync record", connection_id=connection_id, subject=str(record))
    said(f"{len(wanted)} asked for: each {carried_out(g.connection)}" if wanted else "Nothing was ticked.")
    return back("records", connection_id=connection_id)
