"""What QuickBooks fills in by itself: the fields of answers that were recorded, and what references call things."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quickbooks_sandbox.testing import CUSTOMER, HOURS, World, code_of, line, named

DOLLARS = {"value": "USD", "name": "United States Dollar"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


@pytest.mark.parametrize(
    ("entity", "body", "filled_in"),
    [
        ("Vendor", {"DisplayName": "Boraski"}, {"Balance": 0, "Vendor1099": False, "CurrencyRef": DOLLARS}),
        ("Employee", {"GivenName": "Jane", "FamilyName": "Doe"}, {"BillableTime": False}),
        (
            "Customer",
            {"DisplayName": "Doe, Jane"},
            {
                "Taxable": True, "Job": False, "BillWithParent": False, "Balance": 0, "BalanceWithJobs": 0,
                "CurrencyRef": DOLLARS, "PreferredDeliveryMethod": "Print", "IsProject": False,
                "ClientEntityId": "0", "FullyQualifiedName": "Doe, Jane", "PrintOnCheckName": "Doe, Jane",
                "Active": True, "DefaultTaxCodeRef": {"value": "2"},
            },
        ),
        ("Account", {"Name": "Fees", "AccountType": "Income"}, {"CurrencyRef": DOLLARS, "Classification": "Revenue"}),
        (
            "Item",
            {"Name": "Rocks", "Type": "Service", "IncomeAccountRef": {"value": "1"}},
            {"UnitPrice": 0, "PurchaseCost": 0, "TrackQtyOnHand": False, "Taxable": False},
        ),
    ],
)  # fmt: skip
def test_a_new_record_of_a_list(world: World, entity: str, body: Any, filled_in: dict[str, Any]) -> None:
    made = world.save(entity, body)
    assert {name: made.get(name) for name in filled_in} == filled_in


def test_a_new_invoice(world: World) -> None:
    customer = world.read("Customer", CUSTOMER)
    made = world.save("Invoice", {"CustomerRef": {"value": CUSTOMER}, "Line": [line(100)]})
    assert {name: made[name] for name in made if name.startswith("Allow")} == dict.fromkeys(
        ("AllowIPNPayment", "AllowOnlinePayment", "AllowOnlineCreditCardPayment", "AllowOnlineACHPayment"), False
    )
    assert made["LinkedTxn"] == []
    assert made["BillAddr"] == customer["BillAddr"]
    assert made["BillAddr"]["Id"]
    assert "BillEmail" not in made
    item = world.read("Item", HOURS)
    assert made["Line"][0]["SalesItemLineDetail"]["ItemAccountRef"] == item["IncomeAccountRef"]


def test_an_address_of_its_own_stays(world: World) -> None:
    made = world.invoice(10, BillAddr={"Line1": "Elsewhere"}, ShipAddr={"Line1": "There", "Id": "9000"})
    assert (made["BillAddr"]["Line1"], made["ShipAddr"]) == ("Elsewhere", {"Line1": "There", "Id": "9000"})
    changed = world.save("Invoice", {**made, "BillAddr": None})
    assert "BillAddr" not in changed


def test_mail_goes_to_the_customer_unless_the_form_says_otherwise(world: World) -> None:
    address = world.read("Customer", CUSTOMER)["PrimaryEmailAddr"]
    assert world.invoice(10, EmailStatus="NeedToSend")["BillEmail"] == address
    sent = world.post(f"invoice/{world.invoice(10)['Id']}/send", {}).get_json()["Invoice"]
    assert sent["BillEmail"] == address
    nobody = world.save("Customer", {"DisplayName": "Nobody"})["Id"]
    quiet = world.invoice(10, customer=nobody)
    assert code_of(world.post(f"invoice/{quiet['Id']}/send", {})) == "2020"


@pytest.mark.parametrize("entity", ["Estimate", "SalesReceipt", "CreditMemo"])
def test_only_an_invoice_shows_that_nothing_is_linked(world: World, entity: str) -> None:
    assert "LinkedTxn" not in world.save(entity, {"CustomerRef": {"value": CUSTOMER}, "Line": [line(10)]})


def test_a_parents_balance_has_its_jobs_in_it(world: World) -> None:
    parent = world.save("Customer", {"DisplayName": "Freeman"})
    job = world.save("Customer", {"DisplayName": "Twin Lane", "Job": True, "ParentRef": {"value": parent["Id"]}})
    made = world.invoice(85, customer=job["Id"])
    assert made["CustomerRef"] == {"value": job["Id"], "name": "Freeman:Twin Lane"}
    parent, job = world.read("Customer", parent["Id"]), world.read("Customer", job["Id"])
    assert (parent["Balance"], parent["BalanceWithJobs"]) == (0, 85)
    assert (job["Balance"], job["BalanceWithJobs"]) == (85, 85)


def test_a_renamed_parent_renames_what_is_below(world: World) -> None:
    parent = world.save("Class", {"Name": "North"})
    child = world.save("Class", {"Name": "East", "ParentRef": {"value": parent["Id"]}})
    grandchild = world.save("Class", {"Name": "Far", "ParentRef": {"value": child["Id"]}})
    invoice = world.invoice(10, ClassRef={"value": grandchild["Id"]})
    assert invoice["ClassRef"]["name"] == "North:East:Far"
    world.save("Class", {**named(parent), "sparse": True, "Name": "South"})
    assert world.read("Class", grandchild["Id"])["FullyQualifiedName"] == "South:East:Far"
    assert world.read("Invoice", invoice["Id"])["ClassRef"]["name"] == "South:East:Far"


def test_a_discount_goes_to_the_account_for_discounts(world: World) -> None:
    discount = {"DetailType": "DiscountLineDetail", "DiscountLineDetail": {"PercentBased": True, "DiscountPercent": 10}}
    made = world.save("Estimate", {"CustomerRef": {"value": CUSTOMER}, "Line": [line(35), discount]})
    account = {"value": "86", "name": "Discounts given"}
    assert made["Line"][-1]["DiscountLineDetail"]["DiscountAccountRef"] == account
    assert made["TotalAmt"] == 31.5


def test_a_parent_without_an_id_is_no_parent(world: World) -> None:
    made = world.save("Class", {"Name": "Top", "ParentRef": {"name": "nobody"}})
    assert (made["SubClass"], made.get("ParentRef")) == (False, None)


def test_what_is_to_be_mailed_says_how(world: World) -> None:
    made = world.invoice(10, EmailStatus="NeedToSend")
    assert made["DeliveryInfo"] == {"DeliveryType": "Email"}
    sent = world.post(f"invoice/{made['Id']}/send", {}).get_json()["Invoice"]
    changed = world.save("Invoice", {**sent, "PrivateNote": "changed"})
    assert changed["DeliveryInfo"] == sent["DeliveryInfo"]


def test_a_payments_line_describes_what_it_pays(world: World) -> None:
    invoice = world.invoice(100, DocNumber="1038")
    payment = world.payment(60, (invoice, 60))
    bag = {one["value"]["Name"]: one["value"]["Value"] for one in payment["Line"][0]["LineEx"]["any"]}
    assert bag == {"txnId": invoice["Id"], "txnOpenBalance": "100.00", "txnReferenceNumber": "1038"}
    again = world.save("Payment", payment)
    assert again["Line"] == payment["Line"]
