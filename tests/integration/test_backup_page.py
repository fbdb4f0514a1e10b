"""What the operator's page says of backups, typed on PostgreSQL beside a system that is killed meanwhile."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.examples import ROOT, examples
from tests.docs.shell import Shell
from tests.integration.conftest import environment_of
from tests.integration.running import RunningWorld
from tests.integration.system import System, until

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
    yield made
    made.close()


def test_what_was_written_after_the_backup_is_found_and_not_written_again(system: System, shell: Shell) -> None:
    world = RunningWorld(system)
    client = world.client("Bright Harbor")
    before = world.invoice(client, "10.00")
    until(lambda: world.quickbooks.invoice(before["number"]), what="it did not come across")
    dump, *restore = TYPED
    assert len(restore) == 4
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


def _type(shell: Shell, command: str) -> None:
    ran = shell.run(command)
    assert ran.status == 0, f"{command}\n{ran.printed}{ran.errors}"
