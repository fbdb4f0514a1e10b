"""What people said about records that were held."""

from datetime import datetime

from sqlalchemy.orm import Session

from reconcile.model import Record
from storage.models import Decision

TWO_PAYMENTS = "two"


def get(session: Session, connection_id: str, record: Record) -> str:
    """The decision on a record, or an empty string."""
    found = session.get(Decision, (connection_id, str(record)))
    return found.decision if found else ""


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
