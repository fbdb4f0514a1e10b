"""The inbox: events recorded once, each leaving its pending change, in one transaction a batch."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reconcile.model import Kind, Record, Side
from schemas import ids
from schemas.envelopes import Delivery, Envelope
from storage import connections, duties, paging, pairs, past_events, pending, switches
from storage.models import Connection, Event
from storage.paging import Asked, Page
from storage.past_events import Key
from storage.pending import Note
from storage.rows import execute, insert_rows

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
    outcomes: Counter[tuple[Side, str]] = field(default_factory=Counter)


REPLAY_WAITS = timedelta(minutes=1)
"""An event that came before asks for a look no sooner than this: each look is a metered read."""


class _Judged(NamedTuple):
    """An event and what becomes of it, if it is new. One without a kind is not followed."""

    delivery: Delivery
    envelope: Envelope
    connection: Connection | None
    outcome: str
    reason: str
    kind: Kind | None

    @property
    def key(self) -> Key:
        return self.delivery.source, self.delivery.account, self.envelope.id


def record(session: Session, deliveries: Sequence[Delivery], now: datetime) -> Recorded:
    """Insert the events of `deliveries` that are new, and note each followed record as pending.

    However many they are, they take the same few statements.
    """
    judged = _judge_all(session, deliveries)
    ids_of_new = _without_past(session, _insert(session, judged, now))
    fresh, again = _apart(judged, ids_of_new)
    legacy = {event.key for event in again if event.envelope.legacy}
    known = ids_of_new | _ids_of_old(session, legacy - ids_of_new.keys())
    repeated = [event for event in again if _is_followed_again(event, known)]
    _let_go_on(session, fresh, now)
    # In the order in which they came: of a record's traces the newest goes on.
    followed = sorted((event for event in fresh if event.kind is not None), key=_came)
    notes = [_note(event, known) for event in followed]
    notes += [_note(event, known, now + REPLAY_WAITS) for event in repeated]
    pending.note_all(session, notes, now)
    outcomes = Counter((event.delivery.source, event.outcome) for event in (*fresh, *repeated))
    outcomes.update((event.delivery.source, DUPLICATE) for event in again if not _is_followed_again(event, known))
    return Recorded({note.connection_id for note in notes}, outcomes)


def _judge_all(session: Session, deliveries: Sequence[Delivery]) -> list[_Judged]:
    known = connections.of(session, {(delivery.source, delivery.account) for delivery in deliveries})
    judged = []
    for delivery in deliveries:
        connection = known.get((delivery.source, delivery.account))
        for envelope in delivery.events:
            judged.append(_Judged(delivery, envelope, connection, *_judge(delivery, envelope, connection)))
    # Rows are locked in one order by whoever records: two recorders that meet would else wait for each other.
    return sorted(judged, key=attrgetter("key"))


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


def _came(event: _Judged) -> datetime:
    return event.delivery.received_at


def _apart(judged: Sequence[_Judged], ids_of_new: Mapping[Key, int]) -> tuple[list[_Judged], list[_Judged]]:
    """The new events, and those that came before; what stands twice in a batch is new once."""
    fresh: list[_Judged] = []
    again: list[_Judged] = []
    left = set(ids_of_new)
    for event in judged:
        (fresh if event.key in left else again).append(event)
        left.discard(event.key)
    return fresh, again


def _is_followed_again(event: _Judged, known: Collection[Key]) -> bool:
    """A legacy event of the same second may speak of a later change, so it is followed all the same.

    Not one that is so old that it is no longer kept: whatever happened in that second was followed long ago.
    """
    return event.envelope.legacy and event.kind is not None and event.key in known


def _note(event: _Judged, known: Mapping[Key, int], due_at: datetime | None = None) -> Note:
    delivery, envelope, connection, kind = event.delivery, event.envelope, event.connection, event.kind
    assert connection is not None  # noqa: S101 - what has a kind has one
    assert kind is not None  # noqa: S101
    return Note(
        connection.id,
        Record(delivery.source, kind, envelope.subject),
        event_id=known[event.key],
        requested=envelope.type.endswith(".sync_requested"),
        due_at=due_at,
        traceparent=delivery.traceparent,
    )


def _let_go_on(session: Session, fresh: Sequence[_Judged], now: datetime) -> None:
    """No item and no preference is followed, and a customer is read later, but what waits for one may go on."""
    told: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    known = {}
    for event in fresh:
        entity = event.envelope.type.partition(".")[0]
        if event.connection is not None and event.delivery.source is Side.QUICKBOOKS and entity in _LET_GO_ON:
            known[event.connection.id] = event.connection
            told[event.connection.id][entity].add(event.envelope.subject)
    for connection_id, entities in sorted(told.items()):
        codes = pending.MAPPING_CODES if "item" in entities else ()
        customers = entities.get("customer")
        if customers and pairs.among(session, connection_id, Kind.CONTACT, Side.QUICKBOOKS, customers):
            codes = (*codes, pending.CUSTOMER_INACTIVE)
        if codes:
            pending.reconsider_codes(session, connection_id, codes, now)
        if entities.keys() & {"item", "preferences"} and switches.waiting(known[connection_id]):
            duties.hurry(session, connection_id, duties.SETTINGS, now)


_LET_GO_ON = frozenset({"customer", "item", "preferences"})


@cache
def _insertion(dialect: str) -> Any:
    known_by = [Event.source, Event.account, Event.event_id]
    new = insert_rows(dialect, Event, _COLUMNS).on_conflict_do_nothing(index_elements=known_by)
    return new.returning(Event.id, *known_by)


_COLUMNS = (
    *("connection_id", "source", "account", "event_id", "type", "kind", "subject"),
    *("occurred_at", "received_at", "recorded_at", "outcome", "reason", "data"),
)


def _insert(session: Session, judged: Sequence[_Judged], now: datetime) -> dict[Key, int]:
    """The ids of what is new."""
    if not judged:
        return {}
    rows = [
        {
            "connection_id": connection.id if connection else None,
            "source": delivery.source,
            "account": delivery.account,
            "event_id": envelope.id,
            "type": envelope.type,
            "kind": kind or "",
            "subject": envelope.subject,
            "occurred_at": envelope.time,
            "received_at": delivery.received_at,
            "recorded_at": now,
            "outcome": outcome,
            "reason": reason,
            "data": envelope.data,
        }
        for delivery, envelope, connection, outcome, reason, kind in judged
    ]
    found = execute(session, _insertion(session.get_bind().dialect.name), Event, rows)
    return {(Side(source), account, event_id): row_id for row_id, source, account, event_id in found}


def _without_past(session: Session, ids_of_new: dict[Key, int]) -> dict[Key, int]:
    """The ids without those of events that were recorded once and are no longer kept: they go again at once.

    Asked only after they are inserted: whoever is removing one meanwhile has by then committed its digest.
    """
    past = past_events.among(session, ids_of_new)
    if past:
        session.execute(sa.delete(Event).where(Event.id.in_([ids_of_new[key] for key in past])))
    return {key: row_id for key, row_id in ids_of_new.items() if key not in past}


def _ids_of_old(session: Session, keys: Iterable[Key]) -> dict[Key, int]:
    """The ids of events that came before."""
    by_place: defaultdict[tuple[Side, str], list[str]] = defaultdict(list)
    for source, account, event_id in keys:
        by_place[source, account].append(event_id)
    found = {}
    for (source, account), event_ids in by_place.items():
        query = sa.select(Event.event_id, Event.id).where(
            Event.source == source, Event.account == account, Event.event_id.in_(event_ids)
        )
        found.update({(source, account, event_id): row_id for event_id, row_id in session.execute(query)})
    return found


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


KEPT_FOR_GOOD = ("invoice.void", "payment.void")
"""Types of events that the rules ask for however long ago one came."""


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
    """When QuickBooks last told of something, also by an event that is no longer kept."""
    newest: datetime | None = session.execute(
        sa.select(sa.func.max(Event.received_at)).where(
            Event.connection_id == connection_id, Event.source == Side.QUICKBOOKS
        )
    ).scalar()
    heard = session.execute(sa.select(Connection.heard_at).where(Connection.id == connection_id)).scalar_one_or_none()
    return max((moment for moment in (newest, heard) if moment is not None), default=None)
