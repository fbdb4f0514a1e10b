"""What Ravetree is to be told of its records: stored first, and unsent until it has been taken."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reconcile.model import Record
from storage import connections
from storage.models import Connection, SyncState
from storage.statements import given


def store(session: Session, connection_id: str, record: Record, body: Mapping[str, Any], now: datetime) -> None:
    """Keep what is to be told of a record of Ravetree's; the same as before is not told again.

    Its generation is what Ravetree knows the latest word by: it rises too when a later connection is the first to
    speak of the record, so it begins with the time in milliseconds.
    """
    known = session.get(SyncState, (connection_id, record.kind, record.id))
    if known is None:
        known = SyncState(connection_id=connection_id, kind=record.kind, ravetree_id=record.id, generation=0, body={})
        session.add(known)
    if known.body != body:
        known.body = dict(body)
        known.state = str(body.get("state", ""))
        known.generation = max(known.generation + 1, int(now.timestamp() * 1000))
        known.unsent = True
        known.due_at = now


def is_told(session: Session, connection_id: str, record: Record) -> bool:
    """Whether there was anything to tell of a record of Ravetree's."""
    return session.get(SyncState, (connection_id, record.kind, record.id)) is not None


def unsent(session: Session, connection_id: str, now: datetime, limit: int) -> list[SyncState]:
    """What is to be told now, what has waited longest first."""
    asked = {"connection_id": connection_id, "now": now, "limit": limit}
    return list(session.execute(_UNSENT, asked).scalars())


_UNSENT = (
    sa.select(SyncState)
    .where(
        SyncState.connection_id == given("connection_id"),
        SyncState.unsent.is_(True),
        SyncState.due_at <= given("now"),
    )
    .order_by(SyncState.due_at, SyncState.generation)
    .limit(given("limit"))
)


def left_after_a_pause(session: Session, now: datetime) -> list[str]:
    """Connections that a person paused, and of which something done before is to be told now."""
    return list(session.execute(_LEFT, {"now": now}).scalars())


_LEFT = (
    sa.select(SyncState.connection_id)
    .join(Connection, Connection.id == SyncState.connection_id)
    .where(SyncState.unsent.is_(True), SyncState.due_at <= given("now"))
    .where(connections.BY_A_PERSON, Connection.verify_since.is_(None))
    .distinct()
)


def postpone(session: Session, connection_id: str, until: datetime) -> None:
    """Nothing is told before then."""
    session.execute(
        sa.update(SyncState)
        .where(SyncState.connection_id == connection_id, SyncState.unsent.is_(True), SyncState.due_at < until)
        .values(due_at=until)
        .execution_options(synchronize_session=False)
    )


def mark(session: Session, row: SyncState, *, is_unsent: bool, due_at: datetime) -> None:
    """Whether it was taken, unless there is something newer to tell by now."""
    told = {"connection": row.connection_id, "of": row.kind, "name": row.ravetree_id, "told": row.generation}
    session.execute(_MARK, told | {"is_unsent": is_unsent, "at": due_at})


_MARK = (
    sa.update(SyncState)
    .where(
        SyncState.connection_id == given("connection"),
        SyncState.kind == given("of"),
        SyncState.ravetree_id == given("name"),
        SyncState.generation == given("told"),
    )
    .values(unsent=given("is_unsent"), due_at=given("at"))
    .execution_options(synchronize_session=False)
)
