"""Refusals in the words and shapes that were recorded from QuickBooks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from quickbooks_sandbox.testing import CUSTOMER, HOURS, World, detail_of, line


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def error_of(answer: TestResponse) -> Any:
    assert answer.status_code == 400, answer.text
    return answer.get_json()["Fault"]["Error"][0]


def test_an_unknown_property_is_named_with_its_class_and_what_is_known(world: World) -> None:
    error = error_of(world.post("invoice", {"BadJson": True}))
    assert error["code"] == "2010"
    assert error["Detail"].startswith(
        'Property Name:Unrecognized field "BadJson" (class com.intuit.schema.finance.v3.Invoice), '
        "not marked as ignorable ("
    )
    assert error["Detail"].endswith(" [truncated]])\n specified is unsupported or invalid")
    assert "element" not in error


@pytest.mark.parametrize(
    ("body", "owner"),
    [
        ({"CustomerRef": {"Colour": "red"}}, "ReferenceType"),
        ({"BillAddr": {"Colour": "red"}}, "PhysicalAddress"),
        ({"Line": [{"Colour": "red"}]}, "Line"),
        ({"Line": [{"SalesItemLineDetail": {"Colour": "red"}}]}, "SalesItemLineDetail"),
    ],
)
def test_an_unknown_property_deeper_down_is_named_with_the_class_there(
    world: World, body: dict[str, Any], owner: str
) -> None:
    assert f'"Colour" (class com.intuit.schema.finance.v3.{owner})' in detail_of(world.post("invoice", body))


def test_faults_of_a_field_name_it_and_others_have_an_empty_element(world: World) -> None:
    assert error_of(world.post("invoice", {"Line": [line(1)]}))["element"] == "CustomerRef"
    assert error_of(world.get("invoice/999"))["element"] == ""


def test_a_name_that_is_taken_comes_without_an_element(world: World) -> None:
    taken = world.read("Customer", CUSTOMER)["DisplayName"]
    assert "element" not in error_of(world.post("customer", {"DisplayName": taken}))


@pytest.mark.parametrize("object_id", ["1.5", "abc", "1 2"])
def test_an_id_is_a_number(world: World, object_id: str) -> None:
    error = error_of(world.get(f"customer/{object_id}"))
    assert error == {
        "Message": "Invalid ID",
        "Detail": f"Id should be a valid number. Supplied value:{object_id}",
        "code": "2030",
        "element": "Id",
    }
    assert error_of(world.post("customer", {"Id": object_id, "SyncToken": "0"}))["code"] == "2030"


def test_tax_codes_have_words_for_ids(world: World) -> None:
    assert world.read("TaxCode", "TAX")["Id"] == "TAX"
    assert error_of(world.get("taxcode/XYZ"))["code"] == "610"


def test_what_is_not_there_is_a_resource_that_was_not_found(world: World) -> None:
    error = error_of(world.get("customer/1/5"))
    assert (error["Message"], error["code"]) == ("Unsupported Operation", "500")
    path = f"/v3/company/{world.credentials['realm_id']}/customer/1/5"
    assert error["Detail"].startswith(f"Operation Could not find resource for relative : {path} of full path: https://")


def test_the_gateway_refuses_in_its_own_envelope(world: World) -> None:
    answer = world.client.get(world._url("customer/1"), headers={"Authorization": "Bearer stale"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="Intuit", error="invalid_token"'
    body = answer.get_json()
    assert set(body) == {
        "warnings", "intuitObject", "fault", "report", "queryResponse", "batchItemResponse", "attachableResponse",
        "syncErrorResponse", "requestId", "time", "status", "cdcresponse",
    }  # fmt: skip
    assert body["time"] == world.clock.seconds() * 1000


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("", "QueryParserError: The query provided was empty"),
        (
            "select * from Account where Name = %27x%27",
            'QueryParserError: Invalid content. Lexical error at line 1, column 36.  Encountered: "%" (37), after : ""',
        ),
        (
            r"select * from Vendor where DisplayName = 'Cutlery 'R Us'",
            'QueryParserError: Encountered " <IDENTIFIER> "R "" at line 1, column 52.',
        ),
        ("select * from", 'QueryParserError: Encountered "<EOF>" at line 1, column 14.'),
    ],
)
def test_broken_queries_are_refused_in_the_parsers_words(world: World, text: str, detail: str) -> None:
    error = error_of(world.get("query", query=text))
    assert error == {"Message": "Error parsing query", "Detail": detail, "code": "4000"}


@pytest.mark.parametrize("entity", ["Bill", "purchaseorder", "JournalEntry", "VendorCredit"])
def test_what_no_company_here_has_is_not_found_but_may_be_asked_for(world: World, entity: str) -> None:
    assert world.query(f"select * from {entity} where Id > '5' orderby TxnDate") == {}  # noqa: S608  # QuickBooks' own query language
    assert world.query(f"select count(*) from {entity}") == {"totalCount": 0}  # noqa: S608  # QuickBooks' own query language
    assert error_of(world.get(f"{entity.lower()}/1"))["code"] == "610"
    since = world.get("cdc", entities=f"{entity},Invoice", changedSince="2026-11-18").get_json()
    assert since["CDCResponse"] == [{"QueryResponse": [{}, {}]}]


def test_an_attachable_is_deleted_without_its_version_too(world: World) -> None:
    note = world.save("Attachable", {"Note": "x"})
    deleted = world.save("Attachable", {"Id": note["Id"]}, operation="delete")
    assert deleted == {"domain": "QBO", "status": "Deleted", "Id": note["Id"]}


def test_a_batch_items_fault_has_the_same_shape(world: World) -> None:
    item = {"bId": "1", "operation": "create", "Item": {"Name": HOURS, "Colour": "red"}}
    answers = world.post("batch", {"BatchItemRequest": [item]}).get_json()["BatchItemResponse"]
    assert answers[0]["Fault"]["Error"][0]["code"] == "2010"


def test_another_companys_token_is_refused_at_the_gateway(world: World) -> None:
    answer = world.client.get("/v3/company/1/customer/1", headers=world.bearer())
    assert answer.status_code == 403
    assert answer.get_json()["fault"] == {
        "error": [
            {
                "message": "message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403",
                "detail": None,
                "code": "3100",
                "element": None,
            }
        ],
        "type": "SERVICE",
    }
    world.order("faults", {"endpoint": "*", "kind": "fault:3100", "count": 1})
    assert world.get("customer/1").get_json()["fault"] == answer.get_json()["fault"]


@pytest.mark.parametrize(
    ("fields", "limits"),
    [
        ({"DocNumber": "x" * 33}, "Min:0 Max:21 supported. Supplied length:33"),
        ({"CustomerMemo": {"value": "x" * 1016}}, "Min:0 Max:1,000 supported. Supplied length:1,016"),
    ],
)
def test_a_text_that_is_too_long_is_told_its_limits(world: World, fields: dict[str, Any], limits: str) -> None:
    error = error_of(world.post("invoice", fields))
    assert error["Message"] == "String length is either shorter or longer than supported by specification"
    assert error["Detail"] == f"String length specified does not match the supported length. {limits}"
    assert error["element"] == ".".join([*fields, *(["value"] if "CustomerMemo" in fields else [])])


def test_a_record_of_a_list_is_not_deleted_and_the_fault_says_what_to_do(world: World) -> None:
    answer = world.post("customer", {"Id": CUSTOMER, "SyncToken": "0"}, operation="delete")
    assert detail_of(answer) == "Operation delete on Customer is not supported. Set Active to false instead."
