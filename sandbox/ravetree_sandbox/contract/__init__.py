"""The contract that this Ravetree keeps: OpenAPI for its API, JSON Schema for its events. Generated: edit neither."""

import json
from pathlib import Path

from ravetree_sandbox.values import Json


def _read(name: str) -> Json:
    document: Json = json.loads((Path(__file__).parent / name).read_text())
    return document


OPENAPI = _read("openapi.json")
EVENTS = _read("events.json")
SCHEMAS: Json = OPENAPI["components"]["schemas"]

_SYNC_STATE_PATH = OPENAPI["paths"]["/sync_states/{kind}/{id}"]["parameters"]
SYNC_KINDS: tuple[str, ...] = tuple(_SYNC_STATE_PATH[0]["schema"]["enum"])
INVOICE_STATUSES: tuple[str, ...] = tuple(SCHEMAS["Invoice"]["properties"]["status"]["enum"])
