"""The contract with Ravetree as it is handed out: generated JSON, written by `make contract`.

The same two files are data of the sandbox's Ravetree, which answers by them.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

Json = dict[str, Any]
"""A JSON object."""

OPENAPI, EVENTS = "openapi.json", "events.json"


@cache
def openapi() -> Json:
    """The REST API as an OpenAPI 3.1 document."""
    return _read(OPENAPI)


@cache
def events() -> Json:
    """The events as a JSON Schema (draft 2020-12) of one delivery's body."""
    return _read(EVENTS)


def _read(name: str) -> Json:
    document: Json = json.loads((Path(__file__).parent / name).read_text())
    return document
