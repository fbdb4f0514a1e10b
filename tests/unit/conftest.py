"""What several rooms' tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from storage import migrations
from storage.database import Database
from tests.unit.ports import FakeClock, SeededEntropy

# How fast a machine makes its examples is not what these tests are about.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """Nobody reads what is logged, and to spell a traceback takes a second; what captures logs captures them still."""
    before = structlog.get_config()["processors"]
    structlog.configure(processors=[_drop])
    yield
    structlog.configure(processors=before)


def _drop(_logger: object, _name: str, _event: object) -> str:
    raise structlog.DropEvent


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def entropy() -> SeededEntropy:
    return SeededEntropy()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database of this version, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "empty.db"
    database = Database(f"sqlite:///{path}", FakeClock())
    migrations.upgrade(database)
    database.close()
    return path


@pytest.fixture
def database(migrated: Path, tmp_path: Path, clock: FakeClock) -> Iterator[Database]:
    """A database with the tables of this version in a file of its own, on the test's clock."""
    path = tmp_path / "ravebooks.db"
    path.write_bytes(migrated.read_bytes())
    database = Database(f"sqlite:///{path}", clock)
    yield database
    database.close()
