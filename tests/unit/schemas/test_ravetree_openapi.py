"""The contract's documents are valid, and say what the schemas check."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator

from schemas import ravetree_contract as contract
from schemas import ravetree_openapi

ROOT = Path(__file__).parents[3]

EVENT: dict[str, Any] = {
    "type": "invoice.updated",
    "timestamp": "2026-11-20T14:13:20Z",
    "account_id": "org_42",
    "data": {
        "id": "inv_9001",
        "version": 7,
        "number": "1043",
        "changed": ["lines"],
        "origin": {"kind": "user", "id": "usr_5", "operation_id": None},
    },
}

METHODS = {
    "/contacts": {"get", "post"},
    "/contacts/{id}": {"get", "patch"},
    "/invoices": {"get"},
    "/invoices/{id}": {"get", "patch"},
    "/estimates": {"get"},
    "/estimates/{id}": {"get"},
    "/payments": {"get", "post"},
    "/payments/{id}": {"get", "patch", "delete"},
    "/line_item_types": {"get"},
    "/tax_rates": {"get"},
    "/payment_methods": {"get"},
    "/events": {"get"},
    "/sync_states/{kind}/{id}": {"get", "put"},
    "/account": {"get"},
}
"""The contract's table of resources and methods."""


def test_the_openapi_document_is_valid() -> None:
    document = json.loads(json.dumps(ravetree_openapi.openapi()))
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    assert document["openapi"] == "3.1.0"


def test_it_has_the_methods_of_the_contract_and_no_others() -> None:
    found = {
        path: {method for method in item if method in {"get", "post", "patch", "put", "delete"}}
        for path, item in ravetree_openapi.openapi()["paths"].items()
    }
    assert found == METHODS


def test_every_write_takes_an_idempotency_key_and_a_version() -> None:
    for item in ravetree_openapi.openapi()["paths"].values():
        for method in {"post", "patch", "put", "delete"} & item.keys():
            assert {row["name"] for row in item[method]["parameters"]} >= {"Idempotency-Key", "If-Match"}


def test_the_event_of_the_contract_is_an_event() -> None:
    schema = ravetree_openapi.events()
    Draft202012Validator.check_schema(schema)
    assert contract.EventSchema().load(EVENT)
    assert list(Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(EVENT)) == []


@pytest.mark.parametrize(
    "change",
    [{"type": "invoice.exploded"}, {"account_id": ""}, {"timestamp": 5}, {"data": {}}, {"more": 1}],
)
def test_what_the_schemas_refuse_the_json_schema_refuses(change: dict[str, Any]) -> None:
    assert contract.EventSchema().validate(EVENT | change)
    assert list(Draft202012Validator(ravetree_openapi.events()).iter_errors(EVENT | change))


@pytest.mark.parametrize("folder", ["schemas/contract", "sandbox/ravetree_sandbox/contract"])
def test_the_files_that_are_handed_out_are_what_the_schemas_say(folder: str) -> None:
    """Written by `make contract`: the product serves the one, the sandbox answers by the other."""
    found = {path.name: path.read_bytes() for path in (ROOT / folder).glob("*.json")}
    assert found == {name: text.encode() for name, text in ravetree_openapi.written().items()}


def test_money_dates_and_times_are_described() -> None:
    payment = ravetree_openapi.openapi()["components"]["schemas"]["Payment"]["properties"]
    assert (payment["amount"]["type"], payment["amount"]["format"]) == ("string", "money")
    assert payment["date"]["format"] == "date"
    assert payment["created_at"]["format"] == "date-time"
    assert payment["currency"]["pattern"] == "^[A-Z]{3}$"
