"""Sends what is journalled, alone or in a batch, and hands each answer on."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from clients.errors import Away, NeighbourError, NotAuthorised, OutcomeUnknown
from clients.quickbooks.company import Written
from clients.ravetree.account import NotAllowed, Taken
from config import telemetry, traces
from config.logging import bound
from config.ports import Clock
from reconcile.model import Side
from schemas.quickbooks import Body
from storage import brakes, connections, journal
from storage.models import Operation
from storage.unit import UnitOfWork
from sync.neighbours import Neighbours
from sync.writes.answers import Answers
from sync.writes.context import context_of
from sync.writes.made import find_made

STILL_UNKNOWN = (Away, NotAuthorised)
"""What is said of the neighbour, and not of the write."""
STOPPED_WAITS = timedelta(seconds=30)
"""How long a journalled write of a part that is stopped waits for the next look whether it still is."""


class Sender:
    """Sends the writes of one connection."""

    def __init__(self, unit: UnitOfWork, clock: Clock, neighbours: Neighbours, answers: Answers) -> None:
        self._unit = unit
        self._clock = clock
        self._neighbours = neighbours
        self._answers = answers

    def send(self, operation: Operation, *, again: bool = False) -> None:
        """Send and settle. A refusal of what is sent `again` does not say that it never happened: that is looked up."""
        with (
            bound(operation_id=operation.key, record=operation.subject),
            traces.go_on("write", operation.traceparent if again else "") as span,
        ):
            span.set_attributes({"operation_id": operation.key, "side": operation.side, "action": operation.action})
            self._check_brake([operation])
            try:
                status, answer, trace, answered = self._call(operation)
            except Taken as error:
                self._answers.taken(operation, error)
            except STILL_UNKNOWN as error:
                self._answers.uncertain(operation, error)
                raise
            except NeighbourError as error:
                if again and isinstance(error, NotAllowed):
                    # What Ravetree keeps from us now, it may have done before.
                    self._answers.uncertain(operation, error)
                    raise
                made = find_made(self._neighbours, operation) if again and operation.side == Side.QUICKBOOKS else None
                if made is None:
                    self._answers.refused(operation, error)
                    raise
                self._answers.done(operation, 200, made, error.trace, self._clock.now())
            else:
                self._answers.done(operation, status, answer, trace, answered)

    def send_batch(self, operations: Sequence[Operation], *, again: bool = False) -> None:
        """Send a whole batch, and settle what is not settled yet."""
        key = operations[0].context["batch"]["key"]
        unsettled = [operation for operation in operations if operation.state == journal.JOURNALLED]
        with bound(batch=key), telemetry.tracer.start_as_current_span("write batch"):
            self._check_brake(unsettled)
            answers: dict[str, Written | NeighbourError] = {}
            refusal: NeighbourError = OutcomeUnknown("QuickBooks' answer to the batch does not name it")
            try:
                answers = self._neighbours.quickbooks.batch(journal.batch_body(operations), key)
            except STILL_UNKNOWN as error:
                for operation in unsettled:
                    self._answers.uncertain(operation, error)
                raise
            except NeighbourError as error:
                refusal = error
            for place, operation in enumerate(operations, 1):
                if operation.state == journal.JOURNALLED:
                    with bound(operation_id=operation.key, record=operation.subject):
                        self._settle_item(operation, answers.get(str(place), refusal), again)
                        # Each by itself: what is wrong with one takes no other's answer with it.
                        self._unit.commit()

    def _settle_item(self, operation: Operation, answer: Written | NeighbourError, again: bool) -> None:
        if isinstance(answer, Written):
            self._answers.done(operation, answer.status, answer.body, answer.trace, answer.time)
        elif isinstance(answer, OutcomeUnknown):
            self._answers.uncertain(operation, answer)
        elif again and (made := find_made(self._neighbours, operation)) is not None:
            self._answers.done(operation, 200, made, answer.trace, self._clock.now())
        else:
            self._answers.refused(operation, answer)

    def _check_brake(self, operations: Sequence[Operation]) -> None:
        """Nothing is sent while it is stopped: it stays journalled and goes first afterwards.

        A stop of a part alone ends no slice: what waits for it is not looked at again and again meanwhile.
        """
        try:
            with self._unit.reading() as session:
                writes = [(each.side, each.action) for each in operations]
                connections.check_writes(session, operations[0].connection_id, writes)
        except (brakes.AllPaused, brakes.Braked, connections.NotActive) as error:
            until = self._clock.now() + (STOPPED_WAITS if isinstance(error, brakes.Braked) else timedelta(0))
            with self._unit.writing() as session:
                for operation in operations:
                    journal.postpone(session, operation.id, until, str(error), sent=False)
            raise

    def _call(self, operation: Operation) -> tuple[int, Body, str, datetime]:
        if operation.side == Side.QUICKBOOKS:
            written = self._neighbours.quickbooks.write(operation.path, operation.body, operation.key)
            return written.status, written.body, written.trace, written.time
        done = self._neighbours.ravetree.write(
            operation.method, operation.path, operation.body, operation.key, context_of(operation).if_match
        )
        return done.status, done.body, "", self._clock.now()
