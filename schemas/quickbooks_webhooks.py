"""QuickBooks' two webhook formats, turned into envelopes by realm.

CloudEvents come as an array, the legacy notifications as an object. A single unusable event never spoils its
delivery: it becomes an envelope with a reason and is kept for an operator.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any

import msgspec

from config.errors import RavebooksError
from schemas import ids, structs
from schemas.envelopes import Envelope, is_name, unusable
from schemas.structs import DoesNotFit, Name
from schemas.times import instant

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


_Number = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,20}\Z", description="a number")]


class _CloudEvent(msgspec.Struct, rename={"record_id": "intuitentityid", "realm": "intuitaccountid"}):
    id: Name
    type: Name
    time: str
    record_id: Name
    realm: _Number
    data: dict[str, Any] | None = None


_Short = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class _Named(msgspec.Struct, rename={"record_id": "intuitentityid", "realm": "intuitaccountid"}):
    """A `_CloudEvent` as msgspec reads a whole delivery at once; what its names are made of is looked at afterwards.

    A pattern is a call back into Python for each field: those of thirty events took longer than all the rest.
    """

    id: _Short
    type: _Short
    time: str
    record_id: _Short
    realm: str
    data: dict[str, Any] | None = None

    def fits(self) -> bool:
        """Whether it is a `_CloudEvent`, field by field."""
        names = self.id + self.type + self.record_id
        return names.isascii() and names.isprintable() and ids.is_quickbooks_id(self.realm)


class _LegacyEntity(msgspec.Struct, rename={"changed_at": "lastUpdated", "merged_id": "deletedId"}):
    name: Name
    id: Name
    operation: Name
    changed_at: str
    merged_id: str | None = None


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
    read: list[_Named] | list[None]
    try:
        read = msgspec.convert(events, list[_Named])
    except (msgspec.ValidationError, UnicodeEncodeError):
        # One of them is at fault: each is judged by itself.
        read = [None] * len(events)
    return [_parse_cloud_event(raw, named) for raw, named in zip(events, read, strict=True)]


def _parse_cloud_event(raw: Any, named: _Named | None) -> tuple[str, Envelope]:
    try:
        event = named if named is not None and named.fits() else structs.fitted(raw, _CloudEvent)
        return event.realm, _envelope(event)
    except DoesNotFit as error:
        return _unusable(raw, error, "intuitaccountid")


def _envelope(event: _Named | _CloudEvent) -> Envelope:
    time = instant(event.time, "time")
    entity, type_ = _entity_and_type(event.type)
    if not _names_a_record(entity, event.record_id):
        raise DoesNotFit("its intuitentityid is not a number")
    return Envelope(event.id, type_, event.record_id, time, data=_merged(event.data) if event.data else {})


@lru_cache(maxsize=200)
def _entity_and_type(said: str) -> tuple[str, str]:
    """`qbo.invoice.voided.v1` is `invoice.void`, of an `invoice`; any other type is what it says, of no entity."""
    found = _CLOUD_TYPE.match(said)
    if found is None:
        return "", said
    entity, operation = found.groups()
    return entity, f"{entity}.{OPERATIONS.get(operation, operation)}"


def _names_a_record(entity: str, record_id: str) -> bool:
    return entity not in _NUMBERED or ids.is_quickbooks_id(record_id)


def _merged(data: Mapping[str, Any]) -> dict[str, Any]:
    """What an event says beside its names: the record that a merge took away, if it is one."""
    return {name: value for name, value in data.items() if name != "deletedid" or ids.is_quickbooks_id(value)}


def _parse_legacy(notifications: list[Any], limit: int) -> list[tuple[str, Envelope]]:
    result: list[tuple[str, Envelope]] = []
    for notification in notifications:
        change = notification.get("dataChangeEvent") if isinstance(notification, dict) else None
        entities = change.get("entities") if isinstance(change, dict) else None
        if not isinstance(entities, list):
            result.append(_unusable(notification, DoesNotFit("it has no dataChangeEvent.entities"), "realmId"))
            continue
        _check_count(len(result) + len(entities), limit)
        realm = notification.get("realmId")
        if not ids.is_quickbooks_id(realm):
            realm = NO_REALM
        result.extend((realm, _parse_legacy_entity(realm, entity)) for entity in entities)
    return result


def _parse_legacy_entity(realm: str, raw: Any) -> Envelope:
    try:
        entity = structs.fitted(raw, _LegacyEntity)
        time = instant(entity.changed_at, "lastUpdated")
    except DoesNotFit as error:
        return _unusable(raw, error, "")[1]
    if not _names_a_record(entity.name.lower(), entity.id):
        return _unusable(raw, DoesNotFit("its id is not a number"), "")[1]
    operation = entity.operation.lower()
    operation = OPERATIONS.get(operation, operation)
    # One-second resolution: this id only marks the log, it never suppresses what follows.
    event_id = f"{realm}-{entity.name}-{entity.id}-{operation}-{int(time.timestamp() * 1000)}"
    if not is_name(event_id):
        return _unusable(raw, DoesNotFit("its realm, name, id and operation are too long together"), "")[1]
    return Envelope(
        id=event_id,
        type=f"{entity.name.lower()}.{operation}",
        subject=entity.id,
        time=time,
        legacy=True,
        data=_merged({"deletedid": entity.merged_id}),
    )


def _unusable(event: Any, why: DoesNotFit, realm_key: str) -> tuple[str, Envelope]:
    known = event if isinstance(event, dict) else {}
    realm = known.get(realm_key)
    return (realm if ids.is_quickbooks_id(realm) else NO_REALM), unusable(event, why, known.get("id"))
