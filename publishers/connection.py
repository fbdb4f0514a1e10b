"""One connection to the broker with one channel in confirm mode, driven by the publisher's thread."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pika
from pika.adapters.select_connection import SelectConnection
from pika.exceptions import AMQPHeartbeatTimeout

from config import names, telemetry, traces
from config.logging import logger
from config.telemetry import Beat
from publishers.in_flight import InFlight, settle
from publishers.messages import BrokerDown, Message

HEARTBEAT_SECONDS = 8
SOCKET_SECONDS = 2.0
BLOCKED_SECONDS = 10.0
WATCH_SECONDS = 1.0
SUSPECT_SECONDS = 5.0
"""A broker that did not confirm in time is asked something; without an answer by then it is left and tried anew."""
STALL_SECONDS = 1.0
"""What a broker says nothing for at most while its disk is busy; after longer than that it hung."""
STALL_REMEMBERED_SECONDS = 60.0
DEAD_SECONDS = 16.0
"""The broker sends a heartbeat each half of ours: its silence is ended after the second."""

log = logger("publisher")


def parameters_for(url: str) -> pika.URLParameters:
    """How the publisher connects to `url`: one try, and nothing that waits for long."""
    parameters = pika.URLParameters(url)
    parameters.heartbeat = HEARTBEAT_SECONDS
    parameters.blocked_connection_timeout = BLOCKED_SECONDS
    parameters.socket_timeout = SOCKET_SECONDS
    parameters.stack_timeout = SOCKET_SECONDS * 2
    parameters.connection_attempts = 1
    return parameters


class Reach:
    """Whether the broker takes messages, from one connection to the next: the thread says so, callers look."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.tried = threading.Event()
        self.told_away = False
        self._monotonic = monotonic
        self._taking = threading.Event()
        self._suspect_since: float | None = None
        self._quiet_since = self._stalled_at = float("-inf")
        self._stall = 0.0
        self.answered_at = float("-inf")
        """By the monotonic clock."""

    @property
    def there(self) -> bool:
        """Whether there is a channel with confirms, and nothing asked waits for its answer."""
        return self._taking.is_set() and self._suspect_since is None

    def suspect(self, quiet_since: float) -> None:
        """It did not confirm in time: since then it says nothing."""
        if self._suspect_since is None:
            self._suspect_since, self._quiet_since = self._monotonic(), quiet_since

    def answered(self) -> None:
        """It said something about what it was asked or sent."""
        now = self._monotonic()
        stall = now - self._quiet_since
        if self._suspect_since is not None and stall <= STALL_SECONDS:
            self._stall, self._stalled_at = stall, now
        self._suspect_since, self.answered_at = None, now

    def patience(self, silence: float) -> float:
        """How long it may say nothing before it is suspected: after a stall twice as long as that, for a minute.

        Where a broker's disk is busy, writing to the outbox beside it would only make it busier.
        """
        recent = self._monotonic() - self._stalled_at < STALL_REMEMBERED_SECONDS
        return max(silence, 2 * self._stall) if recent else silence

    def suspected_for(self, now: float) -> float:
        """Seconds of the monotonic clock since it should have answered; 0 where nothing is missed."""
        return 0.0 if self._suspect_since is None else now - self._suspect_since

    def opened(self) -> None:
        """A channel confirms."""
        self._suspect_since, self.told_away = None, False
        self._taking.set()
        self.tried.set()
        telemetry.broker_up.set(1)

    def blocked(self, *_said: object) -> None:
        """The broker is short of memory or disk: it takes nothing until it says so."""
        log.warning("broker blocks publishing")
        self._taking.clear()

    def unblocked(self, *_said: object) -> None:
        """It takes messages again."""
        log.info("broker takes messages again")
        self._taking.set()

    def lost(self) -> None:
        """The connection is gone."""
        self._taking.clear()
        telemetry.broker_up.set(0)


class Watch:
    """Each second of a connection: shows that the thread lives, and leaves a broker that no longer says anything."""

    def __init__(self, connection: Any, reach: Reach, beat: Beat, heard: Beat) -> None:
        self._connection = connection
        self._reach = reach
        self._beat = beat
        self._heard = heard
        self._bytes, self._heard_at = 0, time.monotonic()
        heard()
        connection.ioloop.call_later(WATCH_SECONDS, self._look)

    def _look(self) -> None:
        self._beat()
        connection, now = self._connection, time.monotonic()
        if connection.is_closed:
            return
        if connection.bytes_received != self._bytes:
            self._bytes, self._heard_at = connection.bytes_received, now
            self._heard()
        suspect = self._reach.suspected_for(now) > SUSPECT_SECONDS
        if suspect or now - self._heard_at > DEAD_SECONDS:
            log.warning("the broker says nothing, connecting anew", suspect=suspect)
            _abort(connection)
        connection.ioloop.call_later(WATCH_SECONDS, self._look)


class _JoiningConnection(SelectConnection):
    """pika writes each of the three frames of a message by itself: here what is published at once leaves at once."""

    _joined: list[bytes] | None = None

    def _adapter_emit_data(self, data: bytes) -> None:
        if self._joined is None:
            super()._adapter_emit_data(data)  # type: ignore[misc]  # the stubs leave out what an adapter overrides
        else:
            self._joined.append(data)

    @contextmanager
    def in_one_write(self) -> Iterator[None]:
        """All that the block sends."""
        frames: list[bytes] = []
        self._joined = frames
        try:
            yield
        finally:
            self._joined = None
            if frames:
                self._adapter_emit_data(b"".join(frames))


class HandedOver:
    """What callers handed to the thread of a connection, which is woken once for all that waits for it."""

    def __init__(self, connection: "PublishingConnection") -> None:
        self._connection = connection
        self._waiting: deque[tuple[Message, Future[None]]] = deque()
        self._is_told = self._is_over = False

    def add(self, message: Message, future: "Future[None]") -> bool:
        """Have the thread publish; False when the connection has ended."""
        self._waiting.append((message, future))
        if self._is_over:
            return False
        if self._is_told:
            return True
        self._is_told = True
        return self._connection.in_thread(lambda: self._connection.publish_all(self._taken()))

    def _taken(self) -> Iterator[tuple[Message, "Future[None]"]]:
        # Before it looks: who adds something from now on tells it anew.
        self._is_told = False
        while self._waiting:
            yield self._waiting.popleft()

    def lost(self) -> None:
        """The connection has ended before it came to them."""
        self._is_over = True
        for _, future in self._taken():
            settle(future, BrokerDown("the broker is out of reach"))


class PublishingConnection:
    """A connection from its opening to its end; the next one is another.

    All but `handed` and `in_thread` is for the thread.
    """

    def __init__(self, parameters: pika.URLParameters, reach: Reach, stopping: threading.Event) -> None:
        self.in_flight = InFlight()
        self.handed = HandedOver(self)
        self._reach = reach
        self._stopping = stopping
        self._channel: Any = None
        self._connection: Any = _JoiningConnection(
            parameters,
            on_open_callback=self._opened,
            on_open_error_callback=self._ended,
            on_close_callback=self._ended,
        )

    def serve(self, beat: Beat, heard: Beat) -> None:
        """Publish and listen until the connection ends."""
        connection, ioloop = self._connection, self._connection.ioloop
        Watch(connection, self._reach, beat, heard)
        try:
            ioloop.start()
        finally:
            self._reach.lost()
            if not connection.is_closed:
                # A callback failed: nothing closes the socket but we.
                _abort(connection)
            ioloop.close()

    def in_thread(self, call: Callable[[], None]) -> bool:
        """Have the publisher's thread make `call`; False when the connection has just ended."""
        try:
            self._connection.ioloop.add_callback_threadsafe(call)
        except (OSError, AttributeError):
            # The loop was closed meanwhile: its wake-up socket is gone.
            return False
        return True

    def publish_all(self, messages: Iterable[tuple[Message, "Future[None]"]]) -> None:
        """As `publish`, and they leave together."""
        with self._connection.in_one_write():
            for message, future in messages:
                self.publish(message, future)

    def publish(self, message: Message, future: "Future[None]") -> None:
        """Persistent and mandatory; `future` ends with the confirm."""
        if self._channel is None or not self._channel.is_open:
            settle(future, BrokerDown("the broker is out of reach"))
            return
        self.in_flight.add(message.id, future)
        self._channel.basic_publish(
            names.EVENTS_EXCHANGE,
            message.routing_key,
            message.body,
            pika.BasicProperties(
                content_type="application/json",
                content_encoding="utf-8",
                delivery_mode=2,
                message_id=message.id,
                headers={traces.TRACEPARENT: message.traceparent} if message.traceparent else None,
            ),
            mandatory=True,
        )

    def probe(self) -> None:
        """Ask the broker something harmless: its answer, whenever it comes, says that it is there again."""
        if self._channel is not None and self._channel.is_open:
            self._channel.exchange_declare(names.EVENTS_EXCHANGE, passive=True, callback=self._answered)

    def close(self) -> None:
        """End it in an orderly way."""
        if not (self._connection.is_closing or self._connection.is_closed):
            self._connection.close()

    # --- what pika calls -------------------------------------------------------------------------

    def _opened(self, connection: Any) -> None:
        connection.add_on_connection_blocked_callback(self._reach.blocked)
        connection.add_on_connection_unblocked_callback(self._reach.unblocked)
        connection.channel(on_open_callback=self._channel_opened)

    def _channel_opened(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._channel_closed)
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(self._on_confirm, callback=self._confirms_on)

    def _confirms_on(self, _frame: Any) -> None:
        self._reach.opened()
        log.info("publishing with confirms")

    def _answered(self, _frame: Any) -> None:
        self._reach.answered()

    def _on_return(self, _channel: Any, _method: Any, properties: Any, _body: bytes) -> None:
        self.in_flight.returned(properties.message_id)

    def _on_confirm(self, frame: Any) -> None:
        self._reach.answered()
        self.in_flight.confirmed(frame.method)

    def _channel_closed(self, _channel: Any, reason: Exception) -> None:
        if not self._stopping.is_set():
            log.warning("channel closed", error=str(reason))
        self.close()

    def _ended(self, connection: Any, reason: Any) -> None:
        if not self._stopping.is_set():
            log.warning("broker lost", error=str(reason))
        connection.ioloop.stop()


def _abort(connection: Any) -> None:
    """Close the socket of a connection from which no answer comes: an orderly close would wait for one."""
    connection._terminate_stream(AMQPHeartbeatTimeout("no sign of life"))
