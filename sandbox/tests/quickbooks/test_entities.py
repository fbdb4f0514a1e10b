"""The entities around the sync: receipts, lists with parents, notes, rates, currencies, agencies."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from quickbooks_sandbox.books.amounts import decode
from quickbooks_sandbox.testing import (
    CUSTOMER,
    EURO_CUSTOMER,
    World,
    applied_to,
    code_of,
    detail_of,
    line,
    named,
    sparse,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def account(world: World, name: str) -> Any:
    return {"value": world.query(f"select * from Account where Name = '{name}'")["Account"][0]["Id"]}  # noqa: S608  # QuickBooks' own query language


def test_a_sales_receipt_is_money_at_once_and_needs_no_customer(world: World) -> None:
    receipt = world.save("SalesReceipt", {"Line": [line(30)]})
    assert (receipt["TotalAmt"], receipt["Balance"]) == (30, 0)
    assert receipt["DepositToAccountRef"]["name"] == "Undeposited Funds"
    assert "CustomerRef" not in receipt
    voided = world.save("SalesReceipt", sparse(receipt), operation="update", include="void")
    assert (voided["TotalAmt"], voided["PrivateNote"]) == (0, "Voided")


def test_a_refund_receipt_says_which_account_paid_it(world: World) -> None:
    body = {"CustomerRef": {"value": CUSTOMER}, "Line": [line(30)]}
    assert code_of(world.post("refundreceipt", body)) == "2020"
    refund = world.save("RefundReceipt", {**body, "DepositToAccountRef": account(world, "Checking")})
    assert refund["TotalAmt"] == 30
    assert world.read("Customer", CUSTOMER)["Balance"] == 0


@pytest.mark.parametrize("operation", ["void", "delete"])
def test_a_deposited_receipt_is_locked(world: World, operation: str) -> None:
    receipt = world.save("SalesReceipt", {"Line": [line(30)]})
    link = {"TxnId": receipt["Id"], "TxnType": "SalesReceipt"}
    deposit = world.save(
        "Deposit",
        {"DepositToAccountRef": account(world, "Checking"), "Line": [{"Amount": 30, "LinkedTxn": [link]}]},
    )
    locked = world.read("SalesReceipt", receipt["Id"])
    assert code_of(world.post("salesreceipt", named(locked), operation=operation)) == "6540"
    world.save("Deposit", named(deposit), operation="delete")
    world.save("SalesReceipt", named(world.read("SalesReceipt", receipt["Id"])), operation=operation)


def test_a_deposit_line_of_other_money_names_its_account(world: World) -> None:
    body = {"DepositToAccountRef": account(world, "Checking"), "Line": [{"Amount": 20}]}
    assert code_of(world.post("deposit", body)) == "2020"
    detail = {"AccountRef": account(world, "Services")}
    body["Line"] = [{"Amount": 20, "DetailType": "DepositLineDetail", "DepositLineDetail": detail}]
    stored = world.save("Deposit", body)
    assert stored["TotalAmt"] == 20
    assert stored["Line"][0]["DepositLineDetail"]["AccountRef"]["name"] == "Services"


def test_a_credit_memo_is_voided_only_while_it_is_not_applied(world: World) -> None:
    invoice = world.invoice(100)
    memo = world.save("CreditMemo", {"CustomerRef": {"value": CUSTOMER}, "Line": [line(30)]})
    payment = world.payment(0, Line=[applied_to(invoice, 30), applied_to(memo, 30, "CreditMemo")])
    used = world.read("CreditMemo", memo["Id"])
    assert code_of(world.post("creditmemo", named(used), operation="void")) == "6000"
    world.save("Payment", named(payment), operation="delete")
    free = world.read("CreditMemo", memo["Id"])
    voided = world.save("CreditMemo", named(free), operation="void")
    assert (voided["TotalAmt"], voided["RemainingCredit"], voided["Balance"]) == (0, 0, 0)


@pytest.mark.parametrize("entity", ["Class", "Department"])
def test_a_child_carries_its_parents_names(world: World, entity: str) -> None:
    parent = world.save(entity, {"Name": "West"})
    child = world.save(entity, {"Name": "Coast", "ParentRef": {"value": parent["Id"]}})
    assert (child["FullyQualifiedName"], child[f"Sub{entity}"]) == ("West:Coast", True)
    other = world.save(entity, {"Name": "East"})
    world.save(entity, {"Name": "Coast", "ParentRef": {"value": other["Id"]}})
    again = {"Name": "coast", "ParentRef": {"value": parent["Id"]}}
    assert code_of(world.post(entity.lower(), again)) == "6240"
    assert code_of(world.post(entity.lower(), {"Name": "X", "ParentRef": {"value": "99"}})) == "2500"


def test_lines_and_forms_carry_the_names_of_their_class_and_department(world: World) -> None:
    kind = world.save("Class", {"Name": "Retail"})
    shop = world.save("Department", {"Name": "Shop"})
    body: Any = {"Line": [line(10, ClassRef={"value": kind["Id"]})], "DepartmentRef": {"value": shop["Id"]}}
    invoice = world.invoice(**body)
    assert invoice["Line"][0]["SalesItemLineDetail"]["ClassRef"]["name"] == "Retail"
    assert invoice["DepartmentRef"]["name"] == "Shop"
    assert code_of(world.post("invoice", {**body, "CustomerRef": {"value": CUSTOMER}, "ClassRef": {"value": "9"}})) == (
        "2500"
    )


def test_a_note_is_attached_to_a_record_that_exists(world: World) -> None:
    def attached(object_id: str) -> Any:
        return {"Note": "Call back", "AttachableRef": [{"EntityRef": {"type": "Customer", "value": object_id}}]}

    missing = world.post("attachable", attached("999"))
    assert code_of(missing) == "6000"
    assert detail_of(missing).endswith("The entity Customer 999 that you are trying to link does not exist.")
    bill = {"Note": "x", "AttachableRef": [{"EntityRef": {"type": "Bill", "value": "5"}}]}
    assert "The entity Bill 5 that" in detail_of(world.post("attachable", bill))
    assert code_of(world.post("attachable", {})) == "2020"
    note = world.save("Attachable", attached(CUSTOMER))
    assert note["AttachableRef"][0]["EntityRef"]["value"] == CUSTOMER
    world.save("Attachable", named(note), operation="delete")
    assert code_of(world.get(f"attachable/{note['Id']}")) == "610"


def test_a_rate_holds_from_its_day_on(world: World) -> None:
    for day, rate in (("2026-03-01", "1.2"), ("2026-05-01", "1.4")):
        world.save("ExchangeRate", {"SourceCurrencyCode": "EUR", "AsOfDate": day, "Rate": rate})
    rates = [
        world.invoice(10, customer=EURO_CUSTOMER, TxnDate=day)["ExchangeRate"]
        for day in ("2026-02-28", "2026-03-01", "2026-04-30", "2026-05-02")
    ]
    assert rates == [Decimal("1.1"), Decimal("1.2"), Decimal("1.2"), Decimal("1.4")]
    answer = decode(world.get("exchangerate", sourcecurrencycode="EUR", asofdate="2026-04-30").data)["ExchangeRate"]
    assert (answer["Rate"], answer["TargetCurrencyCode"]) == (Decimal("1.2"), "USD")
    assert "Id" not in answer


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"Rate": 1}, "2020"),
        ({"SourceCurrencyCode": "EUR"}, "2020"),
        ({"SourceCurrencyCode": "EUR", "Rate": 0}, "6000"),
        ({"SourceCurrencyCode": "USD", "Rate": 2}, "6000"),
        ({"SourceCurrencyCode": "ZZZ", "Rate": 2}, "2170"),
    ],
)
def test_a_wrong_rate_is_refused(world: World, body: Any, code: str) -> None:
    assert code_of(world.post("exchangerate", body)) == code


def test_an_account_is_known_by_its_subtype(world: World) -> None:
    till = world.save("Account", {"Name": "Till", "AccountSubType": "CashOnHand"})
    assert (till["AccountType"], till["Classification"]) == ("Bank", "Asset")
    assert code_of(world.post("account", {"Name": "Else"})) == "2020"
    assert code_of(world.post("account", {"Name": "Else", "AccountType": "Imaginary"})) == "2170"


def test_the_tax_service_makes_codes_with_rates(world: World) -> None:
    detail = {"TaxRateName": "City", "RateValue": 2, "TaxAgencyId": "1", "TaxApplicableOn": "Sales"}
    made = decode(world.post("taxservice/taxcode", {"TaxCode": "City tax", "TaxRateDetails": [detail]}).data)
    code = world.read("TaxCode", made["TaxCodeId"])
    [listed] = code["SalesTaxRateList"]["TaxRateDetail"]
    assert world.read("TaxRate", listed["TaxRateRef"]["value"])["RateValue"] == 2
    again = world.post("taxservice/taxcode", {"TaxCode": "city TAX", "TaxRateDetails": [detail]})
    assert code_of(again) == "6240"
    wrong = {"TaxCode": "Other", "TaxRateDetails": [{**detail, "TaxAgencyId": "9"}]}
    assert code_of(world.post("taxservice/taxcode", wrong)) == "2500"


def test_an_empty_text_stands_for_nothing(world: World) -> None:
    invoice = world.invoice(10, DueDate="", ShipDate="", PrivateNote="", ApplyTaxAfterDiscount="")
    assert "PrivateNote" not in invoice
    assert invoice["DueDate"] == invoice["TxnDate"]


def test_an_unknown_property_is_2010_in_every_entity(world: World) -> None:
    for entity in ("salesreceipt", "refundreceipt", "class", "attachable", "exchangerate", "companycurrency"):
        assert code_of(world.post(entity, {"Colour": "red"})) == "2010"


def test_properties_that_hold_anything_may_look_like_references(world: World) -> None:
    odd_ones: list[Any] = [{"ItemRef": [1]}, {"ItemRef": {"value": [1]}}, {"ItemRef": "1"}, [{"ClassRef": {}}]]
    for odd in odd_ones:
        answer = world.post("salesreceipt", {"Line": [line(10)], "CreditCardPayment": odd})
        assert answer.status_code in (200, 400), answer.text
        if answer.status_code == 200:
            receipt = decode(answer.data)["SalesReceipt"]
            world.save("SalesReceipt", sparse(receipt, PrivateNote="x"))
