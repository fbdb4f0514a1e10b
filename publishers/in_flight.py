"""What was published on one channel and is not confirmed yet."""

from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from typing import Any

import pika

from config.logging import logger
from publishers.messages import BrokerDown, BrokerError, Unroutable

log = logger("publisher")


@dataclass
class _Waiting:
    future: "Future[None]"
    message_id: str


class InFlight:
    """The messages of one channel by delivery tag, each with the future of whoever waits for its confirm."""

    def __init__(self) -> None:
        self._next_tag = 1
        self._waiting: dict[int, _Waiting] = {}
        self._returned: set[str] = set()

    def add(self, message_id: str, future: "Future[None]") -> None:
        """The message that is published next: tags count from one, as the broker's do."""
        self._waiting[self._next_tag] = _Waiting(future, message_id)
        self._next_tag += 1

    def returned(self, message_id: str) -> None:
        """No queue takes it; the broker says so before it confirms."""
        self._returned.add(message_id)

    def confirmed(self, method: Any) -> None:
        """The broker's `Basic.Ack` or `Basic.Nack`, for one message or for all up to it."""
        tags = [method.delivery_tag]
        if method.multiple:
            tags = [tag for tag in self._waiting if tag <= method.delivery_tag]
        for tag in tags:
            entry = self._waiting.pop(tag, None)
            if entry is None:
                continue
            if isinstance(method, pika.spec.Basic.Nack):
                settle(entry.future, Unroutable("the broker refused the message"))
            elif entry.message_id in self._returned:
                self._returned.discard(entry.message_id)
                settle(entry.future, Unroutable("no queue takes the message"))
            else:
                settle(entry.future)

    def lost(self) -> None:
        """The connection is gone: what it did not confirm is not known to be there."""
        waiting, self._waiting = list(self._waiting.values()), {}
        self._returned.clear()
        for entry in waiting:
            settle(entry.future, BrokerDown("the broker was lost before it confirmed"))


def settle(future: "Future[None]", error: BrokerError | None = None) -> None:
    """End `future`, unless whoever waited has ended it."""
    try:
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
    except InvalidStateError:
        log.debug("nobody waits for this confirm any more")
