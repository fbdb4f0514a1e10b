"""What ten thousand connections cost on which nothing happens: a look at Ravetree's log of events, a sweeper's round.

On PostgreSQL, with the worker and the sweeper that the processes run. Ravetree is a stub that answers at once that
nothing is new, without a socket: what is counted is ours.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import mean

import requests
import sqlalchemy as sa

from config import keyring
from config import logging as logs
from config.ports import SystemEntropy
from config.settings import Settings
from ravebooks import claiming
from ravebooks.bootstrap import Parts
from ravebooks.local.keys import with_generated_keys
from storage import duties as planned
from storage.models import Connection
from sync import duties
from tests.bench import rounds
from tests.bench.counting import counted
from tests.bench.filling import idle_connections
from tests.services.postgresql import PostgreSQL
from tests.services.processes import family, processor_seconds
from tests.unit.wsgi_adapter import AnswerAdapter

CONNECTIONS, LOOKS, ROUNDS = 10_000, 300, 60
GOALS = {"a look at the events of one": (2.0, 2.0), "a sweeper's round": (rounds.NO_GOAL, rounds.NO_GOAL)}
"""Milliseconds of the processor, and transactions."""
LATER = timedelta(hours=20)
COLUMNS = {
    "cpu": "processor time, ms",
    "goal": "goal, ms",
    "transactions": "transactions",
    "goal of transactions": "goal",
    "statements": "statements",
    "database": "processor time of PostgreSQL, ms",
    "passed": "passed, ms",
}


class SteppingClock:
    """The machine's clock, ahead by as much as it was told to step."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def step(self, seconds: float) -> None:
        """Let so many seconds pass at once."""
        self._ahead += timedelta(seconds=seconds)

    def now(self) -> datetime:
        """The present instant."""
        return datetime.now(UTC) + self._ahead

    def monotonic(self) -> float:
        """Seconds from some fixed point."""
        return self.now().timestamp()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.step(seconds)


def run(times: int) -> None:
    """One database, and rounds of looks at other connections of it."""
    logs.configure("warning")
    measured: rounds.Measured = defaultdict(list)
    with PostgreSQL() as postgresql, tempfile.TemporaryDirectory() as folder:
        clock, asked = SteppingClock(), list[str]()
        parts = _parts(folder, postgresql.new_database(), clock, asked)
        try:
            claiming.prepare(parts, None)
            ids = _fill(parts, clock, times * LOOKS)
            rows = Rows(parts, clock, lambda: sum(map(processor_seconds, family(postgresql.pid))))
            for number in range(times):
                for name, row in rows.all(ids[number * LOOKS : (number + 1) * LOOKS], asked).items():
                    measured[name].append(row)
        finally:
            parts.close()
    rounds.show("idle", f"{CONNECTIONS:,} idle connections", measured, COLUMNS)


def _parts(folder: str, database_url: str, clock: SteppingClock, asked: list[str]) -> Parts:
    def nothing_new(request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        asked.append(str(request.url))
        return 200, {"Content-Type": "application/json"}, json.dumps({"data": [], "next_cursor": None}).encode()

    settings = Settings(
        state_dir=folder,
        database_url=database_url,
        public_url="http://127.0.0.1:8000",
        quickbooks_environment="local",
        ravetree_api_url="http://ravetree.bench/v1",
        token_keys=keyring.parse(keyring.spell(b"t" * 32)),
    )
    return Parts(with_generated_keys(settings, SystemEntropy()), clock, adapter=lambda: AnswerAdapter(nothing_new))


def _fill(parts: Parts, clock: SteppingClock, looked_at: int) -> list[str]:
    """Idle connections, of which so many have a token for Ravetree: their ids."""
    now = clock.now()
    values = {
        "environment": "local",
        "created_at": now - timedelta(days=30),
        "invoices_since": now - timedelta(days=30),
        "cdc_watermark": now,
        "read_at": now,
        "events_cursor": "evt_1",
        "contacts_imported_at": now - timedelta(days=30),
        "access_expires_at": now + timedelta(minutes=55),
        "preflight": {},
    }
    every = duties.intervals(parts.consuming.timings())
    idle_connections(
        parts.database, CONNECTIONS, values, {name: now + min(after, LATER) for name, after in every.items()}
    )
    with parts.database.transaction() as session:
        rows = session.execute(sa.select(Connection).order_by(Connection.id).limit(looked_at)).scalars().all()
        for row in rows:
            row.ravetree_token = parts.vault.seal("token", row.id, "ravetree_token")
            row.access_token = parts.vault.seal("token", row.id, "access_token")
        ids = [row.id for row in rows]
    with parts.database.engine.begin() as connection:
        connection.execute(sa.text("ANALYZE"))
    return ids


class Rows:
    """What is measured, once all is there."""

    def __init__(self, parts: Parts, clock: SteppingClock, of_database: Callable[[], float]) -> None:
        self._parts, self._clock, self._of_database = parts, clock, of_database
        self._reconciler = parts.consuming.reconciler()
        # The first round looks at everything, and what an interpreter does for the first time is no round's own.
        parts.consuming.sweeper.sweep()

    def all(self, ids: Sequence[str], asked: list[str]) -> dict[str, dict[str, float]]:
        """A row for each name of `GOALS`."""
        asked.clear()
        self._plan(ids)
        looks = self._row("a look at the events of one", [partial(self._look, each) for each in ids])
        if len(asked) != len(ids) or not all("/events" in url for url in asked):
            sys.exit(f"{len(ids)} connections were looked at, and Ravetree was asked {len(asked)} times: {asked[:3]}")
        sweeps = self._row("a sweeper's round", [self._sweep] * ROUNDS)
        return {"a look at the events of one": looks, "a sweeper's round": sweeps}

    def _plan(self, ids: Sequence[str]) -> None:
        now = self._clock.now()
        with self._parts.database.transaction() as session:
            for each in ids:
                planned.schedule(session, each, duties.EVENTS.name, now)

    def _look(self, connection_id: str) -> None:
        self._reconciler.work(connection_id)

    def _sweep(self) -> None:
        self._clock.step(1.0)
        if nudged := self._parts.consuming.sweeper.sweep():
            sys.exit(f"{nudged} of the idle connections were nudged")

    def _row(self, name: str, calls: Sequence[Callable[[], object]]) -> dict[str, float]:
        before, found = self._of_database(), []
        for call in calls:
            with counted(self._parts.database.engine) as taken:
                call()
            found.append(taken)
        spent = self._of_database() - before
        processor, transactions = GOALS[name]
        return {
            "cpu": mean(each.processor for each in found) * 1000,
            "goal": processor,
            "transactions": mean(each.transactions for each in found),
            "goal of transactions": transactions,
            "statements": mean(each.statements for each in found),
            "database": spent * 1000 / len(found),
            "passed": mean(each.passed for each in found) * 1000,
        }
