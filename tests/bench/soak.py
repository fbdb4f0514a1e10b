"""`python -m tests.bench.soak --seconds 3600`: whether the product stays as it is under a steady load.

Web, worker and sweeper run on a private RabbitMQ and PostgreSQL, connected to the sandbox. Users of Ravetree edit
invoices at a steady pace and look until QuickBooks has each edit; Intuit posts events of other records beside. Resident
memory, file handles and rows are sampled meanwhile. After a warm-up the last third is held against the first: the table
says what has grown, `build/soak.json` keeps every sample, and the status is 1 if anything is not level.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

import psycopg
import psycopg.sql

from ravebooks.demo.sides import Body
from tests.bench.rounds import machine
from tests.integration.installed import Installed
from tests.services.processes import family, processor_seconds

KEPT_IN = Path("build/soak.json")
WARM_UP = 0.2
"""The part of the time in which code, caches and pools are filled for the first time."""
SAMPLES = 90
USERS, INVOICES = 4, 20
MEGABYTE = 1024 * 1024
T = TypeVar("T")
GIVEN_UP = 30.0
"""Seconds after which an edit has not arrived."""

BY_CHANGE = frozenset({"events", "operations", "steps"})
"""Tables of what happened: they grow with each change, by as much later as before."""
BOUNDED = {"samples": 15_000}
"""Tables that fill up to a number of rows within the first hours."""


@dataclass(frozen=True)
class Sample:
    """How it stood: `memory` in bytes, `handles` and seconds of the `processor` by process, `rows` by table."""

    at: float
    changes: int
    memory: dict[str, int]
    handles: dict[str, int]
    processor: dict[str, float]
    rows: dict[str, int]


@dataclass(frozen=True)
class Judged:
    """One measure in the first and in the last third, and the most that the last may be."""

    what: str
    first: float
    last: float
    most: float

    @property
    def is_level(self) -> bool:
        return self.last <= self.most


@dataclass
class Load:
    """What the users did: when each edit had arrived, and how long that took."""

    arrived: list[tuple[float, float]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.soak", description="Whether it stays as it is.")
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--rate", type=float, default=2.0, help="edits a second of all users together")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        installed = Installed(Path(folder))
        try:
            installed.start()
            load, samples = soak(installed, asked.seconds, asked.rate)
        finally:
            installed.close()
    judged = list(judge(load, samples))
    show(judged, load, asked.seconds)
    keep(judged, load, samples, vars(asked))
    if load.lost or load.errors or not all(one.is_level for one in judged):
        sys.exit(1)


# --- the load ------------------------------------------------------------------------------------


def soak(installed: Installed, seconds: float, rate: float) -> tuple[Load, list[Sample]]:
    """Edit and sample for so long."""
    invoices = [installed.invoice() for _ in range(INVOICES)]
    for invoice in invoices:
        installed.arrives(invoice)
    load, over = Load(), threading.Event()
    users = [
        threading.Thread(target=_user, args=(installed, load, over, invoices[number::USERS], USERS / rate))
        for number in range(USERS)
    ]
    for user in users:
        user.start()
    begun, samples = time.monotonic(), []
    try:
        while (at := time.monotonic() - begun) < seconds and any(user.is_alive() for user in users):
            samples.append(_sample(installed, at, len(load.arrived)))
            over.wait(max(1.0, seconds / SAMPLES))
    finally:
        over.set()
        for user in users:
            user.join()
    load.arrived = [(moment - begun, took) for moment, took in load.arrived]
    return load, samples


def _user(installed: Installed, load: Load, over: threading.Event, invoices: Sequence[Body], every: float) -> None:
    number = 0
    try:
        while not over.is_set():
            number += 1
            began, invoice = time.monotonic(), invoices[number % len(invoices)]
            installed.ravetree.change("invoices", invoice["id"], {"memo": f"Edit {number}"})
            if _arrives(installed, invoice["number"], f"Edit {number}"):
                load.arrived.append((time.monotonic(), time.monotonic() - began))
            else:
                load.lost.append(f"{invoice['number']}: Edit {number}")
            installed.post_event()
            over.wait(max(0.0, began + every - time.monotonic()))
    except Exception as error:  # noqa: BLE001 - a user who stops ends the soak, with the reason
        load.errors.append(f"{type(error).__name__}: {error}")


def _arrives(installed: Installed, number: str, memo: str) -> bool:
    ends = time.monotonic() + GIVEN_UP
    while time.monotonic() < ends:
        found = installed.quickbooks.invoice(number) or {}
        if found.get("CustomerMemo", {}).get("value") == memo:
            return True
        time.sleep(0.05)
    return False


# --- samples -------------------------------------------------------------------------------------


def _sample(installed: Installed, at: float, changes: int) -> Sample:
    memory, handles, processor = {}, {}, {}
    for name, process in installed.processes.running.items():
        pids = family(process.pid)
        memory[name] = sum(map(_resident, pids))
        handles[name] = sum(map(_open_handles, pids))
        processor[name] = sum(map(processor_seconds, pids))
    return Sample(at, changes, memory, handles, processor, _rows(installed.environment["RAVEBOOKS_DATABASE_URL"]))


def _resident(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:")), 0)


def _open_handles(pid: int) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        return 0


def _rows(url: str) -> dict[str, int]:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        names = [row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        count = psycopg.sql.SQL("SELECT count(*) FROM {}")
        found = {}
        for name in names:
            row = connection.execute(count.format(psycopg.sql.Identifier(name))).fetchone()
            found[name] = int(row[0]) if row else 0
    return found


# --- judging -------------------------------------------------------------------------------------


def judge(load: Load, samples: Sequence[Sample]) -> Iterator[Judged]:
    """Each measure, the last third against the first, without the warm-up."""
    first, last = _thirds(samples, lambda sample: sample.at)
    for name in samples[-1].memory:
        before, after = (statistics.median(one.memory[name] for one in part) / MEGABYTE for part in (first, last))
        yield Judged(f"{name}: resident memory, MB", before, after, before * 1.05 + 1)
        before, after = (statistics.median(one.handles[name] for one in part) for part in (first, last))
        yield Judged(f"{name}: file handles", before, after, before + 3)
        before, after = (_a_change(part, [one.processor[name] for one in part]) * 1000 for part in (first, last))
        yield Judged(f"{name}: processor time a change, ms", before, after, before * 1.5 + 5)
    for name in sorted(samples[-1].rows):
        yield _judge_table(name, first, last)
    early, late = _thirds(load.arrived, lambda arrived: arrived[0])
    for percent in (50, 95):
        before, after = (_percentile([took for _, took in part], percent) * 1000 for part in (early, late))
        yield Judged(f"edit to QuickBooks, p{percent}, ms", before, after, before * 1.5 + 100)


def _judge_table(name: str, first: Sequence[Sample], last: Sequence[Sample]) -> Judged:
    if name in BY_CHANGE:
        before, after = (_a_change(part, [one.rows[name] for one in part]) for part in (first, last))
        return Judged(f"{name}: rows a change", before, after, before * 1.1 + 0.2)
    before, after = (float(max(one.rows[name] for one in part)) for part in (first, last))
    return Judged(f"{name}: most rows", before, after, BOUNDED.get(name, before * 1.2 + 10))


def _a_change(part: Sequence[Sample], counted: Sequence[float]) -> float:
    """By how much something that only rises has risen with each change."""
    return (counted[-1] - counted[0]) / max(1, part[-1].changes - part[0].changes)


def _thirds(rows: Sequence[T], at: Callable[[T], float]) -> tuple[list[T], list[T]]:
    begins, ends = at(rows[-1]) * WARM_UP, at(rows[-1])
    third = (ends - begins) / 3
    return (
        [row for row in rows if begins <= at(row) <= begins + third],
        [row for row in rows if at(row) >= ends - third],
    )


def _percentile(values: Sequence[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


# --- what is shown -------------------------------------------------------------------------------


def show(judged: Sequence[Judged], load: Load, seconds: float) -> None:
    """A table; of the rows of tables only what is there."""
    lines = ["| | first third | last third | at most | level |", "|---|---|---|---|---|"]
    for one in judged:
        if one.last or one.first:
            level = "yes" if one.is_level else "**no**"
            lines.append(f"| {one.what} | {one.first:,.1f} | {one.last:,.1f} | {one.most:,.1f} | {level} |")
    lines += ["", f"{len(load.arrived)} edits in {seconds:,.0f} s; {len(load.lost)} did not arrive."]
    lines += [f"not arrived: {one}" for one in load.lost[:10]] + load.errors
    print("\n".join(lines), flush=True)  # noqa: T201 - what it measures is to be read


def keep(judged: Sequence[Judged], load: Load, samples: Sequence[Sample], asked: dict[str, float]) -> None:
    """Everything as JSON."""
    KEPT_IN.parent.mkdir(parents=True, exist_ok=True)
    said = {
        "asked": asked,
        "judged": [asdict(one) | {"level": one.is_level} for one in judged],
        "samples": [asdict(one) for one in samples],
        "arrived": load.arrived,
        "lost": load.lost,
        "errors": load.errors,
        "on": machine(),
    }
    KEPT_IN.write_text(json.dumps(said, indent=1))


if __name__ == "__main__":
    main()
