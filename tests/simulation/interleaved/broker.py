"""A broker in memory that does what RabbitMQ does with what we ask of it, spoken to as pika's blocking channels are.

Exchanges, quorum queues with a delivery limit, dead letters, confirms, returns, and what was not acknowledged when a
connection was lost. `tests/integration/test_broker_contract.py` holds it against the real one.
"""

import copy
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pika
from pika.exceptions import ChannelClosedByBroker, ChannelWrongStateError, NackError, UnroutableError

NOT_FOUND, PRECONDITION_FAILED = 404, 406
COUNT, DEATH = "x-delivery-count", "x-death"


@dataclass
class Stored:
    """A message in a queue; `returned` is how often it came back without an acknowledgement."""

    exchange: str
    routing_key: str
    body: bytes
    properties: pika.BasicProperties
    returned: int = 0


@dataclass
class Queue:
    """A durable queue with what waits in it."""

    name: str
    arguments: dict[str, Any]
    waiting: deque[Stored] = field(default_factory=deque)
    consumers: int = 0

    @property
    def is_full(self) -> bool:
        """Whether it refuses more."""
        longest = self.arguments.get("x-max-length")
        return longest is not None and len(self.waiting) >= longest


class SimulatedBroker:
    """Exchanges and queues. Whoever speaks to it has a connection, with channels."""

    def __init__(self) -> None:
        self.exchanges: dict[str, tuple[str, list[tuple[str, str]]]] = {"": ("direct", [])}
        self.queues: dict[str, Queue] = {}
        self.is_up = True
        self.refuses = False
        """As when an alarm of memory or disk, or a full queue, has it take nothing."""
        self._connections: list[Connection] = []

    def connect(self) -> "Connection":
        """Raises `ConnectionRefusedError` while it is down."""
        if not self.is_up:
            raise ConnectionRefusedError("nobody listens there")
        made = Connection(self)
        self._connections.append(made)
        return made

    def stop(self) -> None:
        """It goes down: every connection is lost, what lies in its queues stays."""
        self.is_up = False
        for connection in list(self._connections):
            connection.lose()

    def start(self) -> None:
        self.is_up = True

    def wipe(self) -> None:
        """Its data is lost, queues and exchanges too."""
        self.stop()
        self.exchanges, self.queues = {"": ("direct", [])}, {}

    def forget(self, connection: "Connection") -> None:
        if connection in self._connections:
            self._connections.remove(connection)

    # --- messages --------------------------------------------------------------------------------

    def route(self, exchange: str, routing_key: str) -> list[Queue]:
        """The queues that take a message."""
        kind, bindings = self.exchanges[exchange]
        if exchange == "":
            names = [routing_key]
        else:
            names = [queue for queue, key in bindings if kind == "fanout" or _fits(key, routing_key)]
        return [self.queues[name] for name in dict.fromkeys(names) if name in self.queues]

    def store(self, message: Stored) -> bool:
        """Put a message into every queue that takes it; False when there is none."""
        queues = self.route(message.exchange, message.routing_key)
        for queue in queues:
            queue.waiting.append(Stored(message.exchange, message.routing_key, message.body, _same(message.properties)))
        return bool(queues)

    def give_back(self, queue: Queue, message: Stored) -> None:
        """It was delivered and not acknowledged: it is delivered again, unless that was so too often."""
        message.returned += 1
        limit = queue.arguments.get("x-delivery-limit")
        if limit is not None and message.returned > limit:
            self.bury(queue, message, "delivery_limit")
        else:
            queue.waiting.appendleft(message)

    def bury(self, queue: Queue, message: Stored, reason: str) -> None:
        """Dead-letter it where the queue says so; else it is gone."""
        exchange = queue.arguments.get("x-dead-letter-exchange")
        if exchange is None:
            return
        headers: dict[str, Any] = {**(message.properties.headers or {})}
        headers.pop(COUNT, None)
        death = {
            "queue": queue.name,
            "reason": reason,
            "exchange": message.exchange,
            "routing-keys": [message.routing_key],
            "count": 1,
        }
        properties = _same(message.properties)
        properties.headers = headers | {DEATH: [death, *headers.get(DEATH, [])]}
        self.store(Stored(exchange, message.routing_key, message.body, properties))


def _same(properties: pika.BasicProperties) -> pika.BasicProperties:
    return copy.copy(properties)


def _fits(pattern: str, key: str) -> bool:
    """A topic exchange's pattern: `*` is a word, `#` any number of them."""

    def fits(patterns: list[str], words: list[str]) -> bool:
        if not patterns:
            return not words
        if patterns[0] == "#":
            return any(fits(patterns[1:], words[place:]) for place in range(len(words) + 1))
        return bool(words) and patterns[0] in ("*", words[0]) and fits(patterns[1:], words[1:])

    return fits(pattern.split("."), key.split("."))


class Connection:
    """A connection of a client, with its channels."""

    def __init__(self, broker: SimulatedBroker) -> None:
        self.broker = broker
        self.channels: list[Channel] = []
        self.is_open = True

    def channel(self) -> "Channel":
        if not self.is_open:
            raise ConnectionResetError("the connection is lost")
        made = Channel(self)
        self.channels.append(made)
        return made

    def close(self) -> None:
        """In order or not, the broker takes back what was not acknowledged."""
        self.lose()

    def lose(self) -> None:
        """The network, the broker or the client is gone."""
        if self.is_open:
            self.is_open = False
            for channel in self.channels:
                channel.end()
            self.broker.forget(self)


class Channel:
    """What of pika's blocking channel we use."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.broker = connection.broker
        self.is_open = True
        self.unacknowledged: dict[int, tuple[Queue, Stored]] = {}
        self.consuming: dict[str, str] = {}
        self._tags = itertools.count(1)
        self._confirms = False

    def end(self) -> None:
        """It is closed: what was delivered on it goes back, the oldest to the front."""
        self.is_open = False
        for tag in list(self.consuming):
            self.basic_cancel(tag)
        for _, (queue, message) in sorted(self.unacknowledged.items(), reverse=True):
            self.broker.give_back(queue, message)
        self.unacknowledged.clear()

    def _check(self) -> None:
        if not self.connection.is_open:
            raise ConnectionResetError("the connection is lost")
        if not self.is_open:
            raise ChannelWrongStateError("Channel is closed.")

    def _closed_by_broker(self, code: int, text: str) -> ChannelClosedByBroker:
        self.end()
        return ChannelClosedByBroker(code, text)

    # --- topology --------------------------------------------------------------------------------

    def exchange_declare(
        self, exchange: str, exchange_type: str = "direct", *, durable: bool = False, passive: bool = False
    ) -> None:
        self._check()
        if exchange in self.broker.exchanges:
            if not passive and self.broker.exchanges[exchange][0] != exchange_type:
                raise self._closed_by_broker(PRECONDITION_FAILED, "PRECONDITION_FAILED - inequivalent arg 'type'")
        elif passive:
            raise self._closed_by_broker(NOT_FOUND, f"NOT_FOUND - no exchange '{exchange}'")
        else:
            self.broker.exchanges[exchange] = (exchange_type, [])

    def queue_declare(
        self, queue: str, *, durable: bool = False, passive: bool = False, arguments: dict[str, Any] | None = None
    ) -> Any:
        self._check()
        found = self.broker.queues.get(queue)
        if found is None and passive:
            raise self._closed_by_broker(NOT_FOUND, f"NOT_FOUND - no queue '{queue}'")
        if found is None:
            found = self.broker.queues[queue] = Queue(queue, dict(arguments or {}))
        elif not passive and found.arguments != (arguments or {}):
            raise self._closed_by_broker(PRECONDITION_FAILED, "PRECONDITION_FAILED - inequivalent arg")
        counts = SimpleNamespace(queue=queue, message_count=len(found.waiting), consumer_count=found.consumers)
        return SimpleNamespace(method=counts)

    def queue_bind(self, queue: str, exchange: str, routing_key: str = "") -> None:
        self._check()
        bindings = self.broker.exchanges[exchange][1]
        if (queue, routing_key) not in bindings:
            bindings.append((queue, routing_key))

    def queue_purge(self, queue: str) -> None:
        self._check()
        self.broker.queues[queue].waiting.clear()

    # --- publishing ------------------------------------------------------------------------------

    def confirm_delivery(self) -> None:
        """From now on a message that is not taken raises `UnroutableError` or `NackError`."""
        self._check()
        self._confirms = True

    def basic_publish(
        self,
        exchange: str,
        routing_key: str,
        body: bytes,
        properties: pika.BasicProperties | None = None,
        *,
        mandatory: bool = False,
    ) -> None:
        self._check()
        if exchange not in self.broker.exchanges:
            raise self._closed_by_broker(NOT_FOUND, f"NOT_FOUND - no exchange '{exchange}'")
        if self.broker.refuses or any(queue.is_full for queue in self.broker.route(exchange, routing_key)):
            if self._confirms:
                raise NackError([])
            return
        message = Stored(exchange, routing_key, body, properties or pika.BasicProperties())
        if not self.broker.store(message) and mandatory and self._confirms:
            raise UnroutableError([])

    # --- consuming -------------------------------------------------------------------------------

    def basic_get(self, queue: str, *, auto_ack: bool = False) -> tuple[Any, Any, Any]:
        self._check()
        taken = self.take(queue, 0)
        if taken is None:
            return None, None, None
        if auto_ack:
            del self.unacknowledged[taken[0].delivery_tag]
        return taken

    def take(self, queue: str, place: int) -> tuple[Any, pika.BasicProperties, bytes] | None:
        """The message at `place` of a queue, which is in order but for what comes back to it."""
        waiting = self.broker.queues[queue].waiting
        if not waiting:
            return None
        message = waiting[place % len(waiting)]
        del waiting[place % len(waiting)]
        tag = next(self._tags)
        self.unacknowledged[tag] = (self.broker.queues[queue], message)
        properties = _same(message.properties)
        if message.returned:
            properties.headers = {**(properties.headers or {}), COUNT: message.returned}
        how = SimpleNamespace(
            delivery_tag=tag,
            redelivered=message.returned > 0,
            exchange=message.exchange,
            routing_key=message.routing_key,
        )
        return how, properties, message.body

    def basic_consume(self, queue: str, consumer_tag: str) -> None:
        self._check()
        if queue not in self.broker.queues:
            raise self._closed_by_broker(NOT_FOUND, f"NOT_FOUND - no queue '{queue}'")
        self.broker.queues[queue].consumers += 1
        self.consuming[consumer_tag] = queue

    def basic_cancel(self, consumer_tag: str) -> None:
        queue = self.broker.queues.get(self.consuming.pop(consumer_tag, ""))
        if queue is not None:
            queue.consumers -= 1

    def basic_ack(self, delivery_tag: int, *, multiple: bool = False) -> None:
        self._settle(delivery_tag, multiple, lambda _queue, _message: None)

    def basic_reject(self, delivery_tag: int, *, requeue: bool = True) -> None:
        self.basic_nack(delivery_tag, requeue=requeue)

    def basic_nack(self, delivery_tag: int, *, multiple: bool = False, requeue: bool = True) -> None:
        if requeue:
            self._settle(delivery_tag, multiple, self.broker.give_back)
        else:
            self._settle(delivery_tag, multiple, lambda queue, message: self.broker.bury(queue, message, "rejected"))

    def _settle(self, delivery_tag: int, multiple: bool, how: Callable[[Queue, Stored], None]) -> None:
        self._check()
        tags = [tag for tag in self.unacknowledged if tag == delivery_tag or (multiple and tag < delivery_tag)]
        if not tags:
            raise self._closed_by_broker(
                PRECONDITION_FAILED, f"PRECONDITION_FAILED - unknown delivery tag {delivery_tag}"
            )
        for tag in tags:
            how(*self.unacknowledged.pop(tag))
