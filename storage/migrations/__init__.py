"""The database's history, applied by `ravebooks release` and by `ravebooks up`."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import OperationalError

from storage.database import Database, StorageError

LOCK_SECONDS = 10.0
"""How long a migration waits for a table that somebody else holds: everybody who asks meanwhile waits behind it."""
_LOCK_NOT_AVAILABLE = "55P03"


class TableHeld(StorageError):
    """Somebody else held a table for too long: the migration that needs it was given up whole."""

    remedy = "When the backup or the long query that holds it is done, run `ravebooks release` again: it goes on."


class NotMigrated(StorageError):
    """The database's tables are not of this version."""

    remedy = "Run `ravebooks release`."


def _config(database: Database) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["engine"] = database.engine
    config.attributes["lock_seconds"] = LOCK_SECONDS
    return config


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the tables to this version, or to an earlier `revision`. Raises `TableHeld`."""
    try:
        command.upgrade(_config(database), revision)
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
            raise
        raise TableHeld(f"a table was held by somebody else for {LOCK_SECONDS:g} seconds") from None


def check(database: Database) -> None:
    """Raise `NotMigrated` unless the tables are of this version, `DatabaseDown` if nobody answers."""
    head = ScriptDirectory.from_config(_config(database)).get_current_head()
    with database.transaction() as session:
        current = MigrationContext.configure(session.connection()).get_current_revision()
    if current != head:
        raise NotMigrated(f"the database is at version {current or 'none'}, this program needs {head}")
