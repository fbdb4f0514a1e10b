"""Bundles: items of the type Group, and the lines that they become."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quickbooks_sandbox.testing import CUSTOMER, World, code_of, line, money, named, sparse

DESIGN, MANAGEMENT = "7", "8"  # 95 and 140 each


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def bundle(world: World, *parts: tuple[str, Any]) -> Any:
    detail = {"ItemGroupLine": [{"ItemRef": {"value": item}, "Qty": quantity} for item, quantity in parts]}
    return world.save("Item", {"Name": "Website", "Type": "Group", "ItemGroupDetail": detail})


def sold(item: Any, **detail: Any) -> Any:
    return {"DetailType": "GroupLineDetail", "GroupLineDetail": {"GroupItemRef": {"value": item["Id"]}, **detail}}


def test_a_bundle_is_taken_apart_into_its_items(world: World) -> None:
    website = bundle(world, (DESIGN, 2), (MANAGEMENT, 0.5))
    invoice = world.save("Invoice", {"CustomerRef": {"value": CUSTOMER}, "Line": [sold(website, Quantity=3), line(10)]})
    group, plain, subtotal = invoice["Line"]
    assert group["GroupLineDetail"]["GroupItemRef"] == {"value": website["Id"], "name": "Website"}
    parts = group["GroupLineDetail"]["Line"]
    assert [(one["SalesItemLineDetail"]["Qty"], one["Amount"]) for one in parts] == [
        (6, money("570")),
        (money("1.5"), money("210")),
    ]
    assert [one["SalesItemLineDetail"]["ItemRef"]["name"] for one in parts] == ["Design", "Project management"]
    assert [one["Id"] for one in (group, *parts, plain)] == ["1", "2", "3", "4"]
    assert (group["Amount"], subtotal["Amount"], invoice["TotalAmt"], invoice["Balance"]) == (780, 790, 790, 790)


def test_the_lines_of_a_bundle_tell_the_accounts_of_their_items(world: World) -> None:
    website = bundle(world, (DESIGN, 1))
    invoice = world.save("Invoice", {"CustomerRef": {"value": CUSTOMER}, "Line": [sold(website)]})
    detail = invoice["Line"][0]["GroupLineDetail"]["Line"][0]["SalesItemLineDetail"]
    assert detail["ItemAccountRef"]["value"] == world.read("Item", DESIGN)["IncomeAccountRef"]["value"]


def test_a_bundles_line_may_have_no_amount_of_its_own(world: World) -> None:
    world.order("switches", {"bundle_amount": "zero"})
    website = bundle(world, (DESIGN, 1))
    invoice = world.save("Invoice", {"CustomerRef": {"value": CUSTOMER}, "Line": [sold(website)]})
    assert (invoice["Line"][0]["Amount"], invoice["TotalAmt"]) == (0, 95)


def test_an_answer_can_be_sent_back_and_keeps_the_lines_of_its_bundles(world: World) -> None:
    website = bundle(world, (DESIGN, 2))
    invoice = world.save("Invoice", {"CustomerRef": {"value": CUSTOMER}, "Line": [sold(website)]})
    inner = invoice["Line"][0]["GroupLineDetail"]["Line"][0]
    inner["SalesItemLineDetail"]["UnitPrice"] = 100
    inner["Amount"] = 200
    changed = world.save("Invoice", invoice)
    [kept] = changed["Line"][0]["GroupLineDetail"]["Line"]
    assert (kept["Id"], kept["Amount"], changed["TotalAmt"]) == (inner["Id"], 200, 200)
    assert world.read("Invoice", invoice["Id"])["Line"] == changed["Line"]


def test_taxable_items_in_a_bundle_are_taxed(world: World) -> None:
    made = world.read("Item", DESIGN)
    world.change("Item", made, Taxable=True)
    website = bundle(world, (DESIGN, 1), (MANAGEMENT, 1))
    invoice = world.save("Invoice", {"CustomerRef": {"value": CUSTOMER}, "Line": [sold(website)]})
    assert invoice["TxnTaxDetail"]["TotalTax"] == money("7.60")
    assert invoice["TotalAmt"] == money("242.60")


def test_a_void_takes_the_money_out_of_a_bundle_too(world: World) -> None:
    website = bundle(world, (DESIGN, 1))
    invoice = world.save("Invoice", {"CustomerRef": {"value": CUSTOMER}, "Line": [sold(website)]})
    group = world.save("Invoice", named(invoice), operation="void")["Line"][0]
    assert (group["Amount"], group["GroupLineDetail"]["Line"][0]["Amount"]) == (0, 0)


def test_what_is_no_bundle_is_refused_as_one(world: World) -> None:
    def refused(detail: Any) -> str:
        body = {
            "CustomerRef": {"value": CUSTOMER},
            "Line": [{"DetailType": "GroupLineDetail", "GroupLineDetail": detail}],
        }
        return code_of(world.post("invoice", body))

    assert refused({}) == "2020"
    assert refused({"GroupItemRef": {"value": "999"}}) == "2500"
    assert refused({"GroupItemRef": {"value": DESIGN}}) == "6000"
    website = bundle(world, (DESIGN, 1))
    inner = [sold(website)]
    assert refused({"GroupItemRef": {"value": website["Id"]}, "Line": inner}) == "2010"


@pytest.mark.parametrize(
    ("detail", "code"),
    [
        ({"ItemGroupLine": [{"ItemRef": {"value": "999"}}]}, "2500"),
        ({"ItemGroupLine": [{"ItemRef": {"value": DESIGN}, "Qty": "many"}]}, "2010"),
        ({"ItemGroupLine": [{"ItemRef": {"value": DESIGN}, "Qty": -1}]}, "6000"),
        ({"ItemGroupLine": [{"ItemRef": {"value": DESIGN}, "Qty": "NaN"}]}, "6000"),
        ({"ItemGroupLine": DESIGN}, "2020"),
        ("everything", "2020"),
    ],
)
def test_a_bundle_without_sense_is_refused(world: World, detail: Any, code: str) -> None:
    assert code_of(world.post("item", {"Name": "Odd", "Type": "Group", "ItemGroupDetail": detail})) == code


def test_a_bundle_of_bundles_is_refused(world: World) -> None:
    website = bundle(world, (DESIGN, 1))
    detail = {"ItemGroupLine": [{"ItemRef": {"value": website["Id"]}}]}
    assert code_of(world.post("item", {"Name": "More", "Type": "Group", "ItemGroupDetail": detail})) == "6000"
    changed = world.save("Item", sparse(website, Description="A site"))
    assert changed["ItemGroupDetail"]["ItemGroupLine"][0]["ItemRef"]["name"] == "Design"
