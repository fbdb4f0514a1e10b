"""QuickBooks' lists as they were read last, for people who look at them again and again."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage.models import KeptList


def find(session: Session, connection_id: str, kind: str) -> KeptList | None:
    """The list of a kind, if it was ever read."""
    return session.get(KeptList, (connection_id, kind))


def keep(session: Session, connection_id: str, kind: str, entries: Sequence[tuple[str, str]], now: datetime) -> None:
    """A list as it is now: the id and the name of each entry."""
    rows = [list(entry) for entry in entries]
    session.merge(KeptList(connection_id=connection_id, kind=kind, read_at=now, entries=rows))


def forget(session: Session, connection_id: str) -> None:
    """The next look asks QuickBooks."""
    session.execute(sa.delete(KeptList).where(KeptList.connection_id == connection_id))
