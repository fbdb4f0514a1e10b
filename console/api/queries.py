"""What the API takes behind a question mark: nothing that its document does not name.

A filter that is misspelled and passed over would answer more than was asked for.
"""

import difflib
import re
from collections.abc import Mapping
from typing import Any

from flask import request

from console.api.errors import UnknownParameter

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


def check(known: Mapping[tuple[str, str], frozenset[str]]) -> None:
    """Raise `UnknownParameter` for a query that is not taken."""
    rule = request.url_rule.rule if request.url_rule is not None else ""
    names = known.get((_VARIABLE.sub(r"{\1}", rule), request.method), frozenset())
    unknown = sorted(set(request.args) - names)
    if not unknown:
        return
    near = difflib.get_close_matches(unknown[0], names, 1)
    there_are = f"There are: {', '.join(sorted(names))}." if names else "There are none here."
    raise UnknownParameter(
        f"{unknown[0]!r} is no parameter of this address{f': did you mean {near[0]!r}?' if near else '.'} {there_are}",
        unknown,
        remedy="Leave it out, or spell it as the API's document does.",
    )
