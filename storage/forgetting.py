"""The end of a connection: forgotten when nothing came of it, else archived, so that account and company are free."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage import connections, jobs, journal, switches
from storage.connections import ARCHIVED, DISCONNECTED, NotActive
from storage.models import (
    Act,
    Base,
    Connection,
    Echo,
    Job,
    Lease,
    OAuthState,
    Operation,
    Pair,
    PendingChange,
    PlannedDuty,
    SyncState,
)

FORGOTTEN = "forgotten"

_WORK = (PendingChange, SyncState, Echo, Lease, PlannedDuty)
"""What is still to be done, and by whom: an archived connection does nothing."""

_HISTORY = (Pair, Operation)

NAMED = 3
UNDER_WAY = timedelta(days=1)
"""How long a write without an answer can still be looked up by its key, if the account is connected again."""


def forget(session: Session, connection_id: str, by: str, now: datetime) -> str:
    """End a disconnected connection for good; says how: `forgotten` or `archived`.

    Forgotten is what has neither a pair nor a write: of it no row stays in any table but the log of who did what.
    Anything else is archived: its records stay readable, and nothing else happens to it ever again. Raises `NotActive`
    unless disconnected, and while a write of the last day has no answer: nobody would look for it any more. What never
    got one is named.
    """
    connection = connections.get_current(session, connection_id)
    if connection.state != DISCONNECTED:
        raise NotActive(
            f"the connection {connection_id} is {connection.state}",
            remedy="Disconnect it first: `ravebooks disconnect`.",
        )
    unanswered = journal.unsettled(session, connection_id)
    uncertain = _spell(unanswered)
    if any(now - row.journalled_at < UNDER_WAY for row in unanswered):
        raise NotActive(
            f"of the connection {connection_id} {uncertain}",
            remedy="Connect the account again, so that it is looked up; a day after the last try it can be archived.",
        )
    session.execute(sa.delete(OAuthState).where(OAuthState.account_id == connection.account_id))
    if outcome(session, connection_id) == ARCHIVED:
        said = "; ".join([f"Archived by {by or 'a person'}", *([uncertain] if uncertain else [])])
        _archive(session, connection, f"{said}.", now)
        return ARCHIVED
    session.expunge(connection)
    for table in reversed(Base.metadata.sorted_tables):
        if "connection_id" in table.c and table is not Act.__table__:
            session.execute(sa.delete(table).where(table.c.connection_id == connection_id))
    session.execute(sa.delete(Connection).where(Connection.id == connection_id))
    return FORGOTTEN


def outcome(session: Session, connection_id: str) -> str:
    """What an end would come to now: `forgotten` or `archived`."""
    return ARCHIVED if _has_history(session, connection_id) else FORGOTTEN


def _has_history(session: Session, connection_id: str) -> bool:
    return any(
        session.execute(
            sa.select(sa.exists().where(model.connection_id == connection_id, *_counts(model)))
        ).scalar_one()
        for model in _HISTORY
    )


def _counts(model: type[Base]) -> list[sa.ColumnElement[bool]]:
    """A write that the other side refused left nothing there."""
    return [Operation.state.in_([journal.DONE, journal.JOURNALLED])] if model is Operation else []


def _spell(unanswered: Sequence[Operation]) -> str:
    """Which records may or may not have been written; empty when every write was answered."""
    if not unanswered:
        return ""
    names = sorted({row.subject for row in unanswered})
    some = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
    count = len(unanswered)
    return f"{count} write{'s' if count > 1 else ''} got no answer and may have been made ({some})"


def _archive(session: Session, connection: Connection, cause: str, now: datetime) -> None:
    for model in _WORK:
        session.execute(sa.delete(model).where(model.connection_id == connection.id))
    session.execute(
        sa.update(Job)
        .where(Job.connection_id == connection.id, Job.state.in_([jobs.RUNNING, jobs.PAUSED]))
        .values(state=jobs.STOPPED, updated_at=now)
    )
    connection.state = ARCHIVED
    connection.pause_cause = cause
    connection.pause_remedy = "Nothing to do: its records stay readable, its account and company can join others."
    connection.ravetree_token = connection.access_token = connection.refresh_token = None
    for kind in switches.SWITCHED:
        switches.untick(connection, kind)
