"""Writes: journalled before they are sent, settled as facts, repeated under the same key while uncertain."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from clients.errors import Away, Failed, Moved, NeighbourError, NotAuthorised, NotSent, OutcomeUnknown, Throttled
from clients.quickbooks.company import Written, quoted
from clients.quickbooks.faults import TokenExpired
from clients.ravetree.account import Taken
from config import telemetry
from config.logging import bound, logger
from config.ports import Clock
from reconcile.model import Kind, Record, Side
from schemas import strict_json
from schemas.quickbooks import Body
from storage import brakes, connections, copies, journal, leases, pending
from storage.database import StorageError
from storage.models import Operation
from storage.unit import UnitOfWork
from sync.neighbours import Neighbours
from sync.writes import settlement

REPLAY_HORIZON = timedelta(hours=1)
"""How long QuickBooks is trusted to remember a key: it does not say. Ravetree's creates are safe by `external_id`."""

LONGEST_WAIT = timedelta(minutes=15)
"""Between two sendings of one write, unless the setting asks for longer."""

_STILL_UNKNOWN = (Away, NotAuthorised)

log = logger("journal")


@dataclass(frozen=True)
class Request:
    """One write, ready for the journal. `context` holds all that its settlement needs."""

    subject: Record
    side: Side
    action: str
    path: str
    body: Body
    method: str = "POST"
    context: Mapping[str, Any] = field(default_factory=dict)


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

    def write(self, request: Request) -> None:
        """Journal, send and settle one write. Raises what the neighbour says, and `LeaseLost` before sending."""
        lease = self._lease()
        with self._unit.writing() as session:
            leases.guard(self._unit.database, session, lease)
            brakes.check(session)
            connections.check_active(session, lease.connection_id)
            brakes.check_removal(session, lease.connection_id, request.action, self._clock.now())
            operation = self._open(session, lease, request, self._clock.now())
        self._send(operation)

    def write_batch(self, requests: Sequence[Request]) -> None:
        """Journal creations in QuickBooks, send them in one request, settle each by its own answer.

        Raises what is said of the whole request while it is uncertain; what is said of one item is stored only.
        """
        lease = self._lease()
        with self._unit.writing() as session:
            leases.guard(self._unit.database, session, lease)
            brakes.check(session)
            connections.check_active(session, lease.connection_id)
            now = self._clock.now()
            operations = [self._open(session, lease, request, now) for request in requests]
            journal.join_batch(operations)
        self._send_batch(operations)

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
            context=request.context,
            fence=lease.fence,
            now=now,
            retry_after=self._uncertain_seconds,
        )

    def resolve_due(self) -> None:
        """Send uncertain writes again whose time has come.

        Stops where the neighbour itself is out of reach; one that it fails at holds up no other.
        """
        lease = self._lease()
        with self._unit.reading() as session:
            waiting = list(journal.unsettled(session, lease.connection_id))
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

    def blocked_until(self, connection_id: str) -> dict[str, datetime]:
        """Subjects with an uncertain write, and when that is sent again."""
        with self._unit.reading() as session:
            return {
                operation.subject: operation.retry_at or operation.journalled_at
                for operation in journal.unsettled(session, connection_id)
            }

    # --- sending ---------------------------------------------------------------------------------

    def _send(self, operation: Operation, *, again: bool = False) -> None:
        """Send and settle. A refusal of what is sent `again` does not say that it never happened: that is looked up."""
        with (
            bound(operation_id=operation.key, record=operation.subject),
            telemetry.tracer.start_as_current_span("write"),
        ):
            self._check_brake([operation])
            try:
                status, answer, trace, answered = self._call(operation)
            except Taken as error:
                self._settle_taken(operation, error)
            except _STILL_UNKNOWN as error:
                self._leave_uncertain(operation, error)
                raise
            except NeighbourError as error:
                made = self._find_made(operation) if again and operation.side == Side.QUICKBOOKS else None
                if made is None:
                    self._settle_refused(operation, error)
                    raise
                self._settle_done(operation, 200, made, error.trace, self._clock.now())
            else:
                self._settle_done(operation, status, answer, trace, answered)

    def _send_batch(self, operations: Sequence[Operation], *, again: bool = False) -> None:
        """Send a whole batch, and settle what is not settled yet."""
        key = operations[0].context["batch"]["key"]
        unsettled = [operation for operation in operations if operation.state == journal.JOURNALLED]
        with bound(batch=key), telemetry.tracer.start_as_current_span("write batch"):
            self._check_brake(unsettled)
            answers: dict[str, Written | NeighbourError] = {}
            refusal: NeighbourError = OutcomeUnknown("QuickBooks' answer to the batch does not name it")
            try:
                answers = self._neighbours.quickbooks.batch(journal.batch_body(operations), key)
            except _STILL_UNKNOWN as error:
                for operation in unsettled:
                    self._leave_uncertain(operation, error)
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
            self._settle_done(operation, answer.status, answer.body, answer.trace, answer.time)
        elif isinstance(answer, OutcomeUnknown):
            self._leave_uncertain(operation, answer)
        elif again and (made := self._find_made(operation)) is not None:
            self._settle_done(operation, 200, made, answer.trace, self._clock.now())
        else:
            self._settle_refused(operation, answer)

    def _check_brake(self, operations: Sequence[Operation]) -> None:
        """Nothing is sent while it is stopped: it stays journalled and goes first afterwards."""
        try:
            with self._unit.reading() as session:
                brakes.check(session)
                connections.check_active(session, operations[0].connection_id)
        except (brakes.AllPaused, connections.NotActive) as error:
            with self._unit.writing() as session:
                for operation in operations:
                    journal.postpone(session, operation.id, self._clock.now(), str(error), sent=False)
            raise

    def _call(self, operation: Operation) -> tuple[int, Body, str, datetime]:
        if operation.side == Side.QUICKBOOKS:
            written = self._neighbours.quickbooks.write(operation.path, operation.body, operation.key)
            return written.status, written.body, written.trace, written.time
        done = self._neighbours.ravetree.write(
            operation.method, operation.path, operation.body, operation.key, operation.context.get("if_match")
        )
        return done.status, done.body, "", self._clock.now()

    def _settle_done(self, operation: Operation, status: int, answer: Body, trace: str, answered: datetime) -> None:
        now = self._clock.now()
        with self._unit.writing() as session:
            if journal.settle(session, operation.id, journal.DONE, now, status=status, answer=answer, intuit_tid=trace):
                settlement.apply(session, operation, answer, answered, now)
        self._count(operation, "done")
        log.info("written", action=operation.action, side=operation.side, status=status, intuit_tid=trace)

    def _settle_refused(self, operation: Operation, error: NeighbourError) -> None:
        with self._unit.writing() as session:
            journal.settle(
                session,
                operation.id,
                journal.REFUSED,
                self._clock.now(),
                error=f"{error.code} {error}".strip(),
                intuit_tid=error.trace,
            )
        self._count(operation, "refused")
        log.info(
            "refused",
            action=operation.action,
            side=operation.side,
            fault=error.code,
            error=str(error),
            intuit_tid=error.trace,
        )

    def _settle_taken(self, operation: Operation, error: Taken) -> None:
        """Ravetree has a record with our reference already: it is the one that we wanted to make."""
        kind = Record(*_subject(operation.subject)).kind
        existing = self._neighbours.ravetree.get(kind, error.existing_id) if error.existing_id else None
        if existing is None or not operation.action.endswith(".create"):
            self._settle_refused(operation, error)
            raise error
        # What we wrote is the base, so that an edit made since is seen as one.
        written = strict_json.loads(operation.body)
        base = existing | {name: written[name] for name in written.keys() & existing.keys()}
        self._settle_done(operation, 200, base, "", self._clock.now())

    def _leave_uncertain(self, operation: Operation, error: NeighbourError) -> None:
        sent = not isinstance(error, NotSent | Throttled | TokenExpired | NotAuthorised)
        wait = timedelta(seconds=self._uncertain_seconds if sent else min(self._uncertain_seconds, 1.0))
        if sent:
            # Longer each time, as long as the setting allows.
            longest = max(wait, LONGEST_WAIT)
            wait = min(wait * 2 ** min(operation.sends, 10), longest)
        with self._unit.writing() as session:
            until = self._clock.now() + wait
            journal.postpone(session, operation.id, until, str(error), sent=sent)
        self._count(operation, "uncertain")
        log.warning(
            "outcome unknown",
            action=operation.action,
            side=operation.side,
            error=str(error),
            intuit_tid=error.trace,
        )

    def _count(self, operation: Operation, result: str) -> None:
        telemetry.operations.labels(operation.side, operation.action, result).inc()

    # --- resolving -------------------------------------------------------------------------------

    def _is_past_horizon(self, operation: Operation) -> bool:
        age = self._clock.now() - operation.journalled_at
        return operation.side == Side.QUICKBOOKS and age >= REPLAY_HORIZON

    def _resolve_batch(self, operation: Operation) -> None:
        """Its items were journalled in one moment: they are all due, and within the horizon, together."""
        with self._unit.reading() as session:
            operations = journal.batch_of(session, operation)
        waiting = [each for each in operations if each.state == journal.JOURNALLED]
        try:
            self._send_batch(operations, again=True)
        except _STILL_UNKNOWN:
            raise
        except NeighbourError as error:
            log.info("could not be looked up", batch=operation.context["batch"]["key"], error=str(error))
        for each in waiting:
            self._look_again(each)

    def _resolve(self, operation: Operation) -> None:
        try:
            if self._is_past_horizon(operation):
                self._look_up(operation)
            else:
                self._send(operation, again=True)
        except _STILL_UNKNOWN:
            raise
        except (Moved, NeighbourError) as error:
            log.info("resolved as refused", operation_id=operation.key, error=str(error))
        self._look_again(operation)

    def _look_again(self, operation: Operation) -> None:
        record = Record(*_subject(operation.subject))
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
        found = self._find_made(operation)
        if found is not None:
            self._settle_done(operation, 200, found, "", self._clock.now())
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
        self._count(operation, "abandoned")

    def _find_made(self, operation: Operation) -> Body | None:
        """The record that a create made, if it did: by number, by name, or by customer, date and our note."""
        if not operation.action.endswith(".create"):
            return None
        body = strict_json.loads(operation.body)
        company = self._neighbours.quickbooks
        if operation.path == "customer":
            found = company.query("Customer", f"DisplayName = {quoted(body['DisplayName'])}")
        elif operation.path in ("invoice", "estimate"):
            found = company.query(operation.path.capitalize(), f"DocNumber = {quoted(body['DocNumber'])}")
            found = [raw for raw in found if _says_the_same(raw, body)]
        else:
            where = f"CustomerRef = {quoted(body['CustomerRef']['value'])} and TxnDate = {quoted(body['TxnDate'])}"
            found = company.query("Payment", where)
            found = [raw for raw in found if raw.get("PrivateNote") == body["PrivateNote"]]
        return found[0] if found else None


def _says_the_same(raw: Body, sent: Body) -> bool:
    """Whether a document may be what we sent: another one of its number and customer is somebody else's."""
    return (
        raw["CustomerRef"]["value"] == sent["CustomerRef"]["value"]
        and raw["TxnDate"] == sent["TxnDate"]
        and _amounts(raw) == _amounts(sent)
    )


def _amounts(body: Body) -> list[Any]:
    return [line["Amount"] for line in body["Line"] if line["DetailType"] == "SalesItemLineDetail"]


def _subject(text: str) -> tuple[Side, Kind, str]:
    side, kind, record_id = text.split(":", 2)
    return Side(side), Kind(kind), record_id
