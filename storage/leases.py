"""Leases: one writer per connection. The fence rises at each acquisition, so that a stale holder is known."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from config.errors import Stop
from storage.database import Database, StorageError, insert
from storage.models import Lease
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
    now = database.now(session)
    expires_at = now + timedelta(seconds=seconds)
    asked = {"connection": connection_id, "for": purpose, "by": owner}
    times = {"now": now, "longest": now + LONGEST, "until": expires_at}
    fence = session.execute(_TAKE, asked | times).scalar_one_or_none()
    if fence is None and _is_new(session, connection_id, purpose, now):
        fence = session.execute(_TAKE, asked | times).scalar_one_or_none()
    return None if fence is None else HeldLease(connection_id, purpose, owner, fence, expires_at)


def _is_new(session: Session, connection_id: str, purpose: str, now: datetime) -> bool:
    """Whether nobody has ever taken this lease; from now on it is there to be taken."""
    free = {"connection_id": connection_id, "purpose": purpose, "owner": "", "fence": 0, "expires_at": now}
    made = session.execute(insert(session, Lease).values(**free).on_conflict_do_nothing().returning(Lease.fence))
    return made.scalar_one_or_none() is not None


_THIS = (Lease.connection_id == given("connection"), Lease.purpose == given("for"))
_TAKE = (
    sa.update(Lease)
    .where(
        *_THIS,
        sa.or_(
            Lease.owner == "",
            Lease.owner == given("by"),
            Lease.expires_at <= given("now"),
            Lease.expires_at > given("longest"),
        ),
    )
    .values(owner=given("by"), fence=Lease.fence + 1, expires_at=given("until"))
    .returning(Lease.fence)
    .execution_options(synchronize_session=False)
)
_GUARD = sa.select(Lease.fence, Lease.expires_at).where(*_THIS).with_for_update()
_RELEASE = (
    sa.update(Lease)
    .where(*_THIS, Lease.fence == given("held"))
    .values(owner="")
    .execution_options(synchronize_session=False)
)


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
