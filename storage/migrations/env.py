"""Alembic's entry: runs the migrations on the engine that it is given."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import context
from sqlalchemy import Connection

from storage.database import LimitedConnection
from storage.models import Base

engine = context.config.attributes["engine"]
lock_seconds: float = context.config.attributes["lock_seconds"]


@contextmanager
def as_long_as_it_takes(connection: Connection) -> Iterator[None]:
    """The limits of one statement are for the work on one record, not for an index over all of them."""
    if connection.dialect.name == "sqlite":
        # A table that is altered is made anew and takes the old one's place: rows that refer to it stay.
        connection.connection.execute("PRAGMA foreign_keys=OFF")
        yield
        connection.connection.execute("PRAGMA foreign_keys=ON")
        return
    driver = connection.connection.driver_connection
    if isinstance(driver, LimitedConnection):
        driver.answers_within = None
    for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
        connection.execute(sa.text(f"SET {limit} = 0"))
    # Whoever asks meanwhile queues behind a lock that is waited for: it is given up, and `release` run again.
    connection.execute(sa.text(f"SET lock_timeout = {int(lock_seconds * 1000)}"))
    connection.commit()
    try:
        yield
    finally:
        # Nobody else is to have a connection without limits.
        connection.invalidate()


with engine.connect() as connection, as_long_as_it_takes(connection):
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        # SQLite cannot alter a table in place.
        render_as_batch=connection.dialect.name == "sqlite",
        # A lock that one of them takes is not held through the next one's work.
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
