"""One company's books: documents in memory, written through to disk, changed only inside a transaction."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from quickbooks_sandbox.books.amounts import Doc, copied
from quickbooks_sandbox.books.clock import meta_time
from quickbooks_sandbox.books.disk import Change, CommitHook, Disk, Staged
from quickbooks_sandbox.books.errors import Fault
from quickbooks_sandbox.books.indexes import (
    CHANGED,
    PEOPLE,
    Indexes,
    IndexKey,
    Key,
    index_keys,
    receivable,
)
from quickbooks_sandbox.books.schema import TRANSACTIONS
from quickbooks_sandbox.books.storage import Storage
from quickbooks_sandbox.books.texts import Texts
from sandbox_kit.clock import SandboxClock

OWNER = "9130350000000001"
"""The user who does everything here."""


def id_space(entity: str) -> str:
    """Transactions share one sequence of Ids, and so do customers, vendors and employees."""
    if entity in TRANSACTIONS:
        return "Transaction"
    return "Name" if entity in PEOPLE else entity


class Books:
    """All documents of one realm. Documents that were handed out are never changed, only replaced."""

    def __init__(self, storage: Storage, realm: str, clock: SandboxClock, on_commit: CommitHook | None = None) -> None:
        self.realm = realm
        self.lock = threading.RLock()
        self.disk = Disk(storage, realm, clock, on_commit)
        self.texts = Texts()
        self._clock = clock
        self._documents: dict[str, dict[str, Doc]] = {}
        self._tombstones: dict[str, dict[str, Doc]] = {}
        self._indexes = Indexes()
        self._counters = self.disk.counters()
        for entity, object_id, doc, deleted in self.disk.documents():
            self._place(entity, object_id, doc, deleted)

    # Reading

    def get(self, entity: str, object_id: str) -> Doc | None:
        return self._documents.get(entity, {}).get(object_id)

    def all(self, entity: str) -> Iterable[Doc]:
        return self._documents.get(entity, {}).values()

    def count(self, entity: str) -> int:
        return len(self._documents.get(entity, {}))

    def found(self, key: IndexKey) -> list[Key]:
        return self._indexes.found(key)

    def owed(self, customer: str) -> Decimal:
        """The customer's open balance in the customer's own currency."""
        return self._indexes.owed(customer)

    def booked(self, account: str, currency: str, is_home: bool) -> Decimal:
        """What documents booked on an account, in its currency."""
        return self._indexes.ledger.balance(account, currency, is_home)

    def family(self, entity: str, object_id: str) -> Iterator[str]:
        """The Ids of a list's record and of all below it."""
        yield object_id
        for child in self._indexes.below(entity, object_id):
            yield from self.family(entity, child)

    def updated_since(self, entity: str, seconds: float) -> Iterator[tuple[Doc, bool]]:
        """Documents and tombstones (with True), oldest change first, from ``seconds`` on, inclusive."""
        for object_id in self._indexes.between(entity, CHANGED, seconds):
            live = self.get(entity, object_id)
            yield (live, False) if live is not None else (self._tombstones[entity][object_id], True)

    def between(self, entity: str, index: str, least: Any = None, most: Any = None, skip: int = 0) -> Iterator[Doc]:
        """Living documents in the order of a sorted index, both bounds inclusive.

        ``skip`` leaves out the first ones at no cost; in the order of change it counts the deleted ones too.
        """
        for object_id in self._indexes.between(entity, index, least, most, skip):
            doc = self.get(entity, object_id)
            if doc is not None:
                yield doc

    def newest_first(self, entity: str) -> Iterator[Doc]:
        """Living documents, the last change first."""
        for object_id in self._indexes.backwards(entity, CHANGED):
            doc = self.get(entity, object_id)
            if doc is not None:
                yield doc

    # Writing

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Commits when the block ends, leaves no trace when it raises. One writer at a time."""
        with self.lock:
            transaction = Transaction(self, self._clock.now())
            yield transaction
            self._commit(transaction)

    def _commit(self, transaction: Transaction) -> None:
        self.disk.write(transaction)
        # Memory follows the disk, so that a failed commit leaves both as they were.
        self._counters.update(transaction.counters)
        for (entity, object_id), (doc, deleted) in transaction.staged.items():
            self._place(entity, object_id, doc, deleted)

    def counter(self, name: str) -> int:
        return self._counters.get(name, 0)

    def _place(self, entity: str, object_id: str, doc: Doc, deleted: bool) -> None:
        documents = self._documents.setdefault(entity, {})
        old = documents.get(object_id)
        if old is not None:
            self._indexes.remove(entity, old)
            self.texts.replaced(entity, old, doc)
        if deleted:
            documents.pop(object_id, None)
            self.texts.drop(entity, object_id)
            self._tombstones.setdefault(entity, {})[object_id] = doc
            self._indexes.add_deleted(entity, doc)
        else:
            documents[object_id] = doc  # in its old place: the order is that of the Ids
            self._indexes.add(entity, doc)


class Transaction(Staged):
    """What one request (or one batch) wants to change; reads see its own writes."""

    def __init__(self, books: Books, now: datetime) -> None:
        super().__init__()
        self.books = books
        self.now = now

    def get(self, entity: str, object_id: str) -> Doc | None:
        if (entity, object_id) in self.staged:
            doc, deleted = self.staged[entity, object_id]
            return None if deleted else doc
        return self.books.get(entity, object_id)

    def need(self, entity: str, object_id: str) -> Doc:
        """The document, or the fault 610."""
        doc = self.get(entity, object_id)
        if doc is None:
            raise Fault("610")
        return doc

    def editable(self, entity: str, object_id: str) -> Doc:
        """A copy that may be changed and put back."""
        doc: Doc = copied(self.need(entity, object_id))
        return doc

    def all(self, entity: str) -> list[Doc]:
        """Every document of a small list as this transaction sees it."""
        stored = {doc["Id"]: doc for doc in self.books.all(entity)}
        for (other, object_id), (doc, deleted) in self.staged.items():
            if other == entity:
                stored.pop(object_id, None)
                if not deleted:
                    stored[object_id] = doc
        return list(stored.values())

    def find(self, index: str, value: str) -> list[Key]:
        key = (index, value)
        found = [other for other in self.books.found(key) if other not in self.staged]
        for (entity, object_id), (doc, deleted) in self.staged.items():
            if not deleted and key in index_keys(entity, doc):
                found.append((entity, object_id))
        return found

    def is_below(self, entity: str, object_id: str, above: str) -> bool:
        """Whether a record of a list has another for its parent, or its parent's parent, and so on."""
        parent = (self.need(entity, object_id).get("ParentRef") or {}).get("value")
        return parent is not None and (parent == above or self.is_below(entity, parent, above))

    def next_number(self, name: str, first: int = 1) -> int:
        number = max(self.counters.get(name, self.books.counter(name)) + 1, first)
        self.counters[name] = number
        return number

    def new_id(self, entity: str) -> str:
        while True:
            object_id = str(self.next_number(f"id:{id_space(entity)}"))
            if self.get(entity, object_id) is None:  # what was placed under an Id of its own choice keeps it
                return object_id

    def owed(self, customer: str) -> Decimal:
        total = self.books.owed(customer)
        for (entity, object_id), (doc, deleted) in self.staged.items():
            for part, sign in (
                (receivable(entity, self.books.get(entity, object_id)), -1),
                (receivable(entity, None if deleted else doc), 1),
            ):
                if part is not None and part[0] == customer:
                    total += sign * part[1]
        return total

    def put(self, entity: str, doc: Doc, operation: str = "updated", data: Doc | None = None) -> Doc:
        """Store a new version: the Id if it has none, the SyncToken, the times, and the event."""
        now = meta_time(self.now)
        if "Id" not in doc:
            doc["Id"] = self.new_id(entity)
            doc["SyncToken"] = "0"
            doc["MetaData"] = _times(entity, now, now)
            operation = "created"
        else:
            current = self.need(entity, doc["Id"])
            doc["SyncToken"] = str(int(current["SyncToken"]) + 1)
            doc["MetaData"] = _times(entity, current["MetaData"]["CreateTime"], now)
        self.staged[entity, doc["Id"]] = (doc, False)
        self.changed(entity, doc["Id"], operation, data)
        return doc

    def place(self, entity: str, object_id: str, doc: Doc) -> Doc:
        """Store a first version under an Id of its own choice; nobody is told."""
        now = meta_time(self.now)
        placed = {
            **doc,
            "Id": object_id,
            "SyncToken": "0",
            "MetaData": {"CreateTime": now, "LastUpdatedTime": now},
        }
        self.staged[entity, object_id] = (placed, False)
        return placed

    def delete(self, entity: str, object_id: str) -> None:
        doc = self.editable(entity, object_id)
        doc["MetaData"]["LastUpdatedTime"] = meta_time(self.now)
        self.staged[entity, object_id] = (doc, True)
        self.changed(entity, object_id, "deleted")

    def announce_only(self, entity: str, object_id: str) -> None:
        """Forget the events of records that changed only because this one did."""
        self.changes = {key: change for key, change in self.changes.items() if key == (entity, object_id)}

    def changed(self, entity: str, object_id: str, operation: str, data: Doc | None = None) -> None:
        """One event a record and transaction; a side effect never hides what the request itself did."""
        earlier = self.changes.get((entity, object_id))
        if earlier is not None and operation == "updated":
            return
        self.changes[entity, object_id] = Change(
            self.books.realm, entity, object_id, operation, self.now, dict(data or {})
        )


def _times(entity: str, created: str, now: str) -> Doc:
    """Transactions tell who changed them last as well."""
    by = {"LastModifiedByRef": {"value": OWNER}} if entity in TRANSACTIONS else {}
    return {"CreateTime": created, **by, "LastUpdatedTime": now}
