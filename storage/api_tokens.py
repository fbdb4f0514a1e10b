"""Tokens for the API: kept as digests, made and revoked by people."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from config.errors import RavebooksError
from storage import paging
from storage.models import ApiToken
from storage.paging import Asked, Page

SCOPES = READ, ACT, OPERATE = "read", "act", "operate"
"""What a token lets its bearer do, the least first: look; act on connections; act on the installation."""
USE_IS_NOTED_EVERY = timedelta(minutes=10)


class UnknownToken(RavebooksError):
    """There is no such token for the API."""

    remedy = "List them: ravebooks tokens."


def add(session: Session, row: ApiToken) -> ApiToken:
    """Keep a new token."""
    session.add(row)
    session.flush()
    return row


def every(session: Session) -> list[ApiToken]:
    """All of them, oldest first, those that were revoked too."""
    return list(session.execute(sa.select(ApiToken).order_by(ApiToken.id)).scalars())


def page(session: Session, asked: Asked) -> Page[ApiToken]:
    """The same, a page at a time."""
    return paging.select(session, sa.select(ApiToken), [ApiToken.id], asked)


def find(session: Session, digest: str) -> ApiToken | None:
    """The token with this digest, unless it was revoked."""
    query = sa.select(ApiToken).where(ApiToken.digest == digest, ApiToken.revoked_at.is_(None))
    return session.execute(query).scalar_one_or_none()


def revoke(session: Session, token_id: int, now: datetime) -> ApiToken:
    """It opens nothing any more. Raises `UnknownToken`."""
    row = session.get(ApiToken, token_id)
    if row is None:
        raise UnknownToken(f"there is no token {token_id}")
    row.revoked_at = row.revoked_at or now
    return row


def is_use_to_note(row: ApiToken, now: datetime) -> bool:
    """Whether its use is written down again: not at every call."""
    return row.used_at is None or abs(now - row.used_at) >= USE_IS_NOTED_EVERY


def note_use(session: Session, token_id: int, now: datetime) -> None:
    """It was used."""
    session.execute(sa.update(ApiToken).where(ApiToken.id == token_id).values(used_at=now))
