"""What operators are told of: one row each from when it begins until its end was told too."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage.models import Telling


def every(session: Session) -> Sequence[Telling]:
    """All that is told, or waits to be, in one order."""
    return session.execute(sa.select(Telling).order_by(Telling.noted_at, Telling.code, Telling.subject)).scalars().all()


def failing(session: Session) -> tuple[int, datetime | None, str]:
    """How many could not be told, since when the oldest, and why the newest."""
    rows = [row for row in every(session) if row.error]
    return len(rows), min((row.noted_at for row in rows), default=None), rows[-1].error if rows else ""


def ways(names: str) -> set[str]:
    """The ways in a row's `told` or `told_over`."""
    return set(names.split())


def forget(session: Session, row: Telling) -> None:
    """Its end was told everywhere, or nobody was ever told that it began."""
    session.execute(sa.delete(Telling).where(Telling.code == row.code, Telling.subject == row.subject))
