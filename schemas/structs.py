"""Parsed JSON into compiled structs, and sentences of our own about what does not fit.

The JSON itself is parsed by `strict_json` first: msgspec's own parser lets a key stand twice, makes fractions binary,
knows no limit of depth, and refuses half a surrogate pair, which senders may spell and we keep.
"""

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec

from config.errors import RavebooksError

Shape = TypeVar("Shape", bound=msgspec.Struct)

Name = Annotated[
    str, msgspec.Meta(pattern=r"\A[\x20-\x7e]{1,255}\Z", description="a printable name of up to 255 characters")
]
"""An id, a type or an account as it may stand in a key: printable, so that every store takes it."""

_MISFITS = (msgspec.ValidationError, UnicodeEncodeError)
"""The second: half a surrogate pair where msgspec wants a time, one of an enum's values or a field's name."""
_WORDS = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    dict: "an object",
    list: "a list",
    tuple: "a list",
}


class DoesNotFit(RavebooksError):
    """A value has not the documented shape."""

    remedy = "Compare it with its sender's documentation."


def fitted(value: Any, shape: type[Shape]) -> Shape:
    """`value`, as `strict_json` gave it, as a struct. Raises `DoesNotFit`, which names every field at fault."""
    try:
        return _converted(value, shape)
    except _MISFITS:
        # Said again by field: msgspec stops at the first one, and speaks of types, not of what belongs there.
        raise DoesNotFit("; ".join(_faults(value, shape, "")) or "it has another shape") from None


def _converted(value: Any, shape: type[Shape]) -> Shape:
    try:
        return msgspec.convert(value, shape)
    except UnicodeEncodeError:
        return msgspec.convert(_spellable(value, shape), shape)


def _spellable(value: Any, shape: type[msgspec.Struct]) -> Any:
    """Without the names that have no UTF-8 form: msgspec stumbles over them, though no field is called so."""
    if not isinstance(value, dict) or shape.__struct_config__.forbid_unknown_fields:
        return value
    inner = {field.encode_name: _struct_of(field.type) for field in msgspec.structs.fields(shape)}
    found = {}
    for name, item in value.items():
        if not any("\ud800" <= character <= "\udfff" for character in name):
            kind = inner.get(name)
            found[name] = item if kind is None else _spellable(item, kind)
    return found


def _struct_of(wanted: Any) -> type[msgspec.Struct] | None:
    kinds = [kind for kind in _alternatives(wanted) if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    return kinds[0] if kinds else None


def _faults(value: Any, shape: type[msgspec.Struct], place: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{_at(place)} is not an object"
        return
    known = msgspec.structs.fields(shape)
    for field in known:
        where = f"{place}.{field.encode_name}" if place else field.encode_name
        if field.encode_name in value:
            yield from _faults_of(value[field.encode_name], field.type, where)
        elif field.required:
            yield f"{_at(where)} is missing"
    if shape.__struct_config__.forbid_unknown_fields:
        for name in sorted(value.keys() - {field.encode_name for field in known}):
            yield f"{_at(place)} has a field too many, {ascii(name)[:60]}"


def _faults_of(value: Any, wanted: Any, place: str) -> Iterator[str]:
    if _fits(value, wanted):
        return
    kind = next(kind for kind in _alternatives(wanted) if kind is not NoneType)
    if (inner := _struct_of(wanted)) is not None:
        yield from _faults(value, inner, place)
    elif isinstance(value, list) and get_origin(kind) in (list, tuple):
        for index, item in enumerate(value):
            yield from _faults_of(item, get_args(kind)[0], f"{place}[{index}]")
    else:
        yield f"{_at(place)} is not {_meaning(kind)}"


def _fits(value: Any, wanted: Any) -> bool:
    try:
        msgspec.convert(value, wanted)
    except _MISFITS:
        return False
    return True


def _alternatives(wanted: Any) -> tuple[Any, ...]:
    return get_args(wanted) if get_origin(wanted) in (Union, UnionType) else (wanted,)


def _meaning(kind: Any) -> str:
    """What belongs there: the description of an annotated type, or a word for a plain one."""
    if get_origin(kind) is Annotated:
        plain, *notes = get_args(kind)
        said = [note.description for note in notes if isinstance(note, msgspec.Meta) and note.description]
        return said[0] if said else _meaning(plain)
    return _WORDS.get(get_origin(kind) or kind, "one of its values")


def _at(place: str) -> str:
    return f"its {place}" if place else "it"
