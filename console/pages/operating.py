"""For operators: is it well, queues, and brakes."""

from typing import Any

from flask import g, request
from werkzeug.wrappers import Response

from console.pages.showing import back, console, operators, said, show, showing, visitor
from reconcile.wellness import Area
from storage import brakes
from sync.operating.charts import SPANS

AREAS = {
    Area.RECEIVING: "Receiving",
    Area.QUEUES: "Queues",
    Area.WORKING: "Working",
    Area.TELLING: "Telling",
}
COUNTED = {
    "count.received": "deliveries received",
    "count.event.recorded": "events recorded",
    "count.change.agreed": "changes agreed",
    "count.write.done": "writes done",
    "count.write.refused": "writes refused",
    "count.change.held": "asked about",
    "count.change.parked": "parked",
    "count.read": "metered reads",
    "count.dead": "dead-lettered",
}
STATES = {"due": "Due", "waiting": "Wait for another record", "held": "Asked about", "parked": "Parked"}


@console.get("/well")
@operators
def well() -> Response:
    """Is it well? Each area green, or its causes with a remedy and a button."""
    return show("well.html", operating="well", **_wellness())


@console.get("/well/now")
@operators
def well_now() -> Response:
    """The same as a fragment, for a page that is open."""
    return unchanged(show("_well.html", **_wellness()))


def unchanged(answer: Response) -> Response:
    """Asked for again and again: what has not changed is not sent again."""
    answer.add_etag()
    return answer.make_conditional(request)


def _wellness() -> dict[str, Any]:
    found = showing().actions.watching.wellness()
    areas = [(label, [one for one in found.findings if one.area is area]) for area, label in AREAS.items()]
    counted = [(label, int(found.counted.get(name, 0))) for name, label in COUNTED.items()]
    return {"wellness": found, "areas": areas, "counted": counted}


@console.get("/support")
@operators
def support() -> Response:
    """The support bundle, as a file."""
    answer = Response(showing().actions.watching.support(), content_type="application/json")
    answer.headers["Content-Disposition"] = "attachment; filename=ravebooks-support.json"
    return answer


@console.get("/queues")
@operators
def queues() -> Response:
    """How much waits where, who works, and how it went in the last hour or day."""
    return show("queues.html", operating="queues", **_queues())


@console.get("/queues/now")
@operators
def queues_now() -> Response:
    """The same as a fragment."""
    return unchanged(show("_queues.html", **_queues()))


def _queues() -> dict[str, Any]:
    watching, span = showing().actions.watching, request.args.get("span", "hour")
    span = span if span in SPANS else "hour"
    return {
        "queues": watching.queues(),
        "broker": watching.broker_queues(),
        "charts": watching.charts(span),
        "span": span,
        "spans": SPANS,
        "states": STATES,
        "now": showing().clock.now(),
    }


@console.get("/kept")
@operators
def kept() -> Response:
    """What is kept how long, and what was removed."""
    return show("kept.html", operating="kept", kept=showing().actions.watching.kept())


# --- brakes --------------------------------------------------------------------------------------


@console.get("/brakes")
@operators
def brakes_page() -> Response:
    """What stands still, and how to stop or let go on everything, a side, a kind, or a connection."""
    return show(
        "brakes.html",
        operating="brakes",
        stopped=showing().actions.watching.stopped(),
        parts=brakes.PARTS,
        connections=showing().actions.watching.companies(),
    )


@console.post("/brakes/pull")
@operators
def pull_brake() -> Response:
    """Stop writes: of everything, of a side, of a kind."""
    part, cause = request.form.get("part", ""), request.form.get("cause", "").strip()[:500]
    g.act, g.subject = "stop", part
    showing().actions.installation.stop_part(part, visitor().user.shown, cause)
    said("Stopped, before the next write is sent. Nothing is lost: it goes on where it stood.", "asks")
    return back("brakes_page")


@console.post("/brakes/release")
@operators
def release_part() -> Response:
    """Let writes go on."""
    part = request.form.get("part", "")
    g.act, g.subject = "go on", part
    showing().actions.installation.resume_part(part)
    said("It goes on.")
    return back("well" if request.form.get("from") == "well" else "brakes_page")


@console.post("/brakes/connection")
@operators
def brake_connection() -> Response:
    """Pause or resume one connection."""
    connection_id, do = request.form.get("connection", ""), request.values.get("do", "")
    g.act, g.act_on = f"{do[:16]} connection", connection_id
    if do == "pause":
        cause = request.form.get("cause", "").strip()[:500]
        showing().actions.connections.pause(connection_id, visitor().user.shown, cause)
        said("Paused. Nothing is lost: what is pending goes on after resume.", "asks")
    else:
        showing().actions.connections.resume(connection_id)
        said("It goes on, and looks at what was missed.")
    return back("well" if request.form.get("from") == "well" else "brakes_page")
