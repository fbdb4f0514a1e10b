"""Brakes: what stops writes before they are sent, for the whole installation or for one connection."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from config.errors import Stop
from storage import journal
from storage.database import StorageError
from storage.models import Brake, Connection, Operation

EVERYTHING = "everything"
WINDOW = timedelta(hours=1)
REMOVALS = frozenset(
    {
        "estimate.delete",
        "invoice.delete",
        "invoice.void",
        "payment.delete",
        "placeholder.delete",
    }
)
"""Writes that take something off the books."""


class AllPaused(StorageError, Stop):
    """A person stopped every write of this installation."""

    remedy = "Go on with `ravebooks resume --all`."


class TooManyRemovals(StorageError):
    """More voids and deletions in an hour than the connection's limit: a person looks first."""

    remedy = "See whether they are meant; then release the brake of the connection."


def pull(session: Session, cause: str, by: str, now: datetime) -> None:
    """Stop every write from now on; what is under way is not called back."""
    session.merge(Brake(name=EVERYTHING, cause=cause, by=by, at=now))


def release(session: Session) -> None:
    """Let writes go on."""
    session.execute(sa.delete(Brake).where(Brake.name == EVERYTHING))


def pulled(session: Session) -> Brake | None:
    """The brake of the whole installation, if somebody pulled it."""
    return session.get(Brake, EVERYTHING)


def every(session: Session) -> list[Brake]:
    """Every brake that is pulled, the longest first."""
    return list(session.execute(sa.select(Brake).order_by(Brake.at, Brake.name)).scalars())


def why(session: Session) -> str:
    """Who stopped every write, and why; empty while they go on."""
    brake = pulled(session)
    if brake is None:
        return ""
    return f"{brake.by or 'somebody'} stopped all writes{f': {brake.cause}' if brake.cause else ''}"


def check(session: Session) -> None:
    """Raise `AllPaused` while every write is stopped."""
    if said := why(session):
        raise AllPaused(said)


def check_removal(session: Session, connection_id: str, action: str, now: datetime) -> None:
    """Raise `TooManyRemovals` when this one would be above the connection's limit."""
    if action not in REMOVALS:
        return
    connection = session.get_one(Connection, connection_id)
    since = max(moment for moment in (now - WINDOW, connection.removals_since) if moment is not None)
    made = session.execute(
        sa.select(sa.func.count())
        .select_from(Operation)
        .where(
            Operation.connection_id == connection_id,
            Operation.action.in_(REMOVALS),
            Operation.journalled_at >= since,
            Operation.state.in_([journal.JOURNALLED, journal.DONE]),
        )
    ).scalar_one()
    if made >= connection.removals_limit:
        raise TooManyRemovals(f"{made} voids and deletions within an hour, and this would be one more")
