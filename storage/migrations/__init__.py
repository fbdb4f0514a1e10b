"""The database's history, applied by `ravebooks release` and by `ravebooks up`."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from storage.database import Database, StorageError


class NotMigrated(StorageError):
    """The database's tables are not of this version."""

    remedy = "Run `ravebooks release`."


def _config(database: Database) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["engine"] = database.engine
    return config


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the tables to this version, or to an earlier `revision`."""
    command.upgrade(_config(database), revision)


def check(database: Database) -> None:
    """Raise `NotMigrated` unless the tables are of this version, `DatabaseDown` if nobody answers."""
    head = ScriptDirectory.from_config(_config(database)).get_current_head()
    with database.transaction() as session:
        current = MigrationContext.configure(session.connection()).get_current_revision()
    if current != head:
        raise NotMigrated(f"the database is at version {current or 'none'}, this program needs {head}")
