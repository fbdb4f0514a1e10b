"""What the API takes behind a question mark: nothing that its document does not name.

A filter that is misspelled and passed over would answer more than was asked for.
"""

import difflib
import re
from collections.abc import Mapping
from typing import Any

from flask import Response, jsonify, request

_VARIABLE = re.compile(r"<(?:[^<>]*:)?([^<>:]+)>")


def named(document: Mapping[str, Any]) -> dict[tuple[str, str], frozenset[str]]:
    """The query parameters of each operation of an OpenAPI document, by its path and method."""
    return {
        (path, method.upper()): frozenset(
            each["name"] for each in operation.get("parameters", []) if each.get("in") == "query"
        )
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if isinstance(operation, dict)
    }


def check(known: Mapping[tuple[str, str], frozenset[str]]) -> Response | None:
    """Why the request's query is not taken."""
    rule = request.url_rule.rule if request.url_rule is not None else ""
    names = known.get((_VARIABLE.sub(r"{\1}", rule), request.method), frozenset())
    unknown = sorted(set(request.args) - names)
    if not unknown:
        return None
    near = difflib.get_close_matches(unknown[0], names, 1)
    there_are = f"There are: {', '.join(sorted(names))}." if names else "There are none here."
    errors = {name: ["Unknown parameter."] for name in unknown}
    said = (
        f"{unknown[0]!r} is no parameter of this address{f': did you mean {near[0]!r}?' if near else '.'} {there_are}"
    )
    response = jsonify({"error": {"code": "unknown_parameter", "message": said}, "errors": {"query": errors}})
    response.status_code = 422
    return response
