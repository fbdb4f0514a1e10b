"""A disconnect beside a worker that is writing, on a real PostgreSQL, where two transactions run at once."""

import threading
from collections.abc import Iterator

import pytest

from config.ports import SystemClock
from storage import connections, forgetting, journal, leases, migrations
from storage.connections import NotActive
from storage.database import Database
from storage.leases import LeaseLost
from tests.services.postgresql import PostgreSQL
from tests.unit.storing import CONNECTION, add_connection, operation


@pytest.fixture
def database(postgresql: PostgreSQL) -> Iterator[Database]:
    made = Database(postgresql.new_database(), SystemClock())
    migrations.upgrade(made)
    add_connection(made)
    yield made
    made.close()


def test_what_is_being_journalled_is_seen_by_who_forgets_and_nothing_is_journalled_after(database: Database) -> None:
    """A connection was forgotten with the row of a write that went out a moment later."""
    ended = threading.Event()

    def disconnect() -> None:
        with database.transaction() as session:
            connections.disconnect(session, CONNECTION, "Kim")
        ended.set()

    with database.transaction() as session:
        lease = leases.acquire(database, session, CONNECTION, leases.WORK, "worker", 60)
        assert lease is not None
    other = threading.Thread(target=disconnect)
    with database.transaction() as session:
        leases.guard(database, session, lease)
        connections.check_active(session, CONNECTION)
        other.start()
        # It waits for this transaction: what it would do before the end of it, it does in this time.
        assert not ended.wait(0.5)
        operation(session, journal.open_operation, now=SystemClock().now())
    other.join(10)
    assert ended.is_set()
    with database.transaction() as session, pytest.raises(NotActive, match="1 write got no answer"):
        forgetting.forget(session, CONNECTION, "Kim", SystemClock().now())
    with database.transaction() as session, pytest.raises(LeaseLost):
        leases.guard(database, session, lease)
