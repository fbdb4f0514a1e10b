"""The timeline of a record: events, plans, writes with their field changes, answers, and who pressed what.

It is read from tables that are added to, as far back as they are kept, from both sides' names of the record, without
secrets.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from config.redaction import redact, redact_text
from reconcile.model import Record, Side
from schemas import strict_json
from schemas.changes import changes
from storage import pairs
from storage.models import Event, Operation, Step, StoredInstant
from storage.paging import Asked, Key, Page, through

PRESSED = frozenset({"decision", "retry", "sync_requested"})
"""Steps that a person took; the others are what became of the record."""
WRITES_BEFORE = 50
"""Among how many writes before those of a page it is looked what an update found."""

_ORDER = ("event", "pressed", "write", "answer", "outcome")
"""What comes first of things that happened in the same moment."""
_Spell = Callable[[Any], dict[str, Any]]


@dataclass(frozen=True)
class _Source:
    """Rows of one kind of entry: where they are, when they happened, and what each of them says."""

    what: str
    model: type[Event] | type[Step] | type[Operation]
    at: InstrumentedAttribute[datetime] | sa.ColumnElement[datetime]
    where: Sequence[sa.ColumnElement[bool]]
    spell: _Spell


def of(session: Session, connection_id: str, record: Record) -> list[dict[str, Any]]:
    """Everything that is known to have happened to a record, oldest first."""
    return list(through(lambda asked: page(session, connection_id, record, asked)))


def since(moment: datetime) -> Key:
    """The place behind which everything from a moment on stands."""
    return _instant(moment), -1, 0


def page(
    session: Session, connection_id: str, record: Record, asked: Asked, *, newest_first: bool = False
) -> Page[dict[str, Any]]:
    """What happened to a record, a page at a time, under both of its names.

    Each entry has `at`, `what` (`event`, `pressed`, `write`, `answer`, `outcome`), `side`, `text`, `by`, and what
    it has of `changes`, `status`, `error`, `intuit_tid` and `key`; its `place` among all others is its own for ever.
    Rows are found by the record's indexes, and of each kind no more come out of the database than fit on the page.
    """
    names = pairs.names(session, connection_id, record)
    found = [
        source.spell(row)
        for source in _sources(session, connection_id, names)
        for row in _rows(session, source, asked, newest_first)
    ]
    found.sort(key=lambda entry: entry["place"], reverse=newest_first)
    shown = found[: asked.limit]
    _add_changes(session, connection_id, names, [entry for entry in shown if entry["what"] == "write"])
    return Page(shown, shown[-1]["place"] if len(found) > asked.limit else None)


def _sources(session: Session, connection_id: str, names: Sequence[Record]) -> list[_Source]:
    happened = sa.func.coalesce(Event.occurred_at, Event.received_at, type_=StoredInstant())
    events = [
        _Source(
            "event",
            Event,
            happened,
            (Event.connection_id == connection_id, Event.kind == kind, Event.subject == subject, Event.source == side),
            _event,
        )
        # One after the other: asked for all at once, SQLite looks at every event that there is.
        for side, kind, subject in _told_of(session, connection_id, names)
    ]
    steps = (Step.connection_id == connection_id, Step.subject.in_([str(name) for name in names]))
    writes = _writes_of(connection_id, names)
    tried = (*writes, sa.or_(Operation.state != "journalled", Operation.error != ""))
    return [
        *events,
        _Source("pressed", Step, Step.at, (*steps, Step.what.in_(PRESSED)), _pressed),
        _Source("write", Operation, Operation.journalled_at, writes, _write),
        _Source("answer", Operation, _answered(), tried, _answer),
        _Source("outcome", Step, Step.at, (*steps, Step.what.not_in(PRESSED)), _outcome),
    ]


def _writes_of(connection_id: str, names: Iterable[Record]) -> tuple[sa.ColumnElement[bool], ...]:
    return Operation.connection_id == connection_id, Operation.subject.in_([str(name) for name in names])


def _told_of(session: Session, connection_id: str, names: Sequence[Record]) -> list[tuple[str, str, str]]:
    """Of which records events tell something about this one."""
    told = [(str(name.side), str(name.kind), name.id) for name in names]
    own = next((name for name in names if name.side is Side.RAVETREE), None)
    # The payment that stands for "marked as paid" is a matter of its invoice.
    mark = pairs.find(session, connection_id, pairs.PLACEHOLDER, Side.RAVETREE, own.id) if own is not None else None
    return told if mark is None else [*told, (str(Side.QUICKBOOKS), "payment", mark.quickbooks_id)]


def _rows(session: Session, source: _Source, asked: Asked, newest_first: bool) -> Sequence[Any]:
    """One more than the page, from the place on behind which it begins."""
    query = sa.select(source.model).where(*source.where)
    if asked.after is not None:
        moment, order, row_id = asked.after
        here, there = _ORDER.index(source.what), sa.literal(datetime.fromisoformat(moment), StoredInstant())
        # In the same moment a source stands before or behind all of another one.
        behind = source.at < there if newest_first else source.at > there
        same = source.model.id < row_id if newest_first else source.model.id > row_id
        if here == order:
            behind = sa.or_(behind, sa.and_(source.at == there, same))
        elif (here < order) is newest_first:
            behind = sa.or_(behind, source.at == there)
        query = query.where(behind)
    columns = (source.at, source.model.id)
    ordered = query.order_by(*(column.desc() if newest_first else column.asc() for column in columns))
    return session.execute(ordered.limit(asked.limit + 1)).scalars().all()


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _answered() -> sa.ColumnElement[datetime]:
    """When an answer came; of an uncertain write, when it was written down."""
    answered = sa.func.coalesce(Operation.answered_at, Operation.journalled_at, type_=StoredInstant())
    return sa.case((Operation.state == "journalled", Operation.journalled_at), else_=answered)


def _entry(at: datetime, what: str, row_id: int, side: str, text: str, **more: Any) -> dict[str, Any]:
    """One line, with everything that looks like a credential taken out."""
    place = (_instant(at), _ORDER.index(what), row_id)
    entry = {"what": what, "place": place, "side": side, "text": redact_text(text), "by": ""}
    return {"at": at, **entry, **{name: redact(value) for name, value in more.items() if value not in (None, "")}}


def _event(row: Event) -> dict[str, Any]:
    """When it happened by its source's clock, else when it came."""
    version = row.data.get("version")
    text = f"{row.type}{f', version {version}' if version is not None else ''}"
    if row.outcome != "recorded":
        text += f" ({row.outcome}{f': {row.reason}' if row.reason else ''})"
    own = row.data.get("operation_id")
    by = "a write of ours" if own else row.data.get("user") or ""
    return _entry(
        row.occurred_at or row.received_at, "event", row.id, row.source, text, by=by, key=own, id=row.event_id
    )


def _pressed(row: Step) -> dict[str, Any]:
    said = [row.what.replace("_", " "), row.text]
    target, note = row.data.get("target"), row.data.get("note")
    text = ": ".join(part for part in said if part) + (f" {target}" if target else "")
    return _entry(row.at, "pressed", row.id, "", text, by=row.by, note=note)


def _outcome(row: Step) -> dict[str, Any]:
    return _entry(row.at, "outcome", row.id, "", f"{row.what}{f': {row.text}' if row.text else ''}", by=row.by)


def _write(row: Operation) -> dict[str, Any]:
    text = row.action if _is_kept(row) else f"{row.action} (what was written is no longer kept)"
    return _entry(row.journalled_at, "write", row.id, row.side, text, key=row.key) | {"row": row, "changes": None}


def _is_kept(row: Operation) -> bool:
    """Whether it is still known what was written, or only that something was."""
    return bool(row.body or row.context or row.answer is not None)


def _add_changes(
    session: Session, connection_id: str, names: Iterable[Record], entries: Iterable[dict[str, Any]]
) -> None:
    """What each write changed: what a field was before is what the answers to earlier writes said."""
    wrote = sorted(((entry, entry.pop("row")) for entry in entries), key=lambda pair: pair[1].id)
    rows = [row for _, row in wrote]
    known: dict[tuple[str, str], dict[str, Any]] = {}
    for row in _earlier(session, _writes_of(connection_id, names), rows):
        known[_target(row, row.answer or {})] = row.answer or {}
    for entry, row in wrote:
        body = strict_json.loads(row.body) if row.body else {}
        if _is_kept(row):
            entry["changes"] = redact(changes(known.get(_target(row, body)) or _before(row), body))
        if row.answer:
            known[_target(row, row.answer)] = row.answer


def _earlier(
    session: Session, writes: Iterable[sa.ColumnElement[bool]], rows: Sequence[Operation]
) -> Sequence[Operation]:
    """The answered writes before these, oldest first: as many as an update has to be held against."""
    if all(row.action.endswith(".create") for row in rows):
        return []
    query = (
        sa.select(Operation)
        .where(*writes, Operation.id < rows[0].id, Operation.answer.is_not(None))
        .order_by(Operation.id.desc())
        .limit(WRITES_BEFORE)
    )
    return session.execute(query).scalars().all()[::-1]


def _answer(row: Operation) -> dict[str, Any]:
    """What became of it; of an uncertain write, why it is uncertain and when it is sent again."""
    if row.state == "journalled":
        again = f", sent again at {row.retry_at.isoformat()}" if row.retry_at else ""
        text, at = f"{row.action}: uncertain{again}", row.journalled_at
    else:
        text, at = f"{row.action}: {row.state}", row.answered_at or row.journalled_at
    return _entry(
        at,
        "answer",
        row.id,
        row.side,
        text,
        status=row.status,
        error=row.error,
        intuit_tid=row.intuit_tid,
        key=row.key,
    )


def _target(row: Operation, body: dict[str, Any]) -> tuple[str, str]:
    """The object of a write: several of one subject may be written, such as an invoice and its placeholder."""
    if row.side == Side.RAVETREE:
        return row.side, str(body.get("id") or row.path.partition("/")[2])
    return row.side, f"{row.path.partition('?')[0]}:{body.get('Id', '')}"


def _before(row: Operation) -> dict[str, Any]:
    """What an update of a record that was never written before begins from, as far as the journal says."""
    if row.action.endswith(".create"):
        return {}
    base: dict[str, Any] = row.context.get("base_ravetree" if row.side == Side.RAVETREE else "base_quickbooks") or {}
    return base
