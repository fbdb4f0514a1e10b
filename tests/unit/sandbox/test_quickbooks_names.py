"""Customers, vendors, employees and items: unique names, inactive records, merges."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.sandbox.quickbooks_world import (
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
