"""What a migration moves, on a real PostgreSQL."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from config.ports import SystemClock
from storage import migrations
from storage.database import Database
from storage.migrations import TableHeld
from tests.services.postgresql import PostgreSQL
from tests.unit.storage.test_migrations import check_that_duties_are_moved

LIMITS = ("statement_timeout", "idle_in_transaction_session_timeout")
"""What the server ends by itself, of everybody but a migration."""


@pytest.fixture
def database(postgresql: PostgreSQL) -> Iterator[Database]:
    made = Database(postgresql.new_database(), SystemClock())
    yield made
    made.close()


def test_what_the_clock_asked_for_is_moved_and_can_be_moved_back(database: Database) -> None:
    check_that_duties_are_moved(database)


def test_an_index_over_everything_takes_as_long_as_it_takes_and_holds_no_other_tables_lock(database: Database) -> None:
    limits: set[tuple[Any, ...]] = set()
    commits: list[sa.Connection] = []

    def look(connection: sa.Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if "CREATE" in statement or "ALTER" in statement:
            driver: Any = connection.connection.driver_connection
            shown = [driver.execute(f"show {name}").fetchone()[0] for name in LIMITS]
            limits.add((driver.answers_within, *shown))

    sa.event.listen(database.engine, "before_cursor_execute", look)
    sa.event.listen(database.engine, "commit", commits.append)
    migrations.upgrade(database)
    sa.event.remove(database.engine, "before_cursor_execute", look)
    assert limits == {(None, "0", "0")}
    history = list(ScriptDirectory.from_config(migrations._config(database)).walk_revisions())
    assert len(commits) >= len(history)
    with database.transaction() as session:
        shown = [session.execute(sa.text(f"show {name}")).scalar_one() for name in LIMITS]
        assert shown == ["15s", "10s"], "for everybody else"


def test_a_table_that_somebody_holds_is_given_up_and_the_next_release_goes_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asked for it meanwhile would queue behind the lock that is waited for."""
    migrations.upgrade(database, "0019")
    monkeypatch.setattr(migrations, "LOCK_SECONDS", 0.1)
    with database.engine.begin() as somebody:
        somebody.execute(sa.text("lock table outbox in access share mode"))
        with pytest.raises(TableHeld, match="held by somebody else") as caught:
            migrations.upgrade(database)
    assert "release" in caught.value.remedy
    migrations.upgrade(database)
    migrations.check(database)
