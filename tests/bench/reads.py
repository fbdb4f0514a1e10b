"""Metered reads of QuickBooks, counted exactly in a simulated world."""

from __future__ import annotations

from collections import defaultdict

from tests.bench import rounds
from tests.simulation.interleaved.play import silent
from tests.simulation.metered import BURST, HAPPENINGS, play


def run(_times: int) -> None:
    """Each happening once: the counts are the same every time."""
    silent()
    measured: rounds.Measured = defaultdict(list)
    for happening in (*HAPPENINGS, BURST):
        measured[happening.name].append({"reads": float(play(happening).total()), "goal": float(happening.goal)})
    rounds.show("reads", "what happens", measured, {"reads": "metered reads", "goal": "goal, at most"})
