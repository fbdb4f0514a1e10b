"""Pre-flight: each setting that matters has a severity, a sentence and a remedy."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from reconcile.preflight import (
    CompanyFacts,
    MappedEntry,
    Severity,
    UnmappedKey,
    blocking,
    findings,
    missing,
    refusing,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TIME, VAT = UnmappedKey("line_type", "time", "Time"), UnmappedKey("tax_rate", "vat", "VAT")
NO_TAX = UnmappedKey("tax_rate", "", "Lines without a tax rate")


def codes(**facts: Any) -> dict[str, str]:
    return {finding.code: str(finding.severity) for finding in findings(CompanyFacts(**facts), NOW)}


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            MappedEntry("line_type", "time", "Hours", active=False),
            "Hours, to which the line type 'time' is mapped, is inactive in QuickBooks.",
        ),
        (
            MappedEntry("payment_method", "card", "", active=None),
            "The entry, to which the payment method 'card' is mapped, is deleted in QuickBooks.",
        ),
    ],
)
def test_what_a_mapping_leads_to_is_said_to_be_inactive_or_deleted(entry: MappedEntry, said: str) -> None:
    (found,) = findings(CompanyFacts(mapped=[entry]), NOW)
    assert found.cause == said


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({}, {}),
        ({"custom_numbers": False}, {"custom_numbers_off": "blocks"}),
        ({"unmapped": [TIME]}, {"line_types_not_mapped": "blocks"}),
        ({"mapped": [MappedEntry("line_type", "time", "Hours", active=False)]}, {"mapping_inactive": "blocks"}),
        ({"mapped": [MappedEntry("line_type", "time", "", active=None)]}, {"mapping_inactive": "blocks"}),
        ({"mapped": [MappedEntry("line_type", "time", "Hours", active=True)]}, {}),
        ({"mapped": [MappedEntry("payment_method", "card", "Visa", active=False)]}, {"mapping_inactive": "warning"}),
        ({"client_currencies": ["USD", "EUR"], "multi_currency": False}, {"multi_currency_off": "warning"}),
        ({"client_currencies": ["USD", "EUR"]}, {}),
        ({"sales_tax": False}, {"sales_tax_off": "warning"}),
        ({"auto_apply_credit": True}, {"auto_apply_on": "warning"}),
        ({"auto_apply_payments": True}, {"auto_apply_on": "warning"}),
        ({"books_closed": date(2026, 6, 30)}, {"books_closed": "info"}),
        ({"unmapped": [VAT], "us_company": False}, {"tax_rates_not_mapped": "warning"}),
        ({"unmapped": [VAT, NO_TAX]}, {}),
        ({"unmapped": [NO_TAX], "us_company": False}, {"no_tax_not_mapped": "blocks"}),
        ({"unmapped": [NO_TAX], "us_company": False, "sales_tax": False}, {"sales_tax_off": "warning"}),
        ({"time_zone": ""}, {"time_zone_unknown": "warning"}),
        ({"reads_warning": "90 of 100 reads are spent."}, {"reads_budget": "warning"}),
        ({"refusal": "No entry.", "refusal_remedy": "Connect."}, {"no_access": "blocks"}),
        ({"consent_ends_at": NOW + 366 * DAY}, {}),
        ({"consent_ends_at": NOW + 365 * DAY}, {"consent_ends": "info"}),
        ({"consent_ends_at": NOW + 31 * DAY}, {"consent_ends": "info"}),
        ({"consent_ends_at": NOW + 30 * DAY}, {"consent_ends_in_a_month": "warning"}),
        ({"consent_ends_at": NOW + 8 * DAY}, {"consent_ends_in_a_month": "warning"}),
        ({"consent_ends_at": NOW + 7 * DAY}, {"consent_ends_in_a_week": "warning"}),
        ({"consent_ends_at": NOW + HOUR}, {"consent_ends_in_a_week": "warning"}),
        ({"consent_ends_at": NOW}, {"consent_ended": "warning"}),
        ({"last_write_at": NOW - 2 * HOUR}, {"webhooks_silent": "warning"}),
        ({"last_write_at": NOW - HOUR / 2}, {}),
        ({"last_write_at": NOW - HOUR}, {"webhooks_silent": "warning"}),
        ({"last_write_at": NOW - 2 * HOUR, "last_webhook_at": NOW - 3 * HOUR}, {}),
        ({"last_write_at": NOW - 2 * HOUR, "last_webhook_at": NOW - 2 * HOUR}, {}),
        ({"last_write_at": NOW - 2 * HOUR, "last_webhook_at": NOW - 9 * HOUR}, {"webhooks_silent": "warning"}),
    ],
)
def test_each_setting(facts: dict[str, Any], found: dict[str, str]) -> None:
    assert codes(**facts) == found


def test_the_worst_comes_first_and_each_has_a_sentence_and_a_remedy() -> None:
    facts = CompanyFacts(books_closed=date(2026, 6, 30), sales_tax=False, custom_numbers=False)
    found = findings(facts, NOW)
    assert [finding.severity for finding in found] == [Severity.BLOCKS, Severity.WARNING, Severity.INFO]
    assert all(finding.cause.endswith(".") and finding.remedy.endswith(".") for finding in found)
    assert [finding.code for finding in blocking(found)] == ["custom_numbers_off"]


@pytest.mark.parametrize(
    ("facts", "keys"),
    [
        ({}, ["time"]),
        ({"us_company": False}, ["time", ""]),
        ({"us_company": False, "sales_tax": False}, ["time"]),
    ],
)
def test_what_has_to_be_mapped_is_each_line_type_and_outside_the_us_lines_without_tax(
    facts: dict[str, Any], keys: list[str]
) -> None:
    assert [row.key for row in missing(CompanyFacts(unmapped=[TIME, VAT, NO_TAX], **facts))] == keys


def test_a_tick_is_refused_for_what_blocks_unless_it_waits_for_a_mapping_anyway() -> None:
    def refused(**facts: Any) -> list[str]:
        return [finding.code for finding in refusing(findings(CompanyFacts(**facts), NOW))]

    assert refused(custom_numbers=False) == ["custom_numbers_off"]
    assert refused(custom_numbers=False, unmapped=[TIME]) == []


@pytest.mark.parametrize(
    ("left", "said"), [(30 * DAY, "in 30 days"), (1.5 * DAY, "in a day"), (HOUR, "less than a day")]
)
def test_the_end_of_a_consent_is_told_with_its_date_and_how_to_renew_it(left: timedelta, said: str) -> None:
    (found,) = findings(CompanyFacts(consent_ends_at=NOW + left), NOW)
    assert (NOW + left).date().isoformat() in found.cause
    assert said in found.cause
    assert "ravebooks connect" in found.remedy
