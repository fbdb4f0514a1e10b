"""What people report of QuickBooks and its documentation does not say, or says otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quickbooks_sandbox.books.amounts import decode
from quickbooks_sandbox.testing import (
    CUSTOMER,
    OTHER_CUSTOMER,
    World,
    applied_to,
    code_of,
    detail_of,
    line,
    money,
    sparse,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def discount(amount: Any = None, **detail: Any) -> Any:
    sent = {} if amount is None else {"Amount": amount}
    return {"DetailType": "DiscountLineDetail", "DiscountLineDetail": detail, **sent}


def form(*lines: Any, **fields: Any) -> Any:
    return {"CustomerRef": {"value": CUSTOMER}, "Line": list(lines), **fields}


# Payments


@pytest.mark.parametrize("kind", ["JournalEntry", "Deposit"])
def test_a_payment_uses_credit_that_is_no_credit_memo(world: World, kind: str) -> None:
    invoice = world.invoice(100)
    lines = [applied_to(invoice, 100), applied_to({"Id": "9001"}, 40, kind)]
    payment = world.save("Payment", {"CustomerRef": {"value": CUSTOMER}, "TotalAmt": 60, "Line": lines})
    assert payment["UnappliedAmt"] == 0
    assert payment["Line"][1]["LinkedTxn"] == [{"TxnId": "9001", "TxnType": kind}]
    assert world.read("Invoice", invoice["Id"])["Balance"] == 0
    world.change("Payment", payment, TotalAmt=70)
    assert world.read("Payment", payment["Id"])["UnappliedAmt"] == 10
    world.save("Payment", sparse(world.read("Payment", payment["Id"])), operation="delete")
    assert world.read("Invoice", invoice["Id"])["Balance"] == 100


def test_a_payment_pays_an_expense(world: World) -> None:
    lines = [applied_to({"Id": "9001"}, 25, "Expense")]
    payment = world.save("Payment", {"CustomerRef": {"value": CUSTOMER}, "TotalAmt": 40, "Line": lines})
    assert payment["UnappliedAmt"] == 15


def test_a_payments_line_may_not_link_to_anything(world: World) -> None:
    lines = [applied_to({"Id": "1"}, 10, "Estimate")]
    refused = world.post("payment", {"CustomerRef": {"value": CUSTOMER}, "TotalAmt": 10, "Line": lines})
    assert code_of(refused) == "2170"


# Discounts and lines


@pytest.mark.parametrize("based", [True, False])
def test_an_amount_that_contradicts_its_percentage_is_refused(world: World, based: bool) -> None:
    refused = world.post("invoice", form(line(200), discount(5, PercentBased=based, DiscountPercent=10)))
    assert code_of(refused) == "6000"
    assert "both an amount and a discount percentage" in detail_of(refused)
    agreed = form(line(200), discount(20, PercentBased=based, DiscountPercent=10))
    assert world.save("Invoice", agreed)["TotalAmt"] == 180


def test_a_discount_of_no_percent_beside_an_amount_is_refused(world: World) -> None:
    assert code_of(world.post("invoice", form(line(200), discount(5, DiscountPercent=0)))) == "6000"


def test_a_discount_above_the_subtotal_has_its_own_sentence(world: World) -> None:
    refused = world.post("invoice", form(line(10), discount("10.01", PercentBased=False)))
    assert code_of(refused) == "6000"
    assert detail_of(refused) == "Business Validation Error: The discount amount can't be greater than the subtotal."
    assert world.save("Invoice", form(line(10), discount(10, PercentBased=False)))["TotalAmt"] == 0


def test_a_misspelt_kind_of_line_is_an_invalid_property(world: World) -> None:
    refused = world.post("invoice", form({"Amount": 1, "DetailType": "SubtotalLineDetail"}))
    assert code_of(refused) == "2010"
    assert 'LineDetailTypeEnum from String "SubtotalLineDetail"' in detail_of(refused)
    assert code_of(world.post("invoice", form({"Amount": 1, "DetailType": "PaymentLineDetail"}))) == "2010"


# Customers


def test_a_parent_wants_a_job_and_a_job_a_parent(world: World) -> None:
    parent = {"ParentRef": {"value": CUSTOMER}}
    for body in (parent, {**parent, "Job": False}, {"Job": True}):
        refused = world.post("customer", {"DisplayName": "North", **body})
        assert (code_of(refused), decode(refused.data)["Fault"]["Error"][0]["element"]) == ("6150", "Job")
    made = world.save("Customer", {"DisplayName": "North", "Job": True, **parent})
    assert made["Level"] == 1
    assert code_of(world.post("customer", sparse(made, ParentRef=None))) == "6150"
    assert world.change("Customer", made, ParentRef=None, Job=False)["FullyQualifiedName"] == "North"


@pytest.mark.parametrize(
    "address",
    ["not-an-email", "a b@c.example", "@c.example", "a@", "a@b@c.example", "a..b@c.example", "a@c.example;b@c.example",
     "a@c.example,", "Kim <a@c.example>"],
)  # fmt: skip
def test_an_impossible_address_is_refused(world: World, address: str) -> None:
    refused = world.post("customer", {"DisplayName": "Mail", "PrimaryEmailAddr": {"Address": address}})
    assert code_of(refused) == "2210"
    assert detail_of(refused).endswith(f"RFC 822. Supplied value:{address}")
    assert code_of(world.post("invoice", form(line(1), BillEmail={"Address": address}))) == "2210"
    assert code_of(world.post(f"invoice/{world.invoice(1)['Id']}/send", {}, sendTo=address)) == "2210"


@pytest.mark.parametrize(
    "address", ["a+b@c.example", "a@c.example, b@d.example", "o'neil@localhost", "ü@bücher.example"]
)
def test_a_possible_address_is_taken_as_it_is(world: World, address: str) -> None:
    made = world.save("Customer", {"DisplayName": "Mail", "PrimaryEmailAddr": {"Address": address}})
    assert made["PrimaryEmailAddr"]["Address"] == address


def test_an_invoice_that_changes_its_customer_keeps_the_addresses_of_the_old_one(world: World) -> None:
    made = world.invoice(10, BillEmail={"Address": "old@client.example"}, BillAddr={"Line1": "Old Street"})
    moved = world.change("Invoice", made, CustomerRef={"value": OTHER_CUSTOMER})
    assert moved["CustomerRef"]["value"] == OTHER_CUSTOMER
    for name in ("BillEmail", "BillAddr", "ShipAddr"):
        assert moved[name] == made[name]


# Mail and links


def test_what_is_to_be_mailed_needs_an_address(world: World) -> None:
    nobody = world.save("Customer", {"DisplayName": "Nobody"})["Id"]
    refused = world.post("invoice", form(line(1), CustomerRef={"value": nobody}, EmailStatus="NeedToSend"))
    assert code_of(refused) == "6000"
    assert detail_of(refused).startswith("Business Validation Error: ")


def test_an_invoice_tells_where_it_is_paid_if_it_can_be(world: World) -> None:
    payable = {"BillEmail": {"Address": "a@c.example"}, "AllowOnlineCreditCardPayment": True}
    made = world.save("Invoice", form(line(1), **payable), include="invoiceLink")
    assert made["InvoiceLink"].startswith("https://")
    path = f"invoice/{made['Id']}"
    assert world.get(path, include="invoiceLink").get_json()["Invoice"]["InvoiceLink"] == made["InvoiceLink"]
    assert "InvoiceLink" not in world.get(path).get_json()["Invoice"]
    for without in ({"BillEmail": None}, {"AllowOnlineCreditCardPayment": False}):
        other = world.save("Invoice", form(line(1), **{**payable, **without}), include="invoiceLink")
        assert "InvoiceLink" not in other


# The company


def test_several_currencies_cannot_be_switched_off_again(world: World) -> None:
    preferences = world.read("Preferences", "1")
    refused = world.post("preferences", sparse(preferences, CurrencyPrefs={"MultiCurrencyEnabled": False}))
    assert code_of(refused) == "6000"
    assert world.read("Preferences", "1")["CurrencyPrefs"]["MultiCurrencyEnabled"] is True
    world.change("Preferences", preferences, CurrencyPrefs={"MultiCurrencyEnabled": True})


class British:
    """Requests to a second company, of Great Britain."""

    def __init__(self, world: World) -> None:
        self.realm = world.order("companies", {"country": "GB"})["realm_id"]
        opened = world.services.credentials(self.realm)
        token = world.refresh(opened["refresh_token"]).get_json()["access_token"]
        self._client, self._headers = world.client, {"Authorization": f"Bearer {token}"}

    def get(self, path: str, **query: str) -> Any:
        url = f"/v3/company/{self.realm}/{path}"
        return decode(self._client.get(url, query_string=query, headers=self._headers).data)

    def post(self, path: str, body: Any) -> Any:
        return self._client.post(f"/v3/company/{self.realm}/{path}", json=body, headers=self._headers)

    def all(self, entity: str) -> list[Any]:
        text = f"select * from {entity}"  # noqa: S608  # QuickBooks' own query language
        answer: list[Any] = self.get("query", query=text)["QueryResponse"].get(entity, [])
        return answer


def test_a_british_company_has_british_tax_codes(world: World) -> None:
    british = British(world)
    codes = {code["Name"]: code["Id"] for code in british.all("TaxCode")}
    assert codes == {"20.0% S": "1", "5.0% R": "3", "0.0% Z": "4", "Exempt": "5", "No VAT": "6"}
    rates = {rate["Name"]: rate["RateValue"] for rate in british.all("TaxRate")}
    assert rates == {"20.0% S": 20, "5.0% R": 5, "0.0% Z": 0, "Exempt": 0, "No VAT": 0}
    assert "TaxGroupCodeRef" not in british.get("preferences")["Preferences"]["TaxPrefs"]
    for code, total in (("1", 120), ("6", 100), ("5", 100)):
        made = british.post("invoice", form(line(100, TaxCodeRef={"value": code}))).get_json()["Invoice"]
        assert made["TotalAmt"] == total
    for code in ("TAX", "NON", "2"):
        assert code_of(british.post("invoice", form(line(100, TaxCodeRef={"value": code})))) == "2500"
    assert code_of(british.post("invoice", form(line(100)))) == "6000"
    plain = british.post("invoice", form(line(100), GlobalTaxCalculation="NotApplicable")).get_json()["Invoice"]
    assert "TaxCodeRef" not in plain["Line"][0]["SalesItemLineDetail"]


def test_a_company_tells_its_time_zone(world: World) -> None:
    company = world.read("CompanyInfo", "1")
    assert company["DefaultTimeZone"] == "America/Los_Angeles"
    british = British(world)
    assert british.get(f"companyinfo/{british.realm}")["CompanyInfo"]["DefaultTimeZone"] == "Europe/London"
    moved = world.change("CompanyInfo", company, DefaultTimeZone="America/Denver")
    assert world.read("CompanyInfo", "1")["DefaultTimeZone"] == "America/Denver"
    assert "DefaultTimeZone" not in world.change("CompanyInfo", moved, DefaultTimeZone="")


def test_tax_codes_come_by_three_more_than_were_asked_for(world: World) -> None:
    for number in range(4):
        detail = {"TaxRateName": f"R{number}", "RateValue": number, "TaxAgencyId": "1"}
        world.post("taxservice/taxcode", {"TaxCode": f"C{number}", "TaxRateDetails": [detail]})
    everything = world.query("select * from TaxCode")["TaxCode"]
    assert len(everything) == 7
    page = world.query("select * from TaxCode orderby Id startposition 2 maxresults 2")
    assert (page["TaxCode"], page["maxResults"]) == (everything[1:6], 5)
    assert len(world.query("select * from Term maxresults 2")["Term"]) == 2


def test_credit_memos_are_announced_and_captured(world: World) -> None:
    world.order("webhooks", {"url": "http://receiver.example/webhooks"})
    memo = world.save("CreditMemo", form(line(30)))
    captured = world.get("cdc", entities="CreditMemo", changedSince="2026-11-01").get_json()
    [found] = captured["CDCResponse"][0]["QueryResponse"][0]["CreditMemo"]
    assert (found["Id"], found["RemainingCredit"]) == (memo["Id"], 30)
    world.save("CreditMemo", sparse(memo), operation="delete")
    captured = world.get("cdc", entities="CreditMemo", changedSince="2026-11-01").get_json()
    assert captured["CDCResponse"][0]["QueryResponse"][0]["CreditMemo"][0]["status"] == "Deleted"
    world.time += 1
    world.services.webhooks.run_due()
    assert ("qbo.creditmemo.created.v1", memo["Id"]) in world.receiver.events()
    assert ("qbo.creditmemo.deleted.v1", memo["Id"]) in world.receiver.events()


# Fields that a recorded company answers


def test_a_customers_addresses_have_ids_and_places(world: World) -> None:
    customer = world.read("Customer", CUSTOMER)
    for name in ("BillAddr", "ShipAddr"):
        assert {"Id", "Line1", "City", "CountrySubDivisionCode", "PostalCode", "Lat", "Long"} <= customer[name].keys()
    made = world.invoice(10)
    assert (made["BillAddr"], made["ShipAddr"]) == (customer["BillAddr"], customer["ShipAddr"])


@pytest.mark.parametrize(
    ("address", "free"), [({"Line1": "A", "Line2": "B Town"}, True), ({"Line1": "A", "City": "B Town"}, False)]
)
def test_an_address_of_lines_alone_is_a_free_one(world: World, address: Any, free: bool) -> None:
    made = world.invoice(10, BillAddr=address)
    assert made["FreeFormAddress"] is free
    assert world.change("Invoice", made, FreeFormAddress=not free)["FreeFormAddress"] is not free


@pytest.mark.parametrize("entity", ["Invoice", "Estimate", "CreditMemo", "SalesReceipt"])
def test_a_form_has_what_was_recorded(world: World, entity: str) -> None:
    made = world.save(entity, form(line(10), {"DetailType": "DescriptionOnly", "Description": "x"}))
    assert made["DocNumber"]
    assert made["CustomField"] == [{"DefinitionId": "1", "Name": "Crew #", "Type": "StringType"}]
    assert [one.get("CustomExtensions") for one in made["Line"]] == [[], [], None]
    assert made["Line"][0]["SalesItemLineDetail"]["TaxClassificationRef"] == made["TaxExemptionRef"] == {}
    assert made["MetaData"].keys() == {"CreateTime", "LastModifiedByRef", "LastUpdatedTime"}
    assert made["FreeFormAddress"] is False
    again = world.save(entity, made)
    assert {name: again[name] for name in made.keys() - {"SyncToken"}} == {
        name: made[name] for name in made.keys() - {"SyncToken"}
    }


def test_a_custom_field_keeps_its_value(world: World) -> None:
    made = world.invoice(10, CustomField=[{"DefinitionId": "1", "StringValue": "Blue"}])
    assert made["CustomField"] == [{"DefinitionId": "1", "Name": "Crew #", "Type": "StringType", "StringValue": "Blue"}]
    assert world.change("Invoice", made, PrivateNote="x")["CustomField"] == made["CustomField"]


def test_payments_tell_who_changed_them_and_lists_do_not(world: World) -> None:
    assert world.payment(10)["MetaData"]["LastModifiedByRef"]["value"]
    assert "LastModifiedByRef" not in world.read("Customer", CUSTOMER)["MetaData"]


def test_items_and_vendors_have_what_was_recorded(world: World) -> None:
    item = world.read("Item", "2")
    assert item["DeferredRevenue"] is False
    assert world.change("Item", item, DeferredRevenue=True)["DeferredRevenue"] is True
    vendor = world.save("Vendor", {"DisplayName": "Boraski", "CostRate": "12.5"})
    assert (vendor["BillRate"], vendor["CostRate"]) == (0, money("12.5"))


def test_a_taxed_form_tells_by_which_code_it_is_taxed(world: World) -> None:
    taxed = world.invoice(Line=[line(100, TaxCodeRef={"value": "TAX"})])["TxnTaxDetail"]
    assert (taxed["TxnTaxCodeRef"], taxed["TotalTax"]) == ({"value": "2"}, 8)
    untaxed = world.invoice(10)["TxnTaxDetail"]
    assert (untaxed["TxnTaxCodeRef"], untaxed["TaxLine"][0]["Amount"]) == ({"value": "2"}, 0)


def test_lists_and_the_company_have_what_was_recorded(world: World) -> None:
    assert world.read("Customer", CUSTOMER)["V4IDPseudonym"] != world.read("Customer", OTHER_CUSTOMER)["V4IDPseudonym"]
    assert world.read("TaxRate", "1")["EffectiveTaxRate"][0]["RateValue"] == 8
    assert world.read("Term", "1").keys() >= {"DueDays", "DiscountPercent", "DiscountDays"}
    company = world.read("CompanyInfo", "1")
    assert all(company[name]["Id"] for name in ("CompanyAddr", "LegalAddr", "CustomerCommunicationAddr"))
    sales = world.read("Preferences", "1")["SalesFormsPrefs"]
    assert sales["CustomField"][1]["CustomField"][0]["StringValue"] == "Crew #"
