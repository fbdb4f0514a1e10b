"""Events: what is told of a change, in either format."""

from __future__ import annotations

import random
import uuid
from typing import Any

from quickbooks_sandbox.books.amounts import Doc
from quickbooks_sandbox.books.clock import event_time
from quickbooks_sandbox.books.disk import Change

LEGACY_NAMES = {"created": "Create", "updated": "Update", "deleted": "Delete", "merged": "Merge",
"emailed": "Emailed",
           "void": "Void"}  # fmt: skip


def event_of(change: Change, randomness: random.Random) -> Doc:
    """What is told of a change; a name that begins with an underscore is a note of the sandbox's own."""
    return {
        "specversion": "1.0",
        "id": str(uuid.UUID(int=randomness.getrandbits(128), version=4)),
        "source": "intuit.sandbox",
        "type": f"qbo.{change.entity.lower()}.{change.operation}.v1",
        "datacontenttype": "application/json",
        "time": event_time(change.at, randomness),
        "intuitentityid": change.id,
        "intuitaccountid": change.realm,
        "data": change.data,
        "_entity": change.entity,
    }


def without_notes(event: Doc) -> Doc:
    return {name: value for name, value in event.items() if name[0] != "_"}


def legacy(events: list[Doc]) -> dict[str, Any]:
    """The same in the format of before the CloudEvents."""
    by_realm: dict[str, list[Doc]] = {}
    for event in events:
        operation = event["type"].split(".")[2]
        entity = {
            "name": event["_entity"],
            "id": event["intuitentityid"],
            "operation": LEGACY_NAMES[operation],
            "lastUpdated": event["time"][:19] + ".000Z",
        }
        if "deletedid" in event["data"]:
            entity["deletedId"] = event["data"]["deletedid"]
        by_realm.setdefault(event["intuitaccountid"], []).append(entity)
    return {
        "eventNotifications": [
            {"realmId": realm, "dataChangeEvent": {"entities": entities}} for realm, entities in by_realm.items()
        ]
    }
