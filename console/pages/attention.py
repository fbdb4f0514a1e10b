"""What waits for a person, by cause, with the repair in place."""

from flask import g, request
from werkzeug.wrappers import Response

from console.pages.showing import back, console, page, said, show, showing, visitor
from schemas.ids import record_of
from storage import users
from storage.decisions import Said
from storage.paging import Asked
from sync.actions.records import AttentionView

ROWS = 200


@console.get("/<connection_id>/attention")
@page()
def attention(connection_id: str) -> Response:
    """Everything that waits, grouped by cause: the newest of each last."""
    found = showing().actions.records.attention(connection_id, Asked(ROWS))
    groups: dict[str, list[AttentionView]] = {}
    for row in found.rows:
        groups.setdefault(row.code, []).append(row)
    return show(
        "attention.html",
        active="attention",
        connection=g.connection,
        groups=groups,
        more=found.next is not None,
        only=request.args.get("code", ""),
    )


@console.post("/<connection_id>/records/<side>/<kind>/<record_id>/decide")
@page(users.BOOKKEEPER)
def decide(connection_id: str, side: str, kind: str, record_id: str) -> Response:
    """Answer what a record asks."""
    asked = request.form
    g.act = f"decide {asked.get('decision', '')[:32]}"
    answer = Said(
        decision=asked.get("decision", ""),
        target=asked.get("target", "").strip(),
        note=asked.get("note", "").strip()[:500],
        by=visitor().user.shown,
    )
    showing().actions.records.decide(connection_id, record_of(side, kind, record_id), answer)
    said("Your answer is kept, and is being carried out.")
    return _return(connection_id, side, kind, record_id)


@console.post("/<connection_id>/records/<side>/<kind>/<record_id>/retry")
@page(users.BOOKKEEPER)
def retry(connection_id: str, side: str, kind: str, record_id: str) -> Response:
    """Look at a record again."""
    showing().actions.records.retry(connection_id, record_of(side, kind, record_id), visitor().user.shown)
    said("It is being looked at again.")
    return _return(connection_id, side, kind, record_id)


@console.post("/<connection_id>/attention/many")
@page(users.BOOKKEEPER)
def decide_many(connection_id: str) -> Response:
    """One answer, or another look, for every record that was ticked."""
    decision, records = request.form.get("decision", ""), request.form.getlist("record")[:ROWS]
    g.act = f"decide {decision[:32]} for {len(records)}"
    for name in records:
        side, _, rest = name.partition(":")
        kind, _, record_id = rest.partition(":")
        record = record_of(side, kind, record_id)
        if decision == "retry":
            showing().actions.records.retry(connection_id, record, visitor().user.shown)
        else:
            answer = Said(decision=decision, target="", note="", by=visitor().user.shown)
            showing().actions.records.decide(connection_id, record, answer)
    said(f"{len(records)} are being carried out." if records else "Nothing was ticked.")
    return back("attention", connection_id=connection_id)


def _return(connection_id: str, side: str, kind: str, record_id: str) -> Response:
    if request.form.get("from") == "record":
        return back("record", connection_id=connection_id, side=side, kind=kind, record_id=record_id)
    return back("attention", connection_id=connection_id)
