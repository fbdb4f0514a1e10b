"""QuickBooks' two webhook formats, turned into envelopes by realm.

CloudEvents come as an array, the legacy notifications as an object. A single unusable event never spoils its
delivery: it becomes an envelope with a reason and is kept for an operator.
"""

import re
from collections import defaultdict
from datetime import datetime
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields

from config.errors import RavebooksError
from schemas import ids
from schemas.envelopes import NAME, Envelope, is_name, unusable
from schemas.times import Instant

_CLOUD_TYPE = re.compile(r"^qbo\.([a-z]+)\.([a-z]+)\.v\d+$")

OPERATIONS = {
    "create": "created",
    "update": "updated",
    "delete": "deleted",
    "merge": "merged",
    "voided": "void",
    "email": "emailed",
}
"""Other spellings of operations, and the one that is used inside."""

NO_REALM = "unknown"
"""The realm of events that name none."""

_NUMBERED = frozenset({"customer", "estimate", "invoice", "item", "payment"})
"""Entities whose events are used: their ids are numbers."""


class UnusableDelivery(RavebooksError):
    """The body is JSON but no webhook delivery of QuickBooks."""

    remedy = "Send Intuit's CloudEvents array or its eventNotifications object."


def _is_number(value: str) -> None:
    if not ids.is_quickbooks_id(value):
        raise ValidationError("Not a number.")


class _CloudEvent(Schema):
    class Meta:
        unknown = EXCLUDE

    id = fields.String(required=True, validate=NAME)
    type = fields.String(required=True, validate=NAME)
    time = Instant(required=True)
    intuitentityid = fields.String(required=True, validate=NAME)
    intuitaccountid = fields.String(required=True, validate=_is_number)
    data = fields.Dict(keys=fields.String(), load_default=dict, allow_none=True)


class _LegacyEntity(Schema):
    class Meta:
        unknown = EXCLUDE

    name = fields.String(required=True, validate=NAME)
    id = fields.String(required=True, validate=NAME)
    operation = fields.String(required=True, validate=NAME)
    lastUpdated = Instant(required=True)  # noqa: N815 - Intuit's spelling
    deletedId = fields.String(load_default=None, allow_none=True)  # noqa: N815


_cloud_event = _CloudEvent()
_legacy_entity = _LegacyEntity()


def parse(payload: Any, limit: int) -> dict[str, tuple[Envelope, ...]]:
    """Envelopes by realm. Raises `UnusableDelivery` when the whole is no delivery or has over `limit` events."""
    if isinstance(payload, list):
        pairs = _parse_cloud_events(payload, limit)
    elif isinstance(payload, dict) and isinstance(payload.get("eventNotifications"), list):
        pairs = _parse_legacy(payload["eventNotifications"], limit)
    else:
        raise UnusableDelivery("the body is neither an array of CloudEvents nor an eventNotifications object")
    by_realm: defaultdict[str, list[Envelope]] = defaultdict(list)
    for realm, envelope in pairs:
        by_realm[realm].append(envelope)
    return {realm: tuple(envelopes) for realm, envelopes in by_realm.items()}


def _check_count(count: int, limit: int) -> None:
    if count > limit:
        raise UnusableDelivery(f"the delivery has {count} events, more than {limit}")


def _parse_cloud_events(events: list[Any], limit: int) -> list[tuple[str, Envelope]]:
    _check_count(len(events), limit)
    return [_parse_cloud_event(event) for event in events]


def _parse_cloud_event(event: Any) -> tuple[str, Envelope]:
    try:
        loaded = _cloud_event.load(event)
    except ValidationError as error:
        return _unusable(event, str(error.messages), "intuitaccountid")
    found = _CLOUD_TYPE.match(loaded["type"])
    entity, operation = found.groups() if found else ("", loaded["type"])
    if not _names_a_record(entity, loaded["intuitentityid"]):
        return _unusable(event, "intuitentityid is not a number", "intuitaccountid")
    return loaded["intuitaccountid"], Envelope(
        id=loaded["id"],
        type=f"{entity}.{OPERATIONS.get(operation, operation)}" if found else loaded["type"],
        subject=loaded["intuitentityid"],
        time=loaded["time"],
        data=_merged(loaded["data"] or {}),
    )


def _names_a_record(entity: str, record_id: str) -> bool:
    return entity not in _NUMBERED or ids.is_quickbooks_id(record_id)


def _merged(data: dict[str, Any]) -> dict[str, Any]:
    """What an event says beside its names: the record that a merge took away, if it is one."""
    return {name: value for name, value in data.items() if name != "deletedid" or ids.is_quickbooks_id(value)}


def _parse_legacy(notifications: list[Any], limit: int) -> list[tuple[str, Envelope]]:
    result: list[tuple[str, Envelope]] = []
    for notification in notifications:
        change = notification.get("dataChangeEvent") if isinstance(notification, dict) else None
        entities = change.get("entities") if isinstance(change, dict) else None
        if not isinstance(entities, list):
            result.append(_unusable(notification, "no dataChangeEvent.entities", "realmId"))
            continue
        _check_count(len(result) + len(entities), limit)
        realm = notification.get("realmId")
        if not ids.is_quickbooks_id(realm):
            realm = NO_REALM
        result.extend((realm, _parse_legacy_entity(realm, entity)) for entity in entities)
    return result


def _parse_legacy_entity(realm: str, entity: Any) -> Envelope:
    try:
        loaded = _legacy_entity.load(entity)
    except ValidationError as error:
        return _unusable(entity, str(error.messages), "")[1]
    if not _names_a_record(loaded["name"].lower(), loaded["id"]):
        return unusable(entity, "its id is not a number")
    operation = loaded["operation"].lower()
    operation = OPERATIONS.get(operation, operation)
    moment: datetime = loaded["lastUpdated"]
    # One-second resolution: this id only marks the log, it never suppresses what follows.
    event_id = f"{realm}-{loaded['name']}-{loaded['id']}-{operation}-{int(moment.timestamp() * 1000)}"
    if not is_name(event_id):
        return unusable(entity, "its realm, name, id and operation are too long together")
    return Envelope(
        id=event_id,
        type=f"{loaded['name'].lower()}.{operation}",
        subject=loaded["id"],
        time=moment,
        legacy=True,
        data=_merged({"deletedid": loaded["deletedId"]}),
    )


def _unusable(event: Any, why: str, realm_key: str) -> tuple[str, Envelope]:
    realm = event.get(realm_key) if isinstance(event, dict) else None
    return (realm if ids.is_quickbooks_id(realm) else NO_REALM), unusable(event, why)
