"""Confirmed publishing with pika: one connection in a thread of its own, confirms pipelined.

Callers wait on a future with a deadline. Nothing connects before the first publish, so a process may fork
after this object is made.
"""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from functools import partial
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingConnection
from pika.adapters.select_connection import SelectConnection
from pika.exceptions import AMQPError, AMQPHeartbeatTimeout, ChannelClosedByBroker

from config import names, telemetry
from config.errors import RavebooksError
from config.foreign import described
from config.logging import logger
from config.ports import SystemClock
from config.repeats import Repeats
from config.telemetry import Progress
from publishers import topology

HEARTBEAT_SECONDS = 8
SOCKET_SECONDS = 2.0
BLOCKED_SECONDS = 10.0
RECONNECT_SECONDS = 0.5
STOP_SECONDS = 2.0
WATCH_SECONDS = 1.0
SUSPECT_SECONDS = 5.0
"""A broker that did not confirm in time is asked something; without an answer by then it is left and tried anew."""
SILENT_SECONDS = 10.0
DEAD_SECONDS = 16.0
"""The broker sends a heartbeat each half of ours: its silence is told after the first, and ended after the second."""
STUCK_SECONDS = 120.0
TELL_AGAIN_SECONDS = 5.0

log = logger("publisher")


class BrokerError(RavebooksError):
    """The broker did not take a message."""

    remedy = "Nothing to do: the message waits in the outbox and the relay publishes it."


class BrokerDown(BrokerError):
    """The broker is known to be out of reach."""


class NotConfirmed(BrokerError):
    """The broker did not confirm in time: the message may be there or not."""


class Unroutable(BrokerError):
    """No queue takes the message, or the broker refused it."""


@dataclass(frozen=True)
class Message:
    """One message for the events exchange."""

    id: str
    routing_key: str
    body: bytes


@dataclass
class _InFlight:
    future: "Future[None]"
    message_id: str


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
        self._ready = threading.Event()
        self._tried = threading.Event()
        self._suspect_since: float | None = None
        self._out_of_reach = False
        self._heard_at = 0.0
        self._bytes = 0
        self._connection: Any = None
        self._channel: Any = None
        self._next_tag = 1
        self._in_flight: dict[int, _InFlight] = {}
        self._returned: set[str] = set()

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
        if not self._tried.is_set():
            self._tried.wait(first_wait)
        if not self.connected:
            raise BrokerDown("the broker is out of reach")
        future: Future[None] = Future()
        if not self._in_thread(partial(self._publish, message, future)):
            raise BrokerDown("the broker is out of reach")
        return future

    def confirm(self, future: "Future[None]", seconds: float) -> None:
        """Wait for one confirm. Raises `NotConfirmed` after `seconds`, or what the broker said."""
        try:
            future.result(timeout=seconds)
        except TimeoutError:
            # Until the broker answers something again, nobody else waits for it.
            if self._suspect_since is None:
                self._suspect_since = time.monotonic()
            self._in_thread(self._probe)
            raise NotConfirmed(f"the broker did not confirm within {seconds:g} s") from None

    @property
    def connected(self) -> bool:
        """Whether there is a channel with confirms."""
        return self._ready.is_set() and self._suspect_since is None

    def stop(self) -> None:
        """Close the connection and end the thread."""
        self._stopping.set()
        thread = self._thread
        if thread is None or self._pid != os.getpid():
            return
        self._in_thread(self._close)
        thread.join(STOP_SECONDS)

    def _in_thread(self, call: Callable[[], None]) -> bool:
        """Have the publisher's thread make `call`; False when its connection has just ended."""
        connection = self._connection
        if connection is None:
            return False
        try:
            connection.ioloop.add_callback_threadsafe(call)
        except (OSError, AttributeError):
            # The loop was closed between the two lines above: its wake-up socket is gone.
            return False
        return True

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
            self._tried.set()
            self._stopping.wait(wait)

    def _serve(self) -> None:
        """Publish while the connection lasts."""
        try:
            self._declare()
            self._connect()
        except (AMQPError, OSError) as error:
            if not self._out_of_reach:
                log.warning("broker out of reach, trying again by itself", error=described(error))
            self._out_of_reach = True
        finally:
            self._lost()

    def _parameters(self) -> pika.URLParameters:
        parameters = pika.URLParameters(self._url)
        parameters.heartbeat = HEARTBEAT_SECONDS
        parameters.blocked_connection_timeout = BLOCKED_SECONDS
        parameters.socket_timeout = SOCKET_SECONDS
        parameters.stack_timeout = SOCKET_SECONDS * 2
        parameters.connection_attempts = 1
        return parameters

    def _declare(self) -> None:
        connection = BlockingConnection(self._parameters())
        try:
            missing = topology.missing_queues(connection.channel, ChannelClosedByBroker)
            topology.declare(connection.channel())
        finally:
            if connection.is_open:
                connection.close()
        if missing:
            log.warning("queues were missing and are declared anew", queues=missing)
            # Not here: the database may be down, and this thread does nothing but publish.
            threading.Thread(target=self._tell_of_missing, name="missing queues", daemon=True).start()

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

    def _connect(self) -> None:
        self._connection = SelectConnection(
            self._parameters(),
            on_open_callback=self._opened,
            on_open_error_callback=self._ended,
            on_close_callback=self._ended,
        )
        connection, ioloop = self._connection, self._connection.ioloop
        self._bytes, self._heard_at = 0, time.monotonic()
        self._heard()
        ioloop.call_later(WATCH_SECONDS, self._watch)
        try:
            ioloop.start()
        finally:
            self._ready.clear()
            if not connection.is_closed:
                # A callback failed: nothing closes the socket but we.
                _abort(connection)
            ioloop.close()

    def _watch(self) -> None:
        """Each second: show that this thread lives, and leave a broker that no longer says anything."""
        self._beat()
        connection, now = self._connection, time.monotonic()
        if connection is None or connection.is_closed:
            return
        if connection.bytes_received != self._bytes:
            self._bytes, self._heard_at = connection.bytes_received, now
            self._heard()
        suspect = self._suspect_since is not None and now - self._suspect_since > SUSPECT_SECONDS
        if suspect or now - self._heard_at > DEAD_SECONDS:
            log.warning("the broker says nothing, connecting anew", suspect=suspect)
            _abort(connection)
        connection.ioloop.call_later(WATCH_SECONDS, self._watch)

    def _opened(self, connection: Any) -> None:
        connection.add_on_connection_blocked_callback(self._blocked)
        connection.add_on_connection_unblocked_callback(self._unblocked)
        connection.channel(on_open_callback=self._channel_opened)

    def _channel_opened(self, channel: Any) -> None:
        self._channel = channel
        self._next_tag = 1
        channel.add_on_close_callback(self._channel_closed)
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(self._on_confirm, callback=self._confirms_on)

    def _confirms_on(self, _frame: Any) -> None:
        self._suspect_since, self._out_of_reach = None, False
        self._ready.set()
        self._tried.set()
        telemetry.broker_up.set(1)
        log.info("publishing with confirms")

    def _probe(self) -> None:
        """Ask the broker something harmless: its answer, whenever it comes, says that it is there again."""
        if self._channel is not None and self._channel.is_open:
            self._channel.exchange_declare(names.EVENTS_EXCHANGE, passive=True, callback=self._answered)

    def _answered(self, _frame: Any) -> None:
        self._suspect_since = None

    def _blocked(self, _connection: Any, _frame: Any) -> None:
        """The broker is short of memory or disk: it takes nothing until it says so."""
        log.warning("broker blocks publishing")
        self._ready.clear()

    def _unblocked(self, _connection: Any, _frame: Any) -> None:
        log.info("broker takes messages again")
        self._ready.set()

    def _publish(self, message: Message, future: "Future[None]") -> None:
        if self._channel is None or not self._channel.is_open:
            _settle(future, BrokerDown("the broker is out of reach"))
            return
        self._in_flight[self._next_tag] = _InFlight(future, message.id)
        self._next_tag += 1
        self._channel.basic_publish(
            names.EVENTS_EXCHANGE,
            message.routing_key,
            message.body,
            pika.BasicProperties(
                content_type="application/json",
                content_encoding="utf-8",
                delivery_mode=2,
                message_id=message.id,
            ),
            mandatory=True,
        )

    def _on_return(self, _channel: Any, _method: Any, properties: Any, _body: bytes) -> None:
        self._returned.add(properties.message_id)

    def _on_confirm(self, frame: Any) -> None:
        self._suspect_since = None
        method = frame.method
        tags = [method.delivery_tag]
        if method.multiple:
            tags = [tag for tag in self._in_flight if tag <= method.delivery_tag]
        for tag in tags:
            entry = self._in_flight.pop(tag, None)
            if entry is None:
                continue
            if isinstance(method, pika.spec.Basic.Nack):
                _settle(entry.future, Unroutable("the broker refused the message"))
            elif entry.message_id in self._returned:
                self._returned.discard(entry.message_id)
                _settle(entry.future, Unroutable("no queue takes the message"))
            else:
                _settle(entry.future)

    def _channel_closed(self, _channel: Any, reason: Exception) -> None:
        if not self._stopping.is_set():
            log.warning("channel closed", error=str(reason))
        self._close()

    def _close(self) -> None:
        if self._connection is not None and not (self._connection.is_closing or self._connection.is_closed):
            self._connection.close()

    def _ended(self, connection: Any, reason: Any) -> None:
        if not self._stopping.is_set():
            log.warning("broker lost", error=str(reason))
        connection.ioloop.stop()

    def _lost(self) -> None:
        self._ready.clear()
        self._channel = None
        self._connection = None
        telemetry.broker_up.set(0)
        waiting, self._in_flight = list(self._in_flight.values()), {}
        self._returned.clear()
        for entry in waiting:
            _settle(entry.future, BrokerDown("the broker was lost before it confirmed"))


def _settle(future: "Future[None]", error: BrokerError | None = None) -> None:
    """End `future`, unless whoever waited has ended it."""
    try:
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
    except InvalidStateError:
        log.debug("nobody waits for this confirm any more")


def _abort(connection: Any) -> None:
    """Close the socket of a connection from which no answer comes: an orderly close would wait for one."""
    connection._terminate_stream(AMQPHeartbeatTimeout("no sign of life"))
