"""Dead letters: kept until somebody drives them again, or discards them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage import paging
from storage.database import insert
from storage.models import DeadLetter
from storage.paging import Asked, Page

FINGERPRINT = 200


@dataclass(frozen=True)
class Group:
    """Dead letters that died of the same: how many wait, and since when."""

    fingerprint: str
    count: int
    oldest: datetime


def keep(
    session: Session,
    *,
    message_id: str,
    queue: str,
    routing_key: str,
    reason: str,
    body: bytes,
    now: datetime,
    fingerprint: str = "",
    headers: Mapping[str, Any] | None = None,
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
            fingerprint=(fingerprint or f"{queue}: {reason}")[:FINGERPRINT],
            headers=dict(headers) if headers else None,
        )
        .on_conflict_do_update(
            index_elements=["digest"],
            set_={"dead_at": now, "reason": reason, "redriven_at": None, "discarded_at": None},
        )
    )


def waiting(session: Session, limit: int = 100) -> Sequence[DeadLetter]:
    """Those that nobody has driven again, oldest first."""
    return session.execute(_waiting().order_by(DeadLetter.id).limit(limit)).scalars().all()


def page(session: Session, asked: Asked, fingerprint: str = "") -> Page[DeadLetter]:
    """Those that nobody has driven again, oldest first, a page at a time: all, or those of one fingerprint."""
    query = _waiting()
    if fingerprint:
        query = query.where(DeadLetter.fingerprint == fingerprint)
    return paging.select(session, query, [DeadLetter.id], asked)


def groups(session: Session) -> list[Group]:
    """Those that wait by what they died of, most first."""
    number = sa.func.count().label("number")
    query = (
        sa.select(DeadLetter.fingerprint, number, sa.func.min(DeadLetter.dead_at).label("oldest"))
        .where(*_WAITS)
        .group_by(DeadLetter.fingerprint)
        .order_by(number.desc(), DeadLetter.fingerprint)
    )
    return [Group(row.fingerprint, row.number, row.oldest) for row in session.execute(query)]


def count(session: Session, fingerprint: str = "") -> int:
    """How many wait: all, or those of one fingerprint."""
    query = sa.select(sa.func.count()).select_from(DeadLetter).where(*_WAITS)
    if fingerprint:
        query = query.where(DeadLetter.fingerprint == fingerprint)
    return session.execute(query).scalar_one()


_WAITS = (DeadLetter.redriven_at.is_(None), DeadLetter.discarded_at.is_(None))


def _waiting() -> sa.Select[DeadLetter]:
    return sa.select(DeadLetter).where(*_WAITS)


def some(session: Session, after: int, last: int, fingerprint: str, limit: int) -> list[int]:
    """The next ids of those that wait, behind one and up to another; all, or of one fingerprint."""
    query = sa.select(DeadLetter.id).where(*_WAITS, DeadLetter.id > after, DeadLetter.id <= last)
    if fingerprint:
        query = query.where(DeadLetter.fingerprint == fingerprint)
    return list(session.execute(query.order_by(DeadLetter.id).limit(limit)).scalars())


def newest(session: Session) -> int:
    """The id of the last one; 0 when there is none."""
    return session.execute(sa.select(sa.func.max(DeadLetter.id))).scalar_one() or 0


def find(session: Session, letter_id: int) -> DeadLetter | None:
    """One dead letter, driven again or not."""
    return session.get(DeadLetter, letter_id)


def note_redriven(session: Session, letter_id: int, now: datetime) -> None:
    """It was published again: it waits no more."""
    session.execute(sa.update(DeadLetter).where(DeadLetter.id == letter_id).values(redriven_at=now))


def discard(session: Session, letter_id: int, now: datetime) -> None:
    """Somebody looked at it and wants nothing done: it waits no more, and stays readable."""
    session.execute(sa.update(DeadLetter).where(DeadLetter.id == letter_id).values(discarded_at=now))
