"""Values that QuickBooks works out: due dates, taxes, credits that apply themselves, merges, closed books."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from quickbooks_sandbox.testing import (
    CUSTOMER,
    OTHER_CUSTOMER,
    World,
    code_of,
    line,
    money,
    named,
    sparse,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def prefer(world: World, **groups: Any) -> None:
    world.save("Preferences", sparse(world.read("Preferences", "1"), **groups))


@pytest.mark.parametrize(
    ("term", "day", "due"),
    [
        ({"DueDays": 30}, "2026-11-01", "2026-12-01"),
        ({"DayOfMonthDue": 15}, "2026-11-01", "2026-11-15"),
        ({"DayOfMonthDue": 15}, "2026-11-16", "2026-12-15"),
        ({"DayOfMonthDue": 31}, "2026-02-01", "2026-02-28"),
        ({"DayOfMonthDue": 15, "DueNextMonthDays": 10}, "2026-12-06", "2027-01-15"),
    ],
)
def test_the_due_date_follows_the_term(world: World, term: Any, day: str, due: str) -> None:
    made = world.save("Term", {"Name": "As agreed", **term})
    invoice = world.invoice(10, TxnDate=day, SalesTermRef={"value": made["Id"]})
    assert invoice["DueDate"] == due


def test_the_companys_default_term_is_used_last(world: World) -> None:
    prefer(world, SalesFormsPrefs={"DefaultTerms": {"value": "4"}})
    invoice = world.invoice(10, TxnDate="2026-11-01")
    assert (invoice["SalesTermRef"]["name"], invoice["DueDate"]) == ("Net 30", "2026-12-01")


def test_payments_apply_themselves_to_the_oldest_invoices(world: World) -> None:
    prefer(world, SalesFormsPrefs={"AutoApplyPayments": True})
    newer, older = world.invoice(100, TxnDate="2026-11-02"), world.invoice(50, TxnDate="2026-11-01")
    payment = world.payment(120)
    assert payment["UnappliedAmt"] == 0
    assert world.read("Invoice", older["Id"])["Balance"] == 0
    assert world.read("Invoice", newer["Id"])["Balance"] == 30


def test_credits_apply_themselves_by_payments_of_nothing(world: World) -> None:
    prefer(world, SalesFormsPrefs={"AutoApplyCredit": True})
    memo = world.save("CreditMemo", {"CustomerRef": {"value": CUSTOMER}, "Line": [line(30)]})
    unapplied = world.payment(20)
    invoice = world.invoice(100)
    assert invoice["Balance"] == 50
    assert world.read("CreditMemo", memo["Id"])["RemainingCredit"] == 0
    assert world.read("Payment", unapplied["Id"])["UnappliedAmt"] == 0
    [linking] = world.query("select * from Payment where TotalAmt = '0'")["Payment"]
    assert linking["PrivateNote"] == "Created by QB Online to link credits to charges."
    later = world.save("CreditMemo", {"CustomerRef": {"value": CUSTOMER}, "Line": [line(60)]})
    assert later["RemainingCredit"] == 10
    assert world.read("Invoice", invoice["Id"])["Balance"] == 0


def test_nothing_applies_itself_unless_the_company_says_so(world: World) -> None:
    invoice = world.invoice(100)
    assert world.payment(20)["UnappliedAmt"] == 20
    assert world.read("Invoice", invoice["Id"])["Balance"] == 100


@pytest.fixture
def british(world: World) -> World:
    """The same company outside the US, with VAT of 20 % and 5 %, each by its own code."""
    company = world.read("CompanyInfo", "1")
    world.save("CompanyInfo", sparse(company, Country="GB"))
    for name, rate in (("20.0% S", 20), ("5.0% R", 5)):
        detail = {"TaxRateName": name, "RateValue": rate, "TaxAgencyId": "1", "TaxApplicableOn": "Sales"}
        assert world.post("taxservice/taxcode", {"TaxCode": name, "TaxRateDetails": [detail]}).status_code == 200
    return world


def coded(world: World, amount: str, name: str, **detail: Any) -> Any:
    code = world.query(f"select * from TaxCode where Name = '{name}'")["TaxCode"][0]["Id"]  # noqa: S608  # QuickBooks' own query language
    return line(amount, TaxCodeRef={"value": code}, **detail)


def test_outside_the_us_each_rate_is_charged_on_its_sum(british: World) -> None:
    lines = [coded(british, "0.33", "20.0% S") for _ in range(3)] + [coded(british, "10", "5.0% R")]
    invoice = british.invoice(Line=lines)
    taxes = [
        (one["TaxLineDetail"]["TaxPercent"], one["TaxLineDetail"]["NetAmountTaxable"], one["Amount"])
        for one in invoice["TxnTaxDetail"]["TaxLine"]
    ]
    # By lines it would be 3 × 0.07 = 0.21.
    assert taxes == [(20, money("0.99"), money("0.2")), (5, 10, money("0.5"))]
    assert invoice["TotalAmt"] == money("11.69")


def test_a_given_total_is_not_honoured_outside_the_us(british: World) -> None:
    invoice = british.invoice(Line=[coded(british, "100", "20.0% S")], TxnTaxDetail={"TotalTax": 1})
    assert invoice["TotalAmt"] == 120


def included(invoice: Any) -> tuple[Any, Any, list[tuple[Any, Any]]]:
    """Total, tax, and of each line what it is without and with its tax."""
    lines = [one for one in invoice["Line"] if one["DetailType"] == "SalesItemLineDetail"]
    each = [(one["Amount"], one["SalesItemLineDetail"]["TaxInclusiveAmt"]) for one in lines]
    return invoice["TotalAmt"], invoice["TxnTaxDetail"]["TotalTax"], each


def test_amounts_that_include_tax_add_up_to_what_was_sent(british: World) -> None:
    sent = coded(british, "100", "20.0% S", Qty=1, UnitPrice=100)
    invoice = british.invoice(Line=[sent], GlobalTaxCalculation="TaxInclusive")
    assert included(invoice) == (100, money("16.67"), [(money("83.33"), 100)])
    assert invoice["Line"][0]["SalesItemLineDetail"]["UnitPrice"] == money("83.33")
    assert british.save("Invoice", invoice)["Line"] == invoice["Line"]


@pytest.mark.parametrize(
    ("amounts", "tax"),
    [
        # By lines it would be 3 × 0.07 = 0.21.
        ([("0.40", "20.0% S")] * 3, "0.20"),
        ([("0.01", "20.0% S")] * 10, "0.02"),
        ([("0.99", "20.0% S")] * 7 + [("10.01", "5.0% R")] * 3, "2.59"),
        ([("19.99", "20.0% S"), ("19.99", "5.0% R"), ("5", "5.0% R")], "4.52"),
    ],
)
def test_tax_within_amounts_is_taken_by_rate_on_their_sum(
    british: World, amounts: list[tuple[str, str]], tax: str
) -> None:
    lines = [coded(british, amount, name) for amount, name in amounts]
    invoice = british.invoice(Line=lines, GlobalTaxCalculation="TaxInclusive")
    total, found, each = included(invoice)
    assert (total, found) == (sum(money(amount) for amount, _ in amounts), money(tax))
    assert [gross for _, gross in each] == [money(amount) for amount, _ in amounts]
    assert sum(net for net, _ in each) == total - found
    again = british.save("Invoice", invoice)
    assert (included(again), again["Line"]) == (included(invoice), invoice["Line"])


@pytest.mark.parametrize("position", ["gross", "net"])
def test_a_line_that_says_what_it_is_with_its_tax_is_right_either_way(british: World, position: str) -> None:
    british.order("switches", {"tax_inclusive_amount": position})
    sent = coded(british, "83.33", "20.0% S", TaxInclusiveAmt=100)
    invoice = british.invoice(Line=[sent], GlobalTaxCalculation="TaxInclusive")
    assert included(invoice) == (100, money("16.67"), [(money("83.33"), 100)])
    changed = british.change("Invoice", invoice, Line=[{**invoice["Line"][0], "Amount": 50}])
    assert included(changed) == included(invoice)  # what it is with its tax was sent along, and counts


def test_amounts_with_tax_can_be_taken_as_net_by_a_switch(british: World) -> None:
    british.order("switches", {"tax_inclusive_amount": "net"})
    sent = coded(british, "100", "20.0% S", Qty=2, UnitPrice=50)
    invoice = british.invoice(Line=[sent], GlobalTaxCalculation="TaxInclusive")
    assert included(invoice) == (120, 20, [(100, 120)])
    assert invoice["Line"][0]["SalesItemLineDetail"]["UnitPrice"] == 50
    assert british.save("Invoice", invoice)["TotalAmt"] == 120


def test_a_discount_of_what_includes_tax_is_net(british: World) -> None:
    cut = {"DetailType": "DiscountLineDetail", "Amount": 10, "DiscountLineDetail": {"PercentBased": False}}
    lines = [coded(british, "120", "20.0% S"), cut]
    invoice = british.invoice(Line=lines, GlobalTaxCalculation="TaxInclusive")
    assert (invoice["TxnTaxDetail"]["TotalTax"], invoice["TotalAmt"]) == (18, 108)


def test_a_void_that_included_tax_stays_at_nothing(british: World) -> None:
    invoice = british.invoice(Line=[coded(british, "120", "20.0% S")], GlobalTaxCalculation="TaxInclusive")
    voided = british.save("Invoice", sparse(invoice), operation="void")
    assert included(voided) == (0, 0, [(0, 0)])
    assert british.change("Invoice", voided, CustomerMemo={"value": "x"})["TotalAmt"] == 0


def test_what_no_longer_includes_tax_forgets_what_it_was_with_it(british: World) -> None:
    invoice = british.invoice(Line=[coded(british, "120", "20.0% S")], GlobalTaxCalculation="TaxInclusive")
    changed = british.change("Invoice", invoice, GlobalTaxCalculation="TaxExcluded")
    assert "TaxInclusiveAmt" not in changed["Line"][0]["SalesItemLineDetail"]
    assert changed["TotalAmt"] == 120


@pytest.mark.parametrize(
    ("position", "sent", "tax"),
    [
        ("in_the_us", None, 18), ("in_the_us", False, 18), ("in_the_us", True, 18),
        ("everywhere", None, 20), ("everywhere", False, 20), ("everywhere", True, 18),
    ],
)  # fmt: skip
def test_tax_outside_the_us_is_on_the_full_amount_or_on_what_a_discount_leaves(
    british: World, position: str, sent: bool | None, tax: int
) -> None:
    british.order("switches", {"apply_tax_after_discount": position})
    cut = {"DetailType": "DiscountLineDetail", "Amount": 10, "DiscountLineDetail": {"PercentBased": False}}
    said: Any = {} if sent is None else {"ApplyTaxAfterDiscount": sent}
    invoice = british.invoice(Line=[coded(british, "100", "20.0% S"), cut], **said)
    assert (invoice["TxnTaxDetail"]["TotalTax"], invoice["TotalAmt"]) == (tax, 90 + tax)
    assert british.change("Invoice", invoice, PrivateNote="x")["TotalAmt"] == 90 + tax


@pytest.mark.parametrize(("position", "tax"), [("ignored", "20"), ("honoured", "19.99")])
def test_tax_lines_that_are_given_outside_the_us_count_or_not(british: World, position: str, tax: str) -> None:
    british.order("switches", {"given_tax_lines": position})
    plain = british.invoice(Line=[coded(british, "100", "20.0% S")])
    [told] = plain["TxnTaxDetail"]["TaxLine"]
    given = {"TaxLine": [{**told, "Amount": "19.99"}]}
    changed = british.change("Invoice", plain, TxnTaxDetail=given)
    assert (changed["TxnTaxDetail"]["TotalTax"], changed["TotalAmt"]) == (money(tax), 100 + money(tax))
    assert british.change("Invoice", changed, PrivateNote="x")["TotalAmt"] == changed["TotalAmt"]
    unknown = {"TaxLine": [{**told, "Amount": 1, "TaxLineDetail": {"TaxRateRef": {"value": "99"}}}]}
    assert british.change("Invoice", plain | {"SyncToken": "2"}, TxnTaxDetail=unknown)["TotalAmt"] == 120


def test_a_line_without_a_code_is_refused_unless_tax_does_not_apply(british: World) -> None:
    body = {"CustomerRef": {"value": CUSTOMER}, "Line": [line(10)]}
    assert code_of(british.post("invoice", body)) == "6000"
    assert british.invoice(10, GlobalTaxCalculation="NotApplicable")["TotalAmt"] == 10


def test_closed_books_refuse_every_change_before_their_date(world: World) -> None:
    invoice = world.invoice(10, TxnDate="2026-10-31")
    prefer(world, AccountingInfoPrefs={"BookCloseDate": "2026-10-31"})
    assert code_of(world.post("invoice", sparse(invoice, PrivateNote="x"))) == "6210"
    assert code_of(world.post("invoice", named(invoice), operation="delete")) == "6210"
    late = {"CustomerRef": {"value": CUSTOMER}, "TxnDate": "2026-10-01", "TotalAmt": 5}
    assert code_of(world.post("payment", late)) == "6210"
    receipt = {"Line": [line(10)], "TxnDate": "2026-10-01"}
    assert code_of(world.post("salesreceipt", receipt)) == "6210"


def test_a_merge_moves_every_form_and_keeps_the_balance(world: World) -> None:
    world.invoice(100, customer=OTHER_CUSTOMER)
    receipt = world.save("SalesReceipt", {"CustomerRef": {"value": OTHER_CUSTOMER}, "Line": [line(5)]})
    world.order("merge", {"survivor": CUSTOMER, "merged": OTHER_CUSTOMER})
    assert world.read("SalesReceipt", receipt["Id"])["CustomerRef"]["value"] == CUSTOMER
    assert world.read("Customer", CUSTOMER)["Balance"] == 100
    assert world.read("Customer", OTHER_CUSTOMER)["DisplayName"].endswith("(deleted)")


def test_items_merge_too(world: World) -> None:
    invoice = world.invoice(100)
    world.order("merge", {"entity": "Item", "survivor": "7", "merged": "2"})
    assert world.read("Invoice", invoice["Id"])["Line"][0]["SalesItemLineDetail"]["ItemRef"]["value"] == "7"
    assert world.read("Item", "2")["Active"] is False


def test_the_duplicate_check_is_a_setting_of_the_company(world: World) -> None:
    world.invoice(10, DocNumber="77")
    body = {"CustomerRef": {"value": CUSTOMER}, "Line": [line(10)], "DocNumber": "77"}
    assert code_of(world.post("invoice", body)) == "6140"
    assert world.post("invoice", body, include="allowduplicatedocnum").status_code == 200
    prefer(world, OtherPrefs={"NameValue": [{"Name": "WarnDuplicateCheckNumber", "Value": "false"}]})
    assert world.save("Invoice", body)["DocNumber"] == "77"


def test_home_amounts_follow_the_rate(world: World) -> None:
    payment = world.payment(100, customer="9", ExchangeRate="1.25")
    assert payment["HomeTotalAmt"] == Decimal(125)


def test_preferences_change_one_by_one_and_the_home_currency_never(world: World) -> None:
    prefer(world, AccountingInfoPrefs={"BookCloseDate": "2026-10-31"}, SalesFormsPrefs=None)
    prefer(world, AccountingInfoPrefs={"BookCloseDate": None}, CurrencyPrefs={"HomeCurrency": {"value": "EUR"}})
    stored = world.read("Preferences", "1")
    assert "BookCloseDate" not in stored["AccountingInfoPrefs"]
    assert stored["CurrencyPrefs"]["HomeCurrency"]["value"] == "USD"
    assert stored["SalesFormsPrefs"]["CustomTxnNumbers"] is True
