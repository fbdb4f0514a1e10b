"""What happens to an account costs as many metered reads of QuickBooks as docs/performance.md says, and no more."""

import re
from pathlib import Path

import pytest

from tests.simulation.metered import BURST, HAPPENINGS, Happening, play

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"


def stated(happening: Happening) -> int:
    """The page's figure: a row has what happens, its reads, and the goal."""
    (found,) = re.findall(rf"^\| {re.escape(happening.name)} \| (\d+) \|", PAGE.read_text(), re.M)
    return int(found)


@pytest.mark.parametrize("happening", HAPPENINGS, ids=lambda happening: happening.name)
def test_it_costs_what_the_page_says(happening: Happening) -> None:
    made = play(happening)
    assert made.total() == stated(happening), made


@pytest.mark.thorough
def test_a_burst_costs_what_the_page_says() -> None:
    made = play(BURST)
    assert made.total() == stated(BURST), made
