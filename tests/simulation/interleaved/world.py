"""A world whose product is several processes."""

import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import requests

from consumers import broker_connection
from publishers import topology
from ravebooks.demo.sides import SideError
from tests.simulation.interleaved.accounting import Accounting, Broken
from tests.simulation.interleaved.broker import SimulatedBroker
from tests.simulation.interleaved.ports import ConsumingConnection
from tests.simulation.interleaved.post import Post
from tests.simulation.interleaved.processes import SIMULATED, SimulatedProcess, SweeperProcess, Web, WorkerProcess
from tests.simulation.interleaved.scheduler import Scheduler
from tests.simulation.people import People
from tests.simulation.world import DATABASE, START, World, as_settled

LOOK_EVERY = 10
"""Steps between two looks at what the neighbours have posted."""
COUNT_EVERY = 100
"""Steps between two looks for a payment that is there twice."""
CALM_STEPS = 12_000
"""Once the faults are over both books agree within so many steps."""
LOGS_SECONDS = 301.0
"""By then the logs of both sides have been read again."""
FROM_OUTSIDE = (
    "the broker restarts",
    "the broker loses all it had",
    "the broker takes nothing",
    "an hour passes",
    "a record cannot be read yet",
)


class InterleavedWorld(World):
    """Two web processes, two workers and two sweepers on one database and one broker."""

    def __init__(self, directory: Path, seed: int, allowed: Any = None) -> None:
        self._allowed = allowed
        super().__init__(directory, 1, prepare=as_settled)
        self.seed = seed
        self.started_at = START
        self.database_file = directory / DATABASE
        self.is_over = False
        self.scheduler = Scheduler(seed, self.clock, allowed)
        self.broker = SimulatedBroker()
        topology.declare(self.broker.connect().channel())
        self.post = Post(self.scheduler, Random(f"post {seed}"))
        self.accounting = Accounting(self)
        self.connections: dict[str, list[ConsumingConnection]] = {}
        self.people = People(self, seed)
        self.scheduler.people = self._somebody_acts
        self.processes: list[SimulatedProcess] = [
            *(Web(self, f"web {number}") for number in (1, 2)),
            *(WorkerProcess(self, f"worker {number}") for number in (1, 2)),
            *(SweeperProcess(self, f"sweeper {number}") for number in (1, 2)),
        ]

    def ask(self, request: requests.PreparedRequest) -> "tuple[int, dict[str, str], bytes]":
        """A neighbour's answer to one of our processes."""
        return self._route(request)

    def close(self) -> None:
        self.is_over = True
        self.scheduler.end_all()
        self.accounting.close()
        super().close()

    # --- playing ---------------------------------------------------------------------------------

    def play(self, steps: int) -> None:
        """So many steps with faults, then calm until all is quiet, and the accounts."""
        random.seed(self.seed)
        with self._broker_for_loops():
            for process in self.processes:
                process.start()
            for _ in range(steps):
                self._step()
            self._calm_down()
            self.accounting.at_rest()

    def _step(self) -> None:
        while not self.scheduler.step():
            self._look_at_the_post()
        self.accounting.check()
        if self.scheduler.steps % LOOK_EVERY == 0:
            self._look_at_the_post()
        if self.scheduler.steps % COUNT_EVERY == 0 and self._is_free():
            # It may meet a fault that somebody has ordered.
            with suppress(SideError):
                self.accounting.nothing_twice()

    def _look_at_the_post(self) -> None:
        self.post.add(self.collect())

    def _is_free(self) -> bool:
        return not any(task.holds for task in self.scheduler.tasks)

    def _calm_down(self) -> None:
        """Faults end, everybody goes home, and what is under way comes to its end."""
        self.scheduler.is_calm = True
        while not self._is_free():
            self._step()
        self.broker.refuses = False
        self.broker.start()
        self.services.switches["readable_after_seconds"] = 0
        self.quickbooks.session.delete(f"{self.quickbooks.root}/sandbox/faults")
        self.people._close_until(None)
        for process in self.processes:
            process.still_until = 0.0
        limit = self.scheduler.steps + CALM_STEPS
        for _ in range(2):
            self._until_quiet(limit)
            self.clock.advance(LOGS_SECONDS)
        self._until_quiet(limit)

    def _until_quiet(self, limit: int) -> None:
        for number in itertools.count(1):
            self._step()
            if self.scheduler.steps > limit:
                raise Broken(f"not quiet {CALM_STEPS} steps after the last fault: {self.connection()}")
            if number % 50 == 0 and self._is_free() and self._is_quiet():
                return

    def _is_quiet(self) -> bool:
        waits = self.post.mails or any(queue.waiting for queue in self.broker.queues.values())
        dead = any(process.is_dead for process in self.processes)
        accounts = self.accounting
        return not (waits or dead or self._has_work() or accounts.outbox() or accounts.looks_due())

    # --- what happens to it ----------------------------------------------------------------------

    def _somebody_acts(self, chance: Random) -> str:
        if chance.random() < 0.15:
            what = chance.choice(FROM_OUTSIDE)
            self._from_outside(what, chance)
            return what
        self.people.random = chance
        act = self.people.act()
        return f"a person acts: {act}"

    def _from_outside(self, what: str, chance: Random) -> None:
        seconds = chance.uniform(1, 20)
        if what == FROM_OUTSIDE[0]:
            self.broker.stop()
            self.scheduler.later(seconds, self.broker.start)
        elif what == FROM_OUTSIDE[1]:
            self.broker.wipe()
            # Nobody can record what is lost there: both books are looked at instead.
            self.post.acknowledged.clear()
            self.scheduler.later(seconds, self.broker.start)
        elif what == FROM_OUTSIDE[2]:
            self.broker.refuses = True
            self.scheduler.later(seconds, self._takes_again)
        elif what == FROM_OUTSIDE[3]:
            self.clock.advance(3600)
        else:
            self.services.switches["readable_after_seconds"] = 5
            self.scheduler.later(30, self._can_be_read)

    def _takes_again(self) -> None:
        self.broker.refuses = False

    def _can_be_read(self) -> None:
        self.services.switches["readable_after_seconds"] = 0

    @contextmanager
    def _broker_for_loops(self) -> Iterator[None]:
        """The product's loops connect to the simulated broker by its address."""
        connect = broker_connection.connect

        def simulated(url: str, *arguments: Any, **more: Any) -> Any:
            if url != SIMULATED:
                return connect(url, *arguments, **more)
            self.scheduler.pause("broker: connects")
            made = ConsumingConnection(self.scheduler, self.broker)
            assert self.scheduler.current is not None
            self.connections.setdefault(self.scheduler.current.process.name, []).append(made)
            return made

        broker_connection.connect = simulated
        try:
            yield
        finally:
            broker_connection.connect = connect
