"""Whether work takes longer the more has happened: the same at ten thousand events and at a million, in turn.

A world of product and sandboxes in one process, on SQLite and on PostgreSQL, with 1,000 or 100,000 pairs of years gone
by. What is counted is the product's own processor time: what the sandboxes take while they answer is taken away.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import requests
import sqlalchemy as sa

from config import logging as logs
from ravebooks.demo.sides import Body
from storage import connections
from tests.bench import rounds
from tests.bench.filling import FIRST_ID, history
from tests.services.postgresql import PostgreSQL
from tests.simulation.world import World, as_settled

SIZES = {"few": (10_000, 1_000), "many": (1_000_000, 100_000)}
"""Events and pairs."""
GOAL = 1.2
SWEEP = "a sweeper's round"
PAGES = {
    "the console's home": "/console/{of}/",
    "its live part": "/console/{of}/now",
    "records": "/console/{of}/records",
    "records of a number": "/console/{of}/records?q=n{first}7",
    "records of an amount": "/console/{of}/records?q={first}.00",
    "needs attention": "/console/{of}/attention",
    "a record and its story": "/console/{of}/records/ravetree/invoice/{invoice}",
    "parity": "/console/{of}/parity",
    "reads of a month": "/console/{of}/reads",
    "events": "/console/events",
    "events of a record": "/console/events?record=inv_{first}",
    "is it well?": "/console/well",
    "what is kept": "/console/kept",
    "API: a connection": "/api/connections/{of}",
    "API: attention": "/api/connections/{of}/attention",
    "API: usage": "/api/connections/{of}/usage",
    "API: a timeline": "/api/connections/{of}/records/ravetree/invoice/{invoice}/timeline",
    "API: events kept aside": "/api/events/kept-aside",
    "API: status": "/api/status",
}
TIMES = dict.fromkeys(("a new invoice", "an edit", "a payment copied"), 8) | dict.fromkeys(PAGES, 15) | {SWEEP: 60}
"""How often in a round."""
COLUMNS = {
    "few": "processor time at 10 thousand events, ms",
    "many": "at a million, ms",
    "ratio": "ratio",
    "goal": "goal",
    "passed": "ratio of the time that passed",
}

Taken = tuple[float, float]
"""Seconds of the processor, and seconds that passed."""


class MeasuredWorld(World):
    """A world that knows how long its neighbours have been at work."""

    outside = outside_passed = 0.0

    def _route(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        begun, began = time.process_time(), time.perf_counter()
        try:
            return super()._route(request)
        finally:
            self.outside += time.process_time() - begun
            self.outside_passed += time.perf_counter() - began

    def taken(self, call: Callable[[], object]) -> Taken:
        """Seconds of the processor, and seconds that passed, that `call` takes of the product alone."""
        outside, outside_passed = self.outside, self.outside_passed
        begun, began = time.process_time(), time.perf_counter()
        call()
        processor, passed = time.process_time() - begun, time.perf_counter() - began
        return processor - (self.outside - outside), passed - (self.outside_passed - outside_passed)


def run(times: int) -> None:
    """Both sizes in turn, on either database."""
    logs.configure("error")
    with PostgreSQL() as postgresql:
        for database, urls in {
            "sqlite": dict.fromkeys(SIZES, ""),
            "postgresql": {size: postgresql.new_database() for size in SIZES},
        }.items():
            measured = _on(urls, times)
            rounds.show(f"growth-{database}", f"on {database}", measured, COLUMNS)


def _on(urls: Mapping[str, str], times: int) -> rounds.Measured:
    measured: rounds.Measured = defaultdict(list)
    with ExitStack() as stack:
        users = {size: stack.enter_context(Users(size, url)) for size, url in urls.items()}
        for number in range(times + 1):
            for name, few, many in _in_turn(users["few"], users["many"]):
                # What an interpreter and a database do for the first time is no size's own.
                if number:
                    measured[name].append(_row(few, many))
        for each in users.values():
            each.check()
    return measured


def _in_turn(few: Users, many: Users) -> Iterator[tuple[str, Taken, Taken]]:
    """Each kind of work, a step on one and a step on the other, so that what else the machine does disturbs both."""
    for name, times in TIMES.items():
        taken = [(few.do(name), many.do(name)) for _ in range(times)]
        summed = _mean if name == SWEEP else _median
        yield name, summed([each[0] for each in taken]), summed([each[1] for each in taken])


def _row(few: Taken, many: Taken) -> dict[str, float]:
    processor, passed = (more / less if less > 0 else math.inf for less, more in zip(few, many, strict=True))
    return {"few": few[0] * 1000, "many": many[0] * 1000, "ratio": processor, "goal": GOAL, "passed": passed}


class Users:
    """A world with so much behind it, and what users do in it."""

    def __init__(self, size: str, url: str) -> None:
        self._size, self._url = size, url

    def __enter__(self) -> Users:
        self._stack = ExitStack()
        folder = self._stack.enter_context(tempfile.TemporaryDirectory())
        self.world = world = MeasuredWorld(Path(folder), database_url=self._url, prepare=as_settled)
        self._stack.callback(world.close)
        events, pairs = SIZES[self._size]
        with world.parts.database.reading() as session:
            connection = connections.get(session, world.connection_id)
        history(world.parts.database, connection, events, pairs, world.clock.now())
        _analyse(world)
        self._client = world.client("Growing")
        self._made, self._paid = [self._invoice()], 0
        self._acts = {"a new invoice": self._create, "an edit": self._edit, "a payment copied": self._pay}
        self._carry()
        self._enter_console()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def do(self, name: str) -> Taken:
        """One step of a kind of work."""
        if name in PAGES:
            return self._page(PAGES[name])
        if name == SWEEP:
            self.world.clock.advance(1)
            return self.world.taken(self.world.parts.consuming.sweeper.sweep)
        self._acts[name]()
        return self._carry()

    def _create(self) -> None:
        self._made.append(self._invoice())

    def _pay(self) -> None:
        self.world.receive({self._made[self._paid]["id"]: "10.00"})
        self._paid += 1

    def _invoice(self) -> Body:
        return self.world.invoice(self._client, "100.00")

    def _edit(self) -> None:
        self.world.ravetree.change("invoices", self._made[-1]["id"], {"memo": f"Edit at {time.monotonic_ns()}"})

    def _carry(self) -> Taken:
        """Take what was posted across, until nothing comes of it any more; what it took."""
        processor = passed = 0.0
        while letters := self.world.collect():
            calls: list[Callable[[], object]] = [partial(self.world.deliver, letter) for letter in letters]
            for call in (*calls, self._work):
                more = self.world.taken(call)
                processor, passed = processor + more[0], passed + more[1]
        return processor, passed

    def _work(self) -> None:
        while self.world.reconciler.work(self.world.connection_id):
            """More is due at once."""

    def _enter_console(self) -> None:
        token = self.world.parts.console.operators_link().partition("token=")[2]
        page = self.world.web.get(f"/console/enter?token={token}").text
        csrf = page.partition('name="csrf_token" value="')[2].partition('"')[0]
        answer = self.world.web.post("/console/enter", data={"token": token, "csrf_token": csrf})
        if answer.status_code != 303:
            sys.exit(f"the console does not let an operator in: {answer.status_code}")

    def _page(self, path: str) -> Taken:
        address = path.format(of=self.world.connection_id, first=FIRST_ID, invoice=self._made[0]["id"])
        headers = {"Authorization": "Bearer api"} if address.startswith("/api/") else {}

        def ask() -> None:
            answer = self.world.web.get(address, headers=headers)
            if answer.status_code != 200:
                sys.exit(f"{address} answers {answer.status_code}: {answer.text[:300]}")

        return self.world.taken(ask)

    def check(self) -> None:
        """What users made stands in QuickBooks."""
        theirs: list[Any] = [self.world.quickbooks.invoice(one["number"]) for one in self._made]
        if not all(theirs) or self.world.attention():
            sys.exit(f"not everything arrived: {self.world.attention()}")


def _analyse(world: World) -> None:
    """As the sweeper does every hour; on PostgreSQL autovacuum may not have come by yet."""
    database = world.parts.database
    if database.is_sqlite:
        database.analyse()
        return
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))


def _median(taken: list[Taken]) -> Taken:
    return median(each[0] for each in taken), median(each[1] for each in taken)


def _mean(taken: list[Taken]) -> Taken:
    """Of rounds of which some do more than others."""
    return sum(each[0] for each in taken) / len(taken), sum(each[1] for each in taken) / len(taken)
