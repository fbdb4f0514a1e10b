"""What the API takes for a body: JSON that says it is JSON, and nothing that no store could keep."""

from typing import Any

from flask import request

from console.api.errors import NotJson
from schemas import strict_json
from schemas.strict_json import MalformedJson

LIMIT_BYTES = 1024 * 1024
WITH_BODIES = frozenset({"POST", "PUT", "PATCH"})


def check() -> None:
    """Raise `NotJson` or `MalformedJson` for a body that is not taken, and 413 for one that is too large."""
    if request.method not in WITH_BODIES:
        return
    request.max_content_length = LIMIT_BYTES
    body = request.get_data(cache=True)
    if not body:
        return
    if not request.is_json:
        raise NotJson("the body is not said to be JSON")
    _check_texts(strict_json.loads(body))


def _check_texts(value: Any) -> None:
    """NUL is no character of a database's text, and half a surrogate pair is none of any."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_texts(key)
            _check_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_texts(inner)
    elif isinstance(value, str) and ("\0" in value or any("\ud800" <= each <= "\udfff" for each in value)):
        raise MalformedJson("a text has a NUL or half a surrogate pair in it")
