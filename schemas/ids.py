"""What an id of either neighbour looks like: nothing else becomes part of an address, a query or a key.

Ravetree's ids are `[A-Za-z0-9_-]{1,64}` by the contract, accounts' too; QuickBooks' records and realms are numbers.
"""

import re
from typing import Any, TypeGuard
from urllib.parse import quote

from config.errors import RavebooksError
from reconcile.model import SYNCED, Kind, Record, Side

_RAVETREE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_QUICKBOOKS_LENGTH = 20


def is_ravetree_id(value: Any) -> TypeGuard[str]:
    """Whether `value` may be the id of a Ravetree record or account."""
    return isinstance(value, str) and _RAVETREE.fullmatch(value) is not None


def is_quickbooks_id(value: Any) -> TypeGuard[str]:
    """Whether `value` may be the id of a QuickBooks record, or a realm."""
    # Asked for each event of each delivery: a third of what a regular expression takes.
    return isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _QUICKBOOKS_LENGTH


def is_id(side: Side, value: Any) -> TypeGuard[str]:
    """Whether `value` may be the id of a record, an account or a realm of `side`."""
    return is_ravetree_id(value) if side is Side.RAVETREE else is_quickbooks_id(value)


class NotAnId(RavebooksError):
    """No record can have this name."""

    remedy = "Take side, kind and id from a list of Ravebooks or from the record's own page."


def check(side: Side, value: str) -> None:
    """Raise `NotAnId` unless `value` may be the id of a record of `side`."""
    if not is_id(side, value):
        raise NotAnId(f"{value[:80]!r} is no id of {side.capitalize()}'s")


def record_of(side: str, kind: str, record_id: str) -> Record:
    """The record that a person names. Raises `NotAnId`."""
    try:
        record = Record(Side(side), Kind(kind), record_id)
    except ValueError:
        raise NotAnId(f"there is no kind of record {side}/{kind}") from None
    if record.kind not in SYNCED:
        raise NotAnId(f"there is no kind of record {side}/{kind}")
    check(record.side, record_id)
    return record


def path(*segments: str) -> str:
    """A path of these segments, each quoted whole: no id leads to another address than its own."""
    return "/".join(quote(segment, safe="") for segment in segments)
