"""What people said about records that were held."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reconcile.decisions import AT_ANY_TIME, Decision
from reconcile.model import Kind, Record, Side
from schemas import ids
from storage import connections, pairs, pending, steps
from storage.models import Decided

_OF_A_CLIENT = (Decision.LINK, Decision.TWO)
"""The answers to the question which customer a client is."""


def find(session: Session, connection_id: str, names: Iterable[Record]) -> Decided | None:
    """The decision on a record, under any of its names."""
    found = [session.get(Decided, (connection_id, str(name))) for name in names]
    return next((row for row in found if row is not None), None)


def get(session: Session, connection_id: str, names: Iterable[Record]) -> str:
    """What was decided on a record, or an empty string."""
    found = find(session, connection_id, names)
    return found.decision if found else ""


def use_up(session: Session, connection_id: str, names: Iterable[Record]) -> None:
    """The decision has been carried out: it says nothing about what comes later."""
    session.execute(
        sa.delete(Decided).where(
            Decided.connection_id == connection_id, Decided.subject.in_([str(name) for name in names])
        )
    )


def store(
    session: Session,
    connection_id: str,
    record: Record,
    decision: str,
    who: str,
    note: str,
    now: datetime,
    target: str = "",
) -> None:
    """Keep what a person decided."""
    session.merge(row(connection_id, record, Said(decision, who, note, target), now))


def row(connection_id: str, record: Record, said: "Said", now: datetime, code: str = "") -> Decided:
    """A decision as it is kept."""
    return Decided(
        connection_id=connection_id,
        subject=str(record),
        decision=said.decision,
        code=code,
        target=said.target,
        note=said.note,
        decided_by=said.by,
        decided_at=now,
    )


@dataclass(frozen=True)
class Said:
    """What a person said of a record, who, and why. `target` is the other side's record that a `link` names."""

    decision: str
    by: str = ""
    note: str = ""
    target: str = ""


def decide(session: Session, connection_id: str, record: Record, said: Said, now: datetime) -> bool:
    """Keep what a person decided and look at the record; False when it waits for nobody and the decision needs that."""
    connections.get_current(session, connection_id)
    names = keep(session, connection_id, record, said, now)
    data = {"note": said.note, "target": said.target}
    steps.add(session, connection_id, names[0], "decision", now, by=said.by, text=said.decision, data=data)
    if pending.retry(session, connection_id, names, now):
        return True
    if said.decision not in AT_ANY_TIME:
        return False
    pending.note(session, connection_id, names[0], now, requested=True)
    return True


def keep(session: Session, connection_id: str, record: Record, said: Said, now: datetime) -> list[Record]:
    """Keep what a person decided; the records that it concerns, the one that it is kept with first."""
    if (client := _asked_about(session, connection_id, record, said)) is not None:
        waiting = pending.asking_about(session, connection_id, client)
        names, before, kept_with = [client, *map(pending.record_of, waiting)], [client], [client]
        if said.decision == Decision.LINK:
            ids.check(Side.QUICKBOOKS, said.target)
    else:
        record, said = _asking(session, connection_id, record, said)
        record, said = addressed(session, connection_id, record, said)
        names = names_of(session, connection_id, record)
        apart = said.decision == Decision.UNLINK and record.kind is Kind.PAYMENT
        before, kept_with = names, names if apart else names[:1]
    code = question_of(session, connection_id, names)
    # One record has one decision, the latest, whichever of its names it was said under.
    use_up(session, connection_id, before)
    for name in kept_with:
        session.merge(row(connection_id, name, said, now, code))
    return names


def _asked_about(session: Session, connection_id: str, record: Record, said: Said) -> Record | None:
    """The client whose customer is asked for, where a document, or the client itself, waits for that answer."""
    if said.decision not in _OF_A_CLIENT:
        return None
    if record.kind is Kind.CONTACT:
        return (
            record if said.decision == Decision.TWO and pending.asking_about(session, connection_id, record) else None
        )
    waiting = pending.rows(session, connection_id, pairs.names(session, connection_id, record))
    about = next((row.waits_for for row in waiting if row.state in pending.ATTENTION and row.waits_for), "")
    return Record(Side.RAVETREE, Kind.CONTACT, about.rpartition(":")[2]) if about else None


def _asking(session: Session, connection_id: str, record: Record, said: Said) -> tuple[Record, Said]:
    """A payment of QuickBooks' waits for the question that Ravetree's asks: its answer is one to that."""
    if record.side is not Side.QUICKBOOKS or record.kind is not Kind.PAYMENT or said.decision in AT_ANY_TIME:
        return record, said
    waiting = next(iter(pending.rows(session, connection_id, [record])), None)
    side, _, rest = (waiting.waits_for if waiting is not None else "").partition(":")
    kind, _, name = rest.partition(":")
    if side != Side.RAVETREE or kind != Kind.PAYMENT or name == "*":
        return record, said
    return Record(Side.RAVETREE, Kind.PAYMENT, name), replace(said, target=said.target or record.id)


def addressed(session: Session, connection_id: str, record: Record, said: Said) -> tuple[Record, Said]:
    """The record that a decision is kept with: Ravetree's if it has one, whichever side it was said from.

    Raises `NotAnId` for a target that no record of the other side can have.
    """
    if said.decision == "link":
        ids.check(Side.RAVETREE if record.side is Side.QUICKBOOKS else Side.QUICKBOOKS, said.target)
    if said.decision == "link" and record.side is Side.QUICKBOOKS and record.kind is not Kind.CONTACT:
        return Record(Side.RAVETREE, record.kind, said.target), replace(said, target=record.id)
    return names_of(session, connection_id, record)[0], said


def question_of(session: Session, connection_id: str, names: Iterable[Record]) -> str:
    """The code of what a record asks, under any of its names; empty where it asks nothing."""
    waiting = pending.rows(session, connection_id, names)
    return next((row.code for row in waiting if row.state in pending.ATTENTION), "")


def names_of(session: Session, connection_id: str, record: Record) -> list[Record]:
    """What a record is called; a client and a customer are two, since many clients may have one customer."""
    return [record] if record.kind is Kind.CONTACT else pairs.names(session, connection_id, record)


def retry(session: Session, connection_id: str, record: Record, now: datetime, by: str = "") -> bool:
    """A person pressed retry; False when nothing waits."""
    connections.get_current(session, connection_id)
    names = pairs.names(session, connection_id, record)
    steps.add(session, connection_id, names[0], "retry", now, by=by)
    return pending.retry(session, connection_id, names, now)


def request_sync(session: Session, connection_id: str, record: Record, now: datetime, by: str = "") -> None:
    """A person pressed "Sync to QuickBooks"."""
    connections.get_current(session, connection_id)
    steps.add(session, connection_id, record, "sync_requested", now, by=by)
    pending.note(session, connection_id, record, now, requested=True)
