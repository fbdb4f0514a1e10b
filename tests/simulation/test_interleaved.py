"""Several processes, interleaved: see `tests/simulation/interleaved/`. `make simulate SEEDS=1000` plays more."""

import pytest

from tests.simulation.interleaved.play import SEEDS_FOR_ALL, many, play, shortened, story
from tests.simulation.interleaved.scheduler import Scheduler
from tests.simulation.world import WorldClock

SEEDS = (1, 2)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_or_doubled_however_processes_are_interleaved(seed: int) -> None:
    played = play(seed)
    if played.failure:
        pytest.fail(story(shortened(played)), pytrace=False)
    assert played.writes > 0


@pytest.mark.thorough
def test_every_boundary_and_every_fault_is_met_often(capsys: pytest.CaptureFixture[str]) -> None:
    together = many(range(1, 1 + SEEDS_FOR_ALL))
    with capsys.disabled():
        print(f"\n{together}")  # noqa: T201 - what was met is to be seen
    assert together.stories == []
    assert together.seldom() == []


def test_a_seed_replays_to_the_same_trace() -> None:
    first, again = play(1001, 600), play(1001, 600)
    assert first.trace == again.trace
    assert first.interventions == again.interventions


def test_other_seeds_are_other_runs() -> None:
    assert play(1001, 200).trace != play(1002, 200).trace


class Idle:
    """A process to which nothing can happen."""

    name, is_dead, still_until = "idle", False, 0.0

    def die(self) -> None: ...

    def end(self) -> None: ...


def test_an_intervention_draws_nothing_of_what_others_draw() -> None:
    """So that a run can be shortened: what is left out changes no later step."""

    def play_idle(allowed: frozenset[int] | None) -> Scheduler:
        scheduler = Scheduler(7, WorldClock(), allowed)
        scheduler.begin(Idle(), "waits", lambda: [scheduler.pause("waits") for _ in range(1000)])
        for _ in range(300):
            scheduler.step()
        scheduler.end_all()
        return scheduler

    whole, without = play_idle(None), play_idle(frozenset())
    assert len(whole.interventions) > len(without.interventions) == 0
    assert whole._random.getstate() == without._random.getstate()
