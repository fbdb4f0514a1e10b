"""The dead from their queue into a table, where somebody sees them and drives them again."""

import threading
from typing import Any

from kombu.message import Message

from config import names, telemetry
from config.logging import logger
from config.ports import Clock
from config.telemetry import Progress
from consumers.loop import Loop, takes_writes
from storage import dead_letters
from storage.database import Database, DatabaseDown

REASONS = frozenset({"rejected", "expired", "maxlen", "delivery_limit"})
"""Why RabbitMQ dead-letters; anything else a publisher may have written."""

log = logger("broker")


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
        return takes_writes(self._database)


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
