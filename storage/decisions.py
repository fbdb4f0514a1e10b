"""What people said about records that were held."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from config.errors import RavebooksError
from reconcile.choices import NAMES_ONE, understood
from reconcile.decisions import AT_ANY_TIME, Decision
from reconcile.model import Kind, Record, Side
from schemas import ids
from storage import connections, pairs, pending, steps
from storage.models import Decided, PendingChange
from storage.statements import any_given, given

_OF_A_CLIENT = (Decision.LINK, Decision.TWO)
"""The answers to the question which customer a client is."""
_LONGEST_CHAIN = 5
"""Records that wait for one another, at most: a payment, its twin, an invoice."""


def find(session: Session, connection_id: str, names: Iterable[Record]) -> Decided | None:
    """The decision on a record, under any of its names."""
    subjects = [str(name) for name in names]
    rows = session.execute(_OF, {"connection_id": connection_id, "names": subjects}).scalars()
    return min(rows, key=lambda row: subjects.index(row.subject), default=None)


_OF = sa.select(Decided).where(Decided.connection_id == given("connection_id"), Decided.subject.in_(any_given("names")))


def taken_apart(session: Session, connection_id: str, records: Iterable[Record]) -> set[Record]:
    """Which of these a person has taken apart from any sync."""
    named = {str(record): record for record in records}
    if not named:
        return set()
    rows = session.execute(_OF, {"connection_id": connection_id, "names": list(named)}).scalars()
    return {named[row.subject] for row in rows if row.decision == Decision.UNLINK}


def know_partner(session: Session, connection_id: str, record: Record, partner_id: str) -> None:
    """Keep with a decision which record of the other side it was about: nothing else says so once the pair is gone."""
    session.execute(
        sa.update(Decided)
        .where(Decided.connection_id == connection_id, Decided.subject == str(record))
        .values(target=partner_id)
    )


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
    subjects = [names[0]]
    if names[0] not in names_of(session, connection_id, record):
        # It answers the question of another record, and is looked for here too.
        subjects.append(record)
    for subject in subjects:
        steps.add(session, connection_id, subject, "decision", now, by=said.by, text=said.decision, data=data)
    if pending.retry(session, connection_id, names, now):
        return True
    if said.decision not in AT_ANY_TIME:
        return False
    pending.note(session, connection_id, names[0], now, requested=True)
    return True


class NotTaken(RavebooksError):
    """The question does not take this decision."""

    remedy = "List what needs attention: each question names the decisions that it takes."
    field = "decision"


def keep(session: Session, connection_id: str, record: Record, said: Said, now: datetime) -> list[Record]:
    """Keep what a person decided; the records that it concerns, the one that it is kept with first.

    Raises `NotTaken` where they ask for something else, and `NotAnId`.
    """
    if (client := _asked_about(session, connection_id, record, said)) is not None:
        waiting = pending.asking_about(session, connection_id, client)
        names, before, kept_with = [client, *map(pending.record_of, waiting)], [client], [client]
        said = replace(said, decision=understood(said.decision, _OF_A_CLIENT))
        if said.decision == Decision.LINK:
            ids.check(Side.QUICKBOOKS, said.target)
    else:
        record, said = _asking(session, connection_id, record, said)
        record, said = addressed(session, connection_id, record, said)
        names = names_of(session, connection_id, record)
        said = _taken(session, connection_id, names, said)
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
    if said.decision not in (*_OF_A_CLIENT, Decision.ONE):
        return None
    if record.kind is Kind.CONTACT:
        return (
            record if said.decision == Decision.TWO and pending.asking_about(session, connection_id, record) else None
        )
    waiting = pending.rows(session, connection_id, pairs.names(session, connection_id, record))
    about = next((row.waits_for for row in waiting if row.state in pending.ATTENTION and row.waits_for), "")
    return Record(Side.RAVETREE, Kind.CONTACT, about.rpartition(":")[2]) if about else None


def _asking(session: Session, connection_id: str, record: Record, said: Said) -> tuple[Record, Said]:
    """The record whose question this one waits for: its answer is one to that.

    A payment of QuickBooks' waits for Ravetree's, and is what that asks about; the one that stands for a mark as paid
    is asked about under its invoice.
    """
    if said.decision in (Decision.PUSH, Decision.UNLINK):
        return record, said
    found = record
    for _ in range(_LONGEST_CHAIN):
        names = names_of(session, connection_id, found)
        if question_of(session, connection_id, names):
            break
        waited_for = _waited_for(session, connection_id, names)
        if waited_for is None:
            return record, said
        found = waited_for
    if found == record or not _takes(session, connection_id, found, said):
        return record, said
    is_payment = (record.side, record.kind, found.kind) == (Side.QUICKBOOKS, Kind.PAYMENT, Kind.PAYMENT)
    target = record.id if is_payment and (said.decision == Decision.LINK or not said.target) else said.target
    return found, replace(said, target=target)


def _takes(session: Session, connection_id: str, record: Record, said: Said) -> bool:
    row = _question(session, connection_id, names_of(session, connection_id, record))
    return row is not None and understood(said.decision, pending.taken(row)) in pending.taken(row)


def _waited_for(session: Session, connection_id: str, names: list[Record]) -> Record | None:
    """The one record that must get on before this one, if it is one."""
    row = next((row for row in pending.rows(session, connection_id, names) if row.waits_for), None)
    side, _, rest = (row.waits_for if row is not None else "").partition(":")
    kind, _, name = rest.partition(":")
    if name and (target := Record(Side(side), Kind(kind), name)).is_one:
        return target
    if row is not None or names[0].kind is not Kind.PAYMENT or names[0].side is not Side.QUICKBOOKS:
        return None
    holder = next(iter(pairs.among(session, connection_id, pairs.PLACEHOLDER, Side.QUICKBOOKS, [names[0].id])), None)
    return Record(Side.RAVETREE, Kind.INVOICE, holder.ravetree_id) if holder is not None else None


def _taken(session: Session, connection_id: str, names: list[Record], said: Said) -> Said:
    """What was said, under the name that the question has for it. Raises `NotTaken`."""
    row = _question(session, connection_id, names)
    taken = pending.taken(row) if row is not None else ()
    understands = understood(said.decision, taken)
    if understands in taken or said.decision in AT_ANY_TIME:
        if row is not None and f"{understands}{NAMES_ONE}" in row.decisions.split() and not said.target:
            raise NotTaken(
                f"`{said.decision}` has to name which of several is meant: {row.cause}",
                remedy="Name it as the target.",
                field="target",
            )
        return replace(said, decision=understands)
    if not pending.rows(session, connection_id, names):
        return said
    if row is None:
        raise NotTaken(f"{names[0].side.spelled}'s {names[0].kind} {names[0].id} asks nothing now")
    ways = ", ".join(f"`{name}`" for name in taken)
    raise NotTaken(
        f"`{said.decision}` is no answer to this: {row.cause}",
        remedy=f"It takes {ways}." if ways else row.remedy,
    )


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
    row = _question(session, connection_id, names)
    return row.code if row is not None else ""


def _question(session: Session, connection_id: str, names: Iterable[Record]) -> PendingChange | None:
    """What a record asks, or asked before it was to be looked at again."""
    rows = [
        row for row in pending.rows(session, connection_id, names) if row.code and row.code != pending.KEEPS_FAILING
    ]
    asking = [row for row in rows if row.state in pending.ATTENTION]
    return next(iter(asking or rows), None)


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
