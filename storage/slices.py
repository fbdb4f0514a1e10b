"""What a slice of work has to know where it begins and ends, asked at once: most connections are idle at most looks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage import brakes, connections, installation, journal, pending
from storage.models import Base, Brake, Connection, Installation, Job, Operation, PendingChange, PlannedDuty, SyncState
from storage.statements import given


@dataclass(frozen=True)
class Left:
    """What of a connection may be done now: records to work on or jobs to go on with, words to tell Ravetree."""

    work: bool
    words: bool


@dataclass(frozen=True)
class Beginning:
    """A connection that something may be done with, and what there is to do.

    `stopped` is whether a person stopped everything, `uncertain` whether a write has no answer yet; `due` are its
    duties, each with the time that it was planned for.
    """

    connection: Connection
    stopped: bool
    uncertain: bool
    due: Mapping[str, datetime]
    left: Left


def begin(session: Session, connection_id: str, now: datetime) -> Beginning | None:
    """What a slice begins with, which is a sign of life too; None for a connection that was forgotten or archived.

    Asked under the lease: whoever had it before may have changed all of it.
    """
    rows = session.execute(_BEGINNING, {"connection_id": connection_id, "now": now}).all()
    if not rows:
        return None
    row = rows[0]
    connection = row.Connection
    if row.Installation is not None and installation.give_sign(session, row.Installation, now):
        connection = connections.get(session, connection_id)
    due = {each.duty: each.due_at for each in rows if each.duty is not None}
    return Beginning(connection, row.brake is not None, bool(row.uncertain), due, _left(row))


def left(session: Session, connection_id: str, now: datetime) -> Left:
    """What is left to do."""
    return _left(session.execute(_LEFT, {"connection_id": connection_id, "now": now}).one())


def _left(row: Any) -> Left:
    return Left(bool(row.records or row.jobs), bool(row.words))


_NOW, _ID = given("now"), given("connection_id")
_RECORDS = (PendingChange.connection_id == _ID, PendingChange.state == pending.DUE, PendingChange.due_at <= _NOW)
_WORDS = (SyncState.connection_id == _ID, SyncState.unsent.is_(True), SyncState.due_at <= _NOW)
_JOBS = (Job.connection_id == _ID, Job.state == "running", Job.due_at <= _NOW)
_UNCERTAIN = (Operation.connection_id == _ID, Operation.state == journal.JOURNALLED)
_LEFT = sa.select(
    sa.exists().where(*_RECORDS).label("records"),
    sa.exists().where(*_JOBS).label("jobs"),
    sa.exists().where(*_WORDS).label("words"),
)
_BEGINNING = (
    _LEFT.add_columns(
        Connection,
        Installation,
        Brake.name.label("brake"),
        PlannedDuty.duty,
        PlannedDuty.due_at,
        sa.exists().where(*_UNCERTAIN).label("uncertain"),
    )
    .select_from(Connection)
    .outerjoin(Installation, sa.true())
    .outerjoin(Brake, Brake.name == brakes.EVERYTHING)
    .outerjoin(PlannedDuty, sa.and_(PlannedDuty.connection_id == Connection.id, PlannedDuty.due_at <= _NOW))
    .where(Connection.id == _ID, Connection.state != connections.ARCHIVED)
)


def end(session: Session, connection_id: str, now: datetime) -> bool:
    """Whether more is due at once, when a slice has ended.

    What it put off may be due in a moment: the sweeper need not hold its nudge back.
    """
    row = session.execute(_ENDING, {"only": connection_id, "now": now}).one_or_none()
    if row is None:
        return False
    if row.nudged_at is not None:
        session.execute(_UNNUDGE, {"name": connection_id})
    return bool(row.due) and not row.stopped


# Of the table, not of the model: for a statement that names no object the ORM's own part is work for nothing.
_TABLE = sa.Table("connections", Base.metadata)
_ENDING = sa.select(
    _TABLE.c.nudged_at,
    _TABLE.c.id.in_(pending.connections_due(one=True)).label("due"),
    sa.exists().where(Brake.name == brakes.EVERYTHING).label("stopped"),
).where(_TABLE.c.id == given("only"), _TABLE.c.state != connections.ARCHIVED)
_UNNUDGE = sa.update(_TABLE).where(_TABLE.c.id == given("name")).values(nudged_at=None)
