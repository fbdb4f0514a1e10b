"""What travels inside: one delivery of one account, as a list of envelopes with CloudEvents' names."""

import hashlib
import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, TypeGuard

import msgspec

from config.errors import RavebooksError
from reconcile.model import Side
from schemas import strict_json, structs
from schemas.strict_json import MalformedJson
from schemas.structs import DoesNotFit
from schemas.times import is_of_this_century

VERSION = 1
REASON_LIMIT = 500
"""Characters of what is said about an event that cannot be followed."""

_Moment = Annotated[datetime, msgspec.Meta(tz=True, description="a time with an offset from UTC")]


class UndecodableMessage(RavebooksError):
    """A message on the queue is not a delivery of ours: it is dead-lettered, never acknowledged away."""

    remedy = "Look at it among the dead letters and discard it: nothing of ours publishes such a message."


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One event: a hint that a record changed. `reason` says why an unusable one cannot be followed."""

    id: str
    type: str
    subject: str
    time: _Moment | None = None
    legacy: bool = False
    data: dict[str, Any] = msgspec.field(default_factory=dict)
    reason: str = ""


class Delivery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Events of one account or realm that came in one webhook.

    `traceparent` is the trace that they came in, where there is one. It travels beside the body.
    """

    id: str
    source: Side
    account: str
    received_at: _Moment
    events: tuple[Envelope, ...]
    traceparent: str = ""


_NAME = re.compile(r"[\x20-\x7e]{1,255}")


def is_name(value: Any) -> TypeGuard[str]:
    """Whether `value` may stand in a key."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def unusable(event: Any, why: str | DoesNotFit, event_id: Any = None) -> Envelope:
    """The envelope of something that cannot be followed; the same thing twice is kept once.

    Its reason says what is wrong, in the event of which id if that can be said, and what to do about it.
    """
    digest = hashlib.sha256(strict_json.dumps(event).encode()).hexdigest()[:32]
    named = f" (id {event_id!r})" if is_name(event_id) else ""
    remedy = f". {why.remedy}" if isinstance(why, DoesNotFit) else ""
    reason = f"unusable event: {str(why)[:180]}{named}{remedy}"[:REASON_LIMIT]
    return Envelope(f"unusable-{digest}", "unusable", "", data={"event": event}, reason=reason)


class _Plain(msgspec.Struct, gc=False):
    """A message in which msgspec's own JSON is the same as ours, byte for byte: printable ASCII, and no numbers."""

    account: str
    events: tuple[Envelope, ...]
    id: str
    received_at: datetime
    source: Side
    v: int = VERSION


_PLAIN_ENCODER = msgspec.json.Encoder(order="sorted")


def encode(delivery: Delivery) -> bytes:
    """The message's body: `v`, and the delivery's own names, without its trace."""
    if not any(event.data for event in delivery.events):
        try:
            plain = _PLAIN_ENCODER.encode(
                _Plain(delivery.account, delivery.events, delivery.id, delivery.received_at, delivery.source)
            )
        except UnicodeEncodeError:
            """Half a surrogate pair, which our own JSON spells."""
        else:
            if plain.isascii() and b"\x7f" not in plain:
                return plain
    # Decimals stay for our own JSON, which keeps them exact and spells half a surrogate pair.
    spelled = msgspec.to_builtins(delivery, builtin_types=(Decimal,))
    del spelled["traceparent"]
    return strict_json.dumps(spelled | {"v": VERSION}).encode()


def decode(body: bytes | str, traceparent: str = "") -> Delivery:
    """The delivery in a message's body, with the trace that came beside it. Raises `UndecodableMessage`."""
    try:
        delivery = _delivery(strict_json.loads(body), traceparent)
    except (MalformedJson, DoesNotFit) as error:
        raise UndecodableMessage(f"a message of {len(body)} bytes is not a delivery: {error}") from error
    for moment in (delivery.received_at, *(event.time for event in delivery.events)):
        if moment is not None and not is_of_this_century(moment):
            raise UndecodableMessage(f"the message of delivery {delivery.id[:60]!r} has a time outside of this century")
    return delivery


def _delivery(value: Any, traceparent: str) -> Delivery:
    version = value.pop("v", None) if isinstance(value, dict) else None
    if isinstance(version, bool) or version != VERSION:
        raise DoesNotFit(f"it is no message of version {VERSION}")
    if "traceparent" in value:
        raise DoesNotFit("it has a field too many, 'traceparent'")
    return structs.fitted(value | {"traceparent": traceparent}, Delivery)
