"""Steps: what became of a record and who pressed what, one line each, added to until they are old."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reconcile.model import Record
from storage.models import Step
from storage.pending import ATTENTION
from storage.statements import any_given, given

ENDED = ("agreed", "ignored")
"""How work on a record ends when there is nothing more to do; else it waits, or a person is asked."""


def add(
    session: Session,
    connection_id: str,
    record: Record,
    what: str,
    now: datetime,
    *,
    by: str = "",
    text: str = "",
    data: Mapping[str, Any] | None = None,
) -> None:
    """Add one step."""
    session.add(
        Step(
            connection_id=connection_id,
            subject=str(record),
            at=now,
            what=what,
            by=by,
            text=text,
            data=dict(data or {}),
        )
    )


def add_outcome(session: Session, connection_id: str, record: Record, what: str, text: str, now: datetime) -> None:
    """Add how the work on a record ended, unless it ended so the last time too."""
    before = last(session, connection_id, [record])
    if before is None or (before.what, before.text) != (what, text):
        add(session, connection_id, record, what, now, text=text)


def last(session: Session, connection_id: str, records: Iterable[Record]) -> Step | None:
    """The newest step of a record under any of its names."""
    asked = {"connection_id": connection_id, "names": [str(record) for record in records]}
    return session.execute(_LAST, asked).scalar_one_or_none()


def is_asked(session: Session, connection_id: str, records: Iterable[Record]) -> bool:
    """Whether a person was asked about a record, and it has not been in agreement since: it may wait meanwhile."""
    asked = {"connection_id": connection_id, "names": [str(record) for record in records]}
    return session.execute(_LAST_ENDED, asked).scalar_one_or_none() in ATTENTION


_LAST = (
    sa.select(Step)
    .where(Step.connection_id == given("connection_id"), Step.subject.in_(any_given("names")))
    .order_by(Step.id.desc())
    .limit(1)
)
_LAST_ENDED = _LAST.with_only_columns(Step.what).where(Step.what.in_([*ATTENTION, *ENDED]))
