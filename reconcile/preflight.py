"""Pre-flight: what of a company's settings would make wrong books, or surprise somebody. Values in, findings out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

SILENT_WEBHOOKS = timedelta(hours=1)
"""QuickBooks announces our own writes too: this long after one without any event, something is wrong."""

CONSENT_SOON = timedelta(days=365)
CONSENT_NEAR = timedelta(days=30)
CONSENT_WEEK = timedelta(days=7)
"""Before the end of a consent: from when on it is said, from when on it is a warning, and when it presses."""


class Severity(StrEnum):
    """How bad a finding is: `blocks` would make wrong books and holds the switch-on."""

    BLOCKS = "blocks"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Finding:
    """One finding: a sentence and one action."""

    code: str
    severity: Severity
    cause: str
    remedy: str


@dataclass(frozen=True)
class MappedEntry:
    """What a key of Ravetree is mapped to; `active` says whether QuickBooks takes it, None that it is gone."""

    kind: str
    key: str
    name: str
    active: bool | None


@dataclass(frozen=True)
class UnmappedKey:
    """A key of Ravetree's that is mapped to nothing yet."""

    kind: str
    key: str
    label: str


NOT_MAPPED = frozenset({"line_types_not_mapped", "no_tax_not_mapped"})
"""What a person maps after having ticked: it is waited for, and refuses nothing."""


@dataclass(frozen=True)
class CompanyFacts:
    """What QuickBooks and Ravetree say of themselves. `refusal` is why QuickBooks does not let us look at all."""

    refusal: str = ""
    refusal_remedy: str = ""
    custom_numbers: bool = True
    home_currency: str = "USD"
    multi_currency: bool = True
    us_company: bool = True
    sales_tax: bool = True
    auto_apply_credit: bool = False
    auto_apply_payments: bool = False
    books_closed: date | None = None
    mapped: Sequence[MappedEntry] = ()
    unmapped: Sequence[UnmappedKey] = ()
    client_currencies: Sequence[str] = ()
    last_write_at: datetime | None = None
    last_webhook_at: datetime | None = None
    reads_warning: str = ""
    consent_ends_at: datetime | None = None
    time_zone: str = "UTC"


def missing(facts: CompanyFacts) -> tuple[UnmappedKey, ...]:
    """What has to be mapped before the switch-on: each line type, and lines without tax where every line has a code."""
    return tuple(row for row in facts.unmapped if row.kind == "line_type" or _is_needed_for_no_tax(facts, row))


def _is_needed_for_no_tax(facts: CompanyFacts, row: UnmappedKey) -> bool:
    return row.kind == "tax_rate" and not row.key and facts.sales_tax and not facts.us_company


def findings(facts: CompanyFacts, now: datetime) -> tuple[Finding, ...]:
    """Everything worth a word, the worst first."""
    if facts.refusal:
        return (Finding("no_access", Severity.BLOCKS, facts.refusal, facts.refusal_remedy),)
    found = [*_settings(facts), *_mappings(facts), *_webhooks(facts, now), *_consent(facts, now)]
    if facts.reads_warning:
        remedy = "Raise the budget, or see in the usage what reads so much."
        found.append(Finding("reads_budget", Severity.WARNING, facts.reads_warning, remedy))
    return tuple(sorted(found, key=lambda finding: list(Severity).index(finding.severity)))


def blocking(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings that hold the switch-on."""
    return tuple(finding for finding in found if finding.severity is Severity.BLOCKS)


def refusing(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings that refuse a tick: what blocks, unless the tick waits for a mapping anyway."""
    held = blocking(found)
    return () if any(finding.code in NOT_MAPPED for finding in held) else held


def _settings(facts: CompanyFacts) -> list[Finding]:
    found = []
    if not facts.custom_numbers:
        found.append(
            Finding(
                "custom_numbers_off",
                Severity.BLOCKS,
                "QuickBooks numbers invoices by itself, so that they would not carry Ravetree's numbers.",
                "Turn on custom transaction numbers in QuickBooks: Account and settings, Sales.",
            )
        )
    foreign = sorted(set(facts.client_currencies) - {facts.home_currency, ""})
    if foreign and not facts.multi_currency:
        found.append(
            Finding(
                "multi_currency_off",
                Severity.WARNING,
                f"Ravetree has clients in {', '.join(foreign)}; QuickBooks has {facts.home_currency} only.",
                "Turn on multicurrency in QuickBooks, or bill these clients elsewhere.",
            )
        )
    if not facts.sales_tax:
        found.append(
            Finding(
                "sales_tax_off",
                Severity.WARNING,
                "QuickBooks charges no sales tax, so that an invoice with tax would come to another total there.",
                "Set up sales tax in QuickBooks, or charge none in Ravetree.",
            )
        )
    if facts.auto_apply_credit or facts.auto_apply_payments:
        what = "credits" if facts.auto_apply_credit else "payments"
        found.append(
            Finding(
                "auto_apply_on",
                Severity.WARNING,
                f"QuickBooks applies open {what} to new invoices by itself; Ravetree does not know of it beforehand.",
                "Turn off automatic application in QuickBooks: Account and settings, Advanced.",
            )
        )
    if not facts.time_zone:
        found.append(
            Finding(
                "time_zone_unknown",
                Severity.WARNING,
                "QuickBooks does not say in which time zone the company is: no mark as paid can be dated.",
                "Set it before the switch-on, in the settings or by ravebooks settings CONNECTION --time-zone NAME.",
            )
        )
    if facts.books_closed is not None:
        found.append(
            Finding(
                "books_closed",
                Severity.INFO,
                f"QuickBooks' books are closed up to {facts.books_closed.isoformat()}: nothing earlier is written.",
                "Nothing to do, unless older documents are to be pushed.",
            )
        )
    return found


def _mappings(facts: CompanyFacts) -> list[Finding]:
    found = []
    if types := [row.label for row in facts.unmapped if row.kind == "line_type"]:
        found.append(
            Finding(
                "line_types_not_mapped",
                Severity.BLOCKS,
                f"Not mapped to a QuickBooks item yet: {', '.join(types)}.",
                "Map them to active service items.",
            )
        )
    if any(_is_needed_for_no_tax(facts, row) for row in facts.unmapped):
        found.append(
            Finding(
                "no_tax_not_mapped",
                Severity.BLOCKS,
                "Lines without a tax rate are not mapped to a QuickBooks tax code yet.",
                "Map them, as the tax rate with the empty key, to a code without tax.",
            )
        )
    rates = [row.label for row in facts.unmapped if row.kind == "tax_rate" and row.key]
    if rates and not facts.us_company:
        found.append(
            Finding(
                "tax_rates_not_mapped",
                Severity.WARNING,
                f"Not mapped to a QuickBooks tax code yet: {', '.join(rates)}.",
                "Map them; until then what uses them waits.",
            )
        )
    for entry in facts.mapped:
        if entry.active:
            continue
        state = "deleted" if entry.active is None else "inactive"
        what = {"line_type": "line type", "tax_rate": "tax rate"}.get(entry.kind, entry.kind.replace("_", " "))
        found.append(
            Finding(
                "mapping_inactive",
                Severity.BLOCKS if entry.kind == "line_type" else Severity.WARNING,
                f"{entry.name or 'The entry'}, to which the {what} {entry.key!r} is mapped, is {state} in QuickBooks.",
                "Make it active again, or map another one.",
            )
        )
    return found


def _webhooks(facts: CompanyFacts, now: datetime) -> list[Finding]:
    if facts.last_write_at is None or now - facts.last_write_at < SILENT_WEBHOOKS:
        return []
    if facts.last_webhook_at is not None and facts.last_webhook_at >= facts.last_write_at - SILENT_WEBHOOKS:
        return []
    return [
        Finding(
            "webhooks_silent",
            Severity.WARNING,
            "QuickBooks sent no event after the last write: changes there are seen late, by its log of changes.",
            "Check the webhook's address and its entities on Intuit's developer page.",
        )
    ]


def _consent(facts: CompanyFacts, now: datetime) -> list[Finding]:
    """The end of the consent, which no refresh puts off: said a year before, a warning a month and a week before."""
    if facts.consent_ends_at is None or (left := facts.consent_ends_at - now) > CONSENT_SOON:
        return []
    until = f"QuickBooks' consent ends on {facts.consent_ends_at.date().isoformat()}"
    remedy = "Connect the same company again before: ravebooks connect, or QuickBooks in Ravetree's settings."
    if left > CONSENT_NEAR:
        return [Finding("consent_ends", Severity.INFO, f"{until}: nothing is read or written after that.", remedy)]
    if left <= timedelta(0):
        return [Finding("consent_ended", Severity.WARNING, f"{until}, which is past.", remedy)]
    days = f"{left.days} days" if left.days > 1 else "a day" if left.days else "less than a day"
    code = "consent_ends_in_a_month" if left > CONSENT_WEEK else "consent_ends_in_a_week"
    return [Finding(code, Severity.WARNING, f"{until}, in {days}: nothing is read or written after that.", remedy)]
