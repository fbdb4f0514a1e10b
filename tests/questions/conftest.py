"""The worlds of the simulation, in which each question is asked and answered."""

import pytest

from tests.questions.desk import Desk
from tests.simulation.conftest import paired, pytest_collection_finish, world
from tests.simulation.world import World

__all__ = ["desk", "paired", "pytest_collection_finish", "world"]


@pytest.fixture
def desk(world: World) -> Desk:
    """The desk of a bookkeeper in such a world."""
    return Desk(world)
