"""The outbox: messages that the broker did not take."""

import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage.database import Database
from storage.models import OutboxMessage

PROBE_BYTES = 16_384
"""Two pages of PostgreSQL, four of SQLite."""


class Kept(NamedTuple):
    """A message as it is kept."""

    message_id: str
    routing_key: str
    body: str
    traceparent: str | None = None


def add(session: Session, messages: Iterable[Kept], now: datetime) -> None:
    """Keep messages for the relay."""
    session.add_all(OutboxMessage(**each._asdict(), created_at=now) for each in messages)


def check_writable(database: Database) -> None:
    """Store as much as a batch needs, and take it away again. Raises `DatabaseDown`, also for a disk that is full.

    A database with a full disk answers every question and stores nothing, and a small row may still find room
    in pages that are there.
    """
    with database.transaction() as session:
        row = OutboxMessage(
            message_id="probe",
            routing_key="",
            body=os.urandom(PROBE_BYTES // 2).hex(),
            created_at=database.now(session),
        )
        session.add(row)
        session.flush()
        session.delete(row)


def oldest(session: Session, limit: int) -> Sequence[OutboxMessage]:
    """The next messages to publish. Two relays may publish one twice: its id is the same, so it is recorded once."""
    return session.execute(sa.select(OutboxMessage).order_by(OutboxMessage.id).limit(limit)).scalars().all()


def remove(session: Session, ids: Iterable[int]) -> None:
    """These are confirmed by the broker."""
    session.execute(sa.delete(OutboxMessage).where(OutboxMessage.id.in_(list(ids))))


def size(session: Session) -> int:
    """How many wait."""
    return session.execute(sa.select(sa.func.count()).select_from(OutboxMessage)).scalar_one()
