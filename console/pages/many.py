"""For operators: dead letters and parked work by what they died of, one by one or all at once, as a job."""

from typing import Any

from flask import g, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from config.redaction import redact, redact_text
from console.api.paging import asked, sealed
from console.pages.operating import unchanged
from console.pages.showing import back, console, operators, said, show, showing, visitor
from schemas import strict_json
from schemas.ids import record_of
from schemas.strict_json import MalformedJson
from sync.operating import bulk

ROWS = 50
SHOWN_BYTES = 20_000
WORDS = {
    bulk.REDRIVE: ("Drive again", "published again"),
    bulk.DISCARD: ("Discard", "discarded: nothing more is done about them, and they stay readable"),
    bulk.LOOK_AGAIN: ("Look again", "looked at again, with a fresh read"),
    bulk.RECOVER: ("Recover", "of the events since then have their records looked at again"),
}
FILTERS = ("fingerprint", "code", "connection", "since")


@console.get("/dead")
@operators
def dead() -> Response:
    """Dead letters by what they died of, and the newest jobs."""
    many, fingerprint = showing().actions.many, request.args.get("fingerprint", "")
    page = many.letters(asked({"limit": ROWS, "cursor": request.args.get("cursor", "")}), fingerprint)
    return show(
        "dead.html",
        operating="dead",
        groups=many.dead(),
        letters=page.rows,
        cursor=sealed(page),
        fingerprint=fingerprint,
        jobs=many.jobs(),
        words=WORDS,
    )


LETTER = "/dead/<int(max=9223372036854775807):letter_id>"


@console.get(LETTER)
@operators
def dead_letter(letter_id: int) -> Response:
    """One dead letter: what it says, redacted, what the broker says of it."""
    letter = showing().actions.many.letter(letter_id)
    headers = strict_json.dumps(letter.headers) if letter.headers else ""
    return show("dead_letter.html", operating="dead", letter=letter, body=_shown(letter.body), headers=headers)


def _shown(body: bytes) -> str:
    """A payload without what looks like a credential; JSON in lines of its own."""
    try:
        text = strict_json.dumps(redact(strict_json.loads(body)))
    except MalformedJson:
        text = redact_text(body.decode("utf-8", "replace"))
    return text if len(text) <= SHOWN_BYTES else f"{text[:SHOWN_BYTES]} …"


@console.post(f"{LETTER}/<any(redrive,discard):what>")
@operators
def settle_letter(letter_id: int, what: str) -> Response:
    """Publish one again, or let it lie."""
    g.act, g.subject = f"{what} dead letter", f"dead letter:{letter_id}"
    if what == bulk.REDRIVE:
        showing().actions.installation.redrive(letter_id)
        said("Published again: it is recorded like any other delivery.")
    else:
        showing().actions.many.discard(letter_id)
        said("Discarded. It stays readable here, and waits no more.")
    return back("dead")


@console.get("/parked")
@operators
def parked() -> Response:
    """What waits for a person in all connections, by question; of one question, record by record."""
    many, code = showing().actions.many, request.args.get("code", "")
    cursor = asked({"limit": ROWS, "cursor": request.args.get("cursor", "")})
    page = many.parked_rows(cursor, code) if code else None
    return show(
        "parked.html",
        operating="parked",
        groups=many.parked(),
        code=code,
        rows=page.rows if page else [],
        cursor=sealed(page) if page else None,
    )


@console.get("/parked/<owner>/<side>/<kind>/<record_id>")
@operators
def parked_record(owner: str, side: str, kind: str, record_id: str) -> Response:
    """Every attempt at one record: when, what was answered, with `intuit_tid` and error."""
    record = record_of(side, kind, record_id)
    return show(
        "parked_record.html",
        operating="parked",
        asked_connection=showing().actions.connections.one(owner),
        record=record,
        asks=showing().actions.records.asks(owner, record),
        attempts=showing().actions.watching.attempts(owner, record),
    )


# --- many at once --------------------------------------------------------------------------------


def _wanted(form: Any) -> dict[str, str]:
    return {name: form[name][:255] for name in FILTERS if form.get(name)}


@console.get("/many")
@operators
def many() -> Response:
    """How many it would be, before anything is done."""
    what, wanted = request.args.get("what", ""), _wanted(request.args)
    if what not in WORDS:
        raise NotFound
    count = showing().actions.many.count(what, wanted)
    return show("many.html", operating="dead", what=what, wanted=wanted, count=count, words=WORDS[what])


@console.post("/many/begin")
@operators
def begin_many() -> Response:
    """Begin it."""
    what, wanted = request.form.get("what", ""), _wanted(request.form)
    g.act = f"{what[:20]} many"
    job = showing().actions.many.begin_many(what, wanted, visitor().user.shown)
    g.act_on = wanted.get("connection", "")
    g.subject = f"job:{job.id} {' '.join(wanted.values())}".strip()
    said("It has begun. It goes on by itself, also after a restart.")
    return back("bulk_job", job_id=job.id)


JOB = "/many/<int(max=9223372036854775807):job_id>"


@console.get(JOB)
@operators
def bulk_job(job_id: int) -> Response:
    """How far it is."""
    return show("bulk_job.html", operating="dead", job=showing().actions.many.job(job_id), words=WORDS)


@console.get(f"{JOB}/now")
@operators
def bulk_job_now(job_id: int) -> Response:
    """The same as a fragment."""
    return unchanged(show("_bulk_job.html", job=showing().actions.many.job(job_id), words=WORDS))


@console.post(f"{JOB}/stop")
@operators
def stop_bulk_job(job_id: int) -> Response:
    """Take it no further."""
    g.act, g.subject = "stop job", f"job:{job_id}"
    showing().actions.many.stop_many(job_id)
    said("Stopped: what was done stays done.")
    return back("bulk_job", job_id=job_id)
