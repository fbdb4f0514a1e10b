"""The action log: who did what, when and through what. Rows are added and never changed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage import paging
from storage.models import Act
from storage.paging import Asked, Page

CONSOLE, API, COMMAND_LINE = "console", "api", "command line"


def add(
    session: Session,
    at: datetime,
    who: str,
    through: str,
    what: str,
    *,
    connection_id: str = "",
    subject: str = "",
    data: Mapping[str, Any] | None = None,
) -> None:
    """Note an act."""
    session.add(
        Act(
            at=at,
            who=who[:255],
            through=through,
            what=what[:64],
            connection_id=connection_id[:32],
            subject=subject[:320],
            data=dict(data or {}),
        )
    )


def page(session: Session, asked: Asked, connection_id: str | None = None) -> Page[Act]:
    """Acts, newest first: all, or those on a connection."""
    query = sa.select(Act)
    if connection_id is not None:
        query = query.where(Act.connection_id == connection_id)
    return paging.select(session, query, [Act.id], asked, descending=True)
