"""Pending changes: the durable notes that a record must be looked at."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from config import traces
from reconcile.choices import NAMES_ONE
from reconcile.decisions import Decision
from reconcile.model import Attention, Kind, Record, Side, any_of
from storage import duties, paging
from storage.models import Connection, Event, Job, Pair, PendingChange, SyncState
from storage.paging import Asked, Page
from storage.rows import execute, insert_rows
from storage.statements import any_given, given

CUSTOMER_INACTIVE = "billed_customer_inactive"
"""Why a document or a payment is parked whose customer is inactive in QuickBooks."""

MAPPING_CODES = ("item_inactive", CUSTOMER_INACTIVE, "not_found_or_inactive", "stale_reference")
"""Why a record is parked when an entry of a list that it needs is inactive or gone."""

TAX_CODES = ("tax_rate_not_mapped", "total_differs")
"""Why a document waits that QuickBooks' settings of tax, or the tax codes that rates are mapped to, may mend."""

KEEPS_FAILING = "keeps_failing"
"""The code of what a person is shown while it is tried on."""

DUE = "due"
WAITING = "waiting"
ATTENTION = ("parked", "held")


def _is(connection_id: str, record: Record) -> list[sa.ColumnElement[bool]]:
    return [
        PendingChange.connection_id == connection_id,
        PendingChange.side == record.side,
        PendingChange.kind == record.kind,
        PendingChange.record_id == record.id,
    ]


def record_of(change: PendingChange) -> Record:
    """The record that a pending change is about."""
    return Record(Side(change.side), Kind(change.kind), change.record_id)


class Note(NamedTuple):
    """That a record must be looked at, and why.

    `due_at` is for what is in no hurry: a look that is planned already is neither put off nor hurried by it.
    `traceparent` is the trace that it came in.
    """

    connection_id: str
    record: Record
    event_id: int | None = None
    must_read: bool = False
    requested: bool = False
    due_at: datetime | None = None
    traceparent: str = ""


def note(
    session: Session,
    connection_id: str,
    record: Record,
    now: datetime,
    *,
    must_read: bool = False,
    requested: bool = False,
) -> None:
    """A record must be looked at: insert its row, or raise its generation and make it due."""
    trace = traces.current()
    note_all(session, [Note(connection_id, record, must_read=must_read, requested=requested, traceparent=trace)], now)


def note_all(session: Session, notes: Iterable[Note], now: datetime) -> None:
    """As `note` for many at once, one row a record: each note of it raises its generation."""
    of_record: defaultdict[tuple[str, Record], list[Note]] = defaultdict(list)
    for each in notes:
        of_record[each.connection_id, each.record].append(each)
    # In one order, as whoever else notes.
    rows = [_row(same, now) for _, same in sorted(of_record.items())]
    if rows:
        execute(session, _noting(session.get_bind().dialect.name), PendingChange, rows)


def _row(same: Sequence[Note], now: datetime) -> dict[str, Any]:
    """The row of notes of the same record."""
    connection_id, record = same[0].connection_id, same[0].record
    put_off = [each.due_at for each in same if each.due_at is not None]
    return {
        "connection_id": connection_id,
        "side": record.side,
        "kind": record.kind,
        "record_id": record.id,
        "generation": len(same),
        "created_at": now,
        "due_at": min(put_off) if len(put_off) == len(same) else now,
        "first_event_id": min((each.event_id for each in same if each.event_id is not None), default=None),
        "must_read": any(each.must_read for each in same),
        "requested": any(each.requested for each in same),
        "updated_at": now,
        "traceparent": next((each.traceparent for each in reversed(same) if each.traceparent), None),
    }


_COLUMNS = (
    *("connection_id", "side", "kind", "record_id", "generation", "created_at", "due_at"),
    *("first_event_id", "must_read", "requested", "updated_at", "traceparent"),
)


@cache
def _noting(dialect: str) -> Any:
    """The statement, made once: what is new is inserted, what is there is due again and one generation on."""
    empty = dict.fromkeys(("waits_for", "code", "cause", "remedy", "decisions"), "")
    new = insert_rows(dialect, PendingChange, _COLUMNS, {"state": DUE, "attempts": 0, **empty})
    old, excluded = PendingChange, new.excluded
    earliest = sa.case(
        (old.first_event_id.is_(None), excluded.first_event_id),
        (excluded.first_event_id.is_(None), old.first_event_id),
        (old.first_event_id < excluded.first_event_id, old.first_event_id),
        else_=excluded.first_event_id,
    )
    # What we note ourselves takes no delivery's trace away.
    trace = sa.case(
        (excluded.first_event_id.is_(None), sa.func.coalesce(old.traceparent, excluded.traceparent)),
        else_=sa.func.coalesce(excluded.traceparent, old.traceparent),
    )
    is_in_no_hurry = sa.and_(excluded.due_at > excluded.updated_at, old.state == DUE)
    return new.on_conflict_do_update(
        index_elements=["connection_id", "side", "kind", "record_id"],
        set_={
            "generation": old.generation + excluded.generation,
            "state": DUE,
            "due_at": sa.case((is_in_no_hurry, old.due_at), else_=excluded.due_at),
            "first_event_id": earliest,
            "must_read": sa.or_(old.must_read, excluded.must_read),
            "requested": sa.or_(old.requested, excluded.requested),
            "updated_at": excluded.updated_at,
            "traceparent": trace,
        },
    )


def request(session: Session, connection_id: str, record: Record, now: datetime) -> None:
    """A person wants a record written, whatever its age: that lasts until its note is cleared."""
    result = session.execute(sa.update(PendingChange).where(*_is(connection_id, record)).values(requested=True))
    if not result.rowcount:  # type: ignore[attr-defined]  # an UPDATE's result counts rows
        note(session, connection_id, record, now, requested=True)


def due(session: Session, connection_id: str, now: datetime, limit: int) -> list[PendingChange]:
    """What may be worked on now, oldest first."""
    asked = {"connection_id": connection_id, "now": now, "limit": limit}
    return list(session.execute(_DUE_ONES, asked).scalars())


_OURS = PendingChange.connection_id == given("connection_id")
_DUE_ONES = (
    sa.select(PendingChange)
    .where(_OURS, PendingChange.state == DUE, PendingChange.due_at <= given("now"))
    .order_by(PendingChange.created_at, PendingChange.record_id)
    .limit(given("limit"))
)


def generations(session: Session, connection_id: str, due_by: datetime | None = None) -> dict[Record, int]:
    """How often each record was noted that is not at rest; with `due_by`, of those that may be worked on then."""
    query = sa.select(PendingChange.side, PendingChange.kind, PendingChange.record_id, PendingChange.generation)
    query = query.where(PendingChange.connection_id == connection_id)
    if due_by is not None:
        query = query.where(PendingChange.state == DUE, PendingChange.due_at <= due_by)
    return {
        Record(Side(side), Kind(kind), record_id): generation
        for side, kind, record_id, generation in session.execute(query)
    }


def due_connections(session: Session, now: datetime, only: str | None = None) -> list[str]:
    """Active connections for which something is due: changes, sync states, jobs, duties; or `only` one."""
    asked: dict[str, Any] = {"now": now}
    if only is None:
        return list(session.execute(connections_due(one=False), asked).scalars())
    return list(session.execute(connections_due(one=True), asked | {"only": only}).scalars())


@cache
def connections_due(*, one: bool) -> sa.Select[str]:
    """The query of `due_connections`, given `now` and, for `one`, `only`."""
    now = given("now")
    sources = [
        sa.select(PendingChange.connection_id).where(PendingChange.state == DUE, PendingChange.due_at <= now),
        sa.select(SyncState.connection_id).where(SyncState.unsent.is_(True), SyncState.due_at <= now),
        sa.select(Job.connection_id).where(Job.state == "running", Job.due_at <= now),
        sa.select(Connection.id).where(Connection.verify_since <= now),
        duties.connections_due(now),
    ]
    if one:
        sources = [source.where(source.selected_columns[0] == given("only")) for source in sources]
    return (
        sa.select(Connection.id)
        .where(Connection.state == "active", sa.or_(Connection.retry_at.is_(None), Connection.retry_at <= now))
        .where(Connection.id.in_(sa.union_all(*sources)))
    )


def hints(session: Session, change: PendingChange) -> list[Event]:
    """The events that speak of this record since it was last looked at, in the order they came."""
    if change.first_event_id is None:
        return []
    asked = {
        "connection_id": change.connection_id,
        "source": change.side,
        "kind": change.kind,
        "subject": change.record_id,
        "first": change.first_event_id,
    }
    return list(session.execute(_HINTS, asked).scalars())


_HINTS = (
    sa.select(Event)
    .where(
        Event.connection_id == given("connection_id"),
        Event.source == given("source"),
        Event.kind == given("kind"),
        Event.subject == given("subject"),
        Event.id >= given("first"),
    )
    .order_by(Event.id)
)


def clear(session: Session, connection_id: str, record: Record, generation: int) -> bool:
    """Remove the note, unless something came in since `generation` was noted.

    A row of it that was read before in this session is nobody's any more: nothing may be set on it.
    """
    result = session.execute(_CLEAR, _named(connection_id, record) | {"generation": generation})
    return bool(result.rowcount)  # type: ignore[attr-defined]  # a DELETE's result counts rows


def _named(connection_id: str, record: Record) -> dict[str, Any]:
    return {"connection_id": connection_id, "side": record.side, "kind": record.kind, "record_id": record.id}


_THIS = (
    _OURS,
    PendingChange.side == given("side"),
    PendingChange.kind == given("kind"),
    PendingChange.record_id == given("record_id"),
)
_CLEAR = (
    sa.delete(PendingChange)
    .where(*_THIS, PendingChange.generation == given("generation"))
    .execution_options(synchronize_session=False)
)
_ONE = sa.select(PendingChange).where(*_THIS)


def _move(session: Session, connection_id: str, record: Record, generation: int, **values: object) -> bool:
    result = session.execute(
        sa.update(PendingChange)
        .where(*_is(connection_id, record), PendingChange.generation == generation)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]


def retry_at(
    session: Session,
    connection_id: str,
    record: Record,
    generation: int,
    due_at: datetime,
    cause: str,
    now: datetime,
    *,
    count: bool = True,
    failing: Attention | None = None,
) -> None:
    """Look again at `due_at`, also at what was held, parked or waiting before it was worked on.

    A record that keeps `failing` is shown to a person meanwhile.
    """
    _move(
        session,
        connection_id,
        record,
        generation,
        state=DUE,
        waits_for="",
        due_at=due_at,
        code=failing.code if failing else "",
        cause=failing.cause if failing else cause,
        remedy=failing.remedy if failing else "",
        decisions="",
        updated_at=now,
        attempts=PendingChange.attempts + (1 if count else 0),
    )


def need_attention(
    session: Session, connection_id: str, record: Record, generation: int, attention: Attention, now: datetime
) -> bool:
    """Keep the record until a person acts or something makes it worth another look; whether nothing came meanwhile."""
    return _move(
        session,
        connection_id,
        record,
        generation,
        state=attention.state,
        code=attention.code,
        cause=attention.cause,
        remedy=attention.remedy,
        decisions=_stored(attention),
        updated_at=now,
        waits_for=str(attention.about or ""),
    )


def _stored(attention: Attention) -> str:
    """The decisions by name; `one:target` where it has to name which record it means."""
    named = attention.several
    return " ".join(f"{name}{NAMES_ONE}" if named and name is Decision.ONE else name for name in attention.decisions)


def taken(row: PendingChange) -> tuple[str, ...]:
    """The decisions that a question takes, by name."""
    return tuple(name.removesuffix(NAMES_ONE) for name in row.decisions.split())


def wait(
    session: Session,
    connection_id: str,
    record: Record,
    generation: int,
    target: Record,
    now: datetime,
    why: str = "",
) -> None:
    """Keep the record until `target` has got on; `why` says so where its name alone does not."""
    _move(
        session,
        connection_id,
        record,
        generation,
        state=WAITING,
        waits_for=str(target),
        code="",
        remedy="",
        decisions="",
        cause=why or f"waits for {target.kind} {target.id}",
        updated_at=now,
    )


def wake(session: Session, connection_id: str, targets: Iterable[Record], now: datetime) -> int:
    """Make due what waits for one of `targets`, or for any record of their kind."""
    names = {str(target) for target in targets}
    names |= {str(any_of(target.side, target.kind)) for target in targets}
    if not names:
        return 0
    result = session.execute(_WAKE, {"connection": connection_id, "names": sorted(names), "now": now})
    return int(result.rowcount)  # type: ignore[attr-defined]


_WAKE = (
    sa.update(PendingChange)
    .where(PendingChange.connection_id == given("connection"), PendingChange.waits_for.in_(any_given("names")))
    .values(state=DUE, due_at=given("now"), waits_for="", generation=PendingChange.generation + 1)
    .execution_options(synchronize_session=False)
)


def wake_everywhere(session: Session, targets: Iterable[Record], now: datetime) -> int:
    """Make due what waits for one of `targets`, of any connection."""
    result = session.execute(
        sa.update(PendingChange)
        .where(PendingChange.state == WAITING, PendingChange.waits_for.in_([str(target) for target in targets]))
        .values(state=DUE, due_at=now, waits_for="", generation=PendingChange.generation + 1)
        .execution_options(synchronize_session=False)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


def reconsider(session: Session, connection_id: str, now: datetime, *criteria: sa.ColumnElement[bool]) -> int:
    """Look again at records that wait for a person, because something that they depend on has changed."""
    result = session.execute(
        sa.update(PendingChange)
        .where(PendingChange.connection_id == connection_id, PendingChange.state.in_(ATTENTION), *criteria)
        .values(state=DUE, due_at=now, generation=PendingChange.generation + 1)
        .execution_options(synchronize_session=False)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


def reconsider_records(session: Session, connection_id: str, records: Iterable[Record], now: datetime) -> None:
    """`reconsider` for these records."""
    for record in records:
        reconsider(session, connection_id, now, *_is(connection_id, record))


def reconsider_codes(session: Session, connection_id: str, codes: Iterable[str], now: datetime) -> None:
    """`reconsider` for all that wait for one of these reasons, which something outside of their own work has mended.

    What is worked on at this moment does not wait yet: `circumstances` tells its worker that it has to look again.
    """
    circumstances_change(session, connection_id)
    reconsider(session, connection_id, now, PendingChange.code.in_(list(codes)))


def circumstances_change(session: Session, connection_id: str) -> None:
    """Something is as it was not when whatever is worked on now was looked at."""
    session.execute(
        sa.update(Connection)
        .where(Connection.id == connection_id)
        .values(circumstances=Connection.circumstances + 1)
        .execution_options(synchronize_session=False)
    )


def retry(session: Session, connection_id: str, records: Iterable[Record], now: datetime) -> bool:
    """A person pressed retry: look at whatever waits under any of these names now, with a fresh read."""
    found = False
    for record in records:
        result = session.execute(
            sa.update(PendingChange)
            .where(*_is(connection_id, record))
            .values(state=DUE, due_at=now, must_read=True, generation=PendingChange.generation + 1)
            .execution_options(synchronize_session=False)
        )
        found = found or bool(result.rowcount)  # type: ignore[attr-defined]
    return found


def postpone(session: Session, connection_id: str, record: Record, due_at: datetime) -> None:
    """One record is not due before then."""
    session.execute(
        sa.update(PendingChange)
        .where(*_is(connection_id, record), PendingChange.state == DUE)
        .values(due_at=due_at)
        .execution_options(synchronize_session=False)
    )


def postpone_all(session: Session, connection_id: str, due_at: datetime) -> None:
    """A neighbour is down or asks us to wait: nothing of this connection is due before then."""
    session.execute(
        sa.update(PendingChange)
        .where(
            PendingChange.connection_id == connection_id,
            PendingChange.state == DUE,
            PendingChange.due_at < due_at,
        )
        .values(due_at=due_at)
        .execution_options(synchronize_session=False)
    )


def others_pending(session: Session, connection_id: str, kind: Kind) -> bool:
    """Whether a record of `kind` is still to be looked at, so that what seems to disagree may be under way."""
    return session.execute(_OTHERS, {"connection_id": connection_id, "kind": kind}).first() is not None


_OTHERS = (
    sa.select(PendingChange.record_id)
    .where(_OURS, PendingChange.kind == given("kind"), PendingChange.state == DUE)
    .limit(1)
)


def attention(session: Session, connection_id: str | None = None) -> Sequence[PendingChange]:
    """What waits for a person, newest last."""
    return session.execute(_shown(connection_id).order_by(PendingChange.updated_at)).scalars().all()


def attention_page(session: Session, connection_id: str, asked: Asked, code: str = "") -> Page[PendingChange]:
    """What waits for a person of one connection, newest last; what is held anew meanwhile comes once more.

    With a `code`, what waits because of that question alone.
    """
    key = [PendingChange.updated_at, PendingChange.side, PendingChange.kind, PendingChange.record_id]
    query = _shown(connection_id)
    if code:
        query = query.where(PendingChange.code == code)
    return paging.select(session, query, key, asked)


def count_paired(session: Session, connection_id: str) -> int:
    """How many pairs of a connection have a record that is not at rest."""
    found = sa.union(
        *(
            _pairs_of(connection_id, side, name)
            for side, name in ((Side.RAVETREE, Pair.ravetree_id), (Side.QUICKBOOKS, Pair.quickbooks_id))
        )
    ).subquery()
    return session.execute(sa.select(sa.func.count()).select_from(found)).scalar_one()


def _pairs_of(connection_id: str, side: Side, name: Any) -> sa.Select[int]:
    """The pairs whose record of a side is not at rest."""
    same = (Pair.connection_id == PendingChange.connection_id, Pair.kind == PendingChange.kind)
    query = sa.select(Pair.id).join(PendingChange, sa.and_(*same, name == PendingChange.record_id))
    return query.where(PendingChange.connection_id == connection_id, PendingChange.side == side)


def causes(session: Session, connection_id: str) -> dict[str, int]:
    """How many records of a connection wait for a person, by the code of their question, most first."""
    number = sa.func.count().label("records")
    shown = _shown(connection_id).with_only_columns(PendingChange.code, number).group_by(PendingChange.code)
    return {row.code: row.records for row in session.execute(shown.order_by(number.desc(), PendingChange.code))}


def _shown(connection_id: str | None) -> sa.Select[PendingChange]:
    """What a person is shown: of one connection, or of all."""
    failing = sa.and_(PendingChange.state == DUE, PendingChange.code == KEEPS_FAILING)
    query = sa.select(PendingChange).where(sa.or_(PendingChange.state.in_(ATTENTION), failing))
    if connection_id is not None:
        query = query.where(PendingChange.connection_id == connection_id)
    return query


def counts(session: Session, connection_id: str) -> dict[str, int]:
    """How many records of a connection are not at rest, by their state; every state has a number."""
    query = (
        sa.select(PendingChange.state, sa.func.count().label("records"))
        .where(PendingChange.connection_id == connection_id)
        .group_by(PendingChange.state)
    )
    none = dict.fromkeys((DUE, WAITING, *reversed(ATTENTION)), 0)
    return none | {row.state: row.records for row in session.execute(query)}


def every(session: Session, connection_id: str) -> Sequence[PendingChange]:
    """All that is not at rest."""
    return session.execute(sa.select(PendingChange).where(PendingChange.connection_id == connection_id)).scalars().all()


def asking_about(session: Session, connection_id: str, record: Record) -> list[PendingChange]:
    """What waits for a person because of a question about `record`, which is another one."""
    query = sa.select(PendingChange).where(
        PendingChange.connection_id == connection_id,
        PendingChange.state.in_(ATTENTION),
        PendingChange.waits_for == str(record),
    )
    return list(session.execute(query).scalars())


def rows(session: Session, connection_id: str, records: Iterable[Record]) -> list[PendingChange]:
    """The notes of these records, whatever their state."""
    places = {record: place for place, record in enumerate(records)}
    if not places:
        return []
    if len(places) == 1:
        return list(session.execute(_ONE, _named(connection_id, next(iter(places)))).scalars())
    by_kind: defaultdict[tuple[Side, Kind], list[str]] = defaultdict(list)
    for record in places:
        by_kind[record.side, record.kind].append(record.id)
    # A condition a kind, not a record: SQLite takes no more than a thousand in one statement.
    named = (
        sa.and_(PendingChange.side == side, PendingChange.kind == kind, PendingChange.record_id.in_(ids))
        for (side, kind), ids in by_kind.items()
    )
    query = sa.select(PendingChange).where(PendingChange.connection_id == connection_id, sa.or_(*named))
    return sorted(session.execute(query).scalars(), key=lambda row: places[record_of(row)])


def count(session: Session, state: str) -> int:
    """How many records of all connections are in a state."""
    return session.execute(
        sa.select(sa.func.count()).select_from(PendingChange).where(PendingChange.state == state)
    ).scalar_one()


def _parked(before: datetime, code: str, connection_id: str) -> list[sa.ColumnElement[bool]]:
    found = [PendingChange.state.in_(ATTENTION), PendingChange.updated_at <= before]
    found += [PendingChange.code == code] if code else []
    return [*found, PendingChange.connection_id == connection_id] if connection_id else found


def count_parked(session: Session, before: datetime, code: str = "", connection_id: str = "") -> int:
    """How many wait for a person since before a moment: all, of one code, of one connection."""
    query = sa.select(sa.func.count()).select_from(PendingChange).where(*_parked(before, code, connection_id))
    return session.execute(query).scalar_one()


def parked(
    session: Session, before: datetime, code: str, connection_id: str, after: Sequence[str], limit: int
) -> Sequence[PendingChange]:
    """The next of them by connection and record, behind the key `after`, if there is one."""
    key = (PendingChange.connection_id, PendingChange.side, PendingChange.kind, PendingChange.record_id)
    query = sa.select(PendingChange).where(*_parked(before, code, connection_id))
    if after:
        query = query.where(sa.tuple_(*key) > sa.tuple_(*map(sa.literal, after)))
    return session.execute(query.order_by(*key).limit(limit)).scalars().all()
