"""What Ravetree's keys are in QuickBooks, and what is switched on."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from config.errors import RavebooksError
from config.ports import Clock
from reconcile.model import Kind, Record, Side
from reconcile.preflight import Finding, blocking
from storage import connections, jobs, paging, pending
from storage.database import Database, again_when_contended
from storage.paging import Asked, Page
from sync import duties
from sync.neighbours import Neighbours, NeighboursOf
from sync.questions.preflight import WITHOUT_TAX_RATE

LINE_TYPE, TAX_RATE = "line_type", "tax_rate"
PAYMENT_METHOD, DEPOSIT_ACCOUNT = "payment_method", "deposit_account"
DEPOSIT_ACCOUNTS = frozenset({"Bank", "Other Current Asset"})


@dataclass(frozen=True)
class MappingKind:
    """What a kind of mapping leads from and to. `resource` is Ravetree's list, `entity` QuickBooks'; `what` is one."""

    resource: str
    entity: str
    what: str
    where: str = ""


MAPPING_KINDS = {
    LINE_TYPE: MappingKind("line_item_types", "Item", "item", "Type = 'Service'"),
    TAX_RATE: MappingKind("tax_rates", "TaxCode", "tax code"),
    PAYMENT_METHOD: MappingKind("payment_methods", "PaymentMethod", "payment method"),
    DEPOSIT_ACCOUNT: MappingKind("payment_methods", "Account", "account"),
}
WITH_ALL_OTHERS = frozenset({TAX_RATE, DEPOSIT_ACCOUNT})
"""Kinds that take an empty key: lines without a tax rate, and payments by any method that is not mapped."""


class SwitchRefused(RavebooksError):
    """Not everything that the sync needs is set."""

    remedy = "Map what is named, then switch on."


@dataclass(frozen=True)
class ListEntry:
    """An active entry of QuickBooks that a key can be mapped to."""

    id: str
    name: str


@dataclass(frozen=True)
class MappedKey:
    """A key of Ravetree's with its label, and the entry that it is mapped to, if it is."""

    key: str
    label: str
    quickbooks_id: str | None


@dataclass(frozen=True)
class MappingActions:
    """Mappings and switches of a connection. `inspect` looks at the settings of both sides now."""

    database: Database
    clock: Clock
    neighbours_of: NeighboursOf
    inspect: Callable[[str], Sequence[Finding]]
    nudge: Callable[[str], None]

    def mapped(self, connection_id: str) -> dict[str, dict[str, str]]:
        """QuickBooks' ids by Ravetree's keys, by kind."""
        with self.database.reading() as session:
            connections.get(session, connection_id)
            return {kind: connections.mappings(session, connection_id, kind) for kind in MAPPING_KINDS}

    def map_keys(self, connection_id: str, asked: Mapping[str, Mapping[str, str]]) -> None:
        """Map keys to active entries, by kind; a line type needs a service item. Raises `SwitchRefused`."""
        for kind, mapping in asked.items():
            self._map(connection_id, kind, mapping)
        self.nudge(connection_id)

    def _map(self, connection_id: str, kind: str, mapping: Mapping[str, str]) -> None:
        self._check_keys(connection_id, kind, mapping.keys())
        names = self._active_entries(connection_id, kind, set(mapping.values()))
        self._store_mapping(connection_id, kind, mapping, names)

    @again_when_contended
    def _store_mapping(
        self, connection_id: str, kind: str, mapping: Mapping[str, str], names: Mapping[str, str]
    ) -> None:
        with self.database.transaction() as session:
            for key, quickbooks_id in mapping.items():
                connections.set_mapping(session, connection_id, kind, key, quickbooks_id, names.get(quickbooks_id, ""))
            of_tax = pending.TAX_CODES if kind == TAX_RATE else ()
            for code in {f"{kind}_not_mapped", *of_tax, *pending.MAPPING_CODES}:
                pending.reconsider_code(session, connection_id, code, self.clock.now())

    def _check_keys(self, connection_id: str, kind: str, named: Iterable[str]) -> None:
        """A mapping of what Ravetree does not have would lie there for ever and map nothing."""
        keys = [row.key for row in self.keys(connection_id, kind)]
        if unknown := sorted(set(named) - set(keys) - ({""} if kind in WITH_ALL_OTHERS else set())):
            resource = MAPPING_KINDS[kind].resource
            raise SwitchRefused(
                f"{', '.join(map(repr, unknown))} is none of Ravetree's {resource.replace('_', ' ')}",
                remedy=f"They are: {', '.join(key for key in keys if key) or 'none yet'}.",
            )

    def entries(self, connection_id: str, kind: str, search: str = "") -> list[ListEntry]:
        """The active entries of QuickBooks that a kind of key can be mapped to, whose name has `search` in it."""
        listed = MAPPING_KINDS[kind]
        where = " and ".join(part for part in (listed.where, "Active = true") if part)
        rows = self._neighbours(connection_id).quickbooks.query(listed.entity, where, limit=10**9)
        named = [
            ListEntry(str(row["Id"]), str(row.get("FullyQualifiedName") or row.get("Name", "")))
            for row in rows
            if _fits(kind, row)
        ]
        return sorted((entry for entry in named if search.casefold() in entry.name.casefold()), key=_by_name)

    def entries_page(self, connection_id: str, kind: str, search: str, asked: Asked) -> Page[ListEntry]:
        """The same, a page at a time."""
        return paging.cut(self.entries(connection_id, kind, search), _by_name, asked)

    def keys(self, connection_id: str, kind: str) -> list[MappedKey]:
        """Ravetree's keys of a kind with their labels, and what each is mapped to."""
        listed = self._neighbours(connection_id).ravetree.listing(MAPPING_KINDS[kind].resource)
        with self.database.reading() as session:
            mapped = connections.mappings(session, connection_id, kind)
            us_company = connections.get(session, connection_id).country == "US"
        rows = [(str(row["key"]), str(row["label"])) for row in listed]
        if kind == DEPOSIT_ACCOUNT:
            rows.append(("", "All other methods"))
        if kind == TAX_RATE and not us_company:
            rows.append(("", WITHOUT_TAX_RATE))
        return [MappedKey(key, label, mapped.get(key)) for key, label in rows]

    def _neighbours(self, connection_id: str) -> Neighbours:
        """Both sides of a connection that may be called from here. Raises `NotActive` when it was disconnected."""
        with self.database.reading() as session:
            connections.check_connected(session, connection_id)
            connection = connections.get(session, connection_id)
        return self.neighbours_of(connection)

    def _active_entries(self, connection_id: str, kind: str, ids: set[str]) -> dict[str, str]:
        quickbooks, listed = self._neighbours(connection_id).quickbooks, MAPPING_KINDS[kind]
        found = {str(raw["Id"]): raw for raw in quickbooks.by_ids(listed.entity, ids)}
        for entry_id in sorted(ids):
            _check_entry(kind, entry_id, found.get(entry_id))
        return {entry_id: str(raw.get("Name", "")) for entry_id, raw in found.items()}

    def switch(self, connection_id: str, *, invoices: bool | None, estimates: bool | None) -> None:
        """Switch on or off. On means: from now on; what is older waits for the button or a back-fill.

        Off means that nothing of the kind moves, on either side: what changes meanwhile waits for the next switch-on.
        Raises `SwitchRefused` while a line type is not mapped, or a finding of the pre-flight blocks.
        """
        if invoices or estimates:
            self._check_mapped(connection_id)
            self._check_settings(connection_id)
        self._store_switches(connection_id, invoices, estimates)

    @again_when_contended
    def _store_switches(self, connection_id: str, invoices: bool | None, estimates: bool | None) -> None:
        now = self.clock.now()
        with self.database.transaction() as session:
            connection = connections.get_current(session, connection_id)
            if invoices is not None:
                connection.invoices_since = _since(connection.invoices_since, invoices, now)
            if estimates is not None:
                connection.estimates_since = _since(connection.estimates_since, estimates, now)
            duties.begin_switched_on(session, connection, now)
            on = [kind for kind, turned in ((Kind.INVOICE, invoices), (Kind.ESTIMATE, estimates)) if turned]
            pending.wake(session, connection_id, [Record(Side.RAVETREE, kind, pending.SWITCH_ON) for kind in on], now)
            if (invoices or estimates) and connection.contacts_imported_at is None:
                _begin_import(session, connection_id, now)

    def _check_settings(self, connection_id: str) -> None:
        """What would make wrong books holds the switch-on."""
        if found := blocking(self.inspect(connection_id)):
            raise SwitchRefused(found[0].cause.rstrip("."), remedy=found[0].remedy)

    def _check_mapped(self, connection_id: str) -> None:
        missing = [row.label for row in self.keys(connection_id, LINE_TYPE) if row.quickbooks_id is None]
        if missing:
            raise SwitchRefused(f"not mapped yet: {', '.join(missing)}")


def _begin_import(session: Session, connection_id: str, now: datetime) -> None:
    """Contacts come once, when the integration is switched on for the first time."""
    try:
        jobs.begin(session, connection_id, jobs.IMPORT_CONTACTS, {}, "the first switch-on", now)
    except jobs.JobRefused:
        # It is under way already, or a person paused it.
        return


def _check_entry(kind: str, entry_id: str, entry: Mapping[str, Any] | None) -> None:
    what = MAPPING_KINDS[kind].what
    if entry is None or not entry.get("Active", True):
        raise SwitchRefused(f"QuickBooks has no active {what} {entry_id}", remedy=f"Choose an active {what}.")
    if kind == LINE_TYPE and entry.get("Type") != "Service":
        raise SwitchRefused(
            f"the item {entry.get('Name', entry_id)} is not of type Service", remedy="Choose a service item."
        )
    if not _fits(kind, entry):
        raise SwitchRefused(
            f"the account {entry.get('Name', entry_id)} takes no deposits",
            remedy="Choose a bank account or undeposited funds.",
        )


def _fits(kind: str, row: Mapping[str, Any]) -> bool:
    return kind != DEPOSIT_ACCOUNT or row.get("AccountType") in DEPOSIT_ACCOUNTS


def _by_name(entry: ListEntry) -> tuple[str, str]:
    return entry.name.casefold(), entry.id


def _since(before: datetime | None, on: bool, now: datetime) -> datetime | None:
    return (before or now) if on else None
