"""Writes whose answer was lost: sent again under their key, or looked up once the key may be forgotten."""

from collections.abc import Callable
from datetime import timedelta

from clients.errors import Failed, Moved, NeighbourError
from config import telemetry, traces
from config.logging import logger
from config.ports import Clock
from reconcile.model import Side
from storage import brakes, copies, journal, leases, pending
from storage.database import StorageError
from storage.models import Operation
from storage.unit import UnitOfWork
from sync.neighbours import Neighbours
from sync.writes import settlement
from sync.writes.answers import LONGEST_WAIT, Answers, count
from sync.writes.made import find_made, record_of
from sync.writes.sending import STILL_UNKNOWN, Sender

REPLAY_HORIZON = timedelta(hours=1)
"""How long QuickBooks is trusted to remember a key: it does not say. Ravetree's creates are safe by `external_id`."""

log = logger("journal")


class Uncertain:
    """Finds out what became of the writes of one connection, under its lease."""

    def __init__(
        self,
        unit: UnitOfWork,
        clock: Clock,
        neighbours: Neighbours,
        lease: Callable[[], leases.HeldLease],
        sender: Sender,
        answers: Answers,
        uncertain_seconds: float,
    ) -> None:
        self._unit = unit
        self._clock = clock
        self._neighbours = neighbours
        self._lease = lease
        self._sender = sender
        self._answers = answers
        self._uncertain_seconds = uncertain_seconds

    def resolve_due(self) -> None:
        """Send uncertain writes again whose time has come.

        Stops where the neighbour itself is out of reach; one that it fails at holds up no other.
        """
        lease = self._lease()
        waiting = self._unit.once(("unsettled",), lambda session: journal.unsettled(session, lease.connection_id))
        sent: set[str] = set()
        for operation in waiting:
            batch = operation.context.get("batch", {}).get("key", "")
            if batch in sent or (operation.retry_at is not None and operation.retry_at > self._clock.now()):
                continue
            self._lease()
            try:
                if batch and not self._is_past_horizon(operation):
                    sent.add(batch)
                    self._resolve_batch(operation)
                else:
                    self._resolve(operation)
            except Failed as error:
                log.info("fails again", operation_id=operation.key, error=str(error))
                if operation.sends <= 1:
                    # It may be the neighbour as a whole: nothing else is tried before it may be back.
                    raise
            except brakes.Braked as error:
                # Others may go on: this one stays journalled, and goes out when it is let.
                log.info("stopped", operation_id=operation.key, cause=str(error))
            except (NeighbourError, StorageError):
                raise
            except Exception as error:  # noqa: BLE001 - the write's own border: it is logged and put aside
                self._put_aside(operation, error)
            finally:
                self._put_off(operation)

    def _put_off(self, operation: Operation) -> None:
        """What is unsettled still and due still, because its look-up failed, is looked up again later."""
        now = self._clock.now()
        with self._unit.writing() as session:
            journal.put_off(session, operation.id, now, now + timedelta(seconds=max(self._uncertain_seconds, 1.0)))

    def _put_aside(self, operation: Operation, error: Exception) -> None:
        """What became of a write cannot be understood: it is tried again later and holds up no other."""
        telemetry.loop_errors.labels("journal").inc()
        log.error("unexpected error", operation_id=operation.key, record=operation.subject, exc_info=error)
        with self._unit.writing() as session:
            until = self._clock.now() + LONGEST_WAIT
            journal.postpone(session, operation.id, until, f"unexpected: {type(error).__name__}")

    def _is_past_horizon(self, operation: Operation) -> bool:
        age = self._clock.now() - operation.journalled_at
        return operation.side == Side.QUICKBOOKS and age >= REPLAY_HORIZON

    def _resolve_batch(self, operation: Operation) -> None:
        """Its items were journalled in one moment: they are all due, and within the horizon, together."""
        with self._unit.reading() as session:
            operations = journal.batch_of(session, operation)
        waiting = [each for each in operations if each.state == journal.JOURNALLED]
        try:
            self._sender.send_batch(operations, again=True)
        except STILL_UNKNOWN:
            raise
        except NeighbourError as error:
            log.info("could not be looked up", batch=operation.context["batch"]["key"], error=str(error))
        for each in waiting:
            self._look_again(each)

    def _resolve(self, operation: Operation) -> None:
        try:
            if self._is_past_horizon(operation):
                with traces.go_on("look up", operation.traceparent):
                    self._look_up(operation)
            else:
                self._sender.send(operation, again=True)
        except STILL_UNKNOWN:
            raise
        except (Moved, NeighbourError) as error:
            log.info("did not go through when it was sent again", operation_id=operation.key, error=str(error))
        self._look_again(operation)

    def _look_again(self, operation: Operation) -> None:
        record = record_of(operation)
        with self._unit.writing() as session:
            pending.note(
                session,
                operation.connection_id,
                record,
                self._clock.now(),
                must_read=record.side is Side.QUICKBOOKS,
            )

    def _look_up(self, operation: Operation) -> None:
        """The key may be forgotten: find what it made, or plan anew."""
        found = find_made(self._neighbours, operation)
        if found is not None:
            self._answers.done(operation, 200, found, "", self._clock.now())
            return
        with self._unit.writing() as session:
            journal.settle(
                session,
                operation.id,
                journal.ABANDONED,
                self._clock.now(),
                error="looked up after the replay horizon",
            )
            for record in settlement.touched(operation):
                copies.mark_stale(session, operation.connection_id, [record])
        count(operation, "abandoned")
