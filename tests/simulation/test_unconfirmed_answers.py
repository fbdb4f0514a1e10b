"""Where no source says what QuickBooks does, the sandbox can do either: the books agree both ways."""

from pathlib import Path
from typing import Any

import pytest

from sandbox.quickbooks.services import SWITCHES
from tests.simulation import test_any_order as morning
from tests.simulation.world import World

ANSWERS: list[dict[str, Any]] = [{name: position} for name, positions in SWITCHES.items() for position in positions[1:]]


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: "-".join(map(str, *answer.items())))
def test_a_busy_morning_ends_in_agreement_whatever_quickbooks_answers(answer: dict[str, Any], tmp_path: Path) -> None:
    world = World(tmp_path)
    try:
        world.quickbooks.steer("switches", answer)
        world.quickbooks.write("vendor", {"DisplayName": "Harbour Theatre"})
        for phase in (morning._invoicing, morning._paying, morning._correcting):
            phase(world)
            world.quickbooks.steer("faults", {"endpoint": "payment.*", "kind": "timeout_after", "count": 1})
            world.settle()
            world.quickbooks.session.delete(f"{world.quickbooks.root}/sandbox/faults")
        world.clock.advance(301)
        world.settle()
        assert world.attention() == []
        assert [row for row in world.compare().differing if not only_unsent(row.differences, answer)] == []
    finally:
        world.close()


def only_unsent(differences: tuple[str, ...], answer: dict[str, Any]) -> bool:
    """Where QuickBooks keeps no EmailStatus that is written to it, it does not show what was sent elsewhere."""
    return "email_status_writable" in answer and all(text.startswith("sent: ") for text in differences)
