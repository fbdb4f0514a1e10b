"""How long quiet accounts wait beside one that is a hundred times as busy, in one worker process."""

from __future__ import annotations

import random
from collections import defaultdict

from tests.bench import rounds
from tests.bench.percentiles import percentile
from tests.bench.running import Running

QUIET, BUSIER = 20, 100
EVERY = 15.0
"""Seconds between two edits of a quiet account, in the mean."""
SECONDS = 60.0
ALONE, BESIDE = "20 quiet accounts alone", "beside one a hundred times as busy"


def run(times: int) -> None:
    """Without the busy account and with it, in alternating rounds."""
    measured: rounds.Measured = defaultdict(list)
    with Running([*[20] * QUIET, 500]) as running:
        running.begin_workers(1)
        *quiet, busy = [book.account for book in running.books]
        running.edit([(0.0, account) for account in (*quiet, busy)])
        for turn in range(times):
            chance = random.Random(turn)
            plan = [(at, account) for account in quiet for at in _times(chance, EVERY)]
            beside = [(at, busy) for at in _times(chance, EVERY / BUSIER)]
            for name, edits in ((ALONE, plan), (BESIDE, plan + beside)):
                measured[name].append(_measure(running, sorted(edits), busy))
    for alone, with_it in zip(measured[ALONE], measured[BESIDE], strict=True):
        alone["of alone"], with_it["of alone"] = 1.0, with_it["p95"] / alone["p95"]
    columns = {
        "p95": "p95 of the quiet, ms",
        "of alone": "of alone",
        "p50": "p50, ms",
        "longest": "longest, ms",
        "busy": "p95 of the busy one, ms",
        "rate": "changes/s in all",
    }
    rounds.show("fairness", "edits of quiet accounts", measured, columns)


def _times(chance: random.Random, every: float) -> list[float]:
    """When somebody edits who does so at random, as often as that."""
    found, at = [], chance.expovariate(1 / every)
    while at < SECONDS:
        found.append(at)
        at += chance.expovariate(1 / every)
    return found


def _measure(running: Running, plan: list[tuple[float, str]], busy: str) -> dict[str, float]:
    edits = running.edit(plan)
    took = [edit.took * 1000 for edit in edits if edit.account != busy]
    others = [edit.took * 1000 for edit in edits if edit.account == busy]
    return {
        "p95": percentile(took, 95),
        "p50": percentile(took, 50),
        "longest": max(took),
        "busy": percentile(others, 95) if others else 0.0,
        "rate": len(edits) / SECONDS,
    }
