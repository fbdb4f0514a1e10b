"""Confirmed publishing with pika: one connection in a thread of its own, confirms pipelined.

Callers wait on a future with a deadline. Nothing connects before the first publish, so a process may fork
after this object is made.
"""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from math import inf
from typing import Any

from pika.adapters.blocking_connection import BlockingConnection
from pika.exceptions import ChannelClosedByBroker

from config.errors import RavebooksError
from config.foreign import described
from config.logging import logger
from config.ports import SystemClock
from config.repeats import Repeats
from config.telemetry import Progress
from publishers import topology
from publishers.connection import PublishingConnection, Reach, parameters_for
from publishers.messages import CONNECTION_ERRORS, BrokerDown, Message, NotConfirmed

RECONNECT_SECONDS = 0.5
STOP_SECONDS = 2.0
SILENT_SECONDS = 10.0
"""The broker sends a heartbeat each half of ours: its silence is told after the first."""
STUCK_SECONDS = 120.0
TELL_AGAIN_SECONDS = 5.0
NOT_ALLOWED = 403
"""AMQP's code for what a user has no right to."""

log = logger("publisher")


class ConfirmedPublisher:
    """Publishes persistent, mandatory messages and reports each confirm."""

    def __init__(
        self, url: str, on_queues_missing: Callable[[], None] | None = None, progress: Progress | None = None
    ) -> None:
        self._url = url
        self._on_queues_missing = on_queues_missing
        self._progress = progress or Progress(SystemClock())
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._pid = os.getpid()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._reach = Reach()
        self._connection: PublishingConnection | None = None
        self._missing: set[str] = set()

    # --- for callers -----------------------------------------------------------------------------

    def start(self) -> None:
        """Connect in the background; also after a fork, in the child."""
        with self._lock:
            if self._pid != os.getpid():
                self._forget()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
                self._thread.start()

    def send(self, message: Message, first_wait: float = 0.0) -> "Future[None]":
        """Hand one message over; the future ends with the confirm.

        Raises `BrokerDown` at once when the broker is known to be down. `first_wait` is how long the very
        first message of a process may wait for the first connection.
        """
        self.start()
        if not self._reach.tried.is_set():
            self._reach.tried.wait(first_wait)
        connection = self._connection
        if not self.connected or connection is None:
            raise BrokerDown("the broker is out of reach")
        future: Future[None] = Future()
        if not connection.handed.add(message, future):
            raise BrokerDown("the broker is out of reach")
        return future

    def confirm(self, future: "Future[None]", seconds: float, silence: float = inf) -> None:
        """Wait for one confirm. Raises `NotConfirmed`, or what the broker said.

        `NotConfirmed` after `seconds`, or once the broker has confirmed nothing at all for a `silence`, or for as long
        as it has needed lately.
        """
        begun = time.monotonic()
        while True:
            quiet_since = max(begun, self._reach.answered_at)
            until = min(begun + seconds, quiet_since + self._reach.patience(silence))
            try:
                return future.result(timeout=max(0.0, until - time.monotonic()))
            except TimeoutError:
                now = time.monotonic()
                if now < begun + seconds and self._reach.answered_at > quiet_since:
                    continue
                # Until the broker answers something again, nobody else waits for it.
                self._reach.suspect(quiet_since)
                connection = self._connection
                if connection is not None:
                    connection.in_thread(connection.probe)
                raise NotConfirmed(f"the broker did not confirm within {now - begun:.3g} s") from None

    @property
    def connected(self) -> bool:
        """Whether there is a channel with confirms."""
        return self._reach.there

    def stop(self) -> None:
        """Close the connection and end the thread."""
        self._stopping.set()
        thread = self._thread
        if thread is None or self._pid != os.getpid():
            return
        connection = self._connection
        if connection is not None:
            connection.in_thread(connection.close)
        thread.join(STOP_SECONDS)

    # --- in the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        self._beat = self._progress.expect("publisher", STUCK_SECONDS)
        self._heard = self._progress.expect("publisher: connection", SILENT_SECONDS)
        repeats = Repeats("publisher", log)
        while not self._stopping.is_set():
            wait = RECONNECT_SECONDS
            try:
                self._beat()
                self._serve()
                repeats.over()
            except Exception as error:  # noqa: BLE001 - the thread's outermost border
                wait = repeats.met(error)
            # Without a connection nothing is expected of one; readiness says that there is none.
            self._heard.rest()
            self._reach.tried.set()
            self._stopping.wait(wait)

    def _serve(self) -> None:
        """Publish while the connection lasts."""
        try:
            self._declare()
            self._connection = PublishingConnection(parameters_for(self._url), self._reach, self._stopping)
            self._connection.serve(self._beat, self._heard)
        except CONNECTION_ERRORS as error:
            if not self._reach.told_away:
                log.warning("broker out of reach, trying again by itself", error=described(error))
            self._reach.told_away = True
        finally:
            self._lost()

    def _declare(self) -> None:
        connection = BlockingConnection(parameters_for(self._url))
        try:
            missing = topology.missing_queues(connection.channel, ChannelClosedByBroker)
            # Kept until all are declared: where the broker is lost in between, the next try finds them there.
            self._missing.update(missing)
            self._declare_on(connection.channel(), needed=bool(missing))
        finally:
            if connection.is_open:
                connection.close()
        if self._missing:
            log.warning("queues were missing and are declared anew", queues=sorted(self._missing))
            self._missing.clear()
            # Not here: the database may be down, and this thread does nothing but publish.
            threading.Thread(target=self._tell_of_missing, name="missing queues", daemon=True).start()

    def _declare_on(self, channel: Any, *, needed: bool) -> None:
        """Declare everything; who may not has it done by `ravebooks release`, and publishes if it is all there."""
        try:
            topology.declare(channel)
        except ChannelClosedByBroker as error:
            if needed or error.reply_code != NOT_ALLOWED:
                raise

    def _tell_of_missing(self) -> None:
        """Until it is heard: the next time that somebody looks the queues are there."""
        repeats = Repeats("missing queues", log)
        while self._on_queues_missing is not None and not self._stopping.is_set():
            try:
                self._on_queues_missing()
            except RavebooksError as error:
                log.warning("missing queues not told, trying again", error=str(error))
                self._stopping.wait(TELL_AGAIN_SECONDS)
            except Exception as error:  # noqa: BLE001 - the thread's outermost border
                self._stopping.wait(repeats.met(error))
            else:
                return

    def _lost(self) -> None:
        connection, self._connection = self._connection, None
        self._reach.lost()
        if connection is not None:
            connection.in_flight.lost()
            connection.handed.lost()
