"""A queue of RabbitMQ consumed with kombu: in batches, with two signs of life, connected again after any outage."""

import threading
from abc import ABC, abstractmethod

from kombu.connection import Connection
from kombu.entity import Queue
from kombu.message import Message
from kombu.messaging import Consumer

from config.foreign import described
from config.logging import logger
from config.ports import Clock
from config.repeats import Repeats
from config.telemetry import Progress
from consumers import broker_connection
from consumers.broker_connection import ERRORS
from storage import outbox
from storage.database import Database, DatabaseDown

POLL_SECONDS = 0.2
GATHER_SECONDS = 0.02
RECONNECT_SECONDS = 1.0
PROBE_SECONDS = 1.0
STUCK_SECONDS = 120.0
SILENT_SECONDS = 10.0
"""The broker says something each half heartbeat: after so long its connection is taken for dead."""
PREFETCH = 100

log = logger("broker")


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
        self._monotonic = clock.monotonic
        self._beat = progress.expect(self.name, STUCK_SECONDS)
        self._heard = progress.expect(f"{self.name}: connection", SILENT_SECONDS)
        self._repeats = Repeats(self.name, log, clock)
        self._connection: Connection | None = None
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
        self._connection = connection
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
        deadline, timeout = self._monotonic() + POLL_SECONDS, POLL_SECONDS
        while self._monotonic() < deadline and not (self.has_room() and len(self._messages) >= self.prefetch):
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

    def show_life(self) -> None:
        """Between the parts of what takes long to handle: nobody else says anything to the broker meanwhile."""
        self._beat()
        if self._connection is not None:
            self._connection.connection.send_heartbeat()

    @abstractmethod
    def handle(self, messages: list[Message]) -> bool:
        """Handle a batch; False when the loop has to pause: what is not acknowledged then goes back."""

    def is_ready(self) -> bool:
        """Whether what it needs is there: until then it consumes nothing, and good messages keep their limit."""
        return True

    def has_room(self) -> bool:
        """Whether a batch can be handled now."""
        return True


def takes_writes(database: Database) -> bool:
    """Whether the database can be written to: until then nothing is consumed that has to be stored."""
    try:
        outbox.check_writable(database)
    except DatabaseDown as error:
        log.warning("database down, nothing is consumed", error=str(error))
        return False
    return True
