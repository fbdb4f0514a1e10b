"""What becomes of a write by its answer: done, refused, or sent again because nobody knows."""

from datetime import datetime, timedelta

from clients.errors import NeighbourError, NotAuthorised, NotSent, Throttled
from clients.quickbooks.faults import TokenExpired
from clients.ravetree.account import Taken
from config import telemetry, traces
from config.logging import logger
from config.ports import Clock
from reconcile.actions import Action
from schemas import strict_json
from schemas.quickbooks import Body
from storage import journal
from storage.models import Operation
from storage.unit import UnitOfWork
from sync.neighbours import Neighbours
from sync.writes import settlement
from sync.writes.made import record_of

LONGEST_WAIT = timedelta(minutes=15)
"""Between two sendings of one write, unless the setting asks for longer."""

log = logger("journal")


class Answers:
    """Stores what became of the writes of one connection."""

    def __init__(self, unit: UnitOfWork, clock: Clock, neighbours: Neighbours, uncertain_seconds: float) -> None:
        self._unit = unit
        self._clock = clock
        self._neighbours = neighbours
        self._uncertain_seconds = uncertain_seconds

    def done(self, operation: Operation, status: int, answer: Body, trace: str, answered: datetime) -> None:
        """It was written: store the answer, and what follows from it."""
        now = self._clock.now()
        with self._unit.writing() as session:
            if journal.settle(session, operation.id, journal.DONE, now, status=status, answer=answer, intuit_tid=trace):
                settlement.apply(session, operation, answer, answered, now)
        count(operation, "done")
        traces.answered("done", status=status, intuit_tid=trace)
        log.info("written", action=operation.action, side=operation.side, status=status, intuit_tid=trace)

    def refused(self, operation: Operation, error: NeighbourError) -> None:
        """It was not written."""
        with self._unit.writing() as session:
            journal.settle(
                session,
                operation.id,
                journal.REFUSED,
                self._clock.now(),
                error=f"{error.code} {error}".strip(),
                intuit_tid=error.trace,
            )
        count(operation, "refused")
        traces.answered("refused", fault=error.code or type(error).__name__, intuit_tid=error.trace)
        log.info(
            "refused",
            action=operation.action,
            side=operation.side,
            fault=error.code,
            error=str(error),
            intuit_tid=error.trace,
        )

    def taken(self, operation: Operation, error: Taken) -> None:
        """Ravetree has a record with our reference already: it is the one that we wanted to make."""
        kind = record_of(operation).kind
        existing = self._neighbours.ravetree.get(kind, error.existing_id) if error.existing_id else None
        if existing is None or not Action(operation.action).creates:
            self.refused(operation, error)
            raise error
        # What we wrote is the base, so that an edit made since is seen as one.
        written = strict_json.loads(operation.body)
        base = existing | {name: written[name] for name in written.keys() & existing.keys()}
        self.done(operation, 200, base, "", self._clock.now())

    def uncertain(self, operation: Operation, error: NeighbourError) -> None:
        """Nobody knows whether it was written: it is sent again under the same key, later each time."""
        sent = not isinstance(error, NotSent | Throttled | TokenExpired | NotAuthorised)
        wait = timedelta(seconds=self._uncertain_seconds if sent else min(self._uncertain_seconds, 1.0))
        if sent:
            # Longer each time, as long as the setting allows.
            longest = max(wait, LONGEST_WAIT)
            wait = min(wait * 2 ** min(operation.sends, 10), longest)
        with self._unit.writing() as session:
            until = self._clock.now() + wait
            journal.postpone(session, operation.id, until, str(error), sent=sent)
        count(operation, "uncertain")
        traces.answered("uncertain", fault=error.code or type(error).__name__, intuit_tid=error.trace)
        log.warning(
            "outcome unknown",
            action=operation.action,
            side=operation.side,
            error=str(error),
            intuit_tid=error.trace,
        )


def count(operation: Operation, result: str) -> None:
    """Count a write by how it ended."""
    telemetry.operations.labels(operation.side, operation.action, result).inc()
