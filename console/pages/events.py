"""For operators: every event that came, what became of it, and a connection looked at anew from a moment on."""

from datetime import UTC, datetime

from flask import request
from werkzeug.wrappers import Response

from console.api.paging import asked, sealed
from console.pages.showing import NotUnderstood, console, operators, show, showing
from storage.events import WINDOW, Wanted

ROWS = 50
OUTCOMES = ("recorded", "ignored", "unknown", "unusable")


@console.get("/events")
@operators
def events() -> Response:
    """Found by account, record, type, outcome, time and id."""
    form = {name: request.args.get(name, "").strip()[:255].replace("\0", "") for name in FIELDS}
    wanted = Wanted(
        event_id=form["id"],
        record_id=form["record"],
        account=form["account"],
        type=form["type"],
        outcome=form["outcome"] if form["outcome"] in OUTCOMES else "",
        until=_moment(form["until"]),
    )
    page = showing().actions.watching.events(wanted, asked({"limit": ROWS, "cursor": request.args.get("cursor", "")}))
    return show(
        "events.html",
        operating="events",
        form=form,
        events=page.rows,
        cursor=sealed(page),
        outcomes=OUTCOMES,
        window=WINDOW,
        connections=showing().actions.watching.companies(),
    )


FIELDS = ("id", "record", "account", "type", "outcome", "until")


def _moment(text: str) -> datetime | None:
    """UTC, as a browser's field for a moment spells it."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise NotUnderstood(f"{text[:40]!r} is no moment") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@console.get("/events/<int(max=9223372036854775807):event_id>")
@operators
def event(event_id: int) -> Response:
    """What became of one, from its delivery to the write."""
    return show("event.html", operating="events", story=showing().actions.watching.story(event_id))
