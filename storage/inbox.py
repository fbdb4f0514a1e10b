"""The inbox: events recorded once, each leaving its pending change, in one transaction a batch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reconcile.model import Kind, Record, Side
from schemas import ids
from schemas.envelopes import Delivery, Envelope
from storage import connections, duties, paging, pairs, pending, switches
from storage.database import insert
from storage.models import Connection, Event
from storage.paging import Asked, Page

FOLLOWED = {
    Side.QUICKBOOKS: {
        "customer": Kind.CONTACT,
        "estimate": Kind.ESTIMATE,
        "invoice": Kind.INVOICE,
        "payment": Kind.PAYMENT,
    },
    Side.RAVETREE: {
        "contact": Kind.CONTACT,
        "estimate": Kind.ESTIMATE,
        "invoice": Kind.INVOICE,
        "payment": Kind.PAYMENT,
    },
}
"""The entities whose events are followed, by their source."""

LEFT_TO_CDC = frozenset({"customer.created", "customer.updated", "estimate.created", "estimate.emailed"})
"""Events of QuickBooks that ask for nothing at once: the next change data capture brings what they speak of."""

RECORDED = "recorded"
IGNORED = "ignored"
UNUSABLE = "unusable"
UNKNOWN = "unknown"
DUPLICATE = "duplicate"


@dataclass
class Recorded:
    """What became of a batch: the connections to wake and a count for each (source, outcome)."""

    connections: set[str] = field(default_factory=set)
    outcomes: dict[tuple[Side, str], int] = field(default_factory=dict)


REPLAY_WAITS = timedelta(minutes=1)
"""An event that came before asks for a look no sooner than this: each look is a metered read."""

_Note = tuple[str, Record, int, bool, bool]
"""A connection, the record to note for it, the event that says so, whether a person asked, whether it came before."""


def record(session: Session, deliveries: Iterable[Delivery], now: datetime) -> Recorded:
    """Insert the events of `deliveries` that are new, and note each followed record as pending."""
    result = Recorded()
    known: dict[tuple[Side, str], Connection | None] = {}
    # Rows are locked in one order by whoever records: two recorders that meet would else wait for each other.
    events = [(delivery, envelope) for delivery in deliveries for envelope in delivery.events]
    events.sort(key=lambda pair: (pair[0].source, pair[0].account, pair[1].id))
    notes: list[_Note] = []
    for delivery, envelope in events:
        place = (delivery.source, delivery.account)
        if place not in known:
            known[place] = connections.find(session, *place)
        outcome = _record_one(session, delivery, envelope, known[place], now, notes)
        key = (delivery.source, outcome)
        result.outcomes[key] = result.outcomes.get(key, 0) + 1
    for connection_id, subject, event_id, requested, again in sorted(notes):
        due_at = now + REPLAY_WAITS if again else None
        pending.note(session, connection_id, subject, now, event_id=event_id, requested=requested, due_at=due_at)
        result.connections.add(connection_id)
    return result


def _record_one(
    session: Session,
    delivery: Delivery,
    envelope: Envelope,
    connection: Connection | None,
    now: datetime,
    notes: list[_Note],
) -> str:
    outcome, reason, kind = _judge(delivery, envelope, connection)
    row_id = _insert(session, delivery, envelope, connection, now, outcome, reason, kind)
    is_new = row_id is not None
    if is_new and connection is not None and delivery.source is Side.QUICKBOOKS:
        _let_go_on(session, connection, envelope, now)
    if connection is None or kind is None or (not is_new and not envelope.legacy):
        return outcome if is_new else DUPLICATE
    again = row_id is None
    if row_id is None:
        # A legacy event of the same second: it may speak of a later change, so it is followed all the same.
        row_id = _row_id(session, delivery, envelope)
    subject = Record(delivery.source, kind, envelope.subject)
    notes.append((connection.id, subject, row_id, envelope.type.endswith(".sync_requested"), again))
    return outcome


def _let_go_on(session: Session, connection: Connection, envelope: Envelope, now: datetime) -> None:
    """No item and no preference is followed, and a customer is read later, but what waits for one may go on."""
    entity = envelope.type.partition(".")[0]
    if entity == "customer" and pairs.among(session, connection.id, Kind.CONTACT, Side.QUICKBOOKS, [envelope.subject]):
        pending.reconsider_codes(session, connection.id, [pending.CUSTOMER_INACTIVE], now)
    if entity == "item":
        pending.reconsider_codes(session, connection.id, pending.MAPPING_CODES, now)
    if entity in ("item", "preferences") and switches.waiting(connection):
        duties.hurry(session, connection.id, duties.SETTINGS, now)


def _judge(delivery: Delivery, envelope: Envelope, connection: Connection | None) -> tuple[str, str, Kind | None]:
    if envelope.reason:
        return UNUSABLE, envelope.reason, None
    # What comes for a connection that was disconnected is noted too: it drains when it is connected again.
    if connection is None:
        what = "account" if delivery.source is Side.RAVETREE else "company"
        return UNKNOWN, f"no connection has the {what} {delivery.account}", None
    kind = FOLLOWED[delivery.source].get(envelope.type.partition(".")[0])
    if kind is not None and not ids.is_id(delivery.source, envelope.subject):
        return UNUSABLE, f"{envelope.subject[:80]!r} is no id of {delivery.source}'s", None
    if kind is None:
        return IGNORED, f"events of type {envelope.type} are not followed", None
    if delivery.source is Side.QUICKBOOKS and envelope.type in LEFT_TO_CDC:
        return IGNORED, "read with the next change data capture", None
    return RECORDED, "", kind


def _insert(
    session: Session,
    delivery: Delivery,
    envelope: Envelope,
    connection: Connection | None,
    now: datetime,
    outcome: str,
    reason: str,
    kind: Kind | None,
) -> int | None:
    row_id: int | None = session.execute(
        insert(session, Event)
        .values(
            connection_id=connection.id if connection else None,
            source=delivery.source,
            account=delivery.account,
            event_id=envelope.id,
            type=envelope.type,
            kind=kind or "",
            subject=envelope.subject,
            occurred_at=envelope.time,
            received_at=delivery.received_at,
            recorded_at=now,
            outcome=outcome,
            reason=reason,
            data=envelope.data,
        )
        .on_conflict_do_nothing(index_elements=["source", "account", "event_id"])
        .returning(Event.id)
    ).scalar_one_or_none()
    return row_id


def _row_id(session: Session, delivery: Delivery, envelope: Envelope) -> int:
    return session.execute(
        sa.select(Event.id).where(
            Event.source == delivery.source,
            Event.account == delivery.account,
            Event.event_id == envelope.id,
        )
    ).scalar_one()


ASIDE = (UNUSABLE, UNKNOWN, IGNORED)
"""What may become of an event that is not followed."""


def kept_aside(session: Session, asked: Asked, outcomes: Sequence[str] = ASIDE) -> Page[Event]:
    """Events that could not be followed, in the order of `outcomes`, each outcome's newest first.

    One outcome after the other, since thousands of ignored events would else stand before the one that nobody can use.
    """
    rank, last = (0, None) if asked.after is None else (int(asked.after[0]), asked.after[1:])
    found: list[Event] = []
    for place, outcome in enumerate(outcomes[rank:], rank):
        query = sa.select(Event).where(Event.outcome == outcome)
        behind = Asked(asked.limit - len(found) + 1, last if place == rank else None)
        found += paging.select(session, query, [Event.id], behind, descending=True).rows
        if len(found) > asked.limit:
            shown = found[: asked.limit]
            return Page(shown, (outcomes.index(shown[-1].outcome), shown[-1].id))
    return Page(found)


def aside_counts(session: Session) -> dict[str, int]:
    """How many events each outcome has kept aside, where there are any."""
    query = (
        sa.select(Event.outcome, sa.func.count().label("events"))
        .where(Event.outcome.in_(ASIDE))
        .group_by(Event.outcome)
        .order_by(Event.outcome)
    )
    return {row.outcome: row.events for row in session.execute(query)}


def was_told_of(session: Session, connection_id: str, record: Record, what: str) -> bool:
    """Whether an event of this kind (`void`) ever came of a record."""
    told = sa.select(Event.id).where(
        Event.connection_id == connection_id,
        Event.source == record.side,
        Event.kind == record.kind,
        Event.subject == record.id,
        Event.type == f"{record.kind}.{what}",
    )
    return session.execute(told.limit(1)).first() is not None


def last_received(session: Session, connection_id: str) -> datetime | None:
    """When QuickBooks last told of something."""
    return session.execute(
        sa.select(sa.func.max(Event.received_at)).where(
            Event.connection_id == connection_id, Event.source == Side.QUICKBOOKS
        )
    ).scalar_one()
