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


class UnusableDelivery(RavebooksError):
    """The body is JSON but no webhook delivery of QuickBooks."""

    remedy = "Send Intuit's CloudEvents array or its eventNotifications object."


class _CloudEvent(Schema):
    class Meta:
        unknown = EXCLUDE

    id = fields.String(required=True, validate=NAME)
    type = fields.String(required=True, validate=NAME)
    time = Instant(required=True)
    intuitentityid = fields.String(required=True, validate=NAME)
    intuitaccountid = fields.String(required=True, validate=NAME)
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
    return loaded["intuitaccountid"], Envelope(
        id=loaded["id"],
        type=f"{entity}.{OPERATIONS.get(operation, operation)}" if found else loaded["type"],
        subject=loaded["intuitentityid"],
        time=loaded["time"],
        data=loaded["data"] or {},
    )


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
        if not is_name(realm):
            realm = NO_REALM
        result.extend((realm, _parse_legacy_entity(realm, entity)) for entity in entities)
    return result


def _parse_legacy_entity(realm: str, entity: Any) -> Envelope:
    try:
        loaded = _legacy_entity.load(entity)
    except ValidationError as error:
        return _unusable(entity, str(error.messages), "")[1]
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
        data={"deletedid": loaded["deletedId"]} if loaded["deletedId"] else {},
    )


def _unusable(event: Any, why: str, realm_key: str) -> tuple[str, Envelope]:
    realm = event.get(realm_key) if isinstance(event, dict) else None
    return (realm if is_name(realm) else NO_REALM), unusable(event, why)
