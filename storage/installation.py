"""The installation that a database belongs to: one row, made once."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage.models import Installation

ASLEEP_AFTER = timedelta(minutes=30)
"""Without a sign of life for so long, the database may be an older one, and QuickBooks may have forgotten our keys."""

ALIVE_EVERY = timedelta(seconds=30)


def find(session: Session) -> Installation | None:
    """The installation, if its row was made."""
    return session.execute(sa.select(Installation)).scalar_one_or_none()


def id_of(session: Session) -> str:
    """The id that our markers bear; empty while there is none."""
    row = find(session)
    return row.id if row is not None else ""


def was_asleep(session: Session, now: datetime) -> bool:
    """Whether nobody has looked after this database for longer than a neighbour remembers our keys."""
    row = find(session)
    return row is not None and row.alive_at is not None and now - row.alive_at > ASLEEP_AFTER


def keep_alive(session: Session, now: datetime) -> None:
    """Leave a sign of life, now and then."""
    row = find(session)
    if row is not None and (row.alive_at is None or abs(now - row.alive_at) >= ALIVE_EVERY):
        row.alive_at = now
