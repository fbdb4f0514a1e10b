"""Writes: journalled before they are sent, settled as facts, repeated under the same key while uncertain."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from config.ports import Clock
from reconcile.actions import Action
from reconcile.model import Record, Side
from schemas import strict_json
from schemas.quickbooks import Body
from storage import brakes, connections, journal, leases
from storage.models import Operation
from storage.unit import UnitOfWork
from sync.neighbours import Neighbours
from sync.writes.answers import Answers
from sync.writes.context import Context
from sync.writes.sending import Sender
from sync.writes.uncertain import Uncertain


@dataclass(frozen=True)
class Request:
    """One write, ready for the journal. `context` holds all that its settlement needs."""

    subject: Record
    side: Side
    action: Action
    path: str
    body: Body
    method: str = "POST"
    context: Context = field(default_factory=Context)


class Journal:
    """Sends the writes of one connection under its lease."""

    def __init__(
        self,
        unit: UnitOfWork,
        clock: Clock,
        neighbours: Neighbours,
        lease: Callable[[], leases.HeldLease],
        uncertain_seconds: float,
    ) -> None:
        self._unit = unit
        self._clock = clock
        self._neighbours = neighbours
        self._lease = lease
        self._uncertain_seconds = uncertain_seconds
        answers = Answers(unit, clock, neighbours, uncertain_seconds)
        self._sender = Sender(unit, clock, neighbours, answers)
        self._uncertain = Uncertain(unit, clock, neighbours, lease, self._sender, answers, uncertain_seconds)

    def write(self, request: Request) -> None:
        """Journal, send and settle one write. Raises what the neighbour says, and `LeaseLost` before sending."""
        lease = self._lease()
        with self._unit.writing() as session:
            leases.guard(self._unit.database, session, lease)
            connections.check_writes(session, lease.connection_id, [(request.side, request.action)])
            brakes.check_removal(session, lease.connection_id, request.action, self._clock.now())
            operation = self._open(session, lease, request, self._clock.now())
        self._sender.send(operation)

    def write_batch(self, requests: Sequence[Request]) -> None:
        """Journal creations in QuickBooks, send them in one request, settle each by its own answer.

        Raises what is said of the whole request while it is uncertain; what is said of one item is stored only.
        """
        lease = self._lease()
        with self._unit.writing() as session:
            leases.guard(self._unit.database, session, lease)
            writes = [(request.side, request.action) for request in requests]
            connections.check_writes(session, lease.connection_id, writes)
            now = self._clock.now()
            operations = [self._open(session, lease, request, now) for request in requests]
            journal.join_batch(operations)
        self._sender.send_batch(operations)

    def _open(self, session: Session, lease: leases.HeldLease, request: Request, now: datetime) -> Operation:
        return journal.open_operation(
            session,
            lease.connection_id,
            subject=str(request.subject),
            side=request.side,
            action=request.action,
            method=request.method,
            path=request.path,
            body=strict_json.dumps(request.body) if request.body else "",
            context=request.context.stored(),
            fence=lease.fence,
            now=now,
            retry_after=self._uncertain_seconds,
        )

    def resolve_due(self) -> None:
        """Find out what became of uncertain writes whose time has come. Raises what is said of a whole neighbour."""
        self._uncertain.resolve_due()

    def blocked_until(self, connection_id: str) -> dict[str, datetime]:
        """Subjects with an uncertain write, and when that is sent again."""
        rows = self._unit.once(("unsettled",), lambda session: journal.unsettled(session, connection_id))
        return {operation.subject: operation.retry_at or operation.journalled_at for operation in rows}
