"""Back-fill: choose, look before, begin, pause, stop, and the report; the import of contacts is shown beside it."""

from typing import Any

from flask import g, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from config.errors import RavebooksError
from console.api.paging import asked, sealed
from console.api.shapes import JobRequest
from console.pages.showing import back, console, loaded, page, said, sentence, show, showing, visitor
from storage import users
from storage.jobs import BACKFILL

KINDS = ("invoice", "estimate", "contact")
JOBS, ROWS = 10, 100


@console.get("/<connection_id>/backfill")
@page()
def backfill(connection_id: str) -> Response:
    """What can be brought over, what that would do, and what was brought."""
    preview, refusal = None, ""
    if request.args.get("preview"):
        try:
            preview = showing().actions.jobs.preview(connection_id, BACKFILL, _params(request.args))
        except RavebooksError as error:
            refusal = f"{sentence(error)} {error.remedy}"
    looks = bool(request.args.get("preview"))
    cursor = "" if looks else request.args.get("cursor", "")
    found = showing().actions.jobs.page(connection_id, asked({"limit": JOBS, "cursor": cursor}))
    return show(
        "backfill.html",
        active="backfill",
        connection=g.connection,
        kinds=KINDS,
        preview=preview,
        refusal=refusal,
        jobs=found.rows,
        cursor=None if looks else sealed(found),
    )


def _params(form: MultiDict[str, str]) -> dict[str, Any]:
    """What a back-fill is asked for, by the API's own shape. Raises `NotUnderstood`."""
    if form.get("made_while_waiting"):
        chosen: dict[str, Any] = {"made_while_waiting": True}
    else:
        chosen = {"kinds": form.getlist("kinds") or ["invoice"]}
        chosen |= {name: form[name] for name in ("from", "to") if form.get(name)}
    asked_for = loaded(JobRequest(), chosen | {"by": visitor().user.shown})
    return {name: value for name, value in asked_for.items() if name not in ("by", "kind")}


@console.post("/<connection_id>/backfill/begin")
@page(users.BOOKKEEPER)
def begin_backfill(connection_id: str) -> Response:
    """Begin what was looked at."""
    job = showing().actions.jobs.begin(connection_id, BACKFILL, _params(request.form), visitor().user.shown)
    said("It has begun. It goes on by itself, also after a restart.")
    return back("job", connection_id=connection_id, job_id=job.id)


@console.get("/<connection_id>/backfill/<int(max=9223372036854775807):job_id>")
@page()
def job(connection_id: str, job_id: int) -> Response:
    """One job: how far it is, and its report."""
    actions = showing().actions.jobs
    outcome = request.args.get("outcome") or None
    page_asked = asked({"limit": ROWS, "cursor": request.args.get("cursor", "")})
    found = actions.records(connection_id, job_id, page_asked, outcome)
    return show(
        "job.html",
        active="backfill",
        connection=g.connection,
        job=actions.one(connection_id, job_id),
        records=found.rows,
        outcome=outcome,
        cursor=sealed(found),
    )


@console.post("/<connection_id>/backfill/<int(max=9223372036854775807):job_id>/<any(pause,resume,stop):verb>")
@page(users.BOOKKEEPER)
def move_job(connection_id: str, job_id: int, verb: str) -> Response:
    """Pause it, let it go on, or stop it."""
    g.act = f"{verb} job {job_id}"
    showing().actions.jobs.move(connection_id, job_id, verb)
    return back("job", connection_id=connection_id, job_id=job_id)
