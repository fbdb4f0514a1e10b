"""Duties: what the clock asks for each connection, when it is due again, and since when it fails.

A connection has at most one row a duty. What the duties are, `sync/duties.py` says; here they are names.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage.database import insert
from storage.models import Base, Connection, PlannedDuty
from storage.statements import given

SETTINGS = "preflight"
"""The duty that events ask for too: the look at the settings of both sides."""


def _is(connection_id: str, duty: str) -> list[sa.ColumnElement[bool]]:
    return [PlannedDuty.connection_id == connection_id, PlannedDuty.duty == duty]


def schedule(session: Session, connection_id: str, duty: str, due_at: datetime) -> None:
    """A duty is due at `due_at`, whatever was planned before."""
    new = _new(session, connection_id, duty, due_at)
    session.execute(new.on_conflict_do_update(index_elements=_KEY, set_={"due_at": new.excluded.due_at}))


def hurry(session: Session, connection_id: str, duty: str, due_at: datetime) -> None:
    """A duty is due at `due_at`, unless it is planned for an earlier time."""
    new = _new(session, connection_id, duty, due_at)
    later = PlannedDuty.due_at > new.excluded.due_at
    session.execute(new.on_conflict_do_update(index_elements=_KEY, set_={"due_at": new.excluded.due_at}, where=later))


def begin(session: Session, connection_id: str, duty: str, due_at: datetime) -> None:
    """A connection that lacks a duty gets it, due at `due_at`; what is planned already stays so."""
    session.execute(_new(session, connection_id, duty, due_at).on_conflict_do_nothing(index_elements=_KEY))


_KEY = ["connection_id", "duty"]


def _new(session: Session, connection_id: str, duty: str, due_at: datetime) -> Any:
    return insert(session, PlannedDuty).values(connection_id=connection_id, duty=duty, due_at=due_at, failing_cause="")


def begin_everywhere(session: Session, duty: str, now: datetime, *, once_switched_on: bool) -> None:
    """Active connections that lack a duty get it, due now; with `once_switched_on` only where something is on."""
    has_it = sa.exists().where(PlannedDuty.connection_id == Connection.id, PlannedDuty.duty == duty)
    wanted = [Connection.state == "active", ~has_it]
    if once_switched_on:
        wanted.append(sa.or_(Connection.invoices_since.is_not(None), Connection.estimates_since.is_not(None)))
    # Somebody else may begin it at the same moment.
    session.execute(_everywhere(session, duty, now, *wanted).on_conflict_do_nothing(index_elements=_KEY))


def make_due(session: Session, duty: str, now: datetime) -> None:
    """A duty is due now for every connection that is not archived."""
    new = _everywhere(session, duty, now, Connection.state != "archived")
    session.execute(new.on_conflict_do_update(index_elements=_KEY, set_={"due_at": new.excluded.due_at}))


def _everywhere(session: Session, duty: str, now: datetime, *criteria: sa.ColumnElement[bool]) -> Any:
    moment = sa.literal(now, PlannedDuty.due_at.type)
    rows = sa.select(Connection.id, sa.literal(duty), moment, sa.literal("")).where(*criteria)
    return insert(session, PlannedDuty).from_select(["connection_id", "duty", "due_at", "failing_cause"], rows)


def connections_due(now: sa.ColumnElement[datetime]) -> sa.Select[str]:
    """The query for the ids of the connections that have a duty due."""
    return sa.select(PlannedDuty.connection_id).where(PlannedDuty.due_at <= now)


def due(session: Session, connection_id: str, now: datetime) -> dict[str, datetime]:
    """The duties of a connection that are due, each with the time that it was planned for."""
    return _times(session, _DUE, connection_id=connection_id, now=now)


def planned(session: Session, connection_id: str) -> dict[str, datetime]:
    """When each duty of a connection is due."""
    return _times(session, _PLANNED, connection_id=connection_id)


_PLANNED = sa.select(PlannedDuty.duty, PlannedDuty.due_at).where(PlannedDuty.connection_id == given("connection_id"))
_DUE = _PLANNED.where(PlannedDuty.due_at <= given("now"))


def _times(session: Session, query: sa.Select[str, datetime], **asked: object) -> dict[str, datetime]:
    return {row.duty: row.due_at for row in session.execute(query, asked)}


def plan_next(session: Session, connection_id: str, duty: str, was: datetime | None, due_at: datetime) -> None:
    """A duty that `was` planned is done, and due again at `due_at`, unless it was planned anew meanwhile."""
    _change(session, *_is(connection_id, duty), PlannedDuty.due_at == was, due_at=due_at)


def went_well(session: Session, connection_id: str, duty: str, was: datetime, due_at: datetime) -> None:
    """As `plan_next`; and it fails no longer."""
    session.execute(_WENT_WELL, {"connection": connection_id, "name": duty, "was": was, "next": due_at})


_TABLE = sa.Table("duties", Base.metadata)
_NEXT = sa.bindparam("next", type_=_TABLE.c.due_at.type)
_WENT_WELL = (
    sa.update(_TABLE)
    .where(_TABLE.c.connection_id == given("connection"), _TABLE.c.duty == given("name"))
    .values(
        due_at=sa.case((_TABLE.c.due_at == given("was"), _NEXT), else_=_TABLE.c.due_at),
        failing_since=None,
        failing_cause="",
    )
)


def failed(session: Session, connection_id: str, duty: str, cause: str, now: datetime, due_at: datetime) -> None:
    """A duty failed, and is tried again at `due_at`: what it would have found waits meanwhile."""
    since = sa.func.coalesce(PlannedDuty.failing_since, sa.literal(now, PlannedDuty.due_at.type))
    _change(session, *_is(connection_id, duty), due_at=due_at, failing_since=since, failing_cause=cause)


def postpone(session: Session, connection_id: str, now: datetime, until: datetime) -> None:
    """A neighbour is out of reach: no duty of this connection is due before `until`."""
    _change(session, PlannedDuty.connection_id == connection_id, PlannedDuty.due_at <= now, due_at=until)


def _change(session: Session, *criteria: sa.ColumnElement[bool], **values: object) -> None:
    session.execute(
        sa.update(PlannedDuty).where(*criteria).values(**values).execution_options(synchronize_session=False)
    )


def failing(session: Session, before: datetime, connection_id: str | None = None) -> list[PlannedDuty]:
    """The duties that fail since `before` or longer, of every active connection or of one, those of one together."""
    query = (
        sa.select(PlannedDuty)
        .join(Connection, Connection.id == PlannedDuty.connection_id)
        .where(Connection.state == "active", PlannedDuty.failing_since <= before)
        .order_by(PlannedDuty.connection_id)
    )
    if connection_id is not None:
        query = query.where(PlannedDuty.connection_id == connection_id)
    return list(session.execute(query).scalars())


def forget(session: Session, connection_id: str, duties: Iterable[str]) -> None:
    """Nobody carries out these duties any more."""
    session.execute(
        sa.delete(PlannedDuty).where(PlannedDuty.connection_id == connection_id, PlannedDuty.duty.in_(duties))
    )
