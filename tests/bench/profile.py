"""What the processor does while the worker makes one change: whose code runs, and which room of ours it runs for.

The interpreter is asked where it is each time that the processor has worked for a while (4 ms on Linux), so that no
call costs more for being watched. *Runs* is the package of the innermost frame that is not Python's own library; *for*
is the room of the innermost frame of ours. What a C library does counts for who called it: `sqlite3` for SQLAlchemy.
"""

from __future__ import annotations

import functools
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType

from tests.bench import rounds
from tests.bench.changes import acts_of, change, world_on
from tests.bench.sandboxes import ApartWorld
from tests.services.postgresql import PostgreSQL

CHANGES = 25
"""So many of each kind a round: there are invoices for that many payments."""
EVERY = 0.004
"""Seconds of processor time between two looks."""
ROOT = Path(__file__).parents[2]
ROOMS = ("clients", "config", "consumers", "publishers", "reconcile", "schemas", "storage", "sync", "tests")
LEAST = 2.0
"""Percent of any kind of change, to be shown."""


def run(times: int) -> None:
    """Each kind of change on both databases: the share of the processor time of whatever has any to speak of."""
    shares: list[dict[str, dict[str, float]]] = []
    with PostgreSQL() as postgresql:
        for _ in range(times):
            shares.append({})
            for database in ("PostgreSQL", "SQLite"):
                with world_on(postgresql if database == "PostgreSQL" else None) as (world, _):
                    for kind, (whose, room) in _looks(world).items():
                        found = {f"{name} runs": count for name, count in whose.items()}
                        found |= {f"for {name}": count for name, count in room.items()}
                        each = whose.total()
                        shares[-1][f"{kind}, {database}"] = {n: 100 * count / each for n, count in found.items()}
    columns = list(shares[0])
    names = {name for one in shares for share in one.values() for name, part in share.items() if part >= LEAST}
    measured: rounds.Measured = {
        name: [{column: one[column].get(name, 0.0) for column in columns} for one in shares]
        for name in sorted(names, key=lambda name: (name.startswith("for "), -shares[0][columns[0]].get(name, 0.0)))
    }
    rounds.show("profile", "% of the processor time", measured, {column: column for column in columns})


def _looks(world: ApartWorld) -> dict[str, tuple[Counter[str], Counter[str]]]:
    """Whose code ran, and for which room, so many looks, by kind of change."""
    found = {}
    for kind, act in acts_of(world).items():
        whose: Counter[str] = Counter()
        room: Counter[str] = Counter()
        for number in range(-3, CHANGES):
            watched = functools.partial(_watched, whose, room) if number >= 0 else nullcontext
            change(world, act, number, around=watched)
        found[kind] = whose, room
    return found


@contextmanager
def _watched(whose: Counter[str], room: Counter[str]) -> Iterator[None]:
    def look(_signal: int, frame: FrameType | None) -> None:
        whose[_owner(frame, lambda name: name)] += 1
        room[_owner(frame, lambda name: name if name in ROOMS else "")] += 1

    before = signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _owner(frame: FrameType | None, taken: Callable[[str], str]) -> str:
    """The package, or the room of ours, of the innermost frame that is taken."""
    while frame is not None:
        if name := taken(_package(frame.f_code.co_filename)):
            return name
        frame = frame.f_back
    return "Python"


def _package(file: str) -> str:
    """Whose a file is; empty for Python's own library."""
    path = Path(file)
    if "site-packages" in path.parts:
        return path.parts[path.parts.index("site-packages") + 1].removesuffix(".py")
    if path.is_relative_to(ROOT):
        return path.relative_to(ROOT).parts[0]
    return "sqlalchemy" if file.startswith("lib/sqlalchemy") else ""
