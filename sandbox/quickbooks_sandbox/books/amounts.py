"""Money as Decimal, and JSON that keeps it so in both directions."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Doc = dict[str, Any]

ZERO = Decimal(0)
CENT = Decimal("0.01")


def cents(amount: Decimal | int) -> Decimal:
    """Rounded to the cent. An amount without a fraction comes out of JSON, and out of the file, as an int."""
    return Decimal(amount).quantize(CENT, ROUND_HALF_UP)


def amount_of(value: Any) -> Decimal:
    """The amount of a field that may be left out."""
    return ZERO if value is None else Decimal(value)


def copied(value: Any) -> Any:
    """A copy that may be changed, of what JSON can hold."""
    if isinstance(value, dict):
        return {name: copied(item) for name, item in value.items()}
    if isinstance(value, list):
        return [copied(item) for item in value]
    return value


def decode(text: str | bytes) -> Any:
    """JSON to Python: fractions become Decimal; NaN and Infinity raise ValueError."""
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


class Encoded(str):
    """JSON already."""

    __slots__ = ()


_MARK = "\ue000"  # around the decimals, from a private part of Unicode


def encode_fast(value: Any) -> str:
    """As :func:`encode` of something without Encoded inside, at the speed of the standard library."""
    decimals = 0

    def number(item: Any) -> str:
        nonlocal decimals
        if not isinstance(item, Decimal):
            raise TypeError(f"{type(item).__name__} is not JSON")
        decimals += 1
        return f"{_MARK}{plain(item)}{_MARK}"

    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=number)
    if text.count(_MARK) != 2 * decimals:
        return encode(value)  # some text has the mark in it
    return text.replace(f'"{_MARK}', "").replace(f'{_MARK}"', "")


def encode(value: Any) -> str:
    """Python to JSON; a Decimal becomes a number with no more decimals than it needs."""
    parts: list[str] = []
    _encode(value, parts.append)
    return "".join(parts)


def _encode(value: Any, out: Any) -> None:
    if isinstance(value, Encoded):
        out(value)
    elif isinstance(value, str):
        out(json.dumps(value, ensure_ascii=False))
    elif isinstance(value, Decimal):
        out(plain(value))
    elif isinstance(value, dict):
        _encode_object(value, out)
    elif isinstance(value, list | tuple):
        _encode_array(value, out)
    else:
        out(json.dumps(value, allow_nan=False))


def _encode_object(value: dict[str, Any], out: Any) -> None:
    separator = "{"
    for key, item in value.items():
        out(separator)
        out(json.dumps(key, ensure_ascii=False))
        out(":")
        _encode(item, out)
        separator = ","
    out("{}" if separator == "{" else "}")


def _encode_array(value: Any, out: Any) -> None:
    separator = "["
    for item in value:
        out(separator)
        _encode(item, out)
        separator = ","
    out("[]" if separator == "[" else "]")


def plain(amount: Decimal) -> str:
    """``362.07``, ``0``, ``100``: never an exponent, never ``-0``."""
    text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
