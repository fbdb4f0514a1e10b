"""Publishing deliveries: to the broker with a confirm, else into the outbox, from which the relay publishes them."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from config import telemetry
from config.logging import logger
from config.ports import Clock
from publishers.messages import BrokerError, Message
from publishers.publisher import Confirming, NothingTakesIt
from schemas import envelopes
from schemas.envelopes import Delivery
from storage import outbox
from storage.database import Database, DatabaseDown
from storage.models import OutboxMessage
from storage.outbox import Kept

FIRST_CONNECT_SECONDS = 1.0
SILENCE_SECONDS = 0.15
"""A broker that confirms nothing for so long may hang: who waits for it waits no longer, and the outbox takes it."""
OUTBOX_SECONDS = 1.5
"""With the time for a confirm well inside QuickBooks' three seconds."""
OUTBOX_THREADS = 32
"""Writes to the outbox at a time: with so many hanging, the next is refused at once."""
RELAY_BATCH = 500
RELAY_CONFIRM_SECONDS = 5.0

log = logger("publisher")


def message_for(delivery: Delivery) -> Message:
    """The message of one delivery."""
    routing_key = f"{delivery.source}.{delivery.account}"[:255]
    return Message(delivery.id, routing_key, envelopes.encode(delivery), delivery.traceparent)


class BrokerPublisher:
    """Accepts a delivery while either the broker or the database lives."""

    def __init__(self, publisher: Confirming, database: Database, clock: Clock, confirm_seconds: float) -> None:
        self._publisher = publisher
        self._database = database
        self._clock = clock
        self._confirm_seconds = confirm_seconds
        self._hanging = threading.BoundedSemaphore(OUTBOX_THREADS)

    def publish(self, deliveries: Sequence[Delivery]) -> None:
        """Return once every delivery is confirmed or in the outbox. Raises `NothingTakesIt`."""
        messages = [message_for(delivery) for delivery in deliveries]
        left_over = self._send(messages)
        telemetry.published.labels("broker").inc(len(messages) - len(left_over))
        if left_over:
            self._keep(left_over)

    def _send(self, messages: Sequence[Message]) -> list[Message]:
        """Publish pipelined; returns what was not confirmed in time."""
        sent: list[tuple[Message, Future[None] | None]] = []
        for message in messages:
            try:
                sent.append((message, self._publisher.send(message, FIRST_CONNECT_SECONDS)))
            except BrokerError:
                sent.append((message, None))
        deadline = self._clock.monotonic() + self._confirm_seconds
        left_over = []
        for message, future in sent:
            try:
                if future is None:
                    left_over.append(message)
                else:
                    self._publisher.confirm(future, max(0.0, deadline - self._clock.monotonic()), SILENCE_SECONDS)
            except BrokerError as error:
                log.warning("not confirmed", message_id=message.id, error=str(error))
                left_over.append(message)
        return left_over

    def _keep(self, messages: Sequence[Message]) -> None:
        rows = [Kept(each.id, each.routing_key, each.body.decode(), each.traceparent or None) for each in messages]
        try:
            self._in_time(lambda: self._store(rows))
        except (DatabaseDown, TimeoutError) as error:
            raise NothingTakesIt("neither the broker nor the database takes the delivery") from error
        telemetry.published.labels("outbox").inc(len(rows))

    def _store(self, rows: Sequence[Kept]) -> None:
        with self._database.transaction() as session:
            outbox.add(session, rows, self._clock.now())

    def _in_time(self, step: Callable[[], None]) -> None:
        """Do `step`, but wait for it no longer than the sender does for us. Raises `TimeoutError`.

        A database that hangs answers nothing at all, not even an error. What it stores after that is a
        delivery that came twice.
        """
        if not self._hanging.acquire(blocking=False):
            raise TimeoutError
        done: Future[None] = Future()

        def run() -> None:
            try:
                step()
                done.set_result(None)
            except Exception as error:  # noqa: BLE001 - handed to whoever waits
                done.set_exception(error)
            finally:
                self._hanging.release()

        threading.Thread(target=run, name="outbox", daemon=True).start()
        done.result(timeout=OUTBOX_SECONDS)


class Relay:
    """Publishes what waits in the outbox, confirms pipelined."""

    def __init__(self, publisher: Confirming, database: Database, clock: Clock) -> None:
        self._publisher = publisher
        self._database = database
        self._clock = clock

    def relay(self) -> int:
        """One batch; returns how many were confirmed. No transaction is open while the broker is asked."""
        with self._database.transaction() as session:
            waiting = [(row.id, row) for row in outbox.oldest(session, RELAY_BATCH)]
        if not waiting:
            self._publisher.start()
            return 0
        done = []
        try:
            futures = [(row_id, self._publisher.send(_message_of(row))) for row_id, row in waiting]
            deadline = self._clock.monotonic() + RELAY_CONFIRM_SECONDS
            for row_id, future in futures:
                self._publisher.confirm(future, max(0.0, deadline - self._clock.monotonic()))
                done.append(row_id)
        except BrokerError:
            # The broker is away: what is confirmed is removed below, the rest stays for the next round.
            log.debug("relay stops", confirmed=len(done))
        if done:
            with self._database.transaction() as session:
                outbox.remove(session, done)
            log.info("relayed", count=len(done))
        return len(done)


def _message_of(row: OutboxMessage) -> Message:
    return Message(row.message_id, row.routing_key, row.body.encode(), row.traceparent or "")
