"""Retention: what is kept how long, and the removal of what is older, a few hundred rows at a time.

What protects the books stays for good, whatever is set: of an event the digest of its id, so that it is recorded
once; of a write its row with key, subject, action, times and outcome; of a record its pair, its newest copy and its
last step. An event that something still waits for stays whole, as does a write without an answer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from reconcile.model import Side
from storage import inbox, journal, past_events
from storage.models import (
    Connection,
    DeadLetter,
    Event,
    IdempotencyKey,
    Operation,
    ParityReport,
    PendingChange,
    RetentionPass,
    Step,
)

PAYLOADS, EVENTS, ASIDE, OPERATIONS, STEPS = "payloads", "events", "aside", "operations", "steps"
DEAD, REPORTS, ANSWERS = "dead", "reports", "answers"
BATCH = 250
"""Rows of one kind that a round looks at, and removes at most: on SQLite webhooks wait meanwhile."""
EVERY = timedelta(days=1)
"""Between two passes."""
WHOLE_EVERY = timedelta(days=7)
"""How often a pass begins at the first row again: what had to stay may go by then."""


class Batch(NamedTuple):
    """Some rows in their order: the last old one's id, those that may go, and whether none behind them is old."""

    reached: int
    ids: list[int]
    is_last: bool


Remove = Callable[[Session, list[int], sa.ColumnElement[bool]], int]


@dataclass(frozen=True)
class Rule:
    """What is removed of a table, and when: rows whose `age` lies `kept` back and that `may_go`.

    `words` are for people; `remove` takes ids and the condition, and says how many it was.
    """

    what: str
    words: str
    stays: str
    model: Any
    age: Any
    may_go: sa.ColumnElement[bool]
    remove: Remove
    kept: timedelta = timedelta.max


def rules(kept: Mapping[str, timedelta]) -> list[Rule]:
    """The rules for what is named, with how long each keeps it; what nobody names is kept for good."""
    return [replace(rule, kept=kept[rule.what]) for rule in _RULES if rule.what in kept]


def look(session: Session, rule: Rule, reached: int, before: datetime) -> Batch:
    """The next rows behind one, by their key: ids rise with the time, but for clocks that differ."""
    own, is_old = rule.model.id, rule.age < before
    query = sa.select(own, is_old.label("is_old"), sa.and_(is_old, rule.may_go).label("goes"))
    rows = session.execute(query.where(own > reached).order_by(own).limit(BATCH)).all()
    if not rows:
        # SQLite gives the ids of its last rows again once they are removed.
        return Batch(0, [], is_last=True)
    old = [row for row in rows if row.is_old]
    if not old:
        return Batch(reached, [], is_last=True)
    return Batch(old[-1].id, [row.id for row in old if row.goes], is_last=len(rows) < BATCH)


def remove(session: Session, rule: Rule, ids: Sequence[int], before: datetime) -> int:
    """Remove those of `ids` that still may go; says how many did."""
    return rule.remove(session, list(ids), sa.and_(rule.age < before, rule.may_go))


# --- passes --------------------------------------------------------------------------------------


def passes(session: Session) -> dict[str, RetentionPass]:
    """The last pass of each rule, or the one that is under way."""
    return {row.what: row for row in session.execute(sa.select(RetentionPass)).scalars()}


def is_due(known: RetentionPass | None, now: datetime) -> bool:
    """Whether a pass is under way or has to begin. One that ended later than now was ended by a wrong clock."""
    return known is None or known.ended_at is None or not now - EVERY < known.ended_at <= now


def begins_at(session: Session, what: str, now: datetime) -> int:
    """Behind which row the next batch begins."""
    known = session.get(RetentionPass, what)
    return 0 if known is None or (known.ended_at is not None and _is_whole(known, now)) else known.reached


def note(session: Session, what: str, now: datetime, *, reached: int, removed: int, is_last: bool) -> None:
    """How far a pass has got, or a new one; another sweeper may be at it too."""
    known = session.get(RetentionPass, what)
    if known is None:
        known = RetentionPass(what=what, begun_at=now, whole_at=now, removed=0, total=0)
        session.add(known)
    elif known.ended_at is not None:
        if _is_whole(known, now):
            known.whole_at = now
        known.begun_at, known.ended_at, known.removed = now, None, 0
    known.reached = reached
    known.removed += removed
    known.total += removed
    if is_last:
        known.ended_at = now


def _is_whole(known: RetentionPass, now: datetime) -> bool:
    """Whether the pass after this one begins at the first row."""
    return not now - WHOLE_EVERY < known.whole_at <= now


# --- what goes -----------------------------------------------------------------------------------


def _finds(column: Any, *where: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether there is such a row, looked for by an index for each row: EXISTS would be joined with a whole table."""
    found: sa.ColumnElement[bool] = sa.select(column).where(*where).limit(1).scalar_subquery().is_not(None)
    return found


def _is_still_a_hint() -> sa.ColumnElement[bool]:
    """A note waits that was made for this event or an earlier one of the same record."""
    return _finds(
        PendingChange.generation,
        PendingChange.connection_id == Event.connection_id,
        PendingChange.side == Event.source,
        PendingChange.kind == Event.kind,
        PendingChange.record_id == Event.subject,
        PendingChange.first_event_id <= Event.id,
    )


def _latest(*moments: Any) -> Any:
    """The first of these that there is."""
    return sa.func.coalesce(*moments, type_=moments[0].type)


def _is_replaced(model: Any, *same: Any) -> sa.ColumnElement[bool]:
    """A newer row says the same thing of later: the newest one is still read."""
    newer = aliased(model)
    return _finds(newer.id, *(getattr(newer, name) == getattr(model, name) for name in same), newer.id > model.id)


def _empty(model: Any, **empty: Any) -> Remove:
    def remove(session: Session, ids: list[int], may_go: sa.ColumnElement[bool]) -> int:
        query = sa.update(model).where(model.id.in_(ids), may_go).values(**empty)
        done: Any = session.execute(query.execution_options(synchronize_session=False))
        return int(done.rowcount)

    return remove


def _delete(model: Any) -> Remove:
    def remove(session: Session, ids: list[int], may_go: sa.ColumnElement[bool]) -> int:
        query = sa.delete(model).where(model.id.in_(ids), may_go)
        done: Any = session.execute(query.execution_options(synchronize_session=False))
        return int(done.rowcount)

    return remove


def _delete_events(session: Session, ids: list[int], may_go: sa.ColumnElement[bool]) -> int:
    """Each leaves the digest of its key in the same transaction, and its connection when QuickBooks was heard last."""
    query = sa.delete(Event).where(Event.id.in_(ids), may_go).execution_options(synchronize_session=False)
    gone = session.execute(
        query.returning(Event.source, Event.account, Event.event_id, Event.connection_id, Event.received_at)
    ).all()
    past_events.remember(session, {(Side(row.source), row.account, row.event_id) for row in gone})
    heard: dict[str, datetime] = {}
    for row in gone:
        if row.source == Side.QUICKBOOKS and row.connection_id is not None:
            heard[row.connection_id] = max(row.received_at, heard.get(row.connection_id, row.received_at))
    for connection_id, moment in sorted(heard.items()):
        later = sa.or_(Connection.heard_at.is_(None), Connection.heard_at < moment)
        session.execute(sa.update(Connection).where(Connection.id == connection_id, later).values(heard_at=moment))
    return len(gone)


_FOLLOWED = Event.outcome == inbox.RECORDED
_RULES = (
    Rule(
        PAYLOADS,
        "What an event said beside the record that it is about",
        "the event itself; all of it while its record is worked on or waits for a person",
        Event,
        Event.recorded_at,
        sa.and_(_FOLLOWED, sa.type_coerce(Event.data, sa.Text) != "{}", sa.not_(_is_still_a_hint())),
        _empty(Event, data={}),
    ),
    Rule(
        EVENTS,
        "Events of records that are followed",
        "a digest of its id, so that it changes nothing when it comes again; what says that something was voided",
        Event,
        Event.recorded_at,
        sa.and_(_FOLLOWED, Event.type.not_in(inbox.KEPT_FOR_GOOD), sa.not_(_is_still_a_hint())),
        _delete_events,
    ),
    Rule(
        ASIDE,
        "Events that are kept aside: unusable, of nobody known, or not followed",
        "a digest of its id",
        Event,
        Event.recorded_at,
        Event.outcome.in_(inbox.ASIDE),
        _delete_events,
    ),
    Rule(
        OPERATIONS,
        "What was written and answered",
        "the write's key, record, action, times and outcome; all of it while it has no answer",
        Operation,
        _latest(Operation.answered_at, Operation.journalled_at),
        sa.and_(
            Operation.state.in_([journal.DONE, journal.REFUSED]),
            sa.or_(
                Operation.body != "", Operation.answer.is_not(None), sa.type_coerce(Operation.context, sa.Text) != "{}"
            ),
        ),
        _empty(Operation, body="", context={}, answer=None),
    ),
    Rule(
        STEPS,
        "What became of a record, and who pressed what",
        "the last step of each record",
        Step,
        Step.at,
        _is_replaced(Step, "connection_id", "subject"),
        _delete(Step),
    ),
    Rule(
        DEAD,
        "Dead letters that were driven again or discarded",
        "nothing; one that waits stays whole",
        DeadLetter,
        _latest(DeadLetter.redriven_at, DeadLetter.discarded_at, DeadLetter.dead_at),
        sa.or_(DeadLetter.redriven_at.is_not(None), DeadLetter.discarded_at.is_not(None)),
        _delete(DeadLetter),
    ),
    Rule(
        REPORTS,
        "Daily parity reports",
        "the newest of each connection",
        ParityReport,
        ParityReport.made_at,
        _is_replaced(ParityReport, "connection_id"),
        _delete(ParityReport),
    ),
    Rule(
        ANSWERS,
        "Answers of the API under an `Idempotency-Key`",
        "nothing",
        IdempotencyKey,
        IdempotencyKey.at,
        sa.true(),
        _delete(IdempotencyKey),
    ),
)
