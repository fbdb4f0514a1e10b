"""Customers, vendors, employees and items: unique names, inactive records, merges."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quickbooks_sandbox.testing import (
    CUSTOMER,
    OTHER_CUSTOMER,
    World,
    code_of,
    detail_of,
    line,
    sparse,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


@pytest.mark.parametrize("entity", ["Customer", "Vendor", "Employee"])
def test_a_name_is_unique_among_customers_vendors_and_employees(world: World, entity: str) -> None:
    stored = world.save(entity, {"DisplayName": "Same Name"})
    answer = world.post("customer", {"DisplayName": "same name"})
    assert code_of(answer) == "6240"
    assert detail_of(answer) == f"The name supplied already exists. : Id={stored['Id']}"


def test_the_detail_of_a_duplicate_name_can_be_unhelpful(world: World) -> None:
    world.order("switches", {"duplicate_name_detail": "null"})
    answer = world.post("customer", {"DisplayName": "Bright Harbor Studio"})
    assert detail_of(answer).endswith(": null")


def test_an_item_may_have_a_customers_name_but_not_another_items(world: World) -> None:
    account = world.query("select * from Account where Name = 'Services'")["Account"][0]["Id"]
    world.save("Item", {"Name": "Bright Harbor Studio", "IncomeAccountRef": {"value": account}})
    duplicate = {"Name": "Hours", "IncomeAccountRef": {"value": account}}
    assert code_of(world.post("item", duplicate)) == "6240"


def test_a_customer_gets_its_name_from_the_parts(world: World) -> None:
    stored = world.save("Customer", {"GivenName": "Ada", "FamilyName": "Byron"})
    assert stored["DisplayName"] == stored["FullyQualifiedName"] == "Ada Byron"
    assert stored["CurrencyRef"]["value"] == "USD"
    assert stored["Balance"] == 0


@pytest.mark.parametrize("name", ["a:b", "a\tb", "a\nb"])
def test_a_name_has_no_colon_tab_or_newline(world: World, name: str) -> None:
    assert code_of(world.post("customer", {"DisplayName": name})) == "2040"


def test_an_inactive_customer_gives_its_name_free(world: World) -> None:
    current = world.read("Customer", CUSTOMER)
    inactive = world.change("Customer", current, Active=False)
    assert inactive["DisplayName"] == "Bright Harbor Studio (deleted)"
    world.save("Customer", {"DisplayName": "Bright Harbor Studio"})
    assert code_of(world.post("customer", sparse(inactive, Active=True))) == "6240"


def test_an_active_customer_gets_its_name_back(world: World) -> None:
    inactive = world.change("Customer", world.read("Customer", CUSTOMER), Active=False)
    assert world.change("Customer", inactive, Active=True)["DisplayName"] == "Bright Harbor Studio"


def test_making_inactive_what_is_inactive_changes_nothing(world: World) -> None:
    below = world.save("Customer", {"DisplayName": "North", "Job": True, "ParentRef": {"value": CUSTOMER}})
    vendor = world.save("Vendor", {"DisplayName": "South"})
    for entity, object_id in (
        ("Customer", OTHER_CUSTOMER),
        ("Customer", below["Id"]),
        ("Item", "2"),
        ("Vendor", vendor["Id"]),
        ("Term", "1"),
        ("Account", "86"),
    ):
        inactive = world.change(entity, world.read(entity, object_id), Active=False)
        world.time += 60
        assert world.change(entity, inactive, Active=False) == inactive
        assert world.change(entity, inactive, Active=True)["SyncToken"] == str(int(inactive["SyncToken"]) + 1)


def test_an_inactive_record_can_be_changed(world: World) -> None:
    inactive = world.change("Customer", world.read("Customer", CUSTOMER), Active=False)
    assert world.change("Customer", inactive, Active=False, Notes="Moved away")["SyncToken"] == "2"


def test_a_customer_with_a_balance_stays_active(world: World) -> None:
    world.invoice(10)
    assert code_of(world.post("customer", sparse(world.read("Customer", CUSTOMER), Active=False))) == "6000"


def test_the_currency_of_a_customer_is_fixed(world: World) -> None:
    current = world.read("Customer", CUSTOMER)
    assert code_of(world.post("customer", sparse(current, CurrencyRef={"value": "EUR"}))) == "6000"


def test_an_inactive_item_stays_usable_where_it_already_is(world: World) -> None:
    invoice = world.invoice(10)
    item = world.read("Item", "2")
    world.change("Item", item, Active=False)
    assert world.read("Item", "2")["Name"] == "Hours (deleted)"
    world.change("Invoice", invoice, Line=invoice["Line"])
    new = {"CustomerRef": {"value": CUSTOMER}, "Line": [line(10)]}
    assert code_of(world.post("invoice", new)) == "610"


def test_an_invoice_shows_the_name_that_its_customer_has_now(world: World) -> None:
    invoice = world.invoice(10)
    world.change("Customer", world.read("Customer", CUSTOMER), DisplayName="Brighter Harbor")
    assert world.read("Invoice", invoice["Id"])["CustomerRef"]["name"] == "Brighter Harbor"


def below(world: World, name: str, parent: str) -> str:
    return str(world.save("Customer", {"DisplayName": name, "Job": True, "ParentRef": {"value": parent}})["Id"])


def test_a_merge_moves_sub_customers_to_the_survivor(world: World) -> None:
    child = below(world, "North", OTHER_CUSTOMER)
    grandchild = below(world, "Cellar", child)
    world.invoice(10, customer=grandchild)
    world.order("merge", {"survivor": CUSTOMER, "merged": OTHER_CUSTOMER})
    moved = world.read("Customer", child)
    assert (moved["ParentRef"]["value"], moved["Level"]) == (CUSTOMER, 1)
    survivor = world.read("Customer", CUSTOMER)
    assert world.read("Customer", grandchild)["FullyQualifiedName"] == f"{survivor['DisplayName']}:North:Cellar"
    assert (survivor["Balance"], survivor["BalanceWithJobs"]) == (0, 10)
    assert world.read("Customer", OTHER_CUSTOMER)["BalanceWithJobs"] == 0


def test_a_survivor_from_below_takes_the_merged_ones_place(world: World) -> None:
    middle = below(world, "North", OTHER_CUSTOMER)
    survivor = below(world, "Cellar", middle)
    world.order("merge", {"survivor": survivor, "merged": OTHER_CUSTOMER})
    stays = world.read("Customer", survivor)
    assert (stays["Job"], stays["FullyQualifiedName"], stays.get("ParentRef")) == (False, "Cellar", None)
    assert world.read("Customer", middle)["FullyQualifiedName"] == "Cellar:North"


def test_a_merge_with_sub_customers_may_be_refused(world: World) -> None:
    world.order("switches", {"merged_sub_customers": "refused"})
    child = below(world, "North", OTHER_CUSTOMER)
    for pair in ({"survivor": CUSTOMER, "merged": OTHER_CUSTOMER}, {"survivor": OTHER_CUSTOMER, "merged": CUSTOMER}):
        assert world.client.post("/sandbox/merge", json=pair).status_code == 400
    world.change("Customer", world.read("Customer", child), ParentRef=None, Job=False)
    world.order("merge", {"survivor": CUSTOMER, "merged": OTHER_CUSTOMER})


def test_merged_items_are_replaced_in_bundles_and_where_bundles_were_sold(world: World) -> None:
    def bundle(name: str) -> Any:
        parts = {"ItemGroupLine": [{"ItemRef": {"value": "2"}, "Qty": 3}]}
        return world.save("Item", {"Name": name, "Type": "Group", "ItemGroupDetail": parts})

    first, second = bundle("First"), bundle("Second")
    sold = {"DetailType": "GroupLineDetail", "GroupLineDetail": {"GroupItemRef": {"value": first["Id"]}}}
    invoice = world.save("Invoice", {"CustomerRef": {"value": CUSTOMER}, "Line": [sold]})
    world.order("merge", {"entity": "Item", "survivor": second["Id"], "merged": first["Id"]})
    world.order("merge", {"entity": "Item", "survivor": "7", "merged": "2"})
    [part] = world.read("Item", second["Id"])["ItemGroupDetail"]["ItemGroupLine"]
    assert (part["ItemRef"]["value"], part["Qty"]) == ("7", 3)
    detail = world.read("Invoice", invoice["Id"])["Line"][0]["GroupLineDetail"]
    assert detail["GroupItemRef"]["value"] == second["Id"]
    assert detail["Line"][0]["SalesItemLineDetail"]["ItemRef"]["value"] == "7"
    unlike = {"entity": "Item", "survivor": "7", "merged": second["Id"]}
    assert world.client.post("/sandbox/merge", json=unlike).status_code == 400


def test_a_merge_moves_everything_to_the_survivor(world: World) -> None:
    world.order("webhooks", {"url": "http://receiver.example"})
    invoice = world.invoice(10, customer=OTHER_CUSTOMER)
    world.time += 1
    world.services.webhooks.run_due()
    world.receiver.bodies.clear()
    world.order("merge", {"survivor": CUSTOMER, "merged": OTHER_CUSTOMER})
    assert world.read("Invoice", invoice["Id"])["CustomerRef"]["value"] == CUSTOMER
    assert world.read("Customer", CUSTOMER)["Balance"] == 10
    assert world.read("Customer", OTHER_CUSTOMER)["Active"] is False
    world.time += 1
    world.services.webhooks.run_due()
    assert ("qbo.customer.merged.v1", CUSTOMER) in world.receiver.events()
    assert b'"data":{"deletedid":"4"}' in world.receiver.bodies[0]
