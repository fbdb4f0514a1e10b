"""What the API takes for a body: JSON that says it is JSON, and nothing that no store could keep."""

from typing import Any

from flask import Response, jsonify, request

from schemas import strict_json
from schemas.strict_json import MalformedJson

LIMIT_BYTES = 1024 * 1024
WITH_BODIES = frozenset({"POST", "PUT", "PATCH"})


def check() -> Response | None:
    """Why the request's body is not taken: too large, not said to be JSON, malformed, or with texts of no alphabet."""
    if request.method not in WITH_BODIES:
        return None
    request.max_content_length = LIMIT_BYTES
    body = request.get_data(cache=True)
    if not body:
        return None
    if not request.is_json:
        return _refusal(415, "not_json", "Send the body as JSON: Content-Type: application/json.")
    try:
        _check_texts(strict_json.loads(body))
    except MalformedJson as error:
        return _refusal(400, "malformed", f"{str(error)[:1].upper()}{str(error)[1:]}. {error.remedy}")
    return None


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


def _refusal(status: int, code: str, message: str) -> Response:
    response = jsonify({"error": {"code": code, "message": message}})
    response.status_code = status
    return response
