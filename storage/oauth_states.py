"""What was begun on the way to Intuit and waits to be finished or undone: each row serves once, and for minutes."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from config.ports import CLOCKS_DIFFER
from storage.models import OAuthState

LIFETIME = timedelta(minutes=10)


def _lives(now: datetime) -> sa.ColumnElement[bool]:
    """One that seems to live longer than any was made while our clock ran ahead: it is believed no more."""
    return sa.and_(OAuthState.expires_at >= now, OAuthState.expires_at <= now + LIFETIME + CLOCKS_DIFFER)


def find(session: Session, digest: str, purpose: str, now: datetime) -> OAuthState | None:
    """The row that still serves `purpose`."""
    query = sa.select(OAuthState).where(OAuthState.digest == digest, OAuthState.purpose == purpose, _lives(now))
    return session.execute(query).scalar_one_or_none()


def take(session: Session, row: OAuthState) -> bool:
    """Use a row up; False when somebody else was first."""
    taken = sa.delete(OAuthState).where(OAuthState.digest == row.digest)
    session.expunge(row)
    return session.execute(taken.returning(OAuthState.digest)).one_or_none() is not None


def forget_account(session: Session, account_id: str) -> None:
    """Nothing that was begun for an account goes on, nor is anything undone."""
    session.execute(sa.delete(OAuthState).where(OAuthState.account_id == account_id))


def forget_connection(session: Session, connection_id: str) -> None:
    """What was offered to be undone no longer is."""
    session.execute(sa.delete(OAuthState).where(OAuthState.connection_id == connection_id))


def forget_expired(session: Session, now: datetime) -> None:
    """Drop what was abandoned, with the tokens sealed in it."""
    session.execute(sa.delete(OAuthState).where(sa.not_(_lives(now))))
