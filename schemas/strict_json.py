"""JSON that says one thing: no duplicate keys, no NaN, bounded depth, decimals kept exact."""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from config.errors import RavebooksError

DEPTH_LIMIT = 32
EXPONENT_LIMIT = 300
"""Powers of ten: 1e999999999 is ten characters here and a gigabyte once it is an integer."""


class MalformedJson(RavebooksError):
    """The text is no JSON, or JSON that two readers may read differently."""

    remedy = "Send plain JSON: each key once, finite numbers, nested at most 32 deep."


def loads(data: bytes | str) -> Any:
    """Parse `data`; numbers with a fraction become `Decimal`. Raises `MalformedJson`."""
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
    except UnicodeDecodeError:
        raise MalformedJson("the body is not UTF-8") from None
    _check_depth(text)
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_decimal)
    except MalformedJson:
        raise
    except (ValueError, RecursionError) as error:
        raise MalformedJson(f"the body is not JSON: {error}") from None


def dumps(value: Any) -> str:
    """Compact JSON with sorted keys: the same value always gives the same bytes."""
    return json.dumps(
        # ASCII, since half a surrogate pair is legal in a JSON string and has no UTF-8 form.
        value,
        default=_number,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=True,
        allow_nan=False,
    )


def _number(value: Any) -> int | float:
    if isinstance(value, Decimal):
        # A double holds 15 significant digits exactly, more than any amount has.
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise MalformedJson(f"the key {key[:60]!r} stands twice in one object")
        result[key] = value
    return result


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise MalformedJson(f"the number {text[:60]} is out of range") from None
    if abs(value.adjusted()) > EXPONENT_LIMIT:
        raise MalformedJson(f"the number {text[:60]} is out of range")
    return value


def _refuse_constant(name: str) -> Any:
    raise MalformedJson(f"{name} is not a JSON number")


_BRACKETS_OUTSIDE_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)


def _check_depth(text: str) -> None:
    """Count brackets outside strings before the parser recurses into them."""
    depth = 0
    for found in _BRACKETS_OUTSIDE_STRINGS.findall(text):
        if found in "[{":
            depth += 1
            if depth > DEPTH_LIMIT:
                raise MalformedJson(f"the body is nested deeper than {DEPTH_LIMIT} levels")
        elif found in "]}":
            depth -= 1
