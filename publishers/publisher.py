"""The publisher's port: what a receiver hands its deliveries to."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
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


@dataclass
class _Waiting:
    """Deliveries of one caller, and what came of them."""

    deliveries: Sequence[Delivery]
    is_over: bool = False
    error: Exception | None = None


class DirectPublisher:
    """Without a broker: the recorder is called and commits before the answer.

    One caller records at a time, and with its own deliveries all that came meanwhile, in one transaction: with one
    each, a caller would wait for as many locks and disks as there are deliveries before its own.
    """

    def __init__(self, record: Callable[[Sequence[Delivery]], None], database_down: type[Exception]) -> None:
        self._record = record
        self._database_down = database_down
        self._turn, self._lock = threading.Lock(), threading.Lock()
        self._waiting: list[_Waiting] = []

    def publish(self, deliveries: Sequence[Delivery]) -> None:
        """Record `deliveries`."""
        own = _Waiting(deliveries)
        with self._lock:
            self._waiting.append(own)
        with self._turn:
            if not own.is_over and (taken := self._taken()):
                self._record_together(taken)
        if isinstance(own.error, self._database_down):
            raise NothingTakesIt("the database does not take the delivery") from own.error
        if own.error is not None:
            raise own.error
        if not own.is_over:
            # Whoever had taken it was ended under way.
            raise NothingTakesIt("the delivery was not recorded")
        telemetry.published.labels("direct").inc(len(deliveries))

    def _taken(self) -> list[_Waiting]:
        # Under a lock: what is added while the list changes would be told to be recorded, and be nowhere.
        with self._lock:
            waiting, self._waiting = self._waiting, []
        return waiting

    def _record_together(self, waiting: Sequence[_Waiting]) -> None:
        """All of them or none; where one cannot be recorded, each by itself."""
        try:
            self._record([delivery for each in waiting for delivery in each.deliveries])
        except Exception as error:  # noqa: BLE001 - handed to whoever waits
            if len(waiting) > 1 and not isinstance(error, self._database_down):
                for each in waiting:
                    self._record_together([each])
                return
            for each in waiting:
                each.error = error
        for each in waiting:
            each.is_over = True
