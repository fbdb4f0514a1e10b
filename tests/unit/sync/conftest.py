"""A world for each test, on a copy of one migrated database.

All of a process's worlds lie at one path behind one engine: to compile the statements takes longer than a test.
"""

import gc
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage.database import Database
from tests.unit.ports import FakeClock
from tests.unit.sync.place import Place
from tests.unit.sync.world import World

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it


def pytest_collection_finish() -> None:
    """What is imported by now stays: to look through it for garbage over and over takes a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


@pytest.fixture(scope="session")
def place(migrated: Path) -> Iterator[Place]:
    """Where worlds lie, in memory where there is such a folder."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        path, clock = Path(folder) / "ravebooks.db", FakeClock()
        made = Place(path, Database(f"sqlite:///{path}", clock), clock, migrated.read_bytes())
        sa.event.listen(made.database.engine, "connect", _without_waiting)
        made.clear()
        World(made).begin()
        made.keep()
        yield made
        made.database.close()


@pytest.fixture
def world(place: Place) -> World:
    place.clear()
    return World(place)


def _without_waiting(connection: object, _record: object) -> None:
    """A test's database need not outlive the machine."""
    connection.execute("PRAGMA synchronous=OFF")  # type: ignore[attr-defined]
