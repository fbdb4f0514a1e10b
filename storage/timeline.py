"""The timeline of a record: events, plans, writes with their field changes, answers, and who pressed what.

It is read from tables that are added to, as far back as they are kept, from both sides' names of the record, without
secrets.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from config.redaction import redact, redact_text
from reconcile.model import Record, Side
from schemas import strict_json
from schemas.changes import changes
from storage import pairs, steps
from storage.models import Event, Operation, Step

PRESSED = frozenset({"decision", "retry", "sync_requested"})
"""Steps that a person took; the others are what became of the record."""

_ORDER = ("event", "pressed", "write", "answer", "outcome")
"""What comes first of things that happened in the same moment."""


def of(session: Session, connection_id: str, record: Record) -> list[dict[str, Any]]:
    """Everything that is known to have happened to a record, oldest first.

    Each entry has `at`, `what` (`event`, `pressed`, `write`, `answer`, `outcome`), `side`, `text`, `by`, and what
    it has of `changes`, `status`, `error`, `intuit_tid` and `key`; its `place` among all others is its own for ever.
    """
    names = pairs.names(session, connection_id, record)
    own = next((name for name in names if name.side is Side.RAVETREE), None)
    if own is not None:
        # The payment that stands for "marked as paid" is a matter of its invoice.
        mark = pairs.find(session, connection_id, pairs.PLACEHOLDER, Side.RAVETREE, own.id)
        marks = [mark.quickbooks_id] if mark is not None else []
    else:
        marks = []
    entries = [_event(row) for row in _events(session, connection_id, names, marks)]
    entries += [_step(row) for row in steps.of(session, connection_id, names)]
    entries += _writes(_operations(session, connection_id, names))
    return sorted(entries, key=lambda entry: entry["place"])


def _events(
    session: Session, connection_id: str, names: Iterable[Record], placeholders: Sequence[str]
) -> Sequence[Event]:
    wanted = [(name.side, str(name.kind), name.id) for name in names]
    wanted += [(Side.QUICKBOOKS, "payment", name) for name in placeholders]
    found: list[Event] = []
    # One after the other: asked for all at once, SQLite looks at every event that there is.
    for side, kind, subject in wanted:
        query = sa.select(Event).where(
            Event.connection_id == connection_id, Event.kind == kind, Event.subject == subject, Event.source == side
        )
        found += session.execute(query).scalars()
    return found


def _operations(session: Session, connection_id: str, names: Iterable[Record]) -> Sequence[Operation]:
    query = (
        sa.select(Operation)
        .where(Operation.connection_id == connection_id, Operation.subject.in_([str(name) for name in names]))
        .order_by(Operation.id)
    )
    return session.execute(query).scalars().all()


def _entry(at: datetime, what: str, row_id: int, side: str, text: str, **more: Any) -> dict[str, Any]:
    """One line, with everything that looks like a credential taken out."""
    place = (at.astimezone(UTC).isoformat(timespec="microseconds"), _ORDER.index(what), row_id)
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


def _step(row: Step) -> dict[str, Any]:
    if row.what in PRESSED:
        said = [row.what.replace("_", " "), row.text]
        target, note = row.data.get("target"), row.data.get("note")
        text = ": ".join(part for part in said if part) + (f" {target}" if target else "")
        return _entry(row.at, "pressed", row.id, "", text, by=row.by, note=note)
    return _entry(row.at, "outcome", row.id, "", f"{row.what}{f': {row.text}' if row.text else ''}", by=row.by)


def _writes(operations: Iterable[Operation]) -> list[dict[str, Any]]:
    """Each write and its answer. What a field was before is what the answers to earlier writes said."""
    known: dict[tuple[str, str], dict[str, Any]] = {}
    entries = []
    for row in operations:
        body = strict_json.loads(row.body) if row.body else {}
        is_kept = bool(row.body or row.context or row.answer is not None)
        before = known.get(_target(row, body)) or _before(row)
        entries.append(
            _entry(
                row.journalled_at,
                "write",
                row.id,
                row.side,
                row.action if is_kept else f"{row.action} (what was written is no longer kept)",
                changes=changes(before, body) if is_kept else None,
                key=row.key,
            )
        )
        if row.state != "journalled" or row.error:
            entries.append(_answer(row))
        if row.answer:
            known[_target(row, row.answer)] = row.answer
    return entries


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
