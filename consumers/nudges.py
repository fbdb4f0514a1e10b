"""Nudges through RabbitMQ: published by whoever has news of a connection, consumed into a process's wake-ups."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from kombu.connection import Connection
from kombu.message import Message

from config import names
from config.foreign import described
from config.logging import logger
from config.ports import Clock
from config.telemetry import Progress
from consumers import broker_connection
from consumers.broker_connection import ERRORS
from consumers.loop import RECONNECT_SECONDS, Loop
from consumers.wakeups import Wakeups
from schemas import envelopes, strict_json
from schemas.strict_json import MalformedJson

NUDGE_SECONDS = 2.0
HOARD = 100
"""Nudges held in this process at most: the rest stay on the queue for other workers."""

log = logger("broker")


class BrokerNudger:
    """Publishes nudges; each thread has a connection of its own, dropped after any error."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._local = threading.local()
        self._down_until = 0.0

    def nudge(self, *connection_ids: str) -> None:
        """Say "look at these connections". Raises `OSError` when the broker does not take it."""
        if connection_ids:
            self._call(lambda connection: _publish(connection, connection_ids))

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
            self._local.connection = broker_connection.connect(self._url, 0, NUDGE_SECONDS, confirms=False)
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


def _publish(connection: Connection, connection_ids: Sequence[str]) -> None:
    """One after the other, and one answer for all: a confirm for each is a wait for each."""
    channel = connection.default_channel
    producer = connection.Producer(channel, auto_declare=False)
    for connection_id in connection_ids:
        producer.publish(
            {"connection": connection_id},
            exchange="",
            routing_key=names.RECONCILE_QUEUE,
            serializer="json",
            delivery_mode=1,
        )
    # What the broker answers on a channel it answers in order: it has taken all that came before.
    channel.basic_qos(0, 0, False)


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
