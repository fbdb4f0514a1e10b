"""The outbox: messages that the broker did not take."""

import os
from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage.database import Database
from storage.models import OutboxMessage

PROBE_BYTES = 16_384
"""Two pages of PostgreSQL, four of SQLite."""


def add(session: Session, messages: Iterable[tuple[str, str, str]], now: datetime) -> None:
    """Keep (message id, routing key, body) for the relay."""
    session.add_all(
        OutboxMessage(message_id=message_id, routing_key=routing_key, body=body, created_at=now)
        for message_id, routing_key, body in messages
    )


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
