"""How much waits, where, and since when: cheap questions over indexes, of the whole installation."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage import connections, pending
from storage.journal import JOURNALLED
from storage.models import Connection, DeadLetter, Lease, Operation, OutboxMessage, PendingChange, SyncState

MANY = 10_000
"""What is past due is counted up to here: beyond it the number says nothing more."""
LATE_AFTER = timedelta(minutes=1)
"""How long after its time something due is past due."""


@dataclass(frozen=True)
class Depth:
    """How many wait, and since when the oldest does; None when there is none."""

    count: int
    oldest: datetime | None


def outbox(session: Session) -> Depth:
    """Messages for the broker."""
    return _depth(session, sa.select(sa.func.count(), sa.func.min(OutboxMessage.created_at)))


def dead_letters(session: Session) -> Depth:
    """Messages that nobody has driven again or discarded."""
    waits = (DeadLetter.redriven_at.is_(None), DeadLetter.discarded_at.is_(None))
    return _depth(session, sa.select(sa.func.count(), sa.func.min(DeadLetter.dead_at)).where(*waits))


def uncertain(session: Session) -> Depth:
    """Writes without an answer."""
    query = sa.select(sa.func.count(), sa.func.min(Operation.journalled_at))
    return _depth(session, query.where(Operation.state == JOURNALLED))


def past_due(session: Session, now: datetime) -> Depth:
    """Changes of connections that may be worked on whose time came a minute ago; counted up to `MANY`."""
    late = (
        sa.select(PendingChange.due_at)
        .join(Connection, Connection.id == PendingChange.connection_id)
        .where(PendingChange.state == pending.DUE, PendingChange.due_at <= now - LATE_AFTER)
        .where(Connection.state == "active", sa.or_(Connection.retry_at.is_(None), Connection.retry_at <= now))
        .order_by(PendingChange.due_at)
        .limit(MANY)
        .subquery()
    )
    return _depth(session, sa.select(sa.func.count(), sa.func.min(late.c.due_at)))


def by_state(session: Session) -> dict[str, Depth]:
    """Pending changes by their state, since when each has been so."""
    query = sa.select(
        PendingChange.state, sa.func.count().label("number"), sa.func.min(PendingChange.updated_at).label("oldest")
    ).group_by(PendingChange.state)
    none = dict.fromkeys((pending.DUE, pending.WAITING, *reversed(pending.ATTENTION)), Depth(0, None))
    return none | {row.state: Depth(row.number, row.oldest) for row in session.execute(query)}


def untold(session: Session) -> Depth:
    """What Ravetree has not been told yet, since when: a word's generation is when it was noted, in milliseconds."""
    query = (
        sa.select(sa.func.count().label("number"), sa.func.min(SyncState.generation).label("oldest"))
        .join(Connection, Connection.id == SyncState.connection_id)
        .where(SyncState.unsent.is_(True), sa.or_(Connection.state == "active", connections.BY_A_PERSON))
    )
    row = session.execute(query).one()
    return Depth(row.number, datetime.fromtimestamp(row.oldest / 1000, UTC) if row.number else None)


def leases(session: Session, now: datetime) -> int:
    """How many leases somebody holds."""
    held = (Lease.owner != "", Lease.expires_at > now)
    return session.execute(sa.select(sa.func.count()).select_from(Lease).where(*held)).scalar_one()


def parked_codes(session: Session) -> list[tuple[str, str, int, datetime]]:
    """What waits for a person by state and code, most first: how many, and since when."""
    number = sa.func.count().label("number")
    query = (
        sa.select(
            PendingChange.state, PendingChange.code, number, sa.func.min(PendingChange.updated_at).label("oldest")
        )
        .where(PendingChange.state.in_(pending.ATTENTION))
        .group_by(PendingChange.state, PendingChange.code)
        .order_by(number.desc(), PendingChange.code)
    )
    return [(row.state, row.code, row.number, row.oldest) for row in session.execute(query)]


def parked_before(session: Session, moment: datetime) -> dict[str, Depth]:
    """What has waited for a person since before a moment, by connection."""
    query = (
        sa.select(
            PendingChange.connection_id,
            sa.func.count().label("number"),
            sa.func.min(PendingChange.updated_at).label("oldest"),
        )
        .where(PendingChange.state.in_(pending.ATTENTION), PendingChange.updated_at <= moment)
        .group_by(PendingChange.connection_id)
    )
    return {row.connection_id: Depth(row.number, row.oldest) for row in session.execute(query)}


def _depth(session: Session, query: sa.Select[int, datetime]) -> Depth:
    count, oldest = session.execute(query).one()
    return Depth(count, oldest)
