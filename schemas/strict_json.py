"""JSON that says one thing: no duplicate keys, no NaN, bounded depth, decimals kept exact."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

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
    if text.count("[") + text.count("{") > DEPTH_LIMIT:
        _check_depth(text)
    try:
        return _read_at_once(text)
    except _Unclear:
        return _read(text)


class _Unclear(Exception):
    """The quick parser does not say what it is, or not why it is nothing."""


def _read_at_once(text: str) -> Any:
    """By msgspec, which is four times as fast and lets a key stand twice: such a text has lost strings on the way back.

    Without a backslash each string has two quotes, and a key that stands twice loses at least its own.
    """
    if "\\" in text:
        raise _Unclear
    try:
        value = _QUICK_DECODER.decode(text)
        quotes = _QUICK_ENCODER.encode(value).count(b'"')
    except (msgspec.MsgspecError, MalformedJson, ValueError, OverflowError, RecursionError):
        raise _Unclear from None
    if quotes != text.count('"'):
        raise _Unclear
    return value


def _read(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except MalformedJson:
        raise
    except (ValueError, RecursionError) as error:
        raise MalformedJson(f"the body is not JSON: {error}") from None


def dumps(value: Any) -> str:
    """Compact JSON with sorted keys: the same value always gives the same bytes."""
    return _ENCODER.encode(value)


def _number(value: Any) -> int | float:
    if isinstance(value, Decimal):
        # A double holds 15 significant digits exactly, more than any amount has.
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen = set()
        for key, _ in pairs:
            if key in seen:
                raise MalformedJson(f"the key {key[:60]!r} stands twice in one object")
            seen.add(key)
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


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_decimal)
_QUICK_DECODER = msgspec.json.Decoder(float_hook=_decimal)
_QUICK_ENCODER = msgspec.json.Encoder(decimal_format="number")
_ENCODER = json.JSONEncoder(
    # ASCII, since half a surrogate pair is legal in a JSON string and has no UTF-8 form.
    default=_number,
    sort_keys=True,
    separators=(",", ":"),
    ensure_ascii=True,
    allow_nan=False,
)

_OF_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(set(range(256)) - set(b'[]{}"'))


def _check_depth(text: str) -> None:
    """Count brackets outside strings before the parser recurses into them.

    By steps that each go over the whole text at once: a look at each character takes a hundred times as long.
    """
    if "\\" in text:
        text = text.replace("\\\\", "").replace('\\"', "")
    marks = text.encode("utf-8", "replace").translate(_OF_ONE_KIND, _OTHERS)
    # Most strings have no bracket in them, and nothing but their quotes is left.
    left = brackets = b"".join(marks.replace(b'""', b"").split(b'"')[::2])
    # Each round takes the innermost level away.
    for _ in range(DEPTH_LIMIT):
        left = left.replace(b"[]", b"")
    if not left:
        return
    # Deeper, or some have no counterpart, which the parser has words for.
    depth = 0
    for bracket in brackets:
        depth += 1 if bracket == ord("[") else -1
        if depth > DEPTH_LIMIT:
            raise MalformedJson(f"the body is nested deeper than {DEPTH_LIMIT} levels")
