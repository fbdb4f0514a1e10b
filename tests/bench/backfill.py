"""How many documents a minute a back-fill takes across inside QuickBooks' limits, by the moved clock of a world.

The sandbox counts requests as QuickBooks does (500 a minute and 10 a second of a company, 40 batches a minute of 30
operations), refuses with a 429 what is too much, and answers at once: what is left is what the limits cost. They are
of a minute, so whole minutes are counted. What we take of the processor has a column of its own.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from config import logging as logs
from schemas.times import parse_instant
from tests.bench import rounds
from tests.bench.growth import MeasuredWorld
from tests.simulation.world import QUICKBOOKS, START, World, as_settled

GOAL = 760.0
MINUTE = 60.0
PAGE = 1000
OLD = {"issue_date": "2026-07-10", "due_date": "2026-08-10"}
TAKES = 3600
"""Seconds of the world after which a back-fill is given up."""
COLUMNS = {
    "a minute": "documents a minute",
    "goal": "goal",
    "refused": "429",
    "documents": "documents",
    "requests": "requests",
    "batches": "batches",
    "customers": "customers alone",
    "payments": "payments alone",
    "seconds": "seconds of the world",
    "cpu": "our processor time a document, ms",
}


class CountingWorld(MeasuredWorld):
    """A world that counts what QuickBooks is asked, and how often it refuses."""

    def _route(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        answer = super()._route(request)
        address = urlsplit(request.url or "")
        if address.netloc == QUICKBOOKS and "/company/" in address.path:
            asked: Counter[str] = self.__dict__.setdefault("asked", Counter())
            asked.update(["all", f"{request.method} {address.path.rpartition('/')[2]}", str(answer[0])])
        return answer

    def begin_again(self) -> Counter[str]:
        """Count from here on."""
        found: Counter[str] = Counter()
        self.__dict__["asked"] = found
        return found


@dataclass(frozen=True)
class Past:
    """What Ravetree has from before the switch-on: so many invoices of so many clients, some paid in part."""

    invoices: int
    clients: int
    paid: int = 0


PASTS = {
    "1,260 invoices of 42 clients": Past(1260, 42),
    "300 invoices, each of a client of its own": Past(300, 300),
    "520 invoices of 10 clients, each with a payment": Past(520, 10, 520),
}


def run(times: int) -> None:
    """Each past, each time with other chance."""
    logs.configure("error")
    measured: rounds.Measured = defaultdict(list)
    for number in range(times):
        for name, past in PASTS.items():
            with tempfile.TemporaryDirectory() as folder:
                world = CountingWorld(Path(folder), seed=number + 1, prepare=as_settled)
                try:
                    measured[name].append(_measure(world, past))
                finally:
                    world.close()
    rounds.show("backfill", "a back-fill of", measured, COLUMNS)


def _measure(world: CountingWorld, past: Past) -> dict[str, float]:
    numbers = _make(world, past)
    world.services.set_limits(enabled=True)
    asked, begun = world.begin_again(), world.clock.monotonic()
    cpu, outside = time.process_time(), world.outside
    path = f"/api/connections/{world.connection_id}/jobs"
    job = world.api("POST", path, {"kinds": ["invoice"], "by": "Bench"}).get_json()["id"]

    def report() -> dict[str, Any]:
        found: dict[str, Any] = world.api("GET", f"{path}/{job}").get_json()
        return found

    _work(world, lambda: report()["state"] == "done", begun + TAKES)
    seconds = world.clock.monotonic() - begun
    cpu, outside = time.process_time() - cpu, world.outside - outside
    found = dict(asked)
    world.services.set_limits(enabled=False)
    made = [at - begun for at in _check(world, numbers, report()["counts"], past.paid)]
    return {
        "a minute": _a_minute(made, seconds),
        "goal": GOAL,
        "refused": found.get("429", 0),
        "documents": len(numbers),
        "requests": found["all"],
        "batches": found.get("POST batch", 0),
        "customers": found.get("POST customer", 0),
        "payments": found.get("POST payment", 0),
        "seconds": seconds,
        "cpu": (cpu - outside) * 1000 / len(numbers),
    }


def _make(world: World, past: Past) -> list[str]:
    """Invoices of before the switch-on: their numbers."""
    switches = f"/api/connections/{world.connection_id}/switches"
    world.api("PUT", switches, {"invoices": False, "estimates": False})
    clients = [world.client(f"Client {number}") for number in range(past.clients)]
    made = [world.invoice(clients[number % past.clients], "100.00", **OLD) for number in range(past.invoices)]
    for invoice in made[: past.paid]:
        world.receive({invoice["id"]: "40.00"}, f"CHK {invoice['number']}", "2026-07-12")
    _deliver(world)
    world.api("PUT", switches, {"invoices": True, "estimates": True})
    _deliver(world)
    return [str(invoice["number"]) for invoice in made]


def _deliver(world: World) -> None:
    """Deliver and work until nothing comes any more."""
    while True:
        letters = world.collect()
        for letter in letters:
            world.deliver(letter)
        if not world.work() and not letters:
            return
        world.clock.advance(1)


def _work(world: World, is_over: Callable[[], bool], ends: float) -> None:
    """Work as a worker does, while both sides post; the clock moves where somebody waits."""
    while not is_over():
        if world.clock.monotonic() > ends:
            sys.exit(f"not over after {TAKES} s: {world.connection()['work']}, {world.attention()[:3]}")
        for letter in world.collect():
            world.deliver(letter)
        if not world.work():
            world.clock.advance(1)


def _rows(world: World, entity: str) -> list[dict[str, Any]]:
    """All of them, a page at a time."""
    found: list[dict[str, Any]] = []
    while True:
        page = f"select * from {entity} startposition {len(found) + 1}"  # noqa: S608 - our own
        found += (rows := world.quickbooks.query(page))
        if len(rows) < PAGE:
            return found


def _check(world: World, numbers: list[str], report: dict[str, int], paid: int) -> list[float]:
    """Every invoice and payment is there, once: when each invoice was made, by the world's clock."""
    made = _rows(world, "Invoice")
    there = sorted(row["DocNumber"] for row in made)
    payments = len(_rows(world, "Payment"))
    if there != sorted(numbers) or report != {"left": 0, "agreed": len(numbers)} or payments != paid:
        sys.exit(f"of {len(numbers)} invoices {len(there)} are there, of {paid} payments {payments}; {report}")
    return [(parse_instant(row["MetaData"]["CreateTime"]) - START).total_seconds() for row in made]


def _a_minute(made: list[float], seconds: float) -> float:
    """How many were made a minute, in whole minutes if there is one."""
    whole = int(seconds / MINUTE)
    return sum(at < whole * MINUTE for at in made) / whole if whole else len(made) * MINUTE / seconds
