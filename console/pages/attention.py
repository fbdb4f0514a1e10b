"""What waits for a person, by cause, with the repair in place."""

from typing import Any

from flask import g, request
from werkzeug.wrappers import Response

from config.errors import RavebooksError
from console.api.paging import asked, sealed
from console.pages.showing import back, carried_out, console, note, page, said, sentence, show, showing, visitor
from reconcile.model import Kind, Record, Side
from reconcile.sentences import clauses
from schemas.ids import record_of
from storage import users
from storage.decisions import Said
from storage.paging import Asked
from sync.actions.records import AttentionView

ROWS, FIRST = 100, 10
"""How many questions of one cause are shown, and how many of each when all causes are."""
RETRY = "retry"


@console.get("/<connection_id>/attention")
@page()
def attention(connection_id: str) -> Response:
    """What waits, by cause: the first of each, or with `code` all of one, those that have waited longest first."""
    actions, code = showing().actions.records, request.args.get("code", "")
    page_asked = asked({"limit": ROWS if code else FIRST, "cursor": request.args.get("cursor", "")})
    found = actions.questions(connection_id, page_asked, code)
    groups = {each: page.rows for each, page in found.pages.items()}
    named = actions.called(connection_id, [_named(row) for rows in groups.values() for row in rows])
    above = [row for row in actions.attention(connection_id, Asked(FIRST)).rows if row.kind == "connection"]
    return show(
        "attention.html",
        active="attention",
        connection=g.connection,
        above=[] if code else above,
        groups=groups,
        named={str(record): called for record, called in named.items()},
        causes=found.causes,
        only=code,
        most=ROWS,
        ticked=bool(request.args.get("ticked")),
        cursor=sealed(found.pages[code]) if code and code in found.pages else None,
    )


def _named(row: AttentionView) -> Record:
    return Record(Side(row.side), Kind(row.kind), row.id)


@console.post("/<connection_id>/records/<side>/<kind>/<record_id>/decide")
@page(users.BOOKKEEPER)
def decide(connection_id: str, side: str, kind: str, record_id: str) -> Response:
    """Answer what a record asks."""
    form, record = request.form, record_of(side, kind, record_id)
    g.act = f"decide {form.get('decision', '')[:32]}"
    _check_it_still_asks_that(connection_id, record, form.get("asked", ""))
    answer = Said(
        decision=form.get("decision", ""),
        target=form.get("target", "").strip(),
        note=form.get("note", "").strip()[:500],
        by=visitor().user.shown,
    )
    showing().actions.records.decide(connection_id, record, answer)
    said(f"Your answer is kept; it {carried_out(g.connection)}")
    return _return(connection_id, side, kind, record_id)


@console.post("/<connection_id>/records/<side>/<kind>/<record_id>/retry")
@page(users.BOOKKEEPER)
def retry(connection_id: str, side: str, kind: str, record_id: str) -> Response:
    """Look at a record again."""
    showing().actions.records.retry(connection_id, record_of(side, kind, record_id), visitor().user.shown)
    said(f"Another look is kept; it {carried_out(g.connection)}")
    return _return(connection_id, side, kind, record_id)


@console.post("/<connection_id>/attention/many")
@page(users.BOOKKEEPER)
def decide_many(connection_id: str) -> Response:
    """One answer, or another look, for every record that was ticked; one that is refused holds up no other.

    What an answer would do is shown first; what a record asked then it has to ask still.
    """
    form, code = request.form, request.form.get("code", "")
    decision, ticked = form.get("decision", ""), form.getlist("record")[:ROWS]
    g.nothing_done = True  # each of them is noted by itself
    if ticked and decision != RETRY and not form.get("sure"):
        return _preview_many(connection_id, decision, ticked)
    done, refusals = [], []
    for name in ticked:
        try:
            _answer(connection_id, name, decision)
        except RavebooksError as error:
            refusals.append(sentence(error))
        else:
            done.append(name)
            note(f"decide {decision[:32]}", connection_id=connection_id, subject=name)
    if done:
        said(f"{len(done)} answered: each {carried_out(g.connection)}")
    if refusals:
        said(f"{len(refusals)} refused: {' '.join(dict.fromkeys(refusals))}"[:1000], "bad")
    if not done and not refusals:
        said("Nothing was ticked.", "asks")
    return back("attention", connection_id=connection_id, **({"code": code} if code else {}))


def _preview_many(connection_id: str, decision: str, ticked: list[str]) -> Response:
    """What would become of all of them, by what is written and how it ends; what no longer asks is left out."""
    actions, asked_for = showing().actions.records, {}
    for name in dict.fromkeys(ticked):
        if rows := actions.asks(connection_id, _record(name)):
            asked_for[name] = rows[0].cause
    found = actions.preview_many(connection_id, [_record(name) for name in asked_for], decision)
    outcomes: dict[str, list[str]] = {}
    for record, shown in found.found.items():
        outcomes.setdefault(_becomes(shown), []).append(str(record))
    for record, error in found.refused.items():
        outcomes.setdefault(f"is refused: {sentence(error)} {error.remedy}", []).append(str(record))
    return show(
        "preview_many.html",
        active="attention",
        connection=g.connection,
        decision=decision,
        code=request.form.get("code", ""),
        note=request.form.get("note", ""),
        asked=asked_for,
        outcomes=sorted(outcomes.items(), key=lambda one: -len(one[1])),
        left=found.left,
        silent=len(set(ticked)) - len(asked_for),
    )


_ENDS = {
    "ask": "asks something else",
    "parked": "waits for a repair",
    "wait": "waits for another record",
}


def _becomes(shown: dict[str, Any]) -> str:
    """What becomes of a record, in words that it shares with others of which the same becomes."""
    writes = clauses([(Side(step["side"]), step["action"]) for step in shown["steps"]])
    if shown["outcome"] in _ENDS:
        return f"{writes}, then {_ENDS[shown['outcome']]}" if writes else _ENDS[shown["outcome"]]
    return writes or f"writes nothing: {shown['message']}"


def _record(name: str) -> Record:
    """Raises what `record_of` does for a name that is none."""
    side, _, rest = name.partition(":")
    kind, _, record_id = rest.partition(":")
    return record_of(side, kind, record_id)


def _answer(connection_id: str, name: str, decision: str) -> None:
    record, actions, by = _record(name), showing().actions.records, visitor().user.shown
    if decision == RETRY:
        actions.retry(connection_id, record, by)
        return
    seen = request.form.get(f"asked/{name}", "")
    if not seen and actions.asks(connection_id, record):
        raise AskedAnew("it asked nothing yet when this answer was looked at")
    _check_it_still_asks_that(connection_id, record, seen)
    words = request.form.get("note", "").strip()[:500]
    actions.decide(connection_id, record, Said(decision=decision, target="", note=words, by=by))


def _return(connection_id: str, side: str, kind: str, record_id: str) -> Response:
    if request.form.get("from") == "record":
        return back("record", connection_id=connection_id, side=side, kind=kind, record_id=record_id)
    return back("attention", connection_id=connection_id)


class AskedAnew(RavebooksError):
    """The question is another one by now."""

    remedy = "Read it again, and answer what it asks now."


def _check_it_still_asks_that(connection_id: str, record: Record, seen: str) -> None:
    """Raise `AskedAnew` when a page was left open while its question changed; `seen` is what it showed."""
    if not seen:
        return
    waiting = showing().actions.records.asks(connection_id, record)
    if seen not in {row.cause for row in waiting}:
        raise AskedAnew("the question has changed since this page was shown")
