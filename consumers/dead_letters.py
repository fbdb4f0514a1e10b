"""The dead from their queue into a table, where somebody sees them and drives them again."""

import re
import threading
from typing import Any

from kombu.message import Message

from config import names, telemetry
from config.logging import logger
from config.ports import Clock
from config.redaction import redact
from config.telemetry import Progress
from consumers.loop import Loop, takes_writes
from schemas import envelopes, strict_json
from schemas.envelopes import UndecodableMessage
from storage import dead_letters
from storage.database import Database, DatabaseDown
from storage.dead_letters import FINGERPRINT

REASONS = frozenset({"rejected", "expired", "maxlen", "delivery_limit"})
"""Why RabbitMQ dead-letters; anything else a publisher may have written."""

HEADERS_LIMIT = 16_384

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
                fingerprint=fingerprint(queue, reason, message.body),
                headers=plain(message.headers),
            )
        telemetry.dead_letters.labels(reason).inc()
        log.error("message dead-lettered", reason=reason, queue=queue)

    def is_ready(self) -> bool:
        return takes_writes(self._database)


def fingerprint(queue: str, reason: str, body: bytes) -> str:
    """What a message died of, the same for all that died of it: numbers and what is quoted are left out."""
    try:
        envelopes.decode(body)
    except UndecodableMessage as error:
        said = _QUOTED.sub("…", str(error).partition(": ")[2] or str(error))
    else:
        said = "could not be recorded"
    return _text(f"{queue or 'unknown'}: {reason}: {_NUMBER.sub('#', said)}")[:FINGERPRINT]


_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_NUMBER = re.compile(r"\d+")


def plain(headers: Any) -> dict[str, Any] | None:
    """Headers as they are kept, without what looks like a credential; a publisher may have put anything there."""
    if not isinstance(headers, dict):
        return None
    found: dict[str, Any] = _spelled(redact(headers))
    return found if len(strict_json.dumps(found)) <= HEADERS_LIMIT else {"left out": "they are too long"}


def _spelled(value: Any) -> Any:
    """Numbers with a fraction as texts: not every one that AMQP has can be read again as JSON."""
    if isinstance(value, dict):
        return {key: _spelled(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_spelled(inner) for inner in value]
    return str(value) if isinstance(value, float) else value


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
