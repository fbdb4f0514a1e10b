"""Requests that may be sent again: the same key and the same body have the same answer for a day, and are done once."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from config.errors import RavebooksError
from config.ports import CLOCKS_DIFFER
from storage.database import insert
from storage.models import IdempotencyKey

LIFETIME = timedelta(days=1)
UNDER_WAY = timedelta(minutes=2)
"""After that long without an answer whoever worked on a request is dead: it may be done again."""


class KeyRefused(RavebooksError):
    """This key stands for another request, or for one that is being answered."""

    field = "Idempotency-Key"


def begin(session: Session, digest: str, body: str, now: datetime) -> bytes | None:
    """What was answered under this key; None for whoever has to answer now, and is the only one to.

    Raises `KeyRefused` for another body, and while somebody else is at it.
    """
    new = insert(session, IdempotencyKey).values(digest=digest, body=body, at=now).on_conflict_do_nothing()
    if session.execute(new.returning(IdempotencyKey.id)).one_or_none() is not None:
        return None
    row = session.execute(
        sa.select(IdempotencyKey).where(IdempotencyKey.digest == digest).with_for_update()
    ).scalar_one_or_none()
    if row is None:
        # Whoever was at it has just been refused.
        return begin(session, digest, body, now)
    # One that seems to come from tomorrow was kept by a clock that ran ahead.
    lives = now - LIFETIME < row.at <= now + CLOCKS_DIFFER
    if lives and row.body != body:
        raise KeyRefused(
            "this Idempotency-Key was sent with another body within the last day",
            remedy="Take a new key for each new request, and the same key to send the same request again.",
        )
    if lives and row.answer is not None:
        return row.answer
    if lives and now - row.at < UNDER_WAY:
        raise KeyRefused(
            "the request with this Idempotency-Key is being answered",
            remedy="Send it again in a moment; after two minutes without an answer it is done anew.",
        )
    row.body, row.at, row.answer = body, now, None
    return None


def keep(session: Session, digest: str, begun: datetime, answer: bytes) -> None:
    """What was answered to the request that was begun then."""
    session.execute(
        sa.update(IdempotencyKey)
        .where(IdempotencyKey.digest == digest, IdempotencyKey.at == begun)
        .values(answer=answer)
    )


def release(session: Session, digest: str, begun: datetime) -> None:
    """What was begun then was refused, or failed: whoever sends it again is heard anew."""
    own = (IdempotencyKey.digest == digest, IdempotencyKey.at == begun, IdempotencyKey.answer.is_(None))
    session.execute(sa.delete(IdempotencyKey).where(*own))
