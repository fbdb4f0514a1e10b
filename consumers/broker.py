"""Consuming from RabbitMQ with kombu: deliveries into the recorder, nudges into the wake-ups, the dead into a table."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from kombu.connection import Connection
from kombu.entity import Queue
from kombu.exceptions import ContentDisallowed, DecodeError, KombuError
from kombu.message import Message
from kombu.messaging import Consumer

from config import names, telemetry
from config.logging import logger
from config.ports import Clock
from consumers.recorder import Recorder
from consumers.wakeups import Wakeups
from schemas import envelopes
from schemas.envelopes import Delivery, UndecodableMessage
from storage import dead_letters
from storage.database import Database, DatabaseDown

HEARTBEAT_SECONDS = 20
POLL_SECONDS = 0.2
GATHER_SECONDS = 0.02
RECONNECT_SECONDS = 1.0
PROBE_SECONDS = 1.0
PREFETCH = 100
HOARD = 100
"""Nudges held in this process at most: the rest stay on the queue for other workers."""

log = logger("broker")


def connect(url: str) -> Connection:
    """A kombu connection that confirms what it publishes."""
    return Connection(
        url,
        heartbeat=HEARTBEAT_SECONDS,
        connect_timeout=3,
        transport_options={"confirm_publish": True, "confirm_timeout": 3.0},
    )


class BrokerNudger:
    """Publishes nudges; each thread has a connection of its own, dropped after any error."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._local = threading.local()

    def nudge(self, connection_id: str) -> None:
        """Say "look at this connection". Raises `OSError` when the broker does not take it."""
        try:
            self._producer().publish(
                {"connection": connection_id},
                exchange="",
                routing_key=names.RECONCILE_QUEUE,
                serializer="json",
                delivery_mode=1,
                mandatory=False,
            )
        except (OSError, KombuError, *Connection("memory://").connection_errors) as error:
            self._local.__dict__.clear()
            raise ConnectionError(f"the broker did not take a nudge: {error}") from error

    def _producer(self) -> Any:
        if not hasattr(self._local, "producer"):
            self._local.connection = connect(self._url)
            self._local.producer = self._local.connection.Producer()
        return self._local.producer


class Loop(ABC):
    """Consumes one queue until it is stopped, and connects again by itself after any outage."""

    name = "loop"
    queue = ""
    prefetch = PREFETCH

    def __init__(self, url: str, stop: threading.Event, beat: Callable[[], None]) -> None:
        self._url = url
        self._stop = stop
        self._beat = beat
        self._messages: list[Message] = []

    def run(self) -> None:
        """Consume until `stop` is set."""
        while not self._stop.is_set():
            try:
                with connect(self._url) as connection:
                    self._consume(connection)
            except self._connection_errors() as error:
                log.warning("broker lost, connecting again", loop=self.name, error=str(error))
                self._messages.clear()
                self._stop.wait(RECONNECT_SECONDS)
            except Exception:  # the loop's outermost border
                telemetry.loop_errors.labels(self.name).inc()
                log.exception("unexpected error", loop=self.name)
                self._messages.clear()
                self._stop.wait(RECONNECT_SECONDS)
            self._beat()

    @staticmethod
    def _connection_errors() -> tuple[type[BaseException], ...]:
        probe = Connection("amqp://")
        return (*probe.connection_errors, *probe.channel_errors, OSError, KombuError)

    def _consume(self, connection: Connection) -> None:
        channel = connection.channel()
        channel.basic_qos(0, self.prefetch, False)
        consumer = Consumer(
            channel,
            queues=[Queue(self.queue, no_declare=True)],
            callbacks=[],
            on_message=self._messages.append,
            auto_declare=False,
        )
        consumer.consume()
        log.info("consuming", loop=self.name, queue=self.queue)
        while not self._stop.is_set():
            self._drain(connection)
            taken = self._take()
            if taken and not self.handle(taken):
                # No longer a consumer, the messages given back come to us once, not again and again.
                consumer.cancel()
                for message in taken:
                    if not message.acknowledged:
                        message.requeue()
                self.wait_until_ready(connection)
                return
            self._beat()
        consumer.cancel()

    def _drain(self, connection: Connection) -> None:
        """Gather a batch: wait for the first message, then take what comes within a moment."""
        connection.heartbeat_check()
        deadline, timeout = time.monotonic() + POLL_SECONDS, POLL_SECONDS
        while len(self._messages) < self.prefetch and time.monotonic() < deadline:
            try:
                connection.drain_events(timeout=timeout)
            except TimeoutError:
                return
            timeout = GATHER_SECONDS

    def _take(self) -> list[Message]:
        taken, self._messages[:] = list(self._messages), []
        return taken

    @abstractmethod
    def handle(self, messages: list[Message]) -> bool:
        """Handle a batch; False when the loop has to pause: what is not acknowledged then goes back."""

    def wait_until_ready(self, connection: Connection) -> None:  # noqa: B027 - only some loops have to wait
        """Wait for what `handle` missed."""


class InboundLoop(Loop):
    """Deliveries into the recorder. While the database is down it consumes nothing: good messages keep their limit."""

    name = "recorder"
    queue = names.INBOUND_QUEUE

    def __init__(
        self,
        url: str,
        stop: threading.Event,
        beat: Callable[[], None],
        recorder: Recorder,
        database: Database,
    ) -> None:
        super().__init__(url, stop, beat)
        self._recorder = recorder
        self._database = database

    def handle(self, messages: list[Message]) -> bool:
        decoded = self._decode(messages)
        try:
            self._recorder.record([delivery for _, delivery in decoded])
        except DatabaseDown as error:
            log.warning("database down, consuming stops", error=str(error))
            return False
        except Exception:
            # The loop's own border: one message may be poison, so each is tried alone.
            log.exception("a batch could not be recorded, trying one by one", size=len(decoded))
            return self._one_by_one(decoded)
        for message, _ in decoded:
            message.ack()
        return True

    def _decode(self, messages: list[Message]) -> list[tuple[Message, Delivery]]:
        decoded = []
        for message in messages:
            try:
                decoded.append((message, envelopes.decode(message.body)))
            except UndecodableMessage as error:
                log.error("undecodable message dead-lettered", error=str(error))
                message.reject()
        return decoded

    def _one_by_one(self, decoded: list[tuple[Message, Delivery]]) -> bool:
        for message, delivery in decoded:
            try:
                self._recorder.record([delivery])
            except DatabaseDown:
                return False
            except Exception:
                # It goes back, and to the dead letters when its delivery limit is used up.
                telemetry.loop_errors.labels(self.name).inc()
                log.exception("message given back", delivery=delivery.id)
                message.requeue()
            else:
                message.ack()
        return True

    def wait_until_ready(self, connection: Connection) -> None:
        while not self._stop.wait(PROBE_SECONDS):
            self._beat()
            connection.heartbeat_check()
            try:
                self._database.check()
            except DatabaseDown:
                continue
            log.info("database back, consuming again")
            return


class NudgeLoop(Loop):
    """Nudges into the process's wake-ups; acknowledged on receipt, since the sweeper repeats what is lost."""

    name = "nudges"
    queue = names.RECONCILE_QUEUE
    prefetch = 20

    def __init__(self, url: str, stop: threading.Event, beat: Callable[[], None], wakeups: Wakeups) -> None:
        super().__init__(url, stop, beat)
        self._wakeups = wakeups

    def handle(self, messages: list[Message]) -> bool:
        for message in messages:
            try:
                connection_id = message.payload["connection"]
            except (DecodeError, ContentDisallowed, KeyError, TypeError) as error:
                log.error("undecodable nudge dead-lettered", error=str(error))
                message.reject()
                continue
            message.ack()
            self._wakeups.nudge(str(connection_id))
        while len(self._wakeups) > HOARD and not self._stop.wait(POLL_SECONDS):
            self._beat()
        return True


class DeadLetterLoop(Loop):
    """The dead into a table, where somebody sees them and drives them again."""

    name = "dead letters"
    queue = names.DEAD_QUEUE

    def __init__(
        self, url: str, stop: threading.Event, beat: Callable[[], None], database: Database, clock: Clock
    ) -> None:
        super().__init__(url, stop, beat)
        self._database = database
        self._clock = clock

    def handle(self, messages: list[Message]) -> bool:
        for message in messages:
            try:
                self._keep(message)
            except DatabaseDown:
                return False
            message.ack()
        return True

    def _keep(self, message: Message) -> None:
        # RabbitMQ says where it died and why; a client's own x-death is ignored by RabbitMQ 4.
        deaths = message.headers.get("x-death") or [{}]
        death = deaths[0] if isinstance(deaths[0], dict) else {}
        reason = str(death.get("reason", "unknown"))
        body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
        with self._database.transaction() as session:
            dead_letters.keep(
                session,
                message_id=str(message.properties.get("message_id") or ""),
                queue=str(death.get("queue", "")),
                routing_key=str((death.get("routing-keys") or [""])[0]),
                reason=reason,
                body=body,
                now=self._clock.now(),
            )
        telemetry.dead_letters.labels(reason).inc()
        log.error("message dead-lettered", reason=reason, queue=death.get("queue"))

    def wait_until_ready(self, connection: Connection) -> None:
        while not self._stop.wait(PROBE_SECONDS):
            self._beat()
            connection.heartbeat_check()
            try:
                self._database.check()
            except DatabaseDown:
                continue
            return
