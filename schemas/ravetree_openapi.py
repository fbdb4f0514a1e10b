"""The contract as documents: OpenAPI 3.1 for the REST API, JSON Schema for the events; from the same schemas.

`make contract` writes them where the product reads them (`schemas.contract`) and where the sandbox does.
"""

import json
from pathlib import Path
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from schemas import contract as documents
from schemas import ravetree_contract as contract
from schemas.contract import Json

VERSION = "1.0.0"

_RECORDS: dict[str, tuple[str, type[Schema], type[Schema] | None, tuple[str, ...]]] = {
    "contacts": ("Contact", contract.ContactSchema, contract.ContactWriteSchema, ("list", "get", "post", "patch")),
    "invoices": ("Invoice", contract.InvoiceSchema, contract.InvoicePatchSchema, ("list", "get", "patch")),
    "estimates": ("Estimate", contract.EstimateSchema, None, ("list", "get")),
    "payments": (
        "Payment",
        contract.PaymentSchema,
        contract.PaymentWriteSchema,
        ("list", "get", "post", "patch", "delete"),
    ),
    "line_item_types": ("LineItemType", contract.LineItemTypeSchema, None, ("list",)),
    "tax_rates": ("TaxRate", contract.TaxRateSchema, None, ("list",)),
    "payment_methods": ("PaymentMethod", contract.PaymentMethodSchema, None, ("list",)),
    "events": ("LoggedEvent", contract.LoggedEventSchema, None, ("list",)),
}
"""Resource: its record's name, its record, what a write takes, and the methods of the contract's table."""

_FILTERS = {
    "payments": [
        ("invoice_id", "Only payments with an allocation to this invoice."),
        ("client_id", "Only payments of this client."),
    ],
    "events": [("after", "Only events after this one. 410 when it is older than 30 days.")],
}

_REFUSALS = {
    "401": "The token is missing or wrong.",
    "403": "The token is not for this account.",
    "404": "There is no such record.",
    "409": "The external_id is taken (`existing_id` names the record), or the key was used with another body.",
    "412": "The record moved since the version in If-Match.",
    "422": "A field cannot be taken; `field` names it.",
    "429": "Too many requests: wait as long as Retry-After says.",
}


def openapi() -> Json:
    """The REST API as an OpenAPI 3.1 document."""
    spec = APISpec(
        title="Ravetree for Ravebooks",
        version=VERSION,
        openapi_version="3.1.0",
        plugins=[_plugin()],
        info={
            "description": "What Ravebooks expects of Ravetree. Money is a decimal string with an ISO 4217 currency, "
            "times are RFC 3339 in UTC, ids are opaque. A string of the format `money` has no more decimals than its "
            "currency; a `price` and a `quantity` may have more.",
            "license": {"name": "Proprietary", "url": "https://ravetree.example/licence"},
        },
        servers=[{"url": "https://ravetree.example/v1"}],
        security=[{"token": [], "account": []}],
    )
    spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    spec.components.security_scheme("account", {"type": "apiKey", "in": "header", "name": "Ravetree-Account"})
    spec.components.schema("Error", schema=contract.ErrorSchema)
    spec.components.schema("Tombstone", schema=contract.TombstoneSchema)
    for resource, (name, record, body, methods) in _RECORDS.items():
        _add_resource(spec, resource, name, record, body, methods)
    _add_sync_states(spec)
    _add_account(spec)
    document: Json = _portable(spec.to_dict())
    return document


_DECIMAL: Json = {"type": "string", "pattern": r"^-?[0-9]{1,15}(\.[0-9]{1,6})?$", "examples": ["12.50"]}


class _Plugin(MarshmallowPlugin):
    """Tells how the contract's own fields look in JSON, once the converter is there."""

    def init_spec(self, spec: APISpec) -> None:
        super().init_spec(spec)
        if self.converter is not None:
            self.converter.add_attribute_function(_own_field)  # type: ignore[no-untyped-call]  # apispec has no types


def _own_field(_converter: Any, field: Any, **_kwargs: Any) -> Json:
    match field:
        case contract.Money():
            shape = _DECIMAL | {"format": "money"}
        case contract.Price():
            shape = _DECIMAL | {"format": "price"}
        case contract.Quantity():
            shape = _DECIMAL | {"format": "quantity"}
        case contract.UtcTime():
            shape = {"type": "string", "format": "date-time"}
        case contract.StrictDay():
            shape = {"type": "string", "format": "date"}
        case fields.List() | fields.Nested() if field.load_default is list:
            return {"default": []}
        case _:
            return {}
    return shape | ({"type": ["string", "null"]} if field.allow_none else {})


def _plugin() -> MarshmallowPlugin:
    return _Plugin(schema_name_resolver=_name)


def _portable(value: Any) -> Any:
    """Patterns as JSON Schema has them: Python's anchors are not known there."""
    if isinstance(value, dict):
        return {
            key: part.replace(r"\A", "^").replace(r"\Z", "$")
            if key == "pattern" and isinstance(part, str)
            else _portable(part)
            for key, part in value.items()
        }
    return [_portable(part) for part in value] if isinstance(value, list) else value


def _name(schema: Any) -> str:
    """A schema's name in the document: the class without its suffix; what a PATCH takes are changes."""
    kind = schema if isinstance(schema, type) else type(schema)
    name = str(kind.__name__.removesuffix("Schema").lstrip("_"))
    return name.removesuffix("Write") + "Changes" if getattr(schema, "partial", None) else name


def _add_resource(
    spec: APISpec,
    resource: str,
    name: str,
    record: type[Schema],
    body: type[Schema] | None,
    methods: tuple[str, ...],
) -> None:
    one = {"type": "object", "required": ["data"], "properties": {"data": record}}
    operations: Json = {}
    if "list" in methods:
        operations["get"] = _list(resource, name, record)
    if "post" in methods:
        operations["post"] = _write(f"create{name}", f"Create a {name}", body, {"201": _answer(one, "Made.")})
    spec.path(f"/{resource}", operations=operations)
    single: Json = {}
    if "get" in methods:
        single["get"] = {
            "operationId": f"get{name}",
            "summary": f"One {name}",
            "responses": {"200": _answer(one, "The record.")} | _refusals("401", "403", "404", "429"),
        }
    if "patch" in methods:
        single["patch"] = _write(
            f"update{name}", f"Change a {name}", body, {"200": _answer(one, "Changed.")}, partial=True
        )
    if "delete" in methods:
        gone = {"type": "object", "required": ["data"], "properties": {"data": contract.TombstoneSchema}}
        single["delete"] = _write(f"delete{name}", f"Delete a {name}", None, {"200": _answer(gone, "Gone.")})
    if single:
        spec.path(f"/{resource}/{{id}}", operations=single, parameters=[_path("id")])


def _list(resource: str, name: str, record: type[Schema]) -> Json:
    rows = {"type": "array", "items": {"anyOf": [record, contract.TombstoneSchema]}}
    page = {
        "type": "object",
        "required": ["data", "next_cursor"],
        "properties": {"data": rows, "next_cursor": {"type": ["string", "null"]}},
    }
    return {
        "operationId": f"list{name}s",
        "summary": f"{name}s, page by page",
        "parameters": [
            _query("cursor", "Where the page before ended."),
            _query("limit", "At most 200.", {"type": "integer", "minimum": 1, "maximum": 200}),
            _query("updated_since", "Only what changed since, with tombstones.", {"type": "string"}),
            *(_query(filter_, text) for filter_, text in _FILTERS.get(resource, [])),
        ],
        "responses": {"200": _answer(page, "A page.")} | _refusals("401", "403", "429"),
    }


def _write(operation: str, summary: str, body: type[Schema] | None, answers: Json, *, partial: bool = False) -> Json:
    parameters = [
        {
            "in": "header",
            "name": "Idempotency-Key",
            "schema": {"type": "string"},
            "description": "The same key gives the same answer for 24 hours.",
        },
        {
            "in": "header",
            "name": "If-Match",
            "schema": {"type": "string"},
            "description": 'The version that the writer has read, in quotes: "7".',
        },
    ]
    written: Json = {"operationId": operation, "summary": summary, "parameters": parameters}
    if body is not None:
        taken: Any = body(partial=True) if partial else body
        notify = {
            "type": "object",
            "properties": {"notify": {"type": "boolean", "default": False, "description": "Mail somebody about it."}},
        }
        schema = {"allOf": [taken, notify]}
        written["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return written | {"responses": answers | _refusals(*_REFUSALS)}


def _add_sync_states(spec: APISpec) -> None:
    one = {"type": "object", "required": ["data"], "properties": {"data": contract.SyncStateSchema}}
    kind = _path("kind", {"type": "string", "enum": list(contract.SYNC_KINDS)})
    spec.path(
        "/sync_states/{kind}/{id}",
        parameters=[kind, _path("id")],
        operations={
            "get": {
                "operationId": "getSyncState",
                "summary": "How the sync of a record stands",
                "responses": {"200": _answer(one, "The state.")} | _refusals("401", "403", "404", "429"),
            },
            "put": _write(
                "putSyncState",
                "Say how the sync of a record stands",
                contract.SyncStateWriteSchema,
                {"200": _answer(one, "Kept.")},
            ),
        },
    )


def _add_account(spec: APISpec) -> None:
    one = {"type": "object", "required": ["data"], "properties": {"data": contract.AccountSchema}}
    get = {
        "operationId": "getAccount",
        "summary": "Whose token this is: asked before an account is connected",
        "responses": {"200": _answer(one, "The account.")} | _refusals("401", "403", "429"),
    }
    spec.path("/account", operations={"get": get})


def _answer(schema: Any, description: str) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _refusals(*statuses: str) -> Json:
    return {status: _answer(contract.ErrorSchema, _REFUSALS[status]) for status in statuses}


def _path(name: str, schema: Json | None = None) -> Json:
    return {"in": "path", "name": name, "required": True, "schema": schema or {"type": "string"}}


def _query(name: str, description: str, schema: Json | None = None) -> Json:
    return {"in": "query", "name": name, "description": description, "schema": schema or {"type": "string"}}


def events() -> Json:
    """The events as a JSON Schema (draft 2020-12) of one delivery's body."""
    spec = APISpec(
        title="events",
        version=VERSION,
        openapi_version="3.1.0",
        plugins=[_plugin()],
    )
    spec.components.schema("Event", schema=contract.EventSchema)
    definitions = _repointed(_portable(spec.to_dict()["components"]["schemas"]))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://ravetree.example/contract/events.json",
        "title": "An event of Ravetree",
        "description": "Posted to /webhooks/ravetree/{account}, signed by Standard Webhooks 1.0.0.",
        "$ref": "#/$defs/Event",
        "$defs": definitions,
    }


def _repointed(value: Any) -> Any:
    """References into an OpenAPI document as references into a JSON Schema."""
    if isinstance(value, dict):
        return {key: _repointed(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_repointed(part) for part in value]
    return value.replace("#/components/schemas/", "#/$defs/") if isinstance(value, str) else value


def written() -> dict[str, str]:
    """The text of each file of the contract, by its name."""
    return {
        name: json.dumps(document, ensure_ascii=False, indent=2) + "\n"
        for name, document in ((documents.OPENAPI, openapi()), (documents.EVENTS, events()))
    }


if __name__ == "__main__":
    folder = Path(documents.__file__).parent
    for place in (folder, folder.parents[1] / "sandbox" / "ravetree_sandbox" / "contract"):
        for file, text in written().items():
            (place / file).write_text(text)
