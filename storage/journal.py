"""The journal: every write is committed here before it is sent, and its answer is stored as a fact."""

import hashlib
import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from config import traces
from storage.models import Echo, Operation
from storage.statements import given

JOURNALLED = "journalled"
DONE = "done"
REFUSED = "refused"
ABANDONED = "abandoned"

ECHO_SLACK = timedelta(seconds=5)
"""How much later than its answer our write's event may be: event times have nanoseconds, answers seconds."""


def idempotency_key(connection_id: str, subject: str, action: str, attempt: int, body: str) -> str:
    """The same situation always makes the same key: QuickBooks' `requestid`, Ravetree's `Idempotency-Key`."""
    parts = "\0".join([connection_id, subject, action, str(attempt), body])
    return hashlib.sha256(parts.encode()).hexdigest()[:32]


def batch_key(keys: Sequence[str]) -> str:
    """A batch's `requestid`: the same operations in the same order always make the same one."""
    return hashlib.sha256("\0".join(keys).encode()).hexdigest()[:32]


def join_batch(operations: Sequence[Operation]) -> None:
    """These are sent in one request: each knows all of them, in their order."""
    keys = [operation.key for operation in operations]
    for operation in operations:
        operation.context = {**operation.context, "batch": {"key": batch_key(keys), "operations": keys}}


def batch_of(session: Session, operation: Operation) -> list[Operation]:
    """All the operations of its batch, settled ones too, in the order in which they are sent."""
    keys = operation.context["batch"]["operations"]
    rows = session.execute(
        sa.select(Operation).where(Operation.connection_id == operation.connection_id, Operation.key.in_(keys))
    ).scalars()
    return sorted(rows, key=lambda row: keys.index(row.key))


def batch_body(operations: Sequence[Operation]) -> str:
    """The exact text of a batch of creations, from the journalled bodies: a repetition sends the same bytes."""
    items = ",".join(
        f'{{"bId":"{place}","operation":"create","{operation.path.capitalize()}":{operation.body}}}'
        for place, operation in enumerate(operations, 1)
    )
    return f'{{"BatchItemRequest":[{items}]}}'


def open_operation(
    session: Session,
    connection_id: str,
    *,
    subject: str,
    side: str,
    action: str,
    method: str,
    path: str,
    body: str,
    context: Mapping[str, Any],
    fence: int,
    now: datetime,
    retry_after: float,
) -> Operation:
    """Journal one write. `attempt` counts the settled operations that were the same to the byte."""
    digest = hashlib.sha256(f"{path}\0{body}".encode()).hexdigest()
    asked = {"connection_id": connection_id, "subject": subject, "action": action, "digest": digest}
    attempt = session.execute(_TRIES, asked).scalar_one()
    operation = Operation(
        connection_id=connection_id,
        subject=subject,
        side=side,
        action=action,
        key=idempotency_key(connection_id, subject, action, attempt, f"{path}\0{body}"),
        attempt=attempt,
        method=method,
        path=path,
        body=body,
        digest=digest,
        context=dict(context),
        fence=fence,
        state=JOURNALLED,
        journalled_at=now,
        retry_at=now + timedelta(seconds=retry_after),
        traceparent=traces.current() or None,
    )
    session.add(operation)
    session.flush()
    return operation


_SUCH = (
    Operation.connection_id == given("connection_id"),
    Operation.subject == given("subject"),
    Operation.action == given("action"),
)
_TRIES = sa.select(sa.func.count()).select_from(Operation).where(*_SUCH, Operation.digest == given("digest"))


def settle(
    session: Session,
    operation_id: int,
    state: str,
    now: datetime,
    *,
    status: int | None = None,
    answer: Mapping[str, Any] | None = None,
    error: str = "",
    intuit_tid: str = "",
) -> bool:
    """Store what became of a write; False when it was settled already. A stale holder stores it too: it is a fact."""
    result = session.execute(
        sa.update(Operation)
        .where(Operation.id == operation_id, Operation.state == JOURNALLED)
        .values(
            state=state,
            answered_at=now,
            retry_at=None,
            status=status,
            answer=dict(answer) if answer is not None else None,
            error=error,
            intuit_tid=intuit_tid,
        )
        .execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]  # an UPDATE's result counts rows


def postpone(session: Session, operation_id: int, retry_at: datetime, error: str, *, sent: bool = True) -> None:
    """The outcome is still unknown: send it again at `retry_at`. `sent` says that it may have happened."""
    session.execute(
        sa.update(Operation)
        .where(Operation.id == operation_id, Operation.state == JOURNALLED)
        .values(
            retry_at=retry_at,
            error=error,
            was_uncertain=sa.true() if sent else Operation.was_uncertain,
            sends=Operation.sends + (1 if sent else 0),
        )
        .execution_options(synchronize_session=False)
    )


def put_off(session: Session, operation_id: int, now: datetime, retry_at: datetime) -> None:
    """Nothing new is known of a write that is due: it is due again at `retry_at`, and was not sent meanwhile."""
    session.execute(
        sa.update(Operation)
        .where(Operation.id == operation_id, Operation.state == JOURNALLED, Operation.retry_at <= now)
        .values(retry_at=retry_at)
        .execution_options(synchronize_session=False)
    )


@dataclass(frozen=True)
class Unanswered:
    """Writes for one record without an answer that says what became of them: since when, how often sent, last error."""

    since: datetime
    sends: int
    error: str


def unanswered(session: Session, connection_id: str, subject: str) -> Unanswered | None:
    """What was sent for a record since its last answered write, if none of it was answered."""
    rows = session.execute(
        sa.select(Operation)
        .where(Operation.connection_id == connection_id, Operation.subject == subject)
        .order_by(Operation.id.desc())
    ).scalars()
    open_ones = list(itertools.takewhile(lambda row: row.state in (JOURNALLED, ABANDONED) and row.was_uncertain, rows))
    if not open_ones:
        return None
    last = next((row.error for row in open_ones if row.state == JOURNALLED), "")
    return Unanswered(open_ones[-1].journalled_at, sum(row.sends for row in open_ones), last)


def tries(session: Session, connection_id: str, subjects: Collection[str]) -> Sequence[Operation]:
    """Every write that was tried for a record under any of its names, the newest first."""
    query = sa.select(Operation).where(Operation.connection_id == connection_id, Operation.subject.in_(subjects))
    return session.execute(query.order_by(Operation.id.desc())).scalars().all()


def was_written(session: Session, subject: str, what: str) -> bool:
    """Whether any connection of this installation ever wrote a `payment`, or a `placeholder`, for a record."""
    ours = (Operation.subject == subject, Operation.side == "quickbooks", Operation.action.startswith(f"{what}."))
    found = session.execute(sa.select(Operation.id).where(*ours).limit(1))
    return found.first() is not None


def was_tried(session: Session, connection_id: str, subject: str, action: str) -> bool:
    """Whether such a write was journalled before, whatever became of it."""
    return (
        session.execute(
            sa.select(Operation.id).where(
                Operation.connection_id == connection_id,
                Operation.subject == subject,
                Operation.action == action,
            )
        ).first()
        is not None
    )


def may_have_made(session: Session, connection_id: str, subject: str, action: str) -> bool:
    """Whether a write of ours whose answer was lost may have made what we want to make now."""
    return (
        session.execute(
            sa.select(Operation.id).where(
                Operation.connection_id == connection_id,
                Operation.subject == subject,
                Operation.action == action,
                Operation.was_uncertain.is_(True),
            )
        ).first()
        is not None
    )


def was_done(session: Session, connection_id: str, subject: str, action: str) -> bool:
    """Whether such a write was answered once."""
    asked = {"connection_id": connection_id, "subject": subject, "action": action}
    return session.execute(_WAS_DONE, asked).first() is not None


_WAS_DONE = sa.select(Operation.id).where(*_SUCH, Operation.side == "quickbooks", Operation.state == DONE)


def done_subjects(session: Session, connection_id: str, action: str) -> set[str]:
    """The subjects of all writes of this action that were answered once."""
    query = sa.select(Operation.subject).where(
        Operation.connection_id == connection_id, Operation.action == action, Operation.state == DONE
    )
    return set(session.execute(query.distinct()).scalars())


def unsettled(session: Session, connection_id: str) -> Sequence[Operation]:
    """Writes whose outcome is unknown, oldest first."""
    # Their ids first, and sorted here: asked for at once, SQLite goes through all writes of the connection.
    ids = sorted(session.execute(_UNSETTLED, {"connection_id": connection_id}).scalars())
    found = sa.select(Operation).where(Operation.id.in_(ids)).order_by(Operation.id)
    return session.execute(found).scalars().all() if ids else []


_UNSETTLED = sa.select(Operation.id).where(
    Operation.connection_id == given("connection_id"), Operation.state == JOURNALLED
)


def count_unsettled(session: Session, connection_id: str) -> int:
    """How many writes of a connection have no answer yet."""
    query = (
        sa.select(sa.func.count())
        .select_from(Operation)
        .where(Operation.connection_id == connection_id, Operation.state == JOURNALLED)
    )
    return session.execute(query).scalar_one()


def connections_with_unsettled(session: Session, now: datetime) -> list[str]:
    """Connections with an uncertain write that may be sent again."""
    # Each once here: asked for distinct ones, SQLite goes through all writes in the order of their connections.
    return sorted(set(session.execute(_TO_ASK_AGAIN, {"now": now}).scalars()))


_TO_ASK_AGAIN = sa.select(Operation.connection_id).where(
    Operation.state == JOURNALLED, Operation.retry_at <= given("now")
)


def is_ours(session: Session, connection_id: str, key: str) -> bool:
    """Whether `key` is the key of a write of ours."""
    return session.execute(_OF_KEY, {"connection_id": connection_id, "key": key}).first() is not None


_OF_KEY = sa.select(Operation.id).where(
    Operation.connection_id == given("connection_id"), Operation.key == given("key")
)


# --- echoes --------------------------------------------------------------------------------------


def expect_echo(
    session: Session,
    connection_id: str,
    operation_id: int,
    kind: str,
    record_id: str,
    change: str,
    answered: datetime,
) -> None:
    """This write is going to cause such an event, not later than the answer's time and a little."""
    session.add(
        Echo(
            connection_id=connection_id,
            operation_id=operation_id,
            kind=kind,
            record_id=record_id,
            change=change,
            until=answered + ECHO_SLACK,
        )
    )


def take_echo(
    session: Session, connection_id: str, kind: str, record_id: str, change: str, occurred_at: datetime
) -> bool:
    """Whether a write of ours explains such an event; it explains no second one."""
    asked = {"connection_id": connection_id, "kind": kind, "record_id": record_id, "change": change}
    echo = session.execute(_ECHO, asked | {"occurred_at": occurred_at}).scalars().first()
    if echo is None:
        return False
    session.delete(echo)
    session.flush()
    return True


_ECHO = (
    sa.select(Echo)
    .where(
        Echo.connection_id == given("connection_id"),
        Echo.kind == given("kind"),
        Echo.record_id == given("record_id"),
        Echo.change == given("change"),
        Echo.until >= given("occurred_at"),
    )
    .order_by(Echo.until)
    .limit(1)
)


def forget_old_echoes(session: Session, before: datetime) -> None:
    """Echoes that never came."""
    session.execute(sa.delete(Echo).where(Echo.until < before))


def last_answer(session: Session, connection_id: str) -> datetime | None:
    """When QuickBooks last took a write."""
    return session.execute(
        sa.select(sa.func.max(Operation.answered_at)).where(
            Operation.connection_id == connection_id, Operation.side == "quickbooks", Operation.state == DONE
        )
    ).scalar_one()
