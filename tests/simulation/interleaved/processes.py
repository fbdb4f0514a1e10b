"""Simulated processes: the product's own parts and threads, on simulated ports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ravebooks import apps, process
from ravebooks.bootstrap import Parts
from tests.simulation import kept
from tests.simulation.interleaved import ports
from tests.simulation.interleaved.post import Mail
from tests.unit.ports import SeededEntropy
from tests.unit.wsgi_adapter import AnswerAdapter

if TYPE_CHECKING:
    from tests.simulation.interleaved.world import InterleavedWorld

SIMULATED = "amqp://simulated"
SETTINGS = {
    "broker_url": SIMULATED,
    "lease_seconds": 20.0,
    "http_seconds": 5.0,
    "worker_threads": 2,
    "sweep_seconds": 3.0,
    "cdc_seconds": 300.0,
}
RESTART_SECONDS = (0.2, 5.0)
END_SECONDS = 10.0
"""Who is told to end and has not is killed."""


class _Threads(process.Process):
    """The product's process, whose threads are tasks."""

    def __init__(self, parts: Parts, simulated: SimulatedProcess) -> None:
        super().__init__(parts)
        self._simulated = simulated
        self.stop = ports.Stop(simulated.world.scheduler)  # type: ignore[assignment]

    def _start(self, name: str, run: Callable[[], object]) -> None:
        self._simulated.world.scheduler.begin(self._simulated, name, run)


class SimulatedProcess:
    """A process that is started, dies or ends, and is started again."""

    def __init__(self, world: InterleavedWorld, name: str) -> None:
        self.world, self.name = world, name
        self.is_dead = True
        self.still_until = 0.0
        self._lives = 0
        self.parts: Parts
        self.threads: _Threads

    def start(self) -> None:
        """As its platform starts it: new parts, new connections, a clock that may be wrong by a second or two."""
        world = self.world
        self._lives += 1
        chance = SeededEntropy(hash_of(world.seed, self.name, self._lives))
        skew = 0.0 if world.scheduler.is_calm else chance.uniform(-2, 2)
        clock = ports.SkewedClock(world.scheduler, world.started_at, skew)
        settings = replace(world.parts.settings, **SETTINGS)  # type: ignore[arg-type]
        self.parts = parts = Parts(settings, clock, chance, self._adapter, owner=f"{self.name} {self._lives}")
        self.is_dead, self.still_until = False, 0.0
        parts.__dict__["database"] = database = ports.InterleavedDatabase(
            settings.database_url, clock, lambda: world.accounting.committed(self)
        )
        kept.statements(database)
        parts.__dict__["wakeups"] = ports.InterleavedWakeups(world.scheduler)
        parts.__dict__["nudger"] = ports.InterleavedNudger(world.scheduler, world.broker)
        parts.neighbours.tokens._turn = ports.Turn(world.scheduler)  # type: ignore[assignment]
        parts.publishing.__dict__["confirmed"] = ports.InterleavedPublisher(
            world.scheduler, world.broker, parts.publishing.look_everywhere
        )
        self.threads = _Threads(parts, self)
        self.run()

    def run(self) -> None:
        """Begin its threads."""

    def _adapter(self) -> AnswerAdapter:
        world, settings = self.world, self.world.parts.settings
        seconds = float(str(SETTINGS.get("http_seconds", settings.http_seconds)))
        return AnswerAdapter(
            ports.through_the_network(
                world.scheduler, seconds, world.ask, lambda request: world.accounting.sent(self, request)
            )
        )

    def die(self) -> None:
        """After all of its tasks."""
        self.parts.database.close()
        for connection in self.world.connections.pop(self.name, []):
            connection.collect(0)
        self.parts.publishing.confirmed._lost()
        self._again()

    def _again(self) -> None:
        if not self.world.is_over:
            chance = SeededEntropy(hash_of(self.world.seed, self.name, -self._lives))
            self.world.scheduler.later(chance.uniform(*RESTART_SECONDS), self.start)

    def end(self) -> None:
        """It is told to end, and killed when it does not."""
        self.threads.stop.set()
        life = self._lives

        def look() -> None:
            if not self.is_dead and self._lives == life:
                self.world.scheduler.kill(self)

        self.world.scheduler.later(END_SECONDS, look)


class Web(SimulatedProcess):
    """Takes what the neighbours post."""

    def run(self) -> None:
        self.client = apps.web(self.parts).test_client()
        for number in range(2):
            self.world.scheduler.begin(self, f"request {number}", self._serve)

    def _serve(self) -> None:
        scheduler, post = self.world.scheduler, self.world.post
        while not self.threads.stop.is_set():
            what = scheduler.pause("web: a request comes", ports.IDLE_SECONDS, post.has_mail, post.FAULTS)
            mail = post.take(what)
            if mail is not None:
                self._answer(mail)

    def _answer(self, mail: Mail) -> None:
        letter = mail.letter
        answer = self.client.post(urlsplit(letter.url).path, data=letter.body, headers=letter.headers)
        if self.world.scheduler.pause("web: answers", faults=(ports.ANSWER_LOST,)) is None:
            mail.answered(answer.status_code)


class WorkerProcess(SimulatedProcess):
    """Recorder, nudges, dead letters and reconcilers."""

    def run(self) -> None:
        self.threads.work()


class SweeperProcess(SimulatedProcess):
    """Sweeper and relay."""

    def run(self) -> None:
        self.threads.sweep()


def hash_of(*values: Any) -> int:
    """A seed of several values, the same in every process of Python's."""
    return int.from_bytes(repr(values).encode()) % (2**61 - 1)
