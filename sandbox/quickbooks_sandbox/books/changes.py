"""Change data capture: everything that changed in the named entities since an instant, deletions included."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from quickbooks_sandbox.books.amounts import Doc, Encoded
from quickbooks_sandbox.books.books import Books
from quickbooks_sandbox.books.clock import parse_instant
from quickbooks_sandbox.books.errors import Fault, required
from quickbooks_sandbox.books.rendering import text
from quickbooks_sandbox.books.schema import BY_PATH, NEVER_HELD

LONGEST = timedelta(days=30)
MOST_OBJECTS = 1000
# They have no change data capture at QuickBooks either.
WITHOUT = frozenset({"TaxCode", "TaxRate", "TaxAgency", "CompanyInfo", "Preferences", "ExchangeRate", "TimeActivity"})


def capture(
    books: Books,
    entities: str | None,
    changed_since: str | None,
    now: datetime,
    hidden: Callable[[Doc], bool] | None = None,
) -> list[Doc]:
    """One ``QueryResponse`` an entity, in the order asked; at most 1000 objects together. Raises Fault."""
    if not entities:
        raise required("entities")
    since = _since(changed_since, now)
    room = MOST_OBJECTS
    answer = []
    for name in entities.split(","):
        entity = BY_PATH.get(name.strip().lower()) or NEVER_HELD.get(name.strip().lower())
        if entity is None or entity in WITHOUT:
            raise Fault("4001", f"QueryValidationError: Entity {name.strip()} is not supported by change data capture")
        objects = _changed(books, entity, since, room, hidden)
        room -= len(objects)
        page = {entity: objects, "startPosition": 1, "maxResults": len(objects), "totalCount": len(objects)}
        answer.append(page if objects else {})
    return answer


def _since(text: str | None, now: datetime) -> float:
    if not text:
        raise required("changedSince")
    try:
        since = parse_instant(text)
    except ValueError:
        raise Fault("4001", f"QueryValidationError: Invalid value '{text}' for changedSince") from None
    if now - since > LONGEST:
        raise Fault("4001", "QueryValidationError: changedSince must not be more than 30 days ago")
    return since.timestamp()


def _changed(
    books: Books, entity: str, since: float, room: int, hidden: Callable[[Doc], bool] | None
) -> list[Doc | Encoded]:
    objects: list[Doc | Encoded] = []
    for doc, deleted in books.updated_since(entity, since):
        if len(objects) == room:
            break
        if hidden is not None and not deleted and hidden(doc):
            continue
        objects.append(_tombstone(doc) if deleted else text(books, entity, doc))
    return objects


def _tombstone(doc: Doc) -> Doc:
    changed = {"LastUpdatedTime": doc["MetaData"]["LastUpdatedTime"]}
    return {"domain": "QBO", "status": "Deleted", "Id": doc["Id"], "MetaData": changed}
