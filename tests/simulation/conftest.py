"""A world for each test: most begin where all is quiet, some right after the consent."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.world import World, as_settled


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, prepare=as_settled)
    yield made
    made.close()


@pytest.fixture
def new_world(tmp_path: Path) -> Iterator[World]:
    """One in which nothing has happened since the consent."""
    made = World(tmp_path)
    yield made
    made.close()
