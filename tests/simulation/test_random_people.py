"""Random people, by seed: one that fails is played again by its number. `make people SEEDS=5000` plays more."""

import os
import tempfile
from pathlib import Path

import pytest

from tests.simulation.deciding_people import DecidingPeople, check_all, country_of
from tests.simulation.world import World

ACTS = 40
SEEDS = range(1, 1 + int(os.environ.get("SEEDS", "4")))


@pytest.mark.parametrize("seed", SEEDS)
def test_when_all_is_quiet_the_books_agree(seed: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        world = World(Path(directory), seed, country=country_of(seed))
        try:
            people = DecidingPeople(world, seed)
            for _ in range(ACTS):
                people.act()
                people.time_passes()
            people.go_home()
            check_all(people)
        finally:
            world.close()
