"""A world for each test: most begin where all is quiet, some right after the consent."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from ravebooks.demo.sides import Body
from tests.simulation.posting import BothSides
from tests.simulation.world import World, as_connected, as_paired, as_paired_at_once, as_settled


def pytest_collection_finish() -> None:
    """What is imported by now stays: to look through it for garbage over and over takes a tenth of the ring's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    made = World(tmp_path, prepare=as_paired if "paired" in request.fixturenames else as_settled)
    yield made
    made.close()


@pytest.fixture
def new_world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """One in which nothing has happened since the consent but what the test asks for."""
    made = World(tmp_path, prepare=as_paired_at_once if "paired" in request.fixturenames else as_connected)
    yield made
    made.close()


@pytest.fixture
def british(tmp_path: Path) -> Iterator[World]:
    """One whose company is in Great Britain, with its tax rates mapped."""
    made = World(tmp_path, prepare=as_settled, country="GB")
    yield made
    made.close()


@pytest.fixture
def paired(world: World) -> Body:
    """An invoice over 100.00 that stands in both books: the world has begun with it."""
    made: Body = world.begun_with
    return made


@pytest.fixture
def both_sides(world: World, paired: Body) -> BothSides:
    """The same invoice as Ravetree and as QuickBooks have it."""
    theirs = world.quickbooks.invoice(paired["number"])
    assert theirs is not None
    return paired, theirs
