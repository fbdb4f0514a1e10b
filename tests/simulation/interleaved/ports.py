"""The product's ports in a simulated process: each call is a boundary, where the scheduler may order a fault."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from types import SimpleNamespace, TracebackType
from typing import Any
from urllib.parse import urlsplit

import pika
import requests
import sqlalchemy as sa
from kombu.message import Message as KombuMessage
from pika.exceptions import NackError, UnroutableError
from sqlalchemy.orm import Session

from config import names
from consumers.wakeups import Wakeups
from publishers import topology
from publishers.in_flight import InFlight
from publishers.messages import BrokerDown, Message, NotConfirmed
from storage.database import Database, DatabaseDown
from tests.simulation.interleaved.broker import Connection, SimulatedBroker
from tests.simulation.interleaved.scheduler import Scheduler

IDLE_SECONDS = 5.0
"""A consumer to which nothing comes looks up so often."""
SHORT_SECONDS = 0.1

DOWN, DOWN_AT_COMMIT, ANSWER_OF_COMMIT = (
    "the database is away",
    "it is away at the commit",
    "the commit's answer is lost",
)
NOBODY, NEVER_ARRIVES, THROTTLED, BROKEN, ANSWER_LOST, LATE, TOKEN_REFUSED = (
    "nobody is there",
    "the request never arrives",
    "it is throttled",
    "the neighbour breaks",
    "the answer is lost",
    "the answer comes late",
    "the token is refused",
)
LOST, CONFIRM_LOST, CONFIRM_LATE, REFUSED = (
    "the connection to the broker is lost",
    "the confirm is lost with the connection",
    "the confirm comes late",
    "the broker refuses",
)
LATE_SECONDS = 8.0
OTHER_ORDER = "another message comes first"
FAULTS = (
    *(DOWN, DOWN_AT_COMMIT, ANSWER_OF_COMMIT),
    *(NOBODY, NEVER_ARRIVES, THROTTLED, BROKEN, ANSWER_LOST, LATE, TOKEN_REFUSED),
    *(LOST, CONFIRM_LOST, CONFIRM_LATE, REFUSED, OTHER_ORDER),
)
"""What can be ordered at a boundary of its own."""


@dataclass
class SkewedClock:
    """A process's clock: wrong by `skew`, and sleeping hands over."""

    scheduler: Scheduler
    start: datetime
    skew: float = 0.0

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.scheduler.clock.monotonic() + self.skew)

    def monotonic(self) -> float:
        return self.scheduler.clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self.scheduler.pause("clock: sleeps", max(seconds, 1e-6))


class InterleavedDatabase(Database):
    """Every transaction begins, commits and ends at a boundary; its clock is one that all processes share."""

    def __init__(self, url: str, clock: SkewedClock, committed: Callable[[], None]) -> None:
        super().__init__(url, clock)
        self._scheduler, self._shared, self._committed = (
            clock.scheduler,
            SkewedClock(clock.scheduler, clock.start),
            committed,
        )

    @contextmanager
    def _transaction(self, engine: sa.Engine) -> Iterator[Session]:
        if engine is not self.engine:
            if self._scheduler.pause("database: begins to read", faults=(DOWN,)):
                raise DatabaseDown(DOWN)
            with super()._transaction(engine) as session:
                yield session
            return
        if self._scheduler.pause("database: begins to write", faults=(DOWN,)):
            raise DatabaseDown(DOWN)
        self._scheduler.hold(+1)
        try:
            with super()._transaction(engine) as session:
                yield session
                if self._scheduler.pause("database: commits", faults=(DOWN_AT_COMMIT,)):
                    raise DatabaseDown(DOWN_AT_COMMIT)
            self._committed()
        finally:
            self._scheduler.hold(-1)
        if self._scheduler.pause("database: has committed", faults=(ANSWER_OF_COMMIT,)):
            raise DatabaseDown(ANSWER_OF_COMMIT)

    def now(self, session: Session) -> datetime:
        return self._shared.now()


class Turn:
    """A lock between the tasks of a process: whoever waits for it hands over."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler, self._taken = scheduler, False

    def __enter__(self) -> None:
        while self._taken:
            self._scheduler.pause("waits", inf, lambda: not self._taken)
        self._taken = True

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._taken = False


class Stop:
    """What a process's loops look at and wait on, as on a `threading.Event`."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler, self._is_set = scheduler, False

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True

    def wait(self, seconds: float | None = None) -> bool:
        if not self._is_set and seconds != 0:
            self._scheduler.pause("waits", inf if seconds is None else seconds, self.is_set)
        return self._is_set


class InterleavedWakeups(Wakeups):
    """Whoever waits for one hands over."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__()
        self._scheduler = scheduler

    def take(self, timeout: float) -> str | None:
        self._scheduler.pause("waits for a wake-up", max(timeout, IDLE_SECONDS), lambda: len(self) > 0)
        return super().take(0)


# --- the network ---------------------------------------------------------------------------------

Answer = tuple[int, dict[str, str], bytes]
BOTH = (NOBODY, NEVER_ARRIVES, THROTTLED, BROKEN)


def through_the_network(
    scheduler: Scheduler,
    seconds: float,
    ask: Callable[[requests.PreparedRequest], Answer],
    sent: Callable[[requests.PreparedRequest], None],
) -> Callable[[requests.PreparedRequest], Answer]:
    """Both neighbours as a process reaches them; `sent` looks at each request that arrives."""

    def answering(request: requests.PreparedRequest) -> Answer:
        side = urlsplit(request.url or "").netloc.partition(".")[0]
        is_call = "Bearer" in str(request.headers.get("Authorization", ""))
        faults = (*BOTH, TOKEN_REFUSED, TOKEN_REFUSED) if is_call and side == "quickbooks" else BOTH
        about = f"{request.method} {urlsplit(request.url or '').path}"
        match scheduler.pause(f"network: asks {side}", faults=faults, about=about):
            case what if what == NOBODY:
                raise requests.exceptions.ConnectTimeout(what)
            case what if what == NEVER_ARRIVES:
                scheduler.pause("network: no answer", seconds)
                raise requests.exceptions.ReadTimeout(what)
            case what if what == THROTTLED:
                return 429, {"Retry-After": "3"}, b""
            case what if what == BROKEN:
                return 503, {}, b""
            case what if what == TOKEN_REFUSED:
                return 401, {}, b""
        sent(request)
        answer = ask(request)
        match scheduler.pause(f"network: {side} answers", faults=(ANSWER_LOST, LATE), about=f"{answer[0]}"):
            case what if what == ANSWER_LOST:
                scheduler.pause("network: no answer", seconds)
                raise requests.exceptions.ReadTimeout(what)
            case what if what == LATE:
                scheduler.pause("network: a late answer", seconds * 0.9)
        return answer

    return answering


# --- the broker ----------------------------------------------------------------------------------


class InterleavedPublisher:
    """A process's confirming publisher, with the product's own book of what is in flight."""

    def __init__(self, scheduler: Scheduler, broker: SimulatedBroker, queues_missing: Callable[[], None]) -> None:
        self._scheduler, self._broker, self._queues_missing = scheduler, broker, queues_missing
        self._connection: Connection | None = None
        self._in_flight, self._sent = InFlight(), 0

    def start(self) -> None:
        """Connect, unless that has been done."""
        if self._connection is not None and self._connection.is_open:
            return
        self._lost()
        try:
            self._connection = self._broker.connect()
        except ConnectionRefusedError:
            return
        self._in_flight, self._sent = InFlight(), 0
        missing = set(self._broker.queues) < {queue.name for queue in topology.QUEUES}
        topology.declare(self._connection.channel())
        if missing:
            self._queues_missing()

    @property
    def connected(self) -> bool:
        return self._connection is not None and self._connection.is_open

    def stop(self) -> None:
        """Nothing is to be ended."""

    def send(self, message: Message, first_wait: float = 0.0) -> "Future[None]":
        self.start()
        if not self.connected:
            raise BrokerDown("the broker is out of reach")
        what = self._scheduler.pause("broker: publishes", faults=(LOST, CONFIRM_LOST, CONFIRM_LATE, REFUSED))
        if what == LOST or not self.connected:
            self._lost()
            raise BrokerDown("the broker is out of reach")
        future: Future[None] = Future()
        self._in_flight.add(message.id, future)
        self._sent += 1
        frame = self._arrives(message, self._sent, refused=what == REFUSED)
        if what == CONFIRM_LOST:
            self._lost()
        else:
            in_flight = self._in_flight
            self._scheduler.later(LATE_SECONDS if what == CONFIRM_LATE else 0.01, lambda: in_flight.confirmed(frame))
        return future

    def _arrives(self, message: Message, tag: int, *, refused: bool) -> Any:
        """What the broker answers."""
        assert self._connection is not None
        channel = self._connection.channel()
        channel.confirm_delivery()
        properties = pika.BasicProperties(message_id=message.id, delivery_mode=2, content_type="application/json")
        if refused:
            return pika.spec.Basic.Nack(tag)
        try:
            channel.basic_publish(names.EVENTS_EXCHANGE, message.routing_key, message.body, properties, mandatory=True)
        except NackError:
            return pika.spec.Basic.Nack(tag)
        except UnroutableError:
            self._in_flight.returned(message.id)
        return pika.spec.Basic.Ack(tag)

    def _lost(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.lose()
            self._in_flight.lost()

    def confirm(self, future: "Future[None]", seconds: float, silence: float = inf) -> None:
        if not future.done():
            self._scheduler.pause("broker: is to confirm", seconds, future.done)
        if not future.done():
            raise NotConfirmed("the broker did not confirm in time")
        future.result()


class InterleavedNudger:
    """A process's nudges through the broker."""

    def __init__(self, scheduler: Scheduler, broker: SimulatedBroker) -> None:
        self._scheduler, self._broker = scheduler, broker

    def nudge(self, *connection_ids: str) -> None:
        if not connection_ids:
            return
        if self._scheduler.pause("broker: nudges", faults=(LOST,)) or not self._broker.is_up:
            raise ConnectionError("the broker did not take the nudge")
        channel = self._broker.connect().channel()
        for connection_id in connection_ids:
            channel.basic_publish("", names.RECONCILE_QUEUE, b'{"connection": "%s"}' % connection_id.encode())
        channel.connection.close()

    def waiting(self) -> int:
        queue = self._broker.queues.get(names.RECONCILE_QUEUE)
        if queue is None or not self._broker.is_up:
            raise ConnectionError("the broker does not say")
        return len(queue.waiting)


class ConsumingConnection:
    """What of kombu's connection a loop uses."""

    def __init__(self, scheduler: Scheduler, broker: SimulatedBroker) -> None:
        self._scheduler = scheduler
        self._connection = broker.connect()
        self._channels: list[ConsumingChannel] = []
        self.connection = SimpleNamespace(
            sock=SimpleNamespace(settimeout=lambda _seconds: None), bytes_recv=0, send_heartbeat=self._check
        )

    def channel(self) -> "ConsumingChannel":
        made = ConsumingChannel(self._scheduler, self._connection)
        self._channels.append(made)
        return made

    def drain_events(self, timeout: float) -> None:
        """Hand one message to its consumer. Raises `TimeoutError`."""
        seconds = IDLE_SECONDS if timeout >= SHORT_SECONDS else timeout
        what = self._scheduler.pause("broker: delivers", seconds, self._has_news, (LOST, OTHER_ORDER))
        if what == LOST:
            self._connection.lose()
        self._check()
        for channel in self._channels:
            if channel.deliver(place=1 if what == OTHER_ORDER else 0):
                self.connection.bytes_recv += 1
                return
        raise TimeoutError

    def _has_news(self) -> bool:
        return not self._connection.is_open or any(channel.has_news() for channel in self._channels)

    def heartbeat_check(self) -> None:
        self._check()

    def _check(self) -> None:
        if not self._connection.is_open:
            raise ConnectionResetError("the connection is lost")

    def release(self) -> None:
        self._connection.close()

    def collect(self, _seconds: float) -> None:
        self._connection.lose()


class ConsumingChannel:
    """What of kombu's channel a loop, its consumer and its messages use."""

    def __init__(self, scheduler: Scheduler, connection: Connection) -> None:
        self._scheduler = scheduler
        self._channel = connection.channel()
        self._callbacks: dict[str, Callable[[KombuMessage], None]] = {}
        self._prefetch = 1
        self.no_ack_consumers: set[str] = set()
        self.connection = connection

    def basic_qos(self, _size: int, count: int, _is_global: bool) -> None:
        self._prefetch = count

    def basic_consume(self, queue: str, consumer_tag: str, callback: Any, **_more: Any) -> None:
        self._channel.basic_consume(queue, consumer_tag)
        self._callbacks[consumer_tag] = callback

    def basic_cancel(self, consumer_tag: str) -> None:
        self._channel.basic_cancel(consumer_tag)

    def has_news(self) -> bool:
        broker = self._channel.broker
        has_room = len(self._channel.unacknowledged) < self._prefetch
        return has_room and any(broker.queues[name].waiting for name in self._channel.consuming.values())

    def deliver(self, place: int) -> bool:
        """Hand the next message, or the one after it, to the consumer; False when there is none."""
        if not self.has_news():
            return False
        for tag, queue in self._channel.consuming.items():
            taken = self._channel.take(queue, place)
            if taken is None:
                continue
            how, properties, body = taken
            message = KombuMessage(  # type: ignore[no-untyped-call]
                body=body,
                channel=self,
                delivery_tag=how.delivery_tag,
                delivery_info={"exchange": how.exchange, "routing_key": how.routing_key},
                properties={"message_id": properties.message_id},
                headers=properties.headers or {},
            )
            self._callbacks[tag](message)
            return True
        return False

    def basic_ack(self, delivery_tag: int, multiple: bool = False) -> None:
        if self._scheduler.pause("broker: is told that it is done", faults=(LOST,)):
            self.connection.lose()
        self._channel.basic_ack(delivery_tag, multiple=multiple)

    def basic_reject(self, delivery_tag: int, requeue: bool) -> None:
        if self._scheduler.pause("broker: is given it back", faults=(LOST,)):
            self.connection.lose()
        self._channel.basic_reject(delivery_tag, requeue=requeue)
