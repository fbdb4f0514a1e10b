"""What Ravetree is to be told of its records: stored first, and unsent until it has been taken."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reconcile.model import Record
from storage.models import SyncState


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


def unsent(session: Session, connection_id: str, now: datetime, limit: int) -> list[SyncState]:
    """What is to be told now, what has waited longest first."""
    query = sa.select(SyncState).where(
        SyncState.connection_id == connection_id, SyncState.unsent.is_(True), SyncState.due_at <= now
    )
    return list(session.execute(query.order_by(SyncState.due_at, SyncState.generation).limit(limit)).scalars())


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
    session.execute(
        sa.update(SyncState)
        .where(
            SyncState.connection_id == row.connection_id,
            SyncState.kind == row.kind,
            SyncState.ravetree_id == row.ravetree_id,
            SyncState.generation == row.generation,
        )
        .values(unsent=is_unsent, due_at=due_at)
        .execution_options(synchronize_session=False)
    )
