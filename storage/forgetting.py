"""The end of a connection: forgotten when nothing came of it, else archived, so that account and company are free."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage import connections, jobs, journal
from storage.connections import ARCHIVED, DISCONNECTED, NotActive
from storage.models import Base, Connection, Echo, Job, Lease, OAuthState, Operation, Pair, PendingChange, SyncState

FORGOTTEN = "forgotten"

_WORK = (PendingChange, SyncState, Echo, Lease)
"""What is still to be done, and by whom: an archived connection does nothing."""

_HISTORY = (Pair, Operation)


def forget(session: Session, connection_id: str, by: str, now: datetime) -> str:
    """End a disconnected connection for good; says how: `forgotten` or `archived`.

    Forgotten is what has neither a pair nor a write: of it no row stays in any table. Anything else is archived:
    its records stay readable, and nothing else happens to it ever again. Raises `NotActive` unless disconnected.
    """
    connection = connections.get_current(session, connection_id)
    if connection.state != DISCONNECTED:
        raise NotActive(
            f"the connection {connection_id} is {connection.state}",
            remedy="Disconnect it first: `ravebooks disconnect`.",
        )
    session.execute(sa.delete(OAuthState).where(OAuthState.account_id == connection.account_id))
    if _has_history(session, connection_id):
        _archive(session, connection, by, now)
        return ARCHIVED
    session.expunge(connection)
    for table in reversed(Base.metadata.sorted_tables):
        if "connection_id" in table.c:
            session.execute(sa.delete(table).where(table.c.connection_id == connection_id))
    session.execute(sa.delete(Connection).where(Connection.id == connection_id))
    return FORGOTTEN


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


def _archive(session: Session, connection: Connection, by: str, now: datetime) -> None:
    for model in _WORK:
        session.execute(sa.delete(model).where(model.connection_id == connection.id))
    session.execute(
        sa.update(Job)
        .where(Job.connection_id == connection.id, Job.state.in_([jobs.RUNNING, jobs.PAUSED]))
        .values(state=jobs.STOPPED, updated_at=now)
    )
    connection.state = ARCHIVED
    connection.pause_cause = f"Archived by {by or 'a person'}."
    connection.pause_remedy = "Nothing to do: its records stay readable, its account and company can join others."
    connection.ravetree_token = connection.access_token = connection.refresh_token = None
    connection.invoices_since = connection.estimates_since = None
    connection.cdc_due_at = connection.events_due_at = None
    connection.preflight_due_at = connection.parity_due_at = None
