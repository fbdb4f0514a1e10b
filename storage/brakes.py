"""Brakes: what stops writes before they are sent, for the whole installation or for one connection."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from config.errors import Stop
from reconcile.model import Kind, Side, release_of
from storage import journal, pending
from storage.database import StorageError
from storage.models import Brake, Connection, Operation

EVERYTHING = "everything"
SIDES = tuple(str(side) for side in Side)
KINDS = tuple(str(kind) for kind in Kind if kind is not Kind.CREDIT)
PARTS = (EVERYTHING, *SIDES, *KINDS)
"""What can be stopped: all, what is written to a side, or what is written of a kind of record."""
_KINDS_OF = {"customer": Kind.CONTACT, "placeholder": Kind.PAYMENT, "money": Kind.PAYMENT}
"""What actions are about whose names do not begin with the kind of their record."""
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


class Braked(StorageError):
    """A person stopped writes of this side, or of this kind: `part` says which."""

    remedy = "Nothing to do: it goes on when an operator lets it."

    def __init__(self, message: str, part: str) -> None:
        super().__init__(message)
        self.part = part


class UnknownPart(StorageError):
    """Nothing of this name can be stopped."""

    remedy = f"Name one of: {', '.join(PARTS)}."


class TooManyRemovals(StorageError):
    """More voids and deletions in an hour than the connection's limit: a person looks first."""

    remedy = "See whether they are meant; then release the brake of the connection."


def pull(session: Session, cause: str, by: str, now: datetime, part: str = EVERYTHING) -> None:
    """Stop writes from now on, all or of a part; what is under way is not called back. Raises `UnknownPart`."""
    _check_part(part)
    session.merge(Brake(name=part, cause=cause, by=by, at=now))


def release(session: Session, part: str = EVERYTHING) -> None:
    """Let writes go on. Raises `UnknownPart`."""
    _check_part(part)
    session.execute(sa.delete(Brake).where(Brake.name == part))


def _check_part(part: str) -> None:
    if part not in PARTS:
        raise UnknownPart(f"{part[:40]!r} is nothing that can be stopped")


def let_go(session: Session, now: datetime) -> int:
    """Whatever waits for a brake that nobody has pulled any more is looked at; returns how many records that are.

    Asked again and again: who found it pulled may store so after it was released.
    """
    pulled_ones = {brake.name for brake in every(session)}
    free = [part for part in PARTS if part not in pulled_ones]
    return pending.wake_everywhere(
        session, [release_of(side, kind, part) for side in Side for kind in Kind for part in free], now
    )


def pulled(session: Session) -> Brake | None:
    """The brake of the whole installation, if somebody pulled it."""
    return session.execute(_PULLED).scalar_one_or_none()


_PULLED = sa.select(Brake).where(Brake.name == EVERYTHING)
_EVERY = sa.select(Brake).order_by(Brake.at, Brake.name)


def every(session: Session) -> list[Brake]:
    """Every brake that is pulled, the longest first."""
    return list(session.execute(_EVERY).scalars())


def why(session: Session) -> str:
    """Who stopped every write, and why; empty while they go on."""
    brake = pulled(session)
    return _all_stopped(brake) if brake is not None else ""


def _all_stopped(brake: Brake) -> str:
    return f"{brake.by or 'somebody'} stopped all writes{f': {brake.cause}' if brake.cause else ''}"


def check(session: Session, writes: Iterable[tuple[str, str]] = ()) -> None:
    """Raise `AllPaused` while every write is stopped, and `Braked` while one of these (side, action) is."""
    check_against({brake.name: brake for brake in every(session)}, writes)


def check_against(pulled_ones: Mapping[str, Brake], writes: Iterable[tuple[str, str]]) -> None:
    """As `check`, with every brake that is pulled, by its name."""
    if EVERYTHING in pulled_ones:
        raise AllPaused(_all_stopped(pulled_ones[EVERYTHING]))
    if not pulled_ones:
        return
    for side, action in writes:
        begins = action.partition(".")[0]
        for part in (side, str(_KINDS_OF.get(begins, begins))):
            if part in pulled_ones:
                brake = pulled_ones[part]
                cause = f": {brake.cause}" if brake.cause else ""
                raise Braked(f"{brake.by or 'somebody'} stopped writes of {part}{cause}", part)


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
