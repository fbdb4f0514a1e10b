"""Threads and servers of a process, and how they end."""

import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from flask import Flask

from config.errors import RavebooksError
from config.logging import logger
from config.repeats import Repeats
from consumers.dead_letters import DeadLetterLoop
from consumers.inbound import InboundLoop
from consumers.loop import STUCK_SECONDS, Loop
from consumers.nudges import NudgeLoop
from ravebooks import apps, tracing
from ravebooks.bootstrap import Parts
from ravebooks.serving.server import Server
from storage import connections
from sync import duties
from sync.operating import signs

DRAIN_SECONDS = 8.0
"""For all threads and servers together, in the ten that an operator waits."""
TAKE_SECONDS = 0.5
BULK_SECONDS = 1.0

ONCE_MORE_SECONDS = 1.0

EndingStep = Callable[[float], object]
"""Takes part in ending, for so many seconds at most."""

log = logger("process")


class Process:
    """The threads of one process: started together, stopped together."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._servers: list[Server] = []
        self._end_traces: Callable[[], object] = lambda: None

    # --- what a process can do -------------------------------------------------------------------

    def serve(self, app: Flask, listening: socket.socket, name: str = "web") -> None:
        """Serve `app` on a listening socket."""
        parts, settings = self.parts, self.parts.settings
        limits = settings.body_limit_bytes, parts.clock, parts.tally
        server = Server(app, listening, *limits, name, settings.trusted_proxies)
        server.start(parts.progress.expect(name, STUCK_SECONDS))
        self._servers.append(server)

    def receive(self, public: socket.socket, operations: socket.socket | None = None) -> None:
        """Serve receivers, API and consent; what is for operators on a socket of its own, if there is one."""
        if operations is None:
            self.serve(apps.web(self.parts), public)
            return
        web, beside = apps.web_apart(self.parts)
        self.serve(web, public)
        self.serve(beside, operations, "operations")

    @property
    def serving(self) -> bool:
        """Whether every server of this process gets on."""
        return not {server.name for server in self._servers} & set(self.parts.progress.stuck())

    def work(self) -> None:
        """Reconcile: as many threads as the settings say, fed by the wake-ups and, with a broker, by its queues.

        What happened in Ravetree while nobody ran is looked at first, and what stalled is tried at once.
        """
        self._once("first look", partial(_look_first, self.parts))
        for number in range(self.parts.settings.worker_threads):
            self._start(f"reconciler {number}", self._reconcile_loop())
        if self.parts.settings.embedded:
            return
        # The publisher declares the topology that the loops consume from.
        self.parts.publishing.confirmed.start()
        url = self.parts.settings.broker_url
        progress, clock = self.parts.progress, self.parts.clock
        loops: list[Loop] = [
            InboundLoop(url, self.stop, progress, clock, self.parts.consuming.recorder, self.parts.database),
            NudgeLoop(url, self.stop, progress, clock, self.parts.wakeups),
            DeadLetterLoop(url, self.stop, progress, clock, self.parts.database),
        ]
        for loop in loops:
            self._start(loop.name, loop.run)

    def sweep(self) -> None:
        """Find what is due and nudge, and take work over many further; with a broker also relay the outbox."""
        self._repeat("sweeper", self.parts.settings.sweep_seconds, self.parts.consuming.sweeper.sweep)
        self._repeat("work over many", BULK_SECONDS, self.parts.operating.bulk.step)
        if not self.parts.settings.embedded:
            self._repeat("relay", self.parts.settings.sweep_seconds, self.parts.publishing.relay.relay)

    def live(self, role: str) -> None:
        """Give signs of life and send traces, and tell operators what is not well if it is this process's turn."""
        self._end_traces = tracing.begin(self.parts.settings, role)
        self._repeat("signs of life", signs.EVERY, self.parts.operating.signs(role).give)
        self._repeat("teller", self.parts.settings.tell_seconds, self.parts.operating.teller.step)

    # --- loops -----------------------------------------------------------------------------------

    def _reconcile_loop(self) -> Callable[[], None]:
        reconciler = self.parts.consuming.reconciler()
        beat = self.parts.progress.expect(f"reconciler {len(self._threads)}", STUCK_SECONDS)
        repeats = Repeats("reconciler", log, self.parts.clock)

        def run() -> None:
            while not self.stop.is_set():
                beat()
                connection_id = self.parts.wakeups.take(TAKE_SECONDS)
                if connection_id is None:
                    continue
                try:
                    if reconciler.work(connection_id):
                        self.parts.wakeups.nudge(connection_id)
                    repeats.over()
                except RavebooksError as error:
                    log.warning("slice failed, the sweeper tries again", connection=connection_id, error=str(error))
                    self.stop.wait(1.0)
                except Exception as error:  # noqa: BLE001 - the thread's outermost border
                    self.stop.wait(repeats.met(error, connection=connection_id))

        return run

    def _repeat(self, name: str, seconds: float, step: Callable[[], int]) -> None:
        beat = self.parts.progress.expect(name, STUCK_SECONDS)
        repeats = Repeats(name, log, self.parts.clock)

        def run() -> None:
            while not self.stop.is_set():
                wait = seconds
                try:
                    step()
                    repeats.over()
                except RavebooksError as error:
                    log.warning("round failed", loop=name, error=str(error))
                except Exception as error:  # noqa: BLE001 - the thread's outermost border
                    wait = max(seconds, repeats.met(error))
                beat()
                self.stop.wait(wait)

        self._start(name, run)

    def _once(self, name: str, step: Callable[[], None]) -> None:
        """Do `step` in the background, again until it has gone well once."""
        repeats = Repeats(name, log, self.parts.clock)

        def run() -> None:
            while not self.stop.is_set():
                try:
                    step()
                except RavebooksError as error:
                    log.warning("put off", step=name, error=str(error))
                    self.stop.wait(ONCE_MORE_SECONDS)
                except Exception as error:  # noqa: BLE001 - the thread's outermost border
                    self.stop.wait(repeats.met(error))
                else:
                    return

        self._start(name, run)

    def _start(self, name: str, run: Callable[[], object]) -> None:
        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    # --- ending ----------------------------------------------------------------------------------

    def end_on_signals(self) -> None:
        """From now on being told to end is what `wait_for_signal` waits for, and no interruption."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop.set())

    def wait_for_signal(self) -> None:
        """Return when the process is told to end."""
        self.end_on_signals()
        while not self.stop.wait(1.0):
            pass

    def drain(self) -> None:
        """Take nothing new, finish what is under way, close everything: in `DRAIN_SECONDS` all together.

        Who hangs on a database or a broker that does not answer is left where it stands. Nothing is lost by it:
        leases run out, messages that were not acknowledged come again, writes are journalled.
        """
        log.info("draining")
        self.stop.set()
        within(
            DRAIN_SECONDS,
            [server.stop for server in self._servers],
            [thread.join for thread in self._threads],
            [partial(self._last, "closing", self.parts.close), partial(self._last, "traces", self._end_traces)],
        )
        self.parts.tally.tell(everything=True)
        late = [thread.name for thread in self._threads if thread.is_alive()]
        if late:
            log.warning("ended with work under way", threads=late)
        else:
            log.info("ended")

    def _last(self, name: str, step: Callable[[], object], seconds: float) -> None:
        self._start(name, step)
        self._threads[-1].join(seconds)


def _look_first(parts: Parts) -> None:
    with parts.database.transaction() as session:
        duties.look_at_events(session, parts.clock.now())
        # This program may be a newer one than that which stalled.
        connections.try_again(session)


def within(seconds: float, *stages: Sequence[EndingStep], monotonic: Callable[[], float] = time.monotonic) -> None:
    """Take every step of every stage, one after the other, each with the seconds that are left for all."""
    deadline = monotonic() + seconds
    for stage in stages:
        for step in stage:
            step(max(0.0, deadline - monotonic()))
