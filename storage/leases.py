"""Leases: one writer per connection. The fence rises at each acquisition, so that a stale holder is known."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from config.errors import Stop
from storage.database import Database, StorageError, insert_into
from storage.models import Base, Lease
from storage.statements import given

LONGEST = timedelta(seconds=600)
"""No lease is taken for longer: one that seems to be was taken while a clock ran ahead, and is free."""

WORK = "work"
TOKEN = "token"


class LeaseLost(StorageError, Stop):
    """Another worker has the connection now: write nothing more."""

    remedy = "Nothing to do: the other worker goes on. If it happens often, raise RAVEBOOKS_LEASE_SECONDS."


@dataclass(frozen=True)
class HeldLease:
    """A lease as its holder knows it."""

    connection_id: str
    purpose: str
    owner: str
    fence: int
    expires_at: datetime


def acquire(
    database: Database, session: Session, connection_id: str, purpose: str, owner: str, seconds: float
) -> HeldLease | None:
    """Take the lease if it is free, has expired, or is still ours from before the database was away.

    An `owner` takes a lease once at a time: it may not be held twice by the same one.
    """
    asked: dict[str, object] = {"connection": connection_id, "for": purpose, "by": owner}
    take, first = _ON_SQLITE if database.is_sqlite else _ON_POSTGRESQL
    if database.is_sqlite:
        now = database.now(session)
        asked |= {"now": now, "longest": now + LONGEST, "lasts": now + timedelta(seconds=seconds)}
    else:
        asked |= {"longest": LONGEST, "lasts": timedelta(seconds=seconds)}
    row = session.execute(take, asked).one_or_none() or session.execute(first, asked).one_or_none()
    return None if row is None else HeldLease(connection_id, purpose, owner, row.fence, row.expires_at)


# Of the tables, not of the models: for a statement that names no object the ORM's own part is work for nothing.
_TABLE, _CONNECTIONS = sa.Table("leases", Base.metadata), sa.Table("connections", Base.metadata)
_L, _MOMENT = _TABLE.c, _TABLE.c.expires_at.type
_THIS = (_L.connection_id == given("connection"), _L.purpose == given("for"))


def _taking(dialect: str, now: Any, longest: Any, until: Any) -> tuple[Any, Any]:
    """To take a lease that is there and free, and to take one that nobody has ever taken; both answer its fence.

    The second one makes none for a connection that is archived, or not there any more.
    """
    free = (_L.owner == "", _L.owner == given("by"), _L.expires_at <= now, _L.expires_at > longest)
    taken = {"owner": given("by"), "fence": _L.fence + 1, "expires_at": until}
    take = sa.update(_TABLE).where(*_THIS, sa.or_(*free)).values(taken)
    here = _CONNECTIONS.c.id
    words = (sa.bindparam(name, type_=sa.String) for name in ("for", "by"))
    there = (here == given("connection"), _CONNECTIONS.c.state != "archived")
    new = sa.select(here, *words, sa.literal(1), until).where(*there)
    names = ["connection_id", "purpose", "owner", "fence", "expires_at"]
    first = insert_into(dialect, _TABLE).from_select(names, new).on_conflict_do_nothing()
    return take.returning(_L.fence, _L.expires_at), first.returning(_L.fence, _L.expires_at)


_ON_SQLITE = _taking("sqlite", *(sa.bindparam(name, type_=_MOMENT) for name in ("now", "longest", "lasts")))
_CLOCK = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))
_ON_POSTGRESQL = _taking(
    "postgresql", _CLOCK, *(_CLOCK + sa.bindparam(name, type_=sa.Interval) for name in ("longest", "lasts"))
)
"""By its own clock, which all workers share."""
_GUARD = (
    sa.select(Lease.fence, Lease.expires_at)
    .where(Lease.connection_id == given("connection"), Lease.purpose == given("for"))
    .with_for_update()
)
_RELEASE = sa.update(_TABLE).where(*_THIS, _L.fence == given("held")).values(owner="")


def guard(database: Database, session: Session, lease: HeldLease) -> None:
    """Make this transaction depend on the lease. Raises `LeaseLost` unless it is ours and has not expired."""
    row = session.execute(_GUARD, {"connection": lease.connection_id, "for": lease.purpose}).one_or_none()
    if row is None or row.fence != lease.fence or row.expires_at <= database.now(session):
        raise LeaseLost(f"the {lease.purpose} lease on connection {lease.connection_id} is no longer ours")


def renew(database: Database, session: Session, lease: HeldLease, seconds: float) -> HeldLease:
    """Hold on for `seconds` from now. Raises `LeaseLost`."""
    guard(database, session, lease)
    expires_at = database.now(session) + timedelta(seconds=seconds)
    session.execute(
        sa.update(Lease)
        .where(Lease.connection_id == lease.connection_id, Lease.purpose == lease.purpose)
        .values(expires_at=expires_at)
        .execution_options(synchronize_session=False)
    )
    return HeldLease(lease.connection_id, lease.purpose, lease.owner, lease.fence, expires_at)


def take_away(session: Session, connection_id: str) -> None:
    """Whoever holds a lease of this connection writes nothing more; what it has journalled is committed by now.

    Its own transactions lock the lease before they journal: this waits for one that is under way, and ends the rest.
    """
    session.execute(
        sa.update(Lease)
        .where(Lease.connection_id == connection_id)
        .values(owner="", fence=Lease.fence + 1)
        .execution_options(synchronize_session=False)
    )


def release(session: Session, lease: HeldLease) -> None:
    """Give the lease back, if it is still ours."""
    session.execute(_RELEASE, {"connection": lease.connection_id, "for": lease.purpose, "held": lease.fence})
