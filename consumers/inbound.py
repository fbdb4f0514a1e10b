"""Deliveries from their queue into the recorder."""

import threading

from kombu.message import Message

from config import names
from config.foreign import described
from config.logging import logger
from config.ports import Clock
from config.telemetry import Progress
from consumers.loop import Loop, takes_writes
from consumers.recorder import Recorder
from schemas import envelopes
from schemas.envelopes import Delivery, UndecodableMessage
from storage.database import Database, DatabaseDown

log = logger("broker")


class InboundLoop(Loop):
    """Deliveries into the recorder. While the database is down it consumes nothing: good messages keep their limit."""

    name = "recorder"
    queue = names.INBOUND_QUEUE

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
        decoded = self._decode(messages)
        try:
            self._recorder.record([delivery for _, delivery in decoded])
        except DatabaseDown as error:
            log.warning("database down, consuming stops", error=str(error))
            return False
        except Exception as error:  # noqa: BLE001
            # The loop's own border: one message may be poison, so each is tried alone.
            log.warning(
                "a batch could not be recorded, trying one by one", size=len(decoded), error=described(error)[:300]
            )
            return self._one_by_one(decoded)
        for message, _ in decoded:
            message.ack()
        return True

    def _decode(self, messages: list[Message]) -> list[tuple[Message, Delivery]]:
        decoded = []
        for message in messages:
            try:
                decoded.append((message, envelopes.decode(message.body)))
            except UndecodableMessage as error:
                log.error("undecodable message dead-lettered", error=str(error))
                message.reject()
        return decoded

    def _one_by_one(self, decoded: list[tuple[Message, Delivery]]) -> bool:
        for message, delivery in decoded:
            try:
                self._recorder.record([delivery])
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
