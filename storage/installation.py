"""What this database belongs to: one row, made by whoever starts on it first, and looked at by everybody after."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage import connections
from storage.database import StorageError
from storage.models import Connection, Installation

ASLEEP_AFTER = timedelta(minutes=30)
"""Without a sign of life for so long, the database may be an older one, and QuickBooks may have forgotten our keys:
any sweeper and any slice gives one.
"""

ALIVE_EVERY = timedelta(seconds=30)

SANDBOX = "sandbox"
"""`made_by` of a database that `ravebooks up --sandbox` made."""


class OtherEnvironment(StorageError):
    """The database, or a connection, belongs to another of QuickBooks' environments."""

    remedy = "Name a database of its own with RAVEBOOKS_DATABASE_URL, or correct RAVEBOOKS_QUICKBOOKS_ENVIRONMENT."


class NotTheSandboxs(StorageError):
    """The sandbox works on books of its own only."""

    remedy = (
        "Unset RAVEBOOKS_DATABASE_URL and RAVEBOOKS_BROKER_URL, or name empty ones, "
        "and set RAVEBOOKS_STATE_DIR to another folder."
    )


@dataclass(frozen=True)
class Claimant:
    """Who wants to work on a database: QuickBooks' environment, and for the sandbox the companies that are its own."""

    environment: str
    made_by: str = ""
    own_companies: Collection[str] = field(default=())


def find(session: Session) -> Installation | None:
    """The row, if somebody made it."""
    return session.execute(_ROW).scalar_one_or_none()


_ROW = sa.select(Installation)


def id_of(session: Session) -> str:
    """The id that our markers bear; empty while there is none."""
    row = find(session)
    return row.id if row is not None else ""


def look_after(session: Session, now: datetime) -> bool:
    """Leave a sign of life; True when there was none for so long that every connection reads both books first."""
    row = find(session)
    return row is not None and give_sign(session, row, now)


def give_sign(session: Session, row: Installation, now: datetime) -> bool:
    """As `look_after`, where the row is at hand."""
    asleep = row.alive_at is not None and now - row.alive_at > ASLEEP_AFTER
    if asleep:
        connections.verify(session, now)
    if row.alive_at is None or abs(now - row.alive_at) >= ALIVE_EVERY:
        row.alive_at = now
    return asleep


def is_claimed(session: Session) -> bool:
    """Whether there is a row; of a database of any version."""
    return sa.inspect(session.connection()).has_table(Installation.__tablename__) and find(session) is not None


def check(session: Session, claimant: Claimant) -> None:
    """Raise `OtherEnvironment` or `NotTheSandboxs` unless `claimant` may work here.

    Looks at tables of any version: it is asked before a migration touches them.
    """
    tables = sa.inspect(session.connection())
    row = None
    if tables.has_table(Installation.__tablename__):
        row = session.execute(sa.select(Installation.environment, Installation.made_by)).one_or_none()
    if row is not None and row.environment != claimant.environment:
        raise OtherEnvironment(
            f"this database belongs to QuickBooks' environment {row.environment}, not to {claimant.environment}",
            remedy=NotTheSandboxs.remedy if claimant.made_by == SANDBOX else None,
        )
    if claimant.made_by != SANDBOX or (row is not None and row.made_by == SANDBOX):
        return
    companies: set[str] = set()
    if tables.has_table(Connection.__tablename__):
        companies = set(session.execute(sa.select(Connection.realm_id)).scalars())
    if companies - set(claimant.own_companies):
        raise NotTheSandboxs("this database holds connections that the sandbox did not make")


def claim(session: Session, claimant: Claimant, *, new_id: str, now: datetime) -> Installation:
    """The row, made with `new_id` (8 to 16 hexadecimal digits) if it is not there. Raises as `check` does.

    Connections of an earlier version, which knew no environments, become the claimant's.
    """
    if session.get_bind().dialect.name == "postgresql" and find(session) is None:
        # Of two that start at once the second one waits here, and then finds the first one's row.
        session.execute(sa.text("LOCK TABLE installation IN SHARE ROW EXCLUSIVE MODE"))
    check(session, claimant)
    row = find(session)
    if row is None:
        row = Installation(id=new_id, environment=claimant.environment, created_at=now)
        session.add(row)
        # A database of an earlier version, perhaps an old one: nothing tells how much was written since.
        connections.verify(session, now)
    if claimant.made_by == SANDBOX:
        row.made_by = SANDBOX
    session.execute(sa.update(Connection).where(Connection.environment == "").values(environment=claimant.environment))
    session.flush()
    return row


def check_connection(connection: Connection, environment: str) -> None:
    """Raise `OtherEnvironment` for a connection that is not to be worked on in `environment`."""
    if connection.environment not in ("", environment):
        raise OtherEnvironment(
            f"the connection {connection.id} belongs to QuickBooks' environment {connection.environment}, "
            f"and this process is set to {environment}",
        )
