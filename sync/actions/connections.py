"""What is done to one connection as a whole: shown, paused, resumed, set, looked at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from config.ports import Clock
from reconcile.marks import TIME_ZONE_UNKNOWN
from reconcile.preflight import Finding
from storage import connections, forgetting, jobs, journal, paging, pending, reads, switches
from storage import duties as storage_duties
from storage.database import Database, again_when_contended
from storage.models import Connection
from storage.paging import Asked, Page
from sync import duties, switching

SETTINGS = ("draft_policy", "delete_policy", "removals_limit", "reads_budget", "time_zone")
"""How a connection behaves, by the columns that say so."""


@dataclass(frozen=True)
class ConnectionView:
    """A connection as a person sees it: `state` says why it does not write, `work` counts what is open.

    What is ticked and not on yet waits for mappings (`kind`, `key`, `label`) and for settings (findings that block).
    `consent_ends_at` is when QuickBooks ends the consent, however often it is refreshed, where it has said so.
    """

    id: str
    account_id: str
    realm_id: str
    environment: str
    state: str
    cause: str
    remedy: str
    invoices_since: datetime | None
    estimates_since: datetime | None
    invoices_ticked_at: datetime | None
    estimates_ticked_at: datetime | None
    waiting_for_mappings: Sequence[Mapping[str, str]]
    waiting_for_settings: Sequence[Mapping[str, str]]
    offered_backfill: "OfferedBackfill | None"
    contacts_imported_at: datetime | None
    time_zone: str | None
    work: Mapping[str, int]
    consent_ends_at: datetime | None = None


@dataclass(frozen=True)
class OfferedBackfill:
    """What was made from a tick on and before its effect: a job of these kinds with `made_while_waiting` brings it."""

    kinds: Sequence[str]
    made_from: datetime
    made_before: datetime


@dataclass(frozen=True)
class Policies:
    """How a connection behaves; `time_zone` is an IANA name, None while nobody has said it."""

    draft_policy: str
    delete_policy: str
    removals_limit: int
    reads_budget: int | None
    time_zone: str | None


@dataclass(frozen=True)
class Inspection:
    """What a look at the settings of both sides found, and when (ISO 8601); None before the first one."""

    at: str | None
    findings: Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class ConnectionActions:
    """The connections of one installation, and what a person does to one of them."""

    database: Database
    clock: Clock
    inspect: Callable[[str], Sequence[Finding]]
    nudge: Callable[[str], None]

    def page(self, asked: Asked, account_id: str = "") -> Page[ConnectionView]:
        """Connections, oldest first: all, or those of one account."""
        with self.database.reading() as session:
            found = connections.page(session, asked, account_id)
            return Page([_view(session, row) for row in found.rows], found.next)

    def every(self, account_id: str = "") -> list[ConnectionView]:
        """All connections, oldest first, or those of one account."""
        with self.database.reading() as session:
            found = connections.every(session)
            return [_view(session, row) for row in found if account_id in ("", row.account_id)]

    def one(self, connection_id: str) -> ConnectionView:
        """One connection. Raises `UnknownConnection`."""
        with self.database.reading() as session:
            return _view(session, connections.get(session, connection_id))

    @again_when_contended
    def pause(self, connection_id: str, by: str, cause: str) -> ConnectionView:
        """Stop writing for a connection: what is pending goes on after `resume`. Raises `NotActive` if archived.

        What was done by then is still told to Ravetree, by the worker: it is the one that speaks for a connection.
        """
        words = f"{connections.PAUSED_BY}{by or 'a person'}{': ' if cause else '.'}{cause}"
        with self.database.transaction() as session:
            connections.pause(session, connection_id, words, "Press resume, or run `ravebooks resume`.")
            shown = _view(session, connections.get(session, connection_id))
        self.nudge(connection_id)
        return shown

    @again_when_contended
    def resume(self, connection_id: str) -> ConnectionView:
        """Go on, and look at what was missed. Raises `NotActive` when that needs a new connect."""
        with self.database.transaction() as session:
            duties.resume(session, connection_id, self.clock.now())
            shown = _view(session, connections.get(session, connection_id))
        self.nudge(connection_id)
        return shown

    @again_when_contended
    def release_brake(self, connection_id: str) -> ConnectionView:
        """The voids and deletions of the last hour are meant: the held ones go on, and are counted anew."""
        with self.database.transaction() as session:
            connections.release_brake(session, connection_id, self.clock.now())
            shown = _view(session, connections.get(session, connection_id))
        self.nudge(connection_id)
        return shown

    def forgotten_would_be(self, connection_id: str) -> str:
        """What forgetting it would come to: `forgotten`, or `archived` if anything was ever written for it."""
        with self.database.reading() as session:
            return forgetting.outcome(session, connection_id)

    def settings(self, connection_id: str) -> Policies:
        """How a connection behaves."""
        with self.database.reading() as session:
            return _settings(connections.get(session, connection_id))

    @again_when_contended
    def set_settings(self, connection_id: str, values: Mapping[str, Any]) -> Policies:
        """Set those of `SETTINGS` that `values` names, checked by whoever asks. Raises `NotActive` if archived."""
        with self.database.transaction() as session:
            connection = connections.get_current(session, connection_id)
            for name in SETTINGS:
                if name in values:
                    setattr(connection, name, (values[name] or "") if name == "time_zone" else values[name])
            if values.get("time_zone"):
                pending.reconsider_codes(session, connection_id, [TIME_ZONE_UNKNOWN], self.clock.now())
            if switches.waiting(connection):
                storage_duties.schedule(session, connection_id, storage_duties.SETTINGS, self.clock.now())
            return _settings(connection)

    def usage(self, connection_id: str) -> list[reads.Usage]:
        """Metered reads by cause and free writes by action, newest month first."""
        with self.database.reading() as session:
            connections.get(session, connection_id)
            this = reads.month_of(self.clock.now())
            months = dict.fromkeys([this, *reads.months(session, connection_id)])
            return [reads.usage(session, connection_id, month) for month in months]

    def this_month(self, connection_id: str) -> reads.Usage:
        """What was read this month; writes, which cost nothing, are not counted."""
        with self.database.reading() as session:
            return reads.metered(session, connection_id, reads.month_of(self.clock.now()))

    def usage_page(self, connection_id: str, asked: Asked) -> Page[reads.Usage]:
        """The same, a page at a time: the writes of other months are not counted."""
        with self.database.reading() as session:
            connections.get(session, connection_id)
            every = {reads.month_of(self.clock.now()), *reads.months(session, connection_id)}
            shown = paging.cut(every, lambda month: (month,), asked, descending=True)
            return Page([reads.usage(session, connection_id, month) for month in shown.rows], shown.next)

    def last_inspection(self, connection_id: str) -> Inspection:
        """What the last look at the settings of both sides found."""
        with self.database.reading() as session:
            found = connections.get(session, connection_id).preflight or {"at": None, "findings": []}
        return Inspection(found["at"], found["findings"])

    def inspect_now(self, connection_id: str) -> Inspection:
        """Look at the settings of both sides now. Raises `NotActive` and `NeighbourError`."""
        self.inspect(connection_id)
        self.nudge(connection_id)
        return self.last_inspection(connection_id)


def _view(session: Session, row: Connection) -> ConnectionView:
    said = connections.condition(session, row)
    work = pending.counts(session, row.id)
    work["uncertain"] = journal.count_unsettled(session, row.id)
    work["jobs"] = jobs.count_running(session, row.id)
    return ConnectionView(
        row.id,
        row.account_id,
        row.realm_id,
        row.environment,
        said.state,
        said.cause,
        said.remedy,
        row.invoices_since,
        row.estimates_since,
        row.invoices_ticked_at,
        row.estimates_ticked_at,
        switching.missing_mappings(row),
        switching.blocks(row),
        _offered(row),
        row.contacts_imported_at,
        row.time_zone or None,
        work,
        row.refresh_hard_expires_at,
    )


def _offered(row: Connection) -> OfferedBackfill | None:
    windows = switches.made_while_waiting(row)
    if not windows:
        return None
    begun, ended = zip(*windows.values(), strict=True)
    return OfferedBackfill([str(kind) for kind in windows], min(begun), max(ended))


def _settings(row: Connection) -> Policies:
    return Policies(row.draft_policy, row.delete_policy, row.removals_limit, row.reads_budget, row.time_zone or None)
