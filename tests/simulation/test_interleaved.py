"""Several processes, interleaved: see `tests/simulation/interleaved/`. `make simulate SEEDS=1000` plays more."""

import pytest

from tests.simulation.interleaved.play import SEEDS_FOR_ALL, many, play, shortened, story

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


def test_without_an_intervention_the_others_stay() -> None:
    """What a shortened run leaves out changes no draw: up to there both runs are the same."""
    whole = play(1003, 400)
    middle = whole.interventions[len(whole.interventions) // 2]
    part = play(1003, 400, frozenset(each.step for each in whole.interventions if each.step != middle.step))
    assert part.trace[: middle.step - 1] == whole.trace[: middle.step - 1]
    assert middle.step not in [each.step for each in part.interventions]
