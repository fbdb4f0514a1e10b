"""Deliveries from their queue into the recorder."""

import threading
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from kombu.message import Message

from config import names, traces
from config.foreign import described
from config.logging import logger
from config.ports import Clock
from config.telemetry import Progress
from consumers.loop import Loop, takes_writes
from consumers.recorder import Recorder
from schemas import envelopes
from schemas.envelopes import Delivery, UndecodableMessage
from storage.database import Database, DatabaseDown

EVENTS = 1000
"""Events in one transaction at most: it takes a moment, and the broker hears of us after each."""

Decoded = tuple[Message, Delivery]

log = logger("broker")


class InboundLoop(Loop):
    """Deliveries into the recorder. While the database is down it consumes nothing: good messages keep their limit."""

    name = "recorder"
    queue = names.INBOUND_QUEUE
    prefetch = 300

    def __init__(
        self,
        url: str,
        stop: threading.Event,
        progress: Progress,
        clock: Clock,
        recorder: Recorder,
        database: Database,
    ) -> None:
        super().__init__(url, stop, progress, clock)
        self._recorder = recorder
        self._database = database

    def handle(self, messages: list[Message]) -> bool:
        return all(self._record(part) for part in in_parts(self._decode(messages)))

    def _record(self, part: Sequence[Decoded]) -> bool:
        try:
            self._store([delivery for _, delivery in part])
        except DatabaseDown as error:
            log.warning("database down, consuming stops", error=str(error))
            return False
        except Exception as error:  # noqa: BLE001
            # The loop's own border: one message may be poison, so each is tried alone.
            log.warning(
                "a batch could not be recorded, trying one by one", size=len(part), error=described(error)[:300]
            )
            return self._one_by_one(part)
        for message, _ in part:
            message.ack()
        self.show_life()
        return True

    def _store(self, deliveries: Sequence[Delivery]) -> None:
        """In one transaction; a delivery that is too large for one in several, since each event is recorded once."""
        if len(deliveries) > 1:
            self._recorder.record(deliveries)
            return
        for delivery in deliveries:
            for begin in range(0, max(len(delivery.events), 1), EVENTS):
                self._recorder.record(
                    [msgspec.structs.replace(delivery, events=delivery.events[begin : begin + EVENTS])]
                )
                self.show_life()

    def _decode(self, messages: list[Message]) -> Iterator[Decoded]:
        for message in messages:
            try:
                yield message, envelopes.decode(message.body, _trace_of(message))
            except UndecodableMessage as error:
                log.error("undecodable message dead-lettered", error=str(error))
                message.reject()

    def _one_by_one(self, part: Sequence[Decoded]) -> bool:
        for message, delivery in part:
            try:
                self._store([delivery])
            except DatabaseDown:
                return False
            except Exception as error:  # noqa: BLE001 - the message's own border
                # It goes back, and to the dead letters when its delivery limit is used up.
                self._repeats.met(error, delivery=delivery.id)
                message.requeue()
            else:
                message.ack()
        return True

    def is_ready(self) -> bool:
        return takes_writes(self._database)


def in_parts(decoded: Iterable[Decoded]) -> Iterator[list[Decoded]]:
    """What is recorded in one transaction each: whole deliveries, as many as have `EVENTS` together."""
    part: list[Decoded] = []
    size = 0
    for message, delivery in decoded:
        if part and size + len(delivery.events) > EVENTS:
            yield part
            part, size = [], 0
        part.append((message, delivery))
        size += len(delivery.events)
    if part:
        yield part


def _trace_of(message: Message) -> str:
    """A publisher may have put anything among the headers."""
    return traces.checked(message.headers.get(traces.TRACEPARENT))
