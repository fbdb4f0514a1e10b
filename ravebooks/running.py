"""Threads and servers of a process, and how they end."""

import logging
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

from flask import Flask
from waitress.server import create_server

from config import telemetry
from config.errors import RavebooksError
from config.logging import logger
from consumers.broker import DeadLetterLoop, InboundLoop, Loop, NudgeLoop
from ravebooks.bootstrap import Parts

DRAIN_SECONDS = 25.0
WEB_THREADS = 16
TAKE_SECONDS = 0.5
STUCK_SECONDS = 120.0

log = logger("process")


class Server:
    """A WSGI server in a thread: waitress, which needs no fork and caps and joins chunked bodies itself."""

    def __init__(self, app: Flask, host: str, port: int, body_limit: int, threads: int = WEB_THREADS) -> None:
        logging.getLogger("waitress").setLevel(logging.ERROR)
        server: Any = create_server(
            app,
            host=host,
            port=port,
            threads=threads,
            # A little over the receivers' own limit, which answers in JSON.
            max_request_body_size=body_limit * 2,
            clear_untrusted_proxy_headers=True,
            ident=None,
        )
        self._server = server
        self.port = int(self._server.effective_port)
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    def start(self) -> None:
        """Serve in the background."""
        self._thread.start()

    def _run(self) -> None:
        try:
            self._server.run()
        except OSError as error:
            # Closing the listening socket ends the loop this way.
            log.debug("server ended", error=str(error))

    def stop(self) -> None:
        """Finish what is being answered, then close."""
        # The listening socket goes last: closing it takes the pipe away by which answers wake the loop.
        self._server.task_dispatcher.shutdown(timeout=5)
        self._server.close()


class Process:
    """The threads of one process: started together, stopped together."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._servers: list[Server] = []

    # --- what a process can do -------------------------------------------------------------------

    def serve(self, app: Flask, port: int) -> Server:
        """Serve `app` on a port."""
        server = Server(app, self.parts.settings.host, port, self.parts.settings.body_limit_bytes)
        server.start()
        self._servers.append(server)
        return server

    def work(self) -> None:
        """Reconcile: as many threads as the settings say, fed by the wake-ups and, with a broker, by its queues."""
        for number in range(self.parts.settings.worker_threads):
            self._start(f"reconciler {number}", self._reconcile_loop())
        if self.parts.settings.embedded:
            return
        # The publisher declares the topology that the loops consume from.
        self.parts.confirmed.start()
        url = self.parts.settings.broker_url
        expect = self.parts.progress.expect
        loops: list[Loop] = [
            InboundLoop(url, self.stop, expect("recorder", STUCK_SECONDS), self.parts.recorder, self.parts.database),
            NudgeLoop(url, self.stop, expect("nudges", STUCK_SECONDS), self.parts.wakeups),
            DeadLetterLoop(
                url, self.stop, expect("dead letters", STUCK_SECONDS), self.parts.database, self.parts.clock
            ),
        ]
        for loop in loops:
            self._start(loop.name, loop.run)

    def sweep(self) -> None:
        """Find what is due and nudge; with a broker also relay the outbox."""
        self._repeat("sweeper", self.parts.settings.sweep_seconds, self.parts.sweeper.sweep)
        if not self.parts.settings.embedded:
            self._repeat("relay", self.parts.settings.sweep_seconds, self.parts.relay.relay)

    # --- loops -----------------------------------------------------------------------------------

    def _reconcile_loop(self) -> Callable[[], None]:
        reconciler = self.parts.reconciler()
        beat = self.parts.progress.expect(f"reconciler {len(self._threads)}", STUCK_SECONDS)

        def run() -> None:
            while not self.stop.is_set():
                beat()
                connection_id = self.parts.wakeups.take(TAKE_SECONDS)
                if connection_id is None:
                    continue
                try:
                    if reconciler.work(connection_id):
                        self.parts.wakeups.nudge(connection_id)
                except RavebooksError as error:
                    log.warning("slice failed, the sweeper tries again", connection=connection_id, error=str(error))
                    self.stop.wait(1.0)
                except Exception:  # the thread's outermost border
                    telemetry.loop_errors.labels("reconciler").inc()
                    log.exception("unexpected error", connection=connection_id)
                    self.stop.wait(1.0)

        return run

    def _repeat(self, name: str, seconds: float, step: Callable[[], int]) -> None:
        beat = self.parts.progress.expect(name, STUCK_SECONDS)

        def run() -> None:
            while not self.stop.is_set():
                try:
                    step()
                except RavebooksError as error:
                    log.warning("round failed", loop=name, error=str(error))
                except Exception:  # the thread's outermost border
                    telemetry.loop_errors.labels(name).inc()
                    log.exception("unexpected error", loop=name)
                beat()
                self.stop.wait(seconds)

        self._start(name, run)

    def _start(self, name: str, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    # --- ending ----------------------------------------------------------------------------------

    def wait_for_signal(self) -> None:
        """Return when the process is told to end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop.set())
        while not self.stop.wait(1.0):
            pass

    def drain(self) -> None:
        """Take nothing new, finish what is under way, close everything."""
        log.info("draining")
        self.stop.set()
        for server in self._servers:
            server.stop()
        for thread in self._threads:
            thread.join(DRAIN_SECONDS)
        self.parts.close()
        log.info("ended")


def free_port(host: str, wanted: int) -> int:
    """`wanted` if nobody listens there, else 0 (any)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except OSError:
            return 0
    return wanted
