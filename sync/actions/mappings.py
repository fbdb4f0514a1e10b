"""What Ravetree's keys are in QuickBooks, and what is switched on."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clients.errors import NeighbourError
from config.errors import RavebooksError
from config.logging import logger
from config.ports import Clock
from reconcile.model import Kind
from reconcile.preflight import Finding, refusing
from storage import connections, duties, paging, pending, switches
from storage.database import Database, again_when_contended
from storage.paging import Asked, Page
from sync import switching
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

log = logger("mappings")


class SwitchRefused(RavebooksError):
    """Not everything that the sync needs is set."""

    remedy = "Mend what is named, then switch on."


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
    """Mappings and switches of a connection.

    `inspect` looks at the settings of both sides now, and lets take effect what waits for nothing any more.
    """

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
        """Map keys to active entries, by kind; a line type needs a service item. Raises `SwitchRefused`.

        What is ticked takes effect with the last mapping that it waits for.
        """
        for kind, mapping in asked.items():
            self._map(connection_id, kind, mapping)
        self._look_again(connection_id)
        self.nudge(connection_id)

    def _look_again(self, connection_id: str) -> None:
        """While something waits, what holds it is looked at now; by a worker, if a neighbour does not answer."""
        with self.database.reading() as session:
            if not switches.waiting(connections.get(session, connection_id)):
                return
        try:
            self.inspect(connection_id)
        except NeighbourError as error:
            log.warning("not looked at after a mapping", connection=connection_id, error=str(error))

    def _map(self, connection_id: str, kind: str, mapping: Mapping[str, str]) -> None:
        self._check_keys(connection_id, kind, mapping.keys())
        names = self._active_entries(connection_id, kind, set(mapping.values()))
        self._store_mapping(connection_id, kind, mapping, names)

    @again_when_contended
    def _store_mapping(
        self, connection_id: str, kind: str, mapping: Mapping[str, str], names: Mapping[str, str]
    ) -> None:
        with self.database.transaction() as session:
            # One who ticks at this moment either finds the mapping or is found waiting.
            connection = connections.lock(session, connection_id)
            for key, quickbooks_id in mapping.items():
                connections.set_mapping(session, connection_id, kind, key, quickbooks_id, names.get(quickbooks_id, ""))
            of_tax = pending.TAX_CODES if kind == TAX_RATE else ()
            codes = {f"{kind}_not_mapped", *of_tax, *pending.MAPPING_CODES}
            pending.reconsider_codes(session, connection_id, codes, self.clock.now())
            if switches.waiting(connection):
                duties.schedule(session, connection_id, duties.SETTINGS, self.clock.now())

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
        """Tick or untick. What is ticked is on from now on, or waits for the mappings that it lacks.

        What is older than its taking effect waits for the button or a back-fill. Off means that nothing of the kind
        moves, on either side: what changes meanwhile waits for the next switch-on. Raises `SwitchRefused` while all is
        mapped and a finding of the pre-flight blocks.
        """
        asked = {kind: on for kind, on in ((Kind.INVOICE, invoices), (Kind.ESTIMATE, estimates)) if on is not None}
        with self.database.reading() as session:
            connection = connections.get_current(session, connection_id)
            if any(asked.values()):
                connections.check_connected(session, connection_id)
            is_new = any(on and not switches.is_set(connection, kind) for kind, on in asked.items())
        if is_new:
            self._check_settings(connection_id)
        self._store_switches(connection_id, asked)

    @again_when_contended
    def _store_switches(self, connection_id: str, asked: Mapping[Kind, bool]) -> None:
        now = self.clock.now()
        with self.database.transaction() as session:
            connection = connections.lock(session, connection_id)
            for kind, on in asked.items():
                if on:
                    switches.tick(connection, kind, now)
                else:
                    switches.untick(connection, kind)
            switching.take_effect(session, connection, now)
            if switching.is_mapped_since(session, connection):
                duties.schedule(session, connection_id, duties.SETTINGS, now)

    def _check_settings(self, connection_id: str) -> None:
        """What would make wrong books holds the switch-on."""
        if found := refusing(self.inspect(connection_id)):
            raise SwitchRefused(found[0].cause.rstrip("."), remedy=found[0].remedy)


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
