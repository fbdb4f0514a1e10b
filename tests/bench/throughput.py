"""Changes from end to end: events posted to web, each written to QuickBooks once, for fifty accounts."""

from __future__ import annotations

import random
from collections import defaultdict

from tests.bench import rounds
from tests.bench.percentiles import percentile
from tests.bench.running import Edit, Running

ACCOUNTS, INVOICES = 50, 12
AT_ONCE = 400
"""Edits that lie there at once: the workers are never without one."""
STEADY_SECONDS = 30.0
EDGES = 0.1
"""The part of the writes at the beginning and at the end that is left out of a sustained rate."""


def run(times: int) -> None:
    """One worker process and two, in alternating rounds; then at half of what they sustained."""
    measured: rounds.Measured = defaultdict(list)
    with Running([INVOICES] * ACCOUNTS) as running:
        for turn in range(times):
            for count in (1, 2):
                measured[f"{count} worker{'s' if count > 1 else ''}"].append(_measure(running, count, turn))
    for row in measured["2 workers"]:
        row["of one"] = row["rate"] / measured["1 worker"][measured["2 workers"].index(row)]["rate"]
    for row in measured["1 worker"]:
        row["of one"] = 1.0
    columns = {
        "rate": "changes/s",
        "cpu": "ms of processor time each, in worker",
        "web": "in web",
        "of limit": "of a core's changes",
        "of one": "of one worker's",
        "p50": "p50 at half, ms",
        "p95": "p95 at half, ms",
    }
    rounds.show("throughput", f"{AT_ONCE} edits of {ACCOUNTS} accounts", measured, columns)


def _measure(running: Running, workers: int, turn: int) -> dict[str, float]:
    running.begin_workers(workers)
    accounts = [book.account for book in running.books]
    try:
        # The first changes open connections and make statements.
        running.edit([(0.0, account) for account in accounts])
        spent, web = running.spent("worker"), running.spent("web")
        edits = running.edit([(0.0, accounts[place % ACCOUNTS]) for place in range(AT_ONCE)])
        cpu, web = (running.spent("worker") - spent) / AT_ONCE, (running.spent("web") - web) / AT_ONCE
        rate = sustained(edits)
        chance = random.Random(turn)
        count = int(rate / 2 * STEADY_SECONDS)
        plan = sorted((chance.uniform(0, STEADY_SECONDS), chance.choice(accounts)) for _ in range(count))
        took = [edit.took * 1000 for edit in running.edit(plan)]
    finally:
        running.end_workers()
    return {
        "rate": rate,
        "cpu": cpu * 1000,
        "web": web * 1000,
        "of limit": rate * cpu / workers,
        "p50": percentile(took, 50),
        "p95": percentile(took, 95),
    }


def sustained(edits: list[Edit]) -> float:
    """Writes a second, without the first and the last of them."""
    at = sorted(edit.written for edit in edits)
    edge = int(len(at) * EDGES)
    inner = at[edge : len(at) - edge]
    return (len(inner) - 1) / (inner[-1] - inner[0])
