"""What the hints of a pending change ask for: nothing (an echo of our own write), a read, or a plan."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from reconcile.model import Record, Side
from schemas.times import parse_instant
from storage import copies, journal, pending
from storage.models import Copy, Event, PendingChange

SETTLED = timedelta(seconds=2)
"""What has happened for so long is in whatever QuickBooks tells."""
SECOND = timedelta(seconds=1)

_ALWAYS_READ = frozenset({"void", "deleted", "emailed", "merged"})


@dataclass(frozen=True)
class Entry:
    """A pending change as it was noted before the first read; `asked` says that it has waited for a person."""

    record: Record
    generation: int
    attempts: int
    must_read: bool
    requested: bool
    unfinished: bool
    asked: bool
    events: tuple[Event, ...]
    traceparent: str | None


def note_entry(session: Session, change: PendingChange) -> Entry:
    """The entry of one pending change, with the events that speak of it."""
    return Entry(
        record=pending.record_of(change),
        generation=change.generation,
        attempts=change.attempts,
        must_read=change.must_read,
        requested=change.requested,
        unfinished=bool(change.cause),
        asked=change.code not in ("", pending.KEEPS_FAILING),
        events=tuple(pending.hints(session, change)),
        traceparent=change.traceparent,
    )


def is_echo(session: Session, connection_id: str, entry: Entry) -> bool:
    """Whether every hint is explained by a write of ours, or speaks of what we have already seen.

    Never what was looked at and not brought to an end (held, parked, waiting, to be retried): having seen the
    record is no proof that anything was done about it. Nor what was noted without an event too, as by a look at a log
    or after a write that never was: each note has raised the generation.
    """
    noted_without_event = entry.generation > len(entry.events)
    if entry.must_read or entry.requested or entry.unfinished or noted_without_event:
        return False
    if entry.record.side is Side.RAVETREE:
        copy = copies.get(session, connection_id, entry.record)
        return all(_is_known_in_ravetree(session, connection_id, event, copy) for event in entry.events)
    return all(_is_presumed_echo(session, connection_id, event) for event in entry.events)


def _is_known_in_ravetree(session: Session, connection_id: str, event: Event, copy: Copy | None) -> bool:
    """Ravetree says it exactly: by the operation that caused the event."""
    operation_id = event.data.get("operation_id")
    if operation_id and journal.is_ours(session, connection_id, operation_id):
        return True
    version = event.data.get("version")
    return copy is not None and not copy.deleted and version is not None and version < copy.version


def _is_presumed_echo(session: Session, connection_id: str, event: Event) -> bool:
    """QuickBooks does not say who caused an event: ours are known by object, kind and time, each once."""
    change = event.type.rpartition(".")[2]
    if event.occurred_at is None:
        return False
    return journal.take_echo(session, connection_id, event.kind, event.subject, change, event.occurred_at)


def needs_read(session: Session, connection_id: str, entry: Entry, fresh: set[Record]) -> bool:
    """Whether QuickBooks has to be asked: its events never carry values."""
    if entry.record.side is not Side.QUICKBOOKS or entry.record in fresh:
        return False
    copy = copies.get(session, connection_id, entry.record)
    if entry.must_read or copy is None:
        return True
    return any(not _is_in_copy(event, copy) for event in entry.events)


def _is_in_copy(event: Event, copy: Copy) -> bool:
    """Whether the state that we hold is younger than the event, so that it has it in it."""
    if copy.stale or copy.deleted or event.occurred_at is None:
        return False
    try:
        updated = parse_instant(copy.body["MetaData"]["LastUpdatedTime"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
    if event.type.rpartition(".")[2] in _ALWAYS_READ:
        return False
    # Both may be whole seconds: an event of the same one may speak of a change after the state that we hold. It does
    # not where that state was told when the second was long over.
    was_over = copy.told_at is not None and event.occurred_at <= copy.told_at - SETTLED
    return event.occurred_at < (updated + SECOND if was_over else updated)


def earliest(entries: Sequence[Entry]) -> Event | None:
    """The hint with the earliest time, if every entry has one."""
    events = [event for entry in entries for event in entry.events if event.occurred_at is not None]
    if not events or any(not entry.events or entry.must_read for entry in entries):
        return None
    return min(events, key=lambda event: event.occurred_at or event.recorded_at)


def are_over(entries: Sequence[Entry], told_at: datetime) -> bool:
    """Whether all that the hints speak of had happened when QuickBooks answered."""
    times = [event.occurred_at for entry in entries for event in entry.events]
    return all(time is not None and time <= told_at - SETTLED for time in times)
