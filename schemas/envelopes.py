"""What travels inside: one delivery of one account, as a list of envelopes with CloudEvents' names."""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeGuard

from marshmallow import Schema, fields, post_load, validate

from config.errors import RavebooksError
from reconcile.model import Side
from schemas import strict_json
from schemas.times import Instant

VERSION = 1


class UndecodableMessage(RavebooksError):
    """A message on the queue is not a delivery of ours: it is dead-lettered, never acknowledged away."""

    remedy = "Look at it among the dead letters; nothing of ours publishes such a message."


@dataclass(frozen=True)
class Envelope:
    """One event: a hint that a record changed. `reason` says why an unusable one cannot be followed."""

    id: str
    type: str
    subject: str
    time: datetime | None = None
    legacy: bool = False
    data: dict[str, Any] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class Delivery:
    """Events of one account or realm that came in one webhook."""

    id: str
    source: Side
    account: str
    received_at: datetime
    events: tuple[Envelope, ...]


_NAME = re.compile(r"[\x20-\x7e]{1,255}")
NAME = validate.Regexp(re.compile(r"\A[\x20-\x7e]{1,255}\Z"), error="Not a printable name of up to 255 characters.")
"""An id, a type or an account as it may stand in a key: printable, so that every store takes it."""


def is_name(value: Any) -> TypeGuard[str]:
    """Whether `value` may stand in a key."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def unusable(event: Any, why: str) -> Envelope:
    """The envelope of something that cannot be followed; the same thing twice is kept once."""
    digest = hashlib.sha256(strict_json.dumps(event).encode()).hexdigest()[:32]
    return Envelope(f"unusable-{digest}", "unusable", "", data={"event": event}, reason=f"unusable event: {why}"[:500])


class _EnvelopeSchema(Schema):
    id = fields.String(required=True)
    type = fields.String(required=True)
    subject = fields.String(required=True)
    time = Instant(load_default=None, allow_none=True)
    legacy = fields.Boolean(load_default=False)
    data = fields.Dict(keys=fields.String(), load_default=dict)
    reason = fields.String(load_default="")

    @post_load
    def _build(self, data: dict[str, Any], **_kwargs: Any) -> Envelope:
        return Envelope(**data)


class _DeliverySchema(Schema):
    v = fields.Integer(required=True, validate=validate.Equal(VERSION))
    id = fields.String(required=True)
    source = fields.Enum(Side, by_value=True, required=True)
    account = fields.String(required=True)
    received_at = Instant(required=True)
    events = fields.List(fields.Nested(_EnvelopeSchema), required=True)

    @post_load
    def _build(self, data: dict[str, Any], **_kwargs: Any) -> Delivery:
        data.pop("v")
        return Delivery(**(data | {"events": tuple(data["events"])}))


_schema = _DeliverySchema()


def encode(delivery: Delivery) -> bytes:
    """The message's body."""
    fields_ = {name: getattr(delivery, name) for name in ("id", "source", "account", "received_at", "events")}
    return strict_json.dumps(_schema.dump({"v": VERSION, **fields_})).encode()


def decode(body: bytes | str) -> Delivery:
    """The delivery in a message's body. Raises `UndecodableMessage`."""
    try:
        loaded = _schema.load(strict_json.loads(body))
    except Exception as error:
        raise UndecodableMessage(f"a message of {len(body)} bytes is not a delivery: {error}") from error
    if not isinstance(loaded, Delivery):
        raise UndecodableMessage("a message is not one delivery")
    return loaded
