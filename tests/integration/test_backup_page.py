"""What the operator's page says of backups, typed on PostgreSQL beside a system that is killed meanwhile."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from config.ports import SystemClock
from storage import migrations
from storage.database import Database
from tests.docs.examples import ROOT, examples
from tests.docs.shell import Shell
from tests.integration.conftest import environment_of
from tests.integration.running import RunningWorld
from tests.integration.system import System, until

pytestmark = pytest.mark.thorough

TYPED = [
    example for example in examples(ROOT / "docs" / "operations.md", "") if example.section == "Backup and restore"
]


@pytest.fixture
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[System]:
    made = System(tmp_path, environment_of("postgresql and rabbitmq", request))
    made.start()
    yield made
    assert made.stop() == 0


@pytest.fixture
def shell(system: System) -> Iterator[Shell]:
    named = system.environment | {
        "RAVEBOOKS_STATE_DIR": str(system.folder),
        "RAVEBOOKS_QUICKBOOKS_ENVIRONMENT": "local",
    }
    named["RAVEBOOKS_DATABASE_URL"] = system.database_url().replace("postgresql+psycopg:", "postgresql:")
    made = Shell(system.folder, named)
    made.run(f'PATH="{ROOT / ".venv" / "bin"}:$PATH"')
    made.run(hands(system.database_url()))
    yield made
    made.close()


def hands(database_url: str) -> str:
    """Whoever types is PostgreSQL's superuser, here of a server where the database and its owner have other names."""
    url = sa.make_url(database_url)
    server = url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    renamed = f'"${{@//DATABASE ravebooks/DATABASE {url.database}}}"'
    owned = f'"${{@//OWNER ravebooks/OWNER {url.username}}}"'
    return f"""
sudo() {{ shift 2; "$@"; }}
psql() {{ set -- {renamed}; set -- {owned}; command psql -X -v ON_ERROR_STOP=1 "{server}" "$@"; }}
"""


def test_what_was_written_after_the_backup_is_found_and_not_written_again(system: System, shell: Shell) -> None:
    world = RunningWorld(system)
    client = world.client("Bright Harbor")
    before = world.invoice(client, "10.00")
    until(lambda: world.quickbooks.invoice(before["number"]), what="it did not come across")
    dump, *restore = TYPED
    assert len(restore) == 5
    _type(shell, dump.command)
    after = world.invoice(client, "20.00")
    until(lambda: world.quickbooks.invoice(after["number"]), what="it did not come across")
    system.kill()
    for example in restore:
        _type(shell, example.command)
    world.close()
    system.start()
    world = RunningWorld(system)
    until(lambda: world.connection()["state"] == "active", what="both books are not read")
    assert system.compared().differing == []
    assert len(world.quickbooks.query(f"select * from Invoice where DocNumber = '{after['number']}'")) == 1  # noqa: S608
    world.close()


def test_a_backup_of_an_earlier_version_takes_the_place_of_a_newer_one(system: System, shell: Shell) -> None:
    """The usual moment is right after an upgrade that went wrong: the newer tables must not stay."""
    system.kill()
    database = Database(system.database_url(), SystemClock())
    dump, anew, restore, release, *_ = (example.command for example in TYPED)
    _type(shell, anew)
    migrations.upgrade(database, "0016")
    _type(shell, dump)
    migrations.upgrade(database)
    _type(shell, anew)
    _type(shell, restore)
    with database.reading() as session:
        assert "past_events" not in sa.inspect(session.connection()).get_table_names()
    _type(shell, release)
    migrations.check(database)
    database.close()
    system.start()


def _type(shell: Shell, command: str) -> None:
    ran = shell.run(command)
    assert ran.status == 0, f"{command}\n{ran.printed}{ran.errors}"
