"""The topology, declared from one place; right on RabbitMQ 3.10 and 4.x."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from config import names


@dataclass(frozen=True)
class QueueDeclaration:
    """One durable quorum queue."""

    name: str
    arguments: dict[str, Any]
    bindings: tuple[tuple[str, str], ...] = field(default=())


def _dead_lettering() -> dict[str, Any]:
    """All four are needed for at-least-once dead-lettering: without one it is silently at-most-once."""
    return {
        "x-dead-letter-exchange": names.DEAD_EXCHANGE,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-delivery-limit": names.DELIVERY_LIMIT,
    }


EXCHANGES = ((names.EVENTS_EXCHANGE, "topic"), (names.DEAD_EXCHANGE, "fanout"))

QUEUES = (
    # No limit on deliveries of the dead: they have nowhere else to go.
    QueueDeclaration(
        names.DEAD_QUEUE,
        {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000},
        ((names.DEAD_EXCHANGE, ""),),
    ),
    QueueDeclaration(
        names.INBOUND_QUEUE, {"x-queue-type": "quorum", **_dead_lettering()}, ((names.EVENTS_EXCHANGE, "#"),)
    ),
    QueueDeclaration(names.RECONCILE_QUEUE, {"x-queue-type": "quorum", **_dead_lettering()}),
)

Declaration = tuple[str, dict[str, Any]]


def declarations() -> Iterator[Declaration]:
    """The pika channel methods and arguments that declare everything, in order; each is idempotent."""
    for exchange, kind in EXCHANGES:
        yield "exchange_declare", {"exchange": exchange, "exchange_type": kind, "durable": True}
    for queue in QUEUES:
        yield "queue_declare", {"queue": queue.name, "durable": True, "arguments": queue.arguments}
        for exchange, routing_key in queue.bindings:
            yield "queue_bind", {"queue": queue.name, "exchange": exchange, "routing_key": routing_key}


def declare(channel: Any) -> None:
    """Declare everything on a blocking pika channel."""
    for method, arguments in declarations():
        getattr(channel, method)(**arguments)


def missing_queues(open_channel: Callable[[], Any], closed_by_broker: type[Exception]) -> list[str]:
    """Queues that do not exist: at a reconnect that means that messages may be lost."""
    missing = []
    for queue in QUEUES:
        try:
            open_channel().queue_declare(queue=queue.name, passive=True)
        except closed_by_broker:
            missing.append(queue.name)
    return missing
