"""Ravetree's thin events, turned into envelopes."""

from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from schemas import ids
from schemas.envelopes import NAME, Envelope, is_name, unusable
from schemas.times import Instant


def _is_id(value: str) -> None:
    if not ids.is_ravetree_id(value):
        raise ValidationError("Not an id of Ravetree's.")


class _Origin(Schema):
    class Meta:
        unknown = EXCLUDE

    kind = fields.String(load_default="")
    id = fields.String(load_default=None, allow_none=True)
    operation_id = fields.String(load_default=None, allow_none=True)


class _Data(Schema):
    class Meta:
        unknown = EXCLUDE

    id = fields.String(required=True, validate=_is_id)
    version = fields.Integer(load_default=None, allow_none=True)
    changed = fields.List(fields.String(), load_default=list)
    origin = fields.Nested(_Origin, load_default=dict, allow_none=True)


class _Event(Schema):
    class Meta:
        unknown = EXCLUDE

    type = fields.String(required=True, validate=[NAME, validate.Regexp(r"^[a-z_]+\.[a-z_]+$")])
    timestamp = Instant(required=True)
    account_id = fields.String(required=True)
    data = fields.Nested(_Data, required=True)


_event = _Event()


def parse(payload: Any, event_id: str, account: str) -> Envelope:
    """The envelope of one event; an unusable one carries its reason."""
    try:
        loaded = _event.load(payload)
    except ValidationError as error:
        return unusable(payload, str(error.messages))
    if loaded["account_id"] != account:
        return unusable(payload, f"it is of account {loaded['account_id'][:255]!r}")
    data, origin = loaded["data"], loaded["data"]["origin"] or {}
    operation_id = origin.get("operation_id")
    user = origin.get("id") if origin.get("kind") == "user" else None
    return Envelope(
        id=event_id,
        type=loaded["type"],
        subject=data["id"],
        time=loaded["timestamp"],
        data={"version": data["version"], "operation_id": operation_id if is_name(operation_id) else None}
        | ({"user": user} if is_name(user) else {}),
    )
