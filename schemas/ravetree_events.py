"""Ravetree's thin events, turned into envelopes."""

from decimal import Decimal
from typing import Annotated, Any

import msgspec

from schemas import structs
from schemas.envelopes import Envelope, is_name, unusable
from schemas.structs import DoesNotFit
from schemas.times import instant

_Id = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z", description="an id of Ravetree's")]
_Type = Annotated[
    str,
    msgspec.Meta(pattern=r"\A[a-z_]+\.[a-z_]+\Z", max_length=255, description="a type like invoice.updated"),
]


class _Origin(msgspec.Struct):
    kind: str = ""
    id: str | None = None
    operation_id: str | None = None


class _Data(msgspec.Struct):
    id: _Id
    version: Any = None
    changed: list[str] = []
    origin: _Origin | None = None


class _Event(msgspec.Struct):
    type: _Type
    timestamp: str
    account_id: str
    data: _Data


def parse(payload: Any, event_id: str, account: str) -> Envelope:
    """The envelope of one event; an unusable one carries its reason."""
    try:
        event = structs.fitted(payload, _Event)
        time, version = instant(event.timestamp, "timestamp"), _whole(event.data.version)
    except DoesNotFit as error:
        return unusable(payload, error, event_id)
    if event.account_id != account:
        return unusable(payload, f"it is of account {event.account_id[:160]!r}")
    origin = event.data.origin or _Origin()
    user = origin.id if origin.kind == "user" else None
    return Envelope(
        id=event_id,
        type=event.type,
        subject=event.data.id,
        time=time,
        data={"version": version, "operation_id": origin.operation_id if is_name(origin.operation_id) else None}
        | ({"user": user} if is_name(user) else {}),
    )


def _whole(version: Any) -> int | None:
    """A version, also one that is spelled as a text or with a fraction."""
    if version is None:
        return None
    try:
        if isinstance(version, int | Decimal | str) and not isinstance(version, bool):
            return int(version)
    except ValueError:
        pass
    raise DoesNotFit("its data.version is not a whole number")
