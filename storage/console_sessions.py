"""Who is signed in at the console, by the digest of what their browser brings."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from config.ports import CLOCKS_DIFFER
from storage.models import ConsoleSession, User


def add(session: Session, digest: str, user: User, now: datetime) -> None:
    """A new session of a user, of their epoch."""
    session.add(ConsoleSession(digest=digest, user_id=user.id, epoch=user.epoch, begun_at=now))


def user_of(session: Session, digest: str, since: datetime, now: datetime) -> User | None:
    """Whose a session is that was begun after `since` and before `now`, if they still have access."""
    query = sa.select(User).join(ConsoleSession, ConsoleSession.user_id == User.id)
    query = query.where(
        ConsoleSession.digest == digest,
        ConsoleSession.begun_at > since,
        # One of a clock that ran ahead would live longer.
        ConsoleSession.begun_at <= now + CLOCKS_DIFFER,
        ConsoleSession.epoch == User.epoch,
        User.ended_at.is_(None),
    )
    return session.execute(query).scalar_one_or_none()


def end(session: Session, digest: str) -> None:
    """A session is none any more."""
    session.execute(sa.delete(ConsoleSession).where(ConsoleSession.digest == digest))


def forget_begun_before(session: Session, since: datetime) -> None:
    """Drop those that are over."""
    session.execute(sa.delete(ConsoleSession).where(ConsoleSession.begun_at <= since))
