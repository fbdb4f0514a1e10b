"""Pre-flight at connect, at the switch-on and daily: looks, keeps what it found, and wakes what a repair lets go on."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from clients.errors import NotAuthorised
from clients.quickbooks.company import Company
from clients.ravetree.account import Account
from config.logging import logger
from config.ports import Clock
from reconcile.documents import NUMBER_NOT_KEPT
from reconcile.preflight import CompanyFacts, Finding, MappedEntry, UnmappedKey, findings, missing
from reconcile.time_zones import is_time_zone
from schemas.quickbooks import Body
from schemas.times import parse_instant
from storage import connections, duties, inbox, journal, pending, reads
from storage.database import Database, again_when_contended
from storage.models import Connection
from storage.unit import UnitOfWork
from sync.neighbours import Neighbours, NeighboursOf
from sync.records import company_tax

DUTY = duties.SETTINGS
EVERY = timedelta(days=1)
LISTS = {
    "line_type": "Item",
    "tax_rate": "TaxCode",
    "payment_method": "PaymentMethod",
    "deposit_account": "Account",
}
"""What each kind of mapping leads to."""
INACTIVE = "mapping_inactive"
"""The finding that a mapped entry is not active any more."""
WITHOUT_TAX_RATE = "Lines without a tax rate"
"""What the empty key of tax rates stands for."""

Then = Callable[[UnitOfWork, Clock, str, Account], object]
"""What comes after a look, with its unit of work: the switch-on of what waited for it."""

log = logger("pre-flight")


class Preflight:
    """Looks at a company before, and daily while, it is written to."""

    def __init__(
        self, database: Database, clock: Clock, neighbours_of: NeighboursOf, then: Then = lambda *_: None
    ) -> None:
        self._database = database
        self._clock = clock
        self._neighbours_of = neighbours_of
        self._then = then

    def run(self, connection_id: str) -> tuple[Finding, ...]:
        """Look now: some four metered reads, outside the US six.

        What it found is kept with the connection, and what waited goes on.
        """
        with self._database.reading() as session:
            connections.check_connected(session, connection_id)
            connection = connections.get(session, connection_id)
        unit = UnitOfWork(self._database)
        try:
            neighbours = self._neighbours_of(connection, unit.commit)
            facts = _facts(unit, connection, neighbours, self._clock.now(), mappings=True)
            unit.commit()
            return self._keep(unit, connection, neighbours, facts)
        finally:
            unit.commit()

    @again_when_contended
    def _keep(
        self, unit: UnitOfWork, connection: Connection, neighbours: Neighbours, facts: CompanyFacts
    ) -> tuple[Finding, ...]:
        now = self._clock.now()
        found = _keep(unit, connection, facts, now, mappings=True)
        self._then(unit, self._clock, connection.id, neighbours.ravetree)
        with unit.writing() as session:
            duties.schedule(session, connection.id, DUTY, now + EVERY)
        unit.commit()
        return found


def look(unit: UnitOfWork, clock: Clock, connection: Connection, neighbours: Neighbours) -> tuple[Finding, ...]:
    """Look, keep the findings, and let what waited for a mapped entry go on if all of them are active.

    Mapped entries are read where a write may have met them since the last look, or is about to.
    """
    now, mappings = clock.now(), _mappings_matter(unit, connection)
    facts = _facts(unit, connection, neighbours, now, mappings=mappings)
    return _keep(unit, connection, facts, now, mappings=mappings)


def _mappings_matter(unit: UnitOfWork, connection: Connection) -> bool:
    """Whether QuickBooks took a write since the last look, or a mapped entry was found, or met, that is not active."""
    last = connection.preflight
    if not last or any(finding["code"] == INACTIVE for finding in last["findings"]):
        return True
    with unit.reading() as session:
        wrote = journal.last_answer(session, connection.id)
        asked = pending.causes(session, connection.id)
    return bool(asked.keys() & {*pending.MAPPING_CODES}) or (wrote is not None and wrote >= parse_instant(last["at"]))


def _facts(
    unit: UnitOfWork, connection: Connection, neighbours: Neighbours, now: datetime, *, mappings: bool
) -> CompanyFacts:
    try:
        with neighbours.quickbooks.because("pre-flight"):
            return _gather(unit, connection, neighbours, now, mappings=mappings)
    except NotAuthorised as error:
        return CompanyFacts(refusal=f"{str(error)[:1].upper()}{str(error)[1:]}.", refusal_remedy=error.remedy)


def _keep(
    unit: UnitOfWork, connection: Connection, facts: CompanyFacts, now: datetime, *, mappings: bool
) -> tuple[Finding, ...]:
    found = findings(facts, now)
    with unit.writing() as session:
        row = connections.get(session, connection.id)
        row.books_closed = facts.books_closed.isoformat() if facts.books_closed is not None else ""
        row.preflight = {
            "at": now.isoformat(),
            "findings": [asdict(finding) for finding in found],
            "missing": [asdict(key) for key in missing(facts)],
        }
        if facts.time_zone and not row.time_zone:
            row.time_zone = facts.time_zone
        if facts.custom_numbers:
            pending.reconsider_codes(session, connection.id, [NUMBER_NOT_KEPT], now)
        if mappings and not any(finding.code in (INACTIVE, "no_access") for finding in found):
            pending.reconsider_codes(session, connection.id, pending.MAPPING_CODES, now)
    log.info("looked", connection=connection.id, findings=[finding.code for finding in found])
    return found


def _gather(
    unit: UnitOfWork, connection: Connection, neighbours: Neighbours, now: datetime, *, mappings: bool
) -> CompanyFacts:
    company, account = neighbours.quickbooks, neighbours.ravetree
    preferences = company.get("preferences")
    sales, currency = preferences.get("SalesFormsPrefs", {}), preferences.get("CurrencyPrefs", {})
    closed = preferences.get("AccountingInfoPrefs", {}).get("BookCloseDate")
    with unit.reading() as session:
        kinds = {kind: connections.mappings(session, connection.id, kind) for kind in LISTS}
        wrote, heard = journal.last_answer(session, connection.id), inbox.last_received(session, connection.id)
        warning = reads.usage(session, connection.id, reads.month_of(now)).warning
        row = connections.get(session, connection.id)
        consent_ends_at, time_zone = row.refresh_hard_expires_at, row.time_zone
    _keep_tax(unit, connection, company, preferences, kinds["tax_rate"], now)
    return CompanyFacts(
        custom_numbers=bool(sales.get("CustomTxnNumbers")),
        home_currency=currency.get("HomeCurrency", {}).get("value", connection.home_currency),
        multi_currency=bool(currency.get("MultiCurrencyEnabled")),
        us_company=connection.country == "US",
        sales_tax=bool(preferences.get("TaxPrefs", {}).get("UsingSalesTax")),
        auto_apply_credit=bool(sales.get("AutoApplyCredit")),
        auto_apply_payments=bool(sales.get("AutoApplyPayments")),
        books_closed=date.fromisoformat(closed) if closed else None,
        mapped=[entry for kind, mapped in kinds.items() if mappings for entry in _entries(company, kind, mapped)],
        unmapped=_unmapped(account, kinds),
        client_currencies=sorted(
            {row["currency"] for row in account.listing("contacts") if row.get("active") and row.get("currency")}
        ),
        last_write_at=wrote,
        last_webhook_at=heard,
        reads_warning=warning,
        consent_ends_at=consent_ends_at,
        time_zone=time_zone or time_zone_of(company.get("companyinfo/1")),
    )


def time_zone_of(company_info: Body) -> str:
    """The time zone that QuickBooks says the company is in; empty where it does not, or names none that there is."""
    found = company_info.get("DefaultTimeZone")
    return found if isinstance(found, str) and is_time_zone(found) else ""


def _unmapped(account: Any, kinds: dict[str, dict[str, str]]) -> list[UnmappedKey]:
    keys = [("line_type", row["key"], row["label"]) for row in account.listing("line_item_types")]
    keys += [("tax_rate", row["key"], row["label"]) for row in account.listing("tax_rates")]
    keys.append(("tax_rate", "", WITHOUT_TAX_RATE))
    return [UnmappedKey(kind, key, label) for kind, key, label in keys if key not in kinds[kind]]


def _keep_tax(
    unit: UnitOfWork,
    connection: Connection,
    company: Company,
    preferences: Body,
    mapped: dict[str, str],
    now: datetime,
) -> None:
    """How the company charges tax; what was asked about it is looked at again when that has changed."""
    codes = [] if connection.country == "US" else mapped.values()
    tax = company_tax.read(company, codes, preferences)
    with unit.writing() as session:
        if connections.note_tax(session, connection.id, tax):
            pending.reconsider_codes(session, connection.id, pending.TAX_CODES, now)


def _entries(company: Any, kind: str, mapped: dict[str, str]) -> list[MappedEntry]:
    if not mapped:
        return []
    found = {str(raw["Id"]): raw for raw in company.by_ids(LISTS[kind], set(mapped.values()))}
    return [
        MappedEntry(
            kind,
            key,
            str(found[name].get("Name", name)) if name in found else "",
            bool(found[name].get("Active", True)) if name in found else None,
        )
        for key, name in sorted(mapped.items())
    ]
