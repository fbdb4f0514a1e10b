"""Events as an operator looks for them, without an index of their own: each costs the recorder.

By its id or its record an event is found through the indexes that recording needs. Anything else is filtered among the
newest: `WINDOW` rows behind the place where a page begins, then the next ones when they are asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reconcile.model import Kind, Side
from storage.models import Connection, Event
from storage.paging import Asked, Page

WINDOW = 20_000
"""Rows that one page looks through at most."""


@dataclass(frozen=True)
class Wanted:
    """What is looked for; empty is anything. `until` is when it was recorded at the latest."""

    event_id: str = ""
    record_id: str = ""
    account: str = ""
    type: str = ""
    outcome: str = ""
    until: datetime | None = None


def last_of(session: Session, connection_id: str, side: Side, last: int) -> str | None:
    """The name of a side's newest event of a connection, of those up to row `last`."""
    query = sa.select(Event.event_id).where(
        Event.connection_id == connection_id, Event.source == side, Event.id <= last
    )
    return session.execute(query.order_by(Event.id.desc()).limit(1)).scalar_one_or_none()


def search(session: Session, wanted: Wanted, asked: Asked) -> Page[Event]:
    """Events that fit, newest first. A page may be empty and go on: further back nothing was looked at yet."""
    before = int(asked.after[0]) if asked.after is not None else None
    if wanted.event_id or wanted.record_id:
        return _found(session, wanted, asked.limit, before)
    top = before if before is not None else (_newest(session) or 0) + 1
    if wanted.until is not None:
        top = min(top, first_after(session, wanted.until))
    floor = max(top - WINDOW, 0)
    query = _filtered(sa.select(Event).where(Event.id < top, Event.id >= floor), wanted)
    rows = session.execute(query.order_by(Event.id.desc()).limit(asked.limit + 1)).scalars().all()
    if len(rows) > asked.limit:
        return Page(rows[: asked.limit], (rows[asked.limit - 1].id,))
    return Page(rows, (floor,) if floor > 0 else None)


def _found(session: Session, wanted: Wanted, limit: int, before: int | None) -> Page[Event]:
    """By id or record: both begin with whose it is, so every connection is asked for, a step in an index each."""
    if wanted.event_id:
        accounts = [wanted.account] if wanted.account else _accounts(session)
        place = (Event.source.in_(list(Side)), Event.account.in_(accounts), Event.event_id == wanted.event_id)
    else:
        ids = session.execute(_connections(wanted.account)).scalars().all()
        place = (Event.connection_id.in_(ids), Event.kind.in_(list(Kind)), Event.subject == wanted.record_id)
    query = _filtered(sa.select(Event).where(*place), wanted)
    if before is not None:
        query = query.where(Event.id < before)
    rows = session.execute(query.order_by(Event.id.desc()).limit(limit + 1)).scalars().all()
    return Page(rows[:limit], (rows[limit - 1].id,) if len(rows) > limit else None)


def _connections(account: str) -> sa.Select[str]:
    query = sa.select(Connection.id)
    return query.where(sa.or_(Connection.account_id == account, Connection.realm_id == account)) if account else query


def _accounts(session: Session) -> list[str]:
    return [name for row in session.execute(sa.select(Connection.account_id, Connection.realm_id)) for name in row]


def _filtered(query: sa.Select[Event], wanted: Wanted) -> sa.Select[Event]:
    if wanted.account:
        query = query.where(Event.account == wanted.account)
    if wanted.type:
        query = query.where(Event.type == wanted.type)
    if wanted.outcome:
        query = query.where(Event.outcome == wanted.outcome)
    if wanted.until is not None:
        query = query.where(Event.recorded_at <= wanted.until)
    return query


def find(session: Session, event_id: int) -> Event | None:
    """One event by its row."""
    return session.get(Event, event_id)


def first_after(session: Session, moment: datetime) -> int:
    """An id from which on everything was recorded after a moment; one beyond the last when nothing was.

    Ids rise with the time of recording, so some twenty looks at single rows find it among millions.
    """
    low, high = 0, (_newest(session) or 0) + 1
    while low < high:
        middle = (low + high) // 2
        row = session.execute(
            sa.select(Event.id, Event.recorded_at).where(Event.id >= middle).order_by(Event.id).limit(1)
        ).one_or_none()
        if row is None or row.recorded_at > moment:
            high = middle
        else:
            low = row.id + 1
    return low


def of_connection(session: Session, connection_id: str, after: int, until: int, limit: int) -> Sequence[Event]:
    """The next recorded events of a connection between two ids; those of others are passed over."""
    query = sa.select(Event).where(Event.id > after, Event.id <= until, Event.connection_id == connection_id)
    return session.execute(query.where(Event.kind != "").order_by(Event.id).limit(limit)).scalars().all()


def count_of_connection(session: Session, connection_id: str, after: int, until: int) -> int:
    """How many that are."""
    here = (Event.id > after, Event.id <= until, Event.connection_id == connection_id, Event.kind != "")
    return session.execute(sa.select(sa.func.count()).select_from(Event).where(*here)).scalar_one()


def _newest(session: Session) -> int | None:
    return session.execute(sa.select(sa.func.max(Event.id))).scalar_one()


def newest(session: Session) -> int:
    """The id of the newest event; 0 when there is none."""
    return _newest(session) or 0
