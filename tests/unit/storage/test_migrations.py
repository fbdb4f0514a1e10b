"""The migrations make exactly the tables of the models."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from storage import migrations
from storage.database import Database
from storage.migrations import NotMigrated
from storage.models import Base
from tests.unit.ports import FakeClock


def test_the_migrations_make_exactly_the_models_tables(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    migrations.upgrade(database)
    migrations.check(database)


def test_an_empty_database_is_told_from_a_migrated_one(tmp_path: Path, clock: FakeClock) -> None:
    database = Database(f"sqlite:///{tmp_path}/deep/down/empty.db", clock)
    with pytest.raises(NotMigrated) as caught:
        migrations.check(database)
    assert "ravebooks release" in caught.value.remedy
    database.close()
