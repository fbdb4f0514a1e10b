"""Random people on both back ends: through real processes, and led by Hypothesis on a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.integration.conftest import BACK_ENDS, environment_of
from tests.integration.running import RunningWorld
from tests.integration.system import System
from tests.services.postgresql import PostgreSQL
from tests.simulation.people import People, check
from tests.simulation.test_stateful import CHANCE, Office

pytestmark = pytest.mark.thorough

ACTS = 40
SEED = 7
SOON = {"RAVEBOOKS_ECHO_CONFIRM_SECONDS": "3", "RAVEBOOKS_CDC_SECONDS": "5"}


@pytest.fixture(params=BACK_ENDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningWorld]:
    system = System(tmp_path, environment_of(request.param, request) | SOON)
    system.start()
    running = RunningWorld(system)
    yield running
    running.close()
    assert system.stop() == 0


def test_when_all_is_quiet_both_books_agree_or_a_person_is_asked(world: RunningWorld) -> None:
    people = People(world, SEED)
    for _ in range(ACTS):
        people.act()
    people.go_home()
    check(world)


def test_the_same_led_by_hypothesis_on_postgresql(postgresql: PostgreSQL) -> None:
    class OfficeOnPostgreSQL(Office):
        new_database = staticmethod(postgresql.new_database)

    run_state_machine_as_test(OfficeOnPostgreSQL, settings=settings(CHANCE, max_examples=2))
