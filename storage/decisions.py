"""What people said about records that were held."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reconcile.model import Record
from storage.models import Decision

DECISIONS = ("two", "overwrite", "push", "leave", "adopt")
"""What can be said of a record that is held or parked."""


def get(session: Session, connection_id: str, names: Iterable[Record]) -> str:
    """The decision on a record, under any of its names, or an empty string."""
    found = [session.get(Decision, (connection_id, str(name))) for name in names]
    return next((row.decision for row in found if row is not None), "")


def use_up(session: Session, connection_id: str, names: Iterable[Record]) -> None:
    """The decision has been carried out: it says nothing about what comes later."""
    session.execute(
        sa.delete(Decision).where(
            Decision.connection_id == connection_id, Decision.subject.in_([str(name) for name in names])
        )
    )


def store(
    session: Session, connection_id: str, record: Record, decision: str, who: str, note: str, now: datetime
) -> None:
    """Keep what a person decided."""
    session.merge(
        Decision(
            connection_id=connection_id,
            subject=str(record),
            decision=decision,
            note=note,
            decided_by=who,
            decided_at=now,
        )
    )
