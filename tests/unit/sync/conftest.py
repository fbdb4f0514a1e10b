"""A world for each test, on a copy of one migrated database."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.sync.world import World

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it


@pytest.fixture
def database_file(migrated: Path) -> Iterator[Path]:
    """A migrated database, in memory where there is such a folder."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        path = Path(folder) / "ravebooks.db"
        path.write_bytes(migrated.read_bytes())
        yield path


@pytest.fixture
def world(database_file: Path) -> Iterator[World]:
    made = World(database_file)
    yield made
    made.close()
