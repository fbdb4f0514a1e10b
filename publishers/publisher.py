"""The publisher's port: what a receiver hands its deliveries to."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from math import inf
from typing import Protocol

from config import telemetry
from config.errors import RavebooksError
from publishers.messages import Message
from schemas.envelopes import Delivery


class NothingTakesIt(RavebooksError):
    """Neither the broker nor the database takes a delivery: the sender has to repeat it."""

    remedy = "Start the broker or the database; the sender repeats by itself."


class Publisher(Protocol):
    """Accepts deliveries for good."""

    def publish(self, deliveries: Sequence[Delivery]) -> None:
        """Return once all of `deliveries` are safe. Raises `NothingTakesIt`."""
        ...


class Confirming(Protocol):
    """A broker that confirms what it takes: `publishers.confirms` has RabbitMQ's."""

    def start(self) -> None:
        """Connect in the background."""
        ...

    def send(self, message: Message, first_wait: float = 0.0) -> "Future[None]":
        """Hand one message over; the future ends with the confirm. Raises `BrokerDown`."""
        ...

    def confirm(self, future: "Future[None]", seconds: float, silence: float = inf) -> None:
        """Wait for one confirm. Raises `NotConfirmed`, or what the broker said."""
        ...


class DirectPublisher:
    """Without a broker: the recorder is called at once and commits before the answer."""

    def __init__(self, record: Callable[[Sequence[Delivery]], None], database_down: type[Exception]) -> None:
        self._record = record
        self._database_down = database_down

    def publish(self, deliveries: Sequence[Delivery]) -> None:
        """Record `deliveries`."""
        try:
            self._record(deliveries)
        except self._database_down as error:
            raise NothingTakesIt("the database does not take the delivery") from error
        telemetry.published.labels("direct").inc(len(deliveries))
