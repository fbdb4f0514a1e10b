"""What begins something may be sent again: `Idempotency-Key`, as Ravetree's own API has it."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, g, request
from marshmallow import Schema

from console.api.errors import BadKey
from console.api.serving import bearer, serving
from schemas import strict_json

HEADER = "Idempotency-Key"
_FORM = re.compile(r"[!-~]{1,255}")
PARAMETER = {
    "in": "header",
    "name": HEADER,
    "required": False,
    "description": "The same key and body have the same answer for 24 h, and are done once; another body is 409.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "example": "6f1c1d2e-connect-org_42",
}
"""The header, as the document shows it."""

CREATED = 201


def repeatable(shape: type[Schema]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A view's method that creates something and answers it as `shape`: done once for each key."""

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def answered(view: Any, body: Any, *names: Any, **named: Any) -> Any:
            key = request.headers.get(HEADER)
            if key is None:
                return method(view, body, *names, **named)
            if not _FORM.fullmatch(key):
                raise BadKey(f"the {HEADER} is not of the form that is taken")
            # As it was sent, but for how it is spelled.
            asked = strict_json.dumps(strict_json.loads(request.get_data()))
            caller = f"{bearer().name} {bearer().account_id}"
            said, g.repeated = serving().keyed.answer(
                caller, request.path, key, asked, lambda: shape().dumps(method(view, body, *names, **named))
            )
            return Response(said, CREATED, content_type="application/json")

        return answered

    return decorate
