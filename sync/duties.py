"""What the clock asks for: the registry of duties, one entry each.

A slice carries out what is due of its connection, in this order, at once after uncertain writes are settled. One that
fails is tried again; after an hour a person is told, until it goes well.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from clients.errors import Throttled
from config.errors import RavebooksError
from config.logging import logger
from reconcile.model import Attention, fitted
from storage import connections
from storage import duties as storage
from storage.models import Connection
from sync import catching_up
from sync.books import Books
from sync.borders import own_border
from sync.lease import Timings
from sync.questions import parity, preflight

Interval = Callable[[Timings], timedelta]

HOUR = timedelta(hours=1)
FAILS_AFTER = HOUR
"""How long a duty fails before a person is told."""

log = logger("reconciler")


@dataclass(frozen=True)
class Duty:
    """One thing that the clock asks for each connection.

    `name` is stored, and never changes; `words` begin the sentence that says that it fails. Done, it is due again
    after `every`; failed, after `again`. Active connections that lack it get it, `once_switched_on` only those that
    move something. After a pause what is `missed_by_a_pause` is due at once. `carry_out` answers False where it found
    nothing, so that nobody looks for what came of it.
    """

    name: str
    words: str
    every: Interval
    again: Interval
    carry_out: Callable[[Books], object]
    once_switched_on: bool = False
    missed_by_a_pause: bool = False


def _changes(books: Books) -> None:
    books.note_read()
    with books.neighbours.quickbooks.because("change data capture"):
        catching_up.look_at_changes(books)


def _settings(books: Books) -> None:
    preflight.look(books.unit, books.clock, books.connection, books.neighbours)


EVENTS = Duty(
    "events",
    "Ravetree's log of events",
    every=lambda timings: timedelta(seconds=timings.events),
    again=lambda timings: timedelta(seconds=timings.events),
    carry_out=catching_up.look_at_events,
    missed_by_a_pause=True,
)
CHANGES = Duty(
    "cdc",
    "QuickBooks' change data capture",
    every=lambda timings: timedelta(seconds=timings.cdc),
    again=lambda timings: timedelta(seconds=timings.echo_confirm),
    carry_out=_changes,
    missed_by_a_pause=True,
)
PREFLIGHT = Duty(
    preflight.DUTY,
    "The look at the settings of both sides",
    every=lambda _timings: preflight.EVERY,
    again=lambda _timings: HOUR,
    carry_out=_settings,
    once_switched_on=True,
    missed_by_a_pause=True,
)
PARITY = Duty(
    parity.DUTY,
    "The daily parity report",
    every=lambda _timings: parity.EVERY,
    again=lambda _timings: parity.TRIED_AGAIN_AFTER,
    carry_out=parity.make_daily,
    once_switched_on=True,
)
DUTIES = (EVENTS, CHANGES, PREFLIGHT, PARITY)


# --- when they are due ---------------------------------------------------------------------------


def intervals(timings: Timings) -> Mapping[str, timedelta]:
    """How far ahead each duty is planned at most, by its name."""
    return {duty.name: duty.every(timings) for duty in DUTIES}


def begin_everywhere(session: Session, now: datetime) -> None:
    """Active connections that lack a duty, as those of an earlier version do, have it due now."""
    for duty in DUTIES:
        storage.begin_everywhere(session, duty.name, now, once_switched_on=duty.once_switched_on)


FIRST = timedelta(days=1)
"""How long after a switch-on what is daily from then on is due for the first time."""


def begin_switched_on(session: Session, connection: Connection, now: datetime) -> None:
    """See that what a connection that moves something needs is planned; what is planned already stays so."""
    if connection.invoices_since or connection.estimates_since:
        for duty in DUTIES:
            if duty.once_switched_on:
                storage.begin(session, connection.id, duty.name, now + FIRST)


def reconnect(session: Session, connection_id: str, now: datetime) -> None:
    """Go on, and look at what may have been missed meanwhile."""
    connections.activate(session, connection_id)
    for duty in DUTIES:
        if duty.missed_by_a_pause:
            storage.schedule(session, connection_id, duty.name, now)
    begin_switched_on(session, connections.get(session, connection_id), now)


def resume(session: Session, connection_id: str, now: datetime) -> None:
    """As `reconnect`. Raises `NotActive` when it was disconnected: that needs the user's consent."""
    connections.check_connected(session, connection_id)
    reconnect(session, connection_id, now)


def look_everywhere(session: Session, now: datetime) -> None:
    """Both logs are due for every connection: messages may have been lost."""
    storage.make_due(session, EVENTS.name, now)
    storage.make_due(session, CHANGES.name, now)


def look_at_events(session: Session, now: datetime) -> None:
    """Ravetree's log is due for every connection: nobody ran for a while. QuickBooks' own log is metered."""
    storage.make_due(session, EVENTS.name, now)


def wait_out(session: Session, connection_id: str, error: RavebooksError, now: datetime, until: datetime) -> None:
    """A neighbour is out of reach: nothing is due before it may be back; then look what was missed."""
    storage.postpone(session, connection_id, now, until)
    if not isinstance(error, Throttled):
        storage.schedule(session, connection_id, CHANGES.name, until)


# --- carrying them out ---------------------------------------------------------------------------


def carry_out(books: Books, timings: Timings, due: Mapping[str, datetime] | None = None) -> bool:
    """Carry out what is due. One that fails holds up neither the others nor what events say.

    `due` is what is known of it already. Whether anything may have come of it that is to be worked on.
    """
    now = books.now()
    if due is None:
        with books.reading() as session:
            due = storage.due(session, books.id, now)
    found = [_carry_out(books, duty, timings, now, due[duty.name]) for duty in DUTIES if duty.name in due]
    if unknown := due.keys() - {duty.name for duty in DUTIES}:
        # Of another version: it would be due for ever. That version begins it again.
        log.warning("nobody carries out these duties", duties=sorted(unknown))
        with books.writing() as session:
            storage.forget(session, books.id, unknown)
    return any(found)


def _carry_out(books: Books, duty: Duty, timings: Timings, now: datetime, was: datetime) -> bool:
    """Whether anything may have come of it: not of one that says that it found nothing."""
    found: object = True
    with own_border(duty.name) as met:
        found = duty.carry_out(books)
    with books.writing() as session:
        if met:
            storage.failed(session, books.id, duty.name, met[0], books.now(), now + duty.again(timings))
        else:
            storage.went_well(session, books.id, duty.name, was, now + duty.every(timings))
    return found is not False


# --- when they fail ------------------------------------------------------------------------------


@dataclass(frozen=True)
class FailingLook:
    """A duty that has failed for so long that a person is told."""

    since: datetime
    cause: str
    remedy: str


_TRIED_ON = "It is tried on, and webhooks are followed meanwhile. If it lasts, report it with the log."


def every_failing(session: Session, now: datetime) -> list[tuple[str, FailingLook]]:
    """What has failed for an hour, with its connection's id."""
    return list(_failing(session, now))


def failing(session: Session, connection_id: str, now: datetime) -> list[FailingLook]:
    """What has failed for an hour of one connection."""
    return [look for _, look in _failing(session, now, connection_id)]


def _failing(session: Session, now: datetime, connection_id: str | None = None) -> Iterator[tuple[str, FailingLook]]:
    words = {duty.name: duty.words for duty in DUTIES}
    rows = [row for row in storage.failing(session, now - FAILS_AFTER, connection_id) if row.duty in words]
    for row in sorted(rows, key=lambda row: (row.connection_id, words[row.duty])):
        since = row.failing_since or now
        cause = f"{words[row.duty]} fails since {since:%d %b %H:%M} UTC: {row.failing_cause}."
        shown = fitted(Attention("parked", "look_failing", cause, _TRIED_ON))
        yield row.connection_id, FailingLook(since, shown.cause, shown.remedy)
