"""How a company charges tax, as it is read and kept."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from schemas.quickbooks import UnreadableRecord, load_tax_code, load_tax_rate
from sync.records.company_tax import last_known, read

RATE = {
    "Id": "3",
    "RateValue": 20,
    "EffectiveTaxRate": [
        {"RateValue": 15, "EffectiveDate": "2008-12-01T00:00:00-08:00", "EndDate": "2010-01-01T00:00:00-08:00"},
        {"RateValue": 20, "EffectiveDate": "2010-01-02T00:00:00-08:00"},
    ],
}


class Books:
    """A company's lists, and how often they were asked for."""

    def __init__(self, *, charged: bool) -> None:
        self.charged = charged
        self.asked: list[str] = []

    def get(self, path: str) -> Any:
        self.asked.append(path)
        return {"TaxPrefs": {"UsingSalesTax": self.charged}}

    def by_ids(self, entity: str, ids: Any) -> Any:
        self.asked.append(entity)
        rates = {"TaxRateDetail": [{"TaxRateRef": {"value": "3"}}]}
        rows: dict[str, list[Any]] = {
            "TaxCode": [{"Id": "1", "SalesTaxRateList": rates}, {"Id": "2"}],
            "TaxRate": [RATE],
        }
        return [row for row in rows[entity] if row["Id"] in ids]


class Kept:
    """A connection that keeps it."""

    def __init__(self, tax: Any) -> None:
        self.tax = tax


def test_a_rate_charges_what_it_did_on_the_day() -> None:
    company: Any = Books(charged=True)
    kept: Any = Kept(read(company, ["1"]))
    tax = last_known(kept)
    assert tax.percents("1", date(2009, 6, 1)) == {"3": Decimal(15)}
    assert tax.percents("1", date(2026, 6, 1)) == {"3": Decimal(20)}
    assert tax.percents("1", date(2001, 6, 1)) is None


def test_a_code_without_rates_charges_nothing_and_one_that_is_gone_nobody_knows() -> None:
    company: Any = Books(charged=True)
    kept: Any = Kept(read(company, ["1", "2", "7"]))
    tax = last_known(kept)
    day = date(2026, 6, 1)
    assert (tax.is_free("2", day), tax.is_free("1", day), tax.is_free("7", day)) == (True, False, False)
    assert tax.percents("7", day) is None


def test_in_the_us_the_settings_alone_are_read() -> None:
    company: Any = Books(charged=False)
    kept: Any = Kept(read(company, []))
    assert (last_known(kept).is_charged, company.asked) == (False, ["preferences"])


def test_what_is_no_tax_code_is_not_taken_for_one() -> None:
    with pytest.raises(UnreadableRecord):
        load_tax_rate({"Id": "3", "RateValue": "much"})
    assert load_tax_code({"Id": "2", "SalesTaxRateList": None}) == ("2", ())
