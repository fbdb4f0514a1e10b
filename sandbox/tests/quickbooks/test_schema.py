"""What a request may say: Intuit's whole schema, also where QuickBooks Online forgets it at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quickbooks_sandbox.books import unkept
from quickbooks_sandbox.books.schema import ENTITIES
from quickbooks_sandbox.testing import CUSTOMER, World, code_of, line


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


@pytest.mark.parametrize(
    ("entity", "fields"),
    [
        ("Invoice", {"PONumber": "4711", "FOB": "x", "SalesRepRef": {"value": "1"}, "InvoiceEx": {}, "LessCIS": 0}),
        ("Estimate", {"TemplateRef": {"value": "1"}, "TaxFormNum": "1"}),
        ("SalesReceipt", {"CheckPayment": {"CheckNum": "1"}, "DueDate": "2026-11-20"}),
    ],
)
def test_a_sales_form_takes_and_forgets_what_only_the_schema_knows(
    world: World, entity: str, fields: dict[str, Any]
) -> None:
    made = world.save(entity, {"CustomerRef": {"value": CUSTOMER}, "Line": [line(10)], **fields})
    kept = set(fields) & set(made) - {"CheckPayment"}
    assert not kept


@pytest.mark.parametrize("entity", unkept.ENTITIES)
def test_what_is_forgotten_never_hides_what_is_kept(entity: str) -> None:
    assert "Id" in ENTITIES[entity]
    assert ENTITIES[entity].get("Name", "text") != "ignored"


def test_a_customer_and_its_address_take_every_field_of_the_schema(world: World) -> None:
    body = {
        "DisplayName": "Whole",
        "Organization": True,
        "CreditLimit": 5,
        "BillAddr": {"Line1": "1 Street", "County": "Kent"},
        "WebAddr": {"URI": "http://whole.example", "Default": True},
        "CustomField": [{"DefinitionId": "1", "BooleanValue": True}],
    }
    made = world.save("Customer", body)
    assert made["BillAddr"].keys() == {"Line1", "Id", "Lat", "Long"}
    assert "CreditLimit" not in made


def test_lines_take_every_detail_of_the_schema(world: World) -> None:
    sale = {**line(10, RatePercent=5, UOMRef={"value": "1"}), "LineEx": {}, "Received": 0}
    made = world.save("Invoice", {"CustomerRef": {"value": CUSTOMER}, "Line": [sale]})
    assert "LineEx" not in made["Line"][0]


def test_what_is_forgotten_cannot_be_asked_for(world: World) -> None:
    assert code_of(world.get("query", query="select PONumber from Invoice")) == "4001"


def test_a_number_is_given_to_who_asks_for_one(world: World) -> None:
    world.order("switches", {"number_not_sent": "none"})
    body = {"CustomerRef": {"value": CUSTOMER}, "Line": [line(10)]}
    assert "DocNumber" not in world.save("Invoice", body)
    numbered = world.save("Invoice", {**body, "AutoDocNumber": True})
    assert numbered["DocNumber"] == "1001"
    assert "AutoDocNumber" not in numbered


def test_half_a_character_becomes_a_question_mark(world: World) -> None:
    answer = world.client.post(world._url("customer"), data='{"DisplayName": "Half \\ud83d"}', headers=world.bearer())
    assert answer.get_json()["Customer"]["DisplayName"] == "Half ?"


@pytest.mark.parametrize(
    "change",
    [
        {"TimeTrackingPrefs": "NON"},
        {"OtherPrefs": {"NameValue": "x"}},
        {"EmailMessagesPrefs": {"InvoiceMessage": {"Colour": "red"}}},
    ],
)
def test_preferences_keep_their_shape(world: World, change: dict[str, Any]) -> None:
    current = world.read("Preferences", "1")
    body = {"Id": "1", "SyncToken": current["SyncToken"], **change}
    assert code_of(world.post("preferences", body)) == "2010"
