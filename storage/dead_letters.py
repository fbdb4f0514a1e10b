"""Dead letters: kept until somebody drives them again."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage import paging
from storage.database import insert
from storage.models import DeadLetter
from storage.paging import Asked, Page


def keep(
    session: Session,
    *,
    message_id: str,
    queue: str,
    routing_key: str,
    reason: str,
    body: bytes,
    now: datetime,
) -> None:
    """Store one; the same message twice is kept once."""
    digest = hashlib.sha256(b"\0".join([message_id.encode(), queue.encode(), body])).hexdigest()
    session.execute(
        insert(session, DeadLetter)
        .values(
            digest=digest,
            message_id=message_id[:255],
            queue=queue[:255],
            routing_key=routing_key[:320],
            reason=reason,
            body=body,
            dead_at=now,
        )
        .on_conflict_do_update(index_elements=["digest"], set_={"dead_at": now, "reason": reason, "redriven_at": None})
    )


def waiting(session: Session, limit: int = 100) -> Sequence[DeadLetter]:
    """Those that nobody has driven again, oldest first."""
    return session.execute(_waiting().order_by(DeadLetter.id).limit(limit)).scalars().all()


def page(session: Session, asked: Asked) -> Page[DeadLetter]:
    """Those that nobody has driven again, oldest first, a page at a time."""
    return paging.select(session, _waiting(), [DeadLetter.id], asked)


def _waiting() -> sa.Select[DeadLetter]:
    return sa.select(DeadLetter).where(DeadLetter.redriven_at.is_(None))


def find(session: Session, letter_id: int) -> DeadLetter | None:
    """One dead letter, driven again or not."""
    return session.get(DeadLetter, letter_id)


def note_redriven(session: Session, letter_id: int, now: datetime) -> None:
    """It was published again: it waits no more."""
    session.execute(sa.update(DeadLetter).where(DeadLetter.id == letter_id).values(redriven_at=now))
