"""Connections: who is tied to whom, what is switched on, and why something is paused."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from config.errors import Stop
from reconcile.model import Side
from storage import brakes, leases, oauth_states, paging, pending
from storage.database import StorageError
from storage.models import Brake, Connection, Mapping
from storage.paging import Asked, Page
from storage.statements import any_given, given

ACTIVE = "active"
PAUSED = "paused"
DISCONNECTED = "disconnected"
VERIFYING = "verifying"
STALLED = "stalled"
"""How an active connection is shown that reads both books first, or that gets no further."""
PAUSED_BY = "Paused by "
"""How the cause of a pause begins that a person made: any other needs a new connect, or a repair."""
ARCHIVED = "archived"
"""Its records stay readable; its account and its company are free, and nothing is ever done for it again."""


LEARNED = "after_discount"
"""What is known of a company's tax from answers alone."""


class UnknownConnection(StorageError):
    """No connection has this id."""

    remedy = "List the connections with `ravebooks connections`."


class NotActive(StorageError, Stop):
    """The connection was paused or disconnected while it was being worked on."""

    remedy = "Resume or connect again."


_ONE = sa.select(Connection).where(Connection.id == given("id"))
_LOCKED = _ONE.with_for_update(key_share=True)


def get(session: Session, connection_id: str) -> Connection:
    """One connection. Raises `UnknownConnection`."""
    return _known(session.execute(_ONE, {"id": connection_id}).scalar_one_or_none(), connection_id)


def _known(connection: Connection | None, connection_id: str) -> Connection:
    if connection is None:
        raise UnknownConnection(f"there is no connection {connection_id}")
    return connection


def get_current(session: Session, connection_id: str) -> Connection:
    """One connection that something may be done with. Raises `NotActive` when it was archived."""
    return _current(get(session, connection_id), connection_id)


def _current(connection: Connection | None, connection_id: str) -> Connection:
    known = _known(connection, connection_id)
    if known.state == ARCHIVED:
        raise NotActive(f"the connection {connection_id} is archived", remedy=known.pause_remedy)
    return known


def lock(session: Session, connection_id: str) -> Connection:
    """As `get_current`, as it is now, and nobody else changes it before this transaction ends.

    Its key stays as it is, so that what is added for it meanwhile does not wait.
    """
    return _current(session.execute(_LOCKED, {"id": connection_id}).scalar_one_or_none(), connection_id)


def find(session: Session, source: Side, account: str) -> Connection | None:
    """The connection of a Ravetree account or of a QuickBooks realm; one that was archived is none."""
    column = Connection.account_id if source is Side.RAVETREE else Connection.realm_id
    query = sa.select(Connection).where(column == account, Connection.state != ARCHIVED)
    return session.execute(query).scalar_one_or_none()


def of(session: Session, places: Iterable[tuple[Side, str]]) -> dict[tuple[Side, str], Connection]:
    """As `find` for many at once; whom nobody knows is not in it."""
    names: defaultdict[Side, list[str]] = defaultdict(list)
    for side, account in places:
        names[side].append(account)
    found = {}
    for side, accounts in names.items():
        rows = session.execute(_OF[side], {"accounts": accounts})
        found.update({(side, account): row for account, row in rows})
    return found


_OF = {
    side: sa.select(account, Connection).where(account.in_(any_given("accounts")), Connection.state != ARCHIVED)
    for side, account in ((Side.RAVETREE, Connection.account_id), (Side.QUICKBOOKS, Connection.realm_id))
}


def every(session: Session) -> list[Connection]:
    """All connections, oldest first."""
    return list(session.execute(sa.select(Connection).order_by(Connection.created_at)).scalars())


def working(session: Session, limit: int) -> list[Connection]:
    """Connections that something is done for, those first whose change data capture is behind most."""
    living = Connection.state.in_([ACTIVE, PAUSED])
    query = sa.select(Connection).where(living).order_by(Connection.cdc_watermark, Connection.id)
    return list(session.execute(query.limit(limit)).scalars())


def page(session: Session, asked: Asked, account_id: str = "") -> Page[Connection]:
    """Connections, oldest first: all, or those of one account."""
    query = sa.select(Connection)
    if account_id:
        query = query.where(Connection.account_id == account_id)
    return paging.select(session, query, [Connection.created_at, Connection.id], asked)


def pause(session: Session, connection_id: str, cause: str, remedy: str) -> None:
    """Stop all work of a connection; what is pending stays and goes on after the repair."""
    connection = get_current(session, connection_id)
    if connection.state == ACTIVE:
        connection.state = PAUSED
        connection.pause_cause = cause
        connection.pause_remedy = remedy


def is_paused_by_a_person(connection: Connection) -> bool:
    """Whether somebody paused it: both neighbours let us in, as far as is known."""
    return connection.state == PAUSED and connection.pause_cause.startswith(PAUSED_BY)


BY_A_PERSON = sa.and_(Connection.state == PAUSED, Connection.pause_cause.startswith(PAUSED_BY))
"""The same of rows."""


def disconnect(session: Session, connection_id: str, by: str) -> None:
    """End the connection: pairs, mappings and what is pending stay, tokens go, and nothing is written any more.

    Neither side's tokens are kept, nor is what was begun for the account: only a new connect brings them.
    """
    connection = get_current(session, connection_id)
    # First: what a worker has journalled is committed then, and it journals nothing more.
    leases.take_away(session, connection_id)
    connection.state = DISCONNECTED
    connection.pause_cause = f"Disconnected by {by or 'a person'}."
    connection.pause_remedy = "Connect the same company again: mappings and pairs are still there."
    connection.ravetree_token = connection.access_token = connection.refresh_token = None
    connection.access_expires_at = connection.refresh_expires_at = connection.refresh_hard_expires_at = None
    oauth_states.forget_account(session, connection.account_id)


def check_active(session: Session, connection_id: str) -> None:
    """Raise `NotActive` unless the connection may be written for."""
    _must_be_active(session.execute(_STATE, {"id": connection_id}).scalar_one_or_none(), connection_id)


def check_writes(session: Session, connection_id: str, writes: Iterable[tuple[str, str]]) -> None:
    """Raise what `brakes.check` says of these (side, action) and `check_active` of the connection, by one statement."""
    rows = session.execute(_STATE_AND_BRAKES, {"id": connection_id}).all()
    brakes.check_against({brake.name: brake for _, brake in rows if brake is not None}, writes)
    _must_be_active(rows[0].state if rows else None, connection_id)


def _must_be_active(state: str | None, connection_id: str) -> None:
    if state is None:
        raise UnknownConnection(f"there is no connection {connection_id}")
    if state != ACTIVE:
        raise NotActive(f"the connection {connection_id} is {state}")


_STATE = sa.select(Connection.state).where(Connection.id == given("id"))
_STATE_AND_BRAKES = (
    sa.select(Connection.state, Brake)
    .select_from(Connection)
    .outerjoin(Brake, sa.true())
    .where(Connection.id == given("id"))
)


def check_connected(session: Session, connection_id: str) -> None:
    """Raise `NotActive` when it was disconnected: it neither reads nor writes until it is connected again."""
    connection = get_current(session, connection_id)
    if connection.state == DISCONNECTED:
        raise NotActive(f"the connection {connection_id} is disconnected", remedy=connection.pause_remedy)


def activate(session: Session, connection_id: str) -> None:
    """A pause, or the time without a consent, is over: nothing but its duties says what was missed meanwhile."""
    connection = get(session, connection_id)
    connection.state = ACTIVE
    connection.pause_cause = connection.pause_remedy = ""


def release_brake(session: Session, connection_id: str, now: datetime) -> None:
    """A person has seen the voids and deletions of the last hour: they are counted from now on."""
    get_current(session, connection_id).removals_since = now
    pending.reconsider_codes(session, connection_id, ["too_many_removals"], now)


def note_watermark(session: Session, connection_id: str, watermark: datetime, before: datetime) -> None:
    """Up to this time of QuickBooks' its change data capture has been read, from `before` on.

    Nothing is noted where that was set back meanwhile: what lies behind it is still to be read.
    """
    _move(session, connection_id, Connection.cdc_watermark, before, watermark)


def note_cursor(session: Session, connection_id: str, cursor: str | None, before: str | None) -> None:
    """Up to this event Ravetree's log has been read, from `before` on; the same holds."""
    _move(session, connection_id, Connection.events_cursor, before, cursor)


def set_back(session: Session, connection_id: str, watermark: datetime, cursor: str | None) -> None:
    """Both logs are read again: QuickBooks' from this time on if it was read further, Ravetree's from this event on."""
    connection = get_current(session, connection_id)
    connection.cdc_watermark = min(connection.cdc_watermark, watermark)
    connection.events_cursor = cursor


def _move(session: Session, connection_id: str, column: Any, before: object, after: object) -> None:
    unchanged = column == before if before is not None else column.is_(None)
    session.execute(
        sa.update(Connection)
        .where(Connection.id == connection_id, unchanged)
        .values({column: after})
        .execution_options(synchronize_session="fetch")
    )


def keep_closing_date(session: Session, connection_id: str, day: str) -> None:
    """Up to which day, `2026-09-30`, the company's books are closed; empty for none."""
    get(session, connection_id).books_closed = day


def note_read(session: Session, connection: Connection, now: datetime) -> None:
    """QuickBooks is asked something: what comes within the window after it shares the next read."""
    session.execute(_READ, {"name": connection.id, "now": now})
    # It is stored already: assigned, it would be stored a second time.
    set_committed_value(connection, "read_at", now)


_READ = (
    sa.update(Connection)
    .where(Connection.id == given("name"))
    .values(read_at=given("now"))
    .execution_options(synchronize_session=False)
)


def note_tax(session: Session, connection_id: str, tax: dict[str, Any]) -> bool:
    """How the company charges tax, as it was read; what was learned of it stays. Whether anything is new."""
    connection = get(session, connection_id)
    before = connection.tax or {}
    connection.tax = {**tax, **({LEARNED: before[LEARNED]} if LEARNED in before else {})}
    return connection.tax != before


def learn_tax(session: Session, connection_id: str, learned: str) -> None:
    """What an answer showed of how the company charges tax."""
    connection = get(session, connection_id)
    connection.tax = {**(connection.tax or {}), LEARNED: learned}


def _set(session: Session, connection_id: str, **values: object) -> None:
    session.execute(sa.update(Connection).where(Connection.id == connection_id).values(**values))


def verify(session: Session, now: datetime) -> int:
    """The database may be older than what was written: every connection reads both books before it writes."""
    living = (Connection.verify_since.is_(None), Connection.state != ARCHIVED)
    result = session.execute(sa.update(Connection).where(*living).values(verify_since=now))
    return int(result.rowcount)  # type: ignore[attr-defined]  # an UPDATE's result counts rows


def postpone_verification(session: Session, connection_id: str, now: datetime, until: datetime) -> None:
    """A neighbour is out of reach: both books are read at `until`, if they are to be read."""
    waits = (Connection.id == connection_id, Connection.verify_since <= now)
    session.execute(sa.update(Connection).where(*waits).values(verify_since=until))


def verified(session: Session, connection_id: str, now: datetime) -> None:
    """Both books have been read: the connection goes on."""
    connection = get(session, connection_id)
    connection.verify_since, connection.verified_at = None, now


STALLED_AFTER = 3
"""Failures in a row after which a connection is shown as stalled: one by itself may have passed by."""
LONGEST_STALL = timedelta(minutes=15)


def note_failure(session: Session, connection_id: str, cause: str, now: datetime, jitter: float) -> int:
    """Put a connection off after an unexpected error, longer each time; returns how many there were in a row."""
    connection = get(session, connection_id)
    connection.failures += 1
    wait = timedelta(seconds=2.0 ** min(connection.failures, 10) * jitter)
    connection.retry_at = now + min(wait, LONGEST_STALL)
    connection.stall_cause = cause
    connection.stall_remedy = "It is tried on by itself. Report it with the log: this is a fault of Ravebooks."
    if connection.failures >= STALLED_AFTER and connection.stalled_since is None:
        connection.stalled_since = now
    return connection.failures


def went_well(session: Session, connection_id: str) -> None:
    """A slice came to its end."""
    connection = get(session, connection_id)
    if connection.failures:
        connection.failures, connection.retry_at, connection.stalled_since = 0, None, None
        connection.stall_cause = connection.stall_remedy = ""


@dataclass(frozen=True)
class Condition:
    """How a connection stands, for a person: `state` is the stored one, or why an active connection does not write."""

    state: str
    cause: str
    remedy: str


def condition(session: Session, connection: Connection) -> Condition:
    """How a connection stands, a brake on the whole installation included."""
    if connection.state == ACTIVE and (stopped := brakes.why(session)):
        return Condition(PAUSED, f"{stopped[:1].upper()}{stopped[1:]}.", brakes.AllPaused.remedy)
    if connection.state == ACTIVE and connection.stalled_since is not None:
        return Condition(STALLED, connection.stall_cause, connection.stall_remedy)
    if connection.state == ACTIVE and connection.verify_since is not None:
        cause = "The database may be older than the books: both are read before anything is written."
        return Condition(VERIFYING, cause, "Nothing to do: it goes on by itself.")
    return Condition(connection.state, connection.pause_cause, connection.pause_remedy)


def is_put_off(connection: Connection, now: datetime) -> bool:
    """Whether a connection waits after an unexpected error."""
    return connection.retry_at is not None and connection.retry_at > now


def stalled(session: Session) -> list[Connection]:
    """Active connections that get no further because of an unexpected error."""
    return list(session.execute(_STALLED).scalars())


_STALLED = (
    sa.select(Connection)
    .where(Connection.state == ACTIVE, Connection.stalled_since.is_not(None))
    .order_by(Connection.stalled_since)
)


def oldest_watermark(session: Session) -> datetime | None:
    """Up to when change data capture has been read of the active connection that is behind most."""
    moves = sa.or_(Connection.invoices_since.is_not(None), Connection.estimates_since.is_not(None))
    query = sa.select(sa.func.min(Connection.cdc_watermark)).where(Connection.state == ACTIVE, moves)
    return session.execute(query).scalar_one()


def states(session: Session) -> dict[str, int]:
    """How many connections are in each stored state."""
    query = sa.select(Connection.state, sa.func.count().label("number")).group_by(Connection.state)
    return {row.state: row.number for row in session.execute(query)}


def try_again(session: Session) -> None:
    """A program that starts may be a newer one: what stalled is tried at once."""
    session.execute(sa.update(Connection).where(Connection.retry_at.is_not(None)).values(retry_at=None))


def mappings(session: Session, connection_id: str, kind: str) -> dict[str, str]:
    """QuickBooks ids by Ravetree key."""
    rows = session.execute(
        sa.select(Mapping.key, Mapping.quickbooks_id).where(
            Mapping.connection_id == connection_id, Mapping.kind == kind
        )
    )
    return {row.key: row.quickbooks_id for row in rows}


def mappings_by_kind(session: Session, connection_id: str) -> dict[str, dict[str, str]]:
    """The same for every kind of which there is one."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for row in session.execute(_MAPPINGS, {"connection_id": connection_id}):
        found[row.kind][row.key] = row.quickbooks_id
    return dict(found)


_MAPPINGS = sa.select(Mapping.kind, Mapping.key, Mapping.quickbooks_id).where(
    Mapping.connection_id == given("connection_id")
)


def every_mapping(session: Session, connection_id: str) -> list[Mapping]:
    """Every key of Ravetree with the entry that it is mapped to."""
    return list(session.execute(sa.select(Mapping).where(Mapping.connection_id == connection_id)).scalars())


def set_mapping(session: Session, connection_id: str, kind: str, key: str, quickbooks_id: str, name: str) -> None:
    """Map one key; it affects later writes only."""
    session.merge(Mapping(connection_id=connection_id, kind=kind, key=key, quickbooks_id=quickbooks_id, name=name))
