"""Consuming from RabbitMQ with kombu: deliveries into the recorder, nudges into the wake-ups, the dead into a table."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from kombu.connection import Connection
from kombu.entity import Queue
from kombu.message import Message
from kombu.messaging import Consumer

from config import names, telemetry
from config.foreign import described
from config.logging import logger
from config.ports import Clock
from config.repeats import Repeats
from config.telemetry import Progress
from consumers import broker_connection
from consumers.broker_connection import ERRORS
from consumers.recorder import Recorder
from consumers.wakeups import Wakeups
from schemas import envelopes, strict_json
from schemas.envelopes import Delivery, UndecodableMessage
from schemas.strict_json import MalformedJson
from storage import dead_letters, outbox
from storage.database import Database, DatabaseDown

POLL_SECONDS = 0.2
GATHER_SECONDS = 0.02
RECONNECT_SECONDS = 1.0
PROBE_SECONDS = 1.0
STUCK_SECONDS = 120.0
SILENT_SECONDS = 10.0
"""The broker says something each half heartbeat: after so long its connection is taken for dead."""
NUDGE_SECONDS = 2.0
PREFETCH = 100
HOARD = 100
"""Nudges held in this process at most: the rest stay on the queue for other workers."""

REASONS = frozenset({"rejected", "expired", "maxlen", "delivery_limit"})
"""Why RabbitMQ dead-letters; anything else a publisher may have written."""

log = logger("broker")


class BrokerNudger:
    """Publishes nudges; each thread has a connection of its own, dropped after any error."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._local = threading.local()
        self._down_until = 0.0

    def nudge(self, connection_id: str) -> None:
        """Say "look at this connection". Raises `OSError` when the broker does not take it."""
        self._call(
            lambda connection: connection.Producer().publish(
                {"connection": connection_id},
                exchange="",
                routing_key=names.RECONCILE_QUEUE,
                serializer="json",
                delivery_mode=1,
                mandatory=False,
            )
        )

    def waiting(self) -> int:
        """How many nudges nobody has taken yet. Raises `OSError` when the broker does not say."""
        found: int = self._call(
            lambda connection: connection.default_channel.queue_declare(names.RECONCILE_QUEUE, passive=True)
        ).message_count
        return found

    def _call(self, call: Callable[[Connection], Any]) -> Any:
        """Make `call` on this thread's connection; one that was kept may have died meanwhile, so then on a new one."""
        if time.monotonic() < self._down_until:
            raise ConnectionError("the broker did not take the last nudge")
        try:
            kept: Connection | None = getattr(self._local, "connection", None)
            if kept is not None:
                try:
                    return call(kept)
                except ERRORS:
                    self._drop()
            self._local.connection = broker_connection.connect(self._url, 0, NUDGE_SECONDS)
            return call(self._local.connection)
        except ERRORS as error:
            self._drop()
            # A broker that hangs costs one caller its time, not each in turn.
            self._down_until = time.monotonic() + RECONNECT_SECONDS
            raise ConnectionError(f"the broker did not take a nudge ({described(error)})") from error

    def _drop(self) -> None:
        connection: Connection | None = self._local.__dict__.pop("connection", None)
        if connection is not None:
            broker_connection.drop(connection)


class Loop(ABC):
    """Consumes one queue until it is stopped, and connects again by itself after any outage.

    It shows two signs of life: that it gets on, and, while it is connected, that the broker still says something.
    """

    name = "loop"
    queue = ""
    prefetch = PREFETCH

    def __init__(self, url: str, stop: threading.Event, progress: Progress, clock: Clock) -> None:
        self._url = url
        self._stop = stop
        self._beat = progress.expect(self.name, STUCK_SECONDS)
        self._heard = progress.expect(f"{self.name}: connection", SILENT_SECONDS)
        self._repeats = Repeats(self.name, log, clock)
        self._messages: list[Message] = []
        self._bytes = 0

    def run(self) -> None:
        """Consume until `stop` is set."""
        while not self._stop.is_set():
            self._stop.wait(self._round())
            self._messages.clear()
            self._beat()

    def _round(self) -> float:
        """Consume while the connection lasts; returns the seconds to wait before the next one."""
        try:
            if not self.is_ready():
                self._heard.rest()
                return PROBE_SECONDS
            with broker_connection.closing(self._connect()) as connection:
                self._consume(connection)
        except ERRORS as error:
            log.warning("broker lost, connecting again", loop=self.name, error=described(error))
            return RECONNECT_SECONDS
        except Exception as error:  # noqa: BLE001 - the loop's outermost border
            return self._repeats.met(error)
        return 0.0

    def _connect(self) -> Connection:
        try:
            connection = broker_connection.connect(self._url)
        except TimeoutError:
            # It hangs, as a dead connection does: silent until it says something.
            raise
        except ERRORS:
            # It is known to be down: readiness says so, and the loop gets on by trying again.
            self._heard.rest()
            raise
        self._heard()
        return connection

    def _consume(self, connection: Connection) -> None:
        channel = broker_connection.raw_channel(connection)
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
            self._gather(connection)
            taken = self._take() if self.has_room() else []
            if taken and not self._handle(taken):
                # No longer a consumer, the messages given back come to us once, not again and again.
                consumer.cancel()
                for message in [*taken, *self._take()]:
                    if not message.acknowledged:
                        message.requeue()
                return
            self._beat()
        consumer.cancel()

    def _gather(self, connection: Connection) -> None:
        """Gather a batch: wait for the first message, then take what comes within a moment.

        What came while nobody read is read before the heartbeats are judged. Without room for messages it reads on,
        since heartbeats come the same way.
        """
        deadline, timeout = time.monotonic() + POLL_SECONDS, POLL_SECONDS
        while time.monotonic() < deadline and not (self.has_room() and len(self._messages) >= self.prefetch):
            try:
                connection.drain_events(timeout=timeout)
            except TimeoutError:
                break
            timeout = GATHER_SECONDS
        if connection.connection.bytes_recv != self._bytes:
            self._bytes = connection.connection.bytes_recv
            self._heard()
        connection.heartbeat_check()

    def _take(self) -> list[Message]:
        taken, self._messages[:] = list(self._messages), []
        return taken

    def _handle(self, messages: list[Message]) -> bool:
        # Nobody listens to the broker meanwhile.
        self._heard.rest()
        went_well = self.handle(messages)
        self._heard()
        self._repeats.over()
        return went_well

    @abstractmethod
    def handle(self, messages: list[Message]) -> bool:
        """Handle a batch; False when the loop has to pause: what is not acknowledged then goes back."""

    def is_ready(self) -> bool:
        """Whether what it needs is there: until then it consumes nothing, and good messages keep their limit."""
        return True

    def has_room(self) -> bool:
        """Whether a batch can be handled now."""
        return True


class InboundLoop(Loop):
    """Deliveries into the recorder. While the database is down it consumes nothing: good messages keep their limit."""

    name = "recorder"
    queue = names.INBOUND_QUEUE

    def __init__(
        self,
        url: str,
        stop: threading.Event,
        progress: Progress,
        clock: Clock,
        recorder: Recorder,
        database: Database,
    ) -> None:
        super().__init__(url, stop, progress, clock)
        self._recorder = recorder
        self._database = database

    def handle(self, messages: list[Message]) -> bool:
        decoded = self._decode(messages)
        try:
            self._recorder.record([delivery for _, delivery in decoded])
        except DatabaseDown as error:
            log.warning("database down, consuming stops", error=str(error))
            return False
        except Exception as error:  # noqa: BLE001
            # The loop's own border: one message may be poison, so each is tried alone.
            log.warning(
                "a batch could not be recorded, trying one by one", size=len(decoded), error=described(error)[:300]
            )
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
            except Exception as error:  # noqa: BLE001 - the message's own border
                # It goes back, and to the dead letters when its delivery limit is used up.
                self._repeats.met(error, delivery=delivery.id)
                message.requeue()
            else:
                message.ack()
        return True

    def is_ready(self) -> bool:
        return _takes_writes(self._database)


class NudgeLoop(Loop):
    """Nudges into the process's wake-ups; acknowledged on receipt, since the sweeper repeats what is lost."""

    name = "nudges"
    queue = names.RECONCILE_QUEUE
    prefetch = 20

    def __init__(self, url: str, stop: threading.Event, progress: Progress, clock: Clock, wakeups: Wakeups) -> None:
        super().__init__(url, stop, progress, clock)
        self._wakeups = wakeups

    def handle(self, messages: list[Message]) -> bool:
        for message in messages:
            connection_id = nudged_connection(message.body)
            if connection_id is None:
                log.error("undecodable nudge dead-lettered", size=len(message.body))
                message.reject()
                continue
            message.ack()
            self._wakeups.nudge(connection_id)
        return True

    def has_room(self) -> bool:
        return len(self._wakeups) <= HOARD


def nudged_connection(body: bytes) -> str | None:
    """The connection that a nudge is about, if it is one."""
    try:
        said = strict_json.loads(body)
    except MalformedJson:
        return None
    connection_id = said.get("connection") if isinstance(said, dict) else None
    return connection_id if envelopes.is_name(connection_id) else None


class DeadLetterLoop(Loop):
    """The dead into a table, whatever they are, where somebody sees them and drives them again."""

    name = "dead letters"
    queue = names.DEAD_QUEUE

    def __init__(self, url: str, stop: threading.Event, progress: Progress, clock: Clock, database: Database) -> None:
        super().__init__(url, stop, progress, clock)
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
        queue, routing_key, reason = how_it_died(message.headers)
        with self._database.transaction() as session:
            dead_letters.keep(
                session,
                message_id=_text(message.properties.get("message_id")),
                queue=queue,
                routing_key=routing_key,
                reason=reason,
                body=message.body,
                now=self._clock.now(),
            )
        telemetry.dead_letters.labels(reason).inc()
        log.error("message dead-lettered", reason=reason, queue=queue)

    def is_ready(self) -> bool:
        return _takes_writes(self._database)


def how_it_died(headers: Any) -> tuple[str, str, str]:
    """Queue, routing key and reason, as far as the headers of a dead letter say them.

    RabbitMQ writes them; but a publisher's own `x-death` may hold anything, and RabbitMQ 3 keeps it.
    """
    death = _first(headers.get("x-death") if isinstance(headers, dict) else None)
    death = death if isinstance(death, dict) else {}
    reason = death.get("reason")
    return (
        _text(death.get("queue")),
        _text(_first(death.get("routing-keys"))),
        reason if isinstance(reason, str) and reason in REASONS else "unknown",
    )


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else None


def _text(value: Any) -> str:
    """As text that every database takes: without NUL, and without half a surrogate pair."""
    if value is None:
        return ""
    return str(value).replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _takes_writes(database: Database) -> bool:
    try:
        outbox.check_writable(database)
    except DatabaseDown as error:
        log.warning("database down, nothing is consumed", error=str(error))
        return False
    return True
