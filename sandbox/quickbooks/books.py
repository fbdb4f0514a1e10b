"""One company's books: documents in memory, written through to disk, changed only inside a transaction."""

from __future__ import annotations

import copy
import sqlite3
import threading
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sandbox.quickbooks.amounts import ZERO, Doc, amount_of, decode, encode
from sandbox.quickbooks.clock import SandboxClock, meta_time
from sandbox.quickbooks.errors import Fault
from sandbox.quickbooks.schema import TARGETS, TRANSACTIONS
from sandbox.quickbooks.storage import Storage

Key = tuple[str, str]  # entity and Id
IndexKey = tuple[str, str]  # index and value
PEOPLE = ("Customer", "Vendor", "Employee")


@dataclass(frozen=True)
class Change:
    """What a webhook tells: never values, only which record and what happened to it."""

    realm: str
    entity: str
    id: str
    operation: str
    at: datetime
    data: Doc = field(default_factory=dict)


CommitHook = Callable[[sqlite3.Connection, list[Change]], None]


def id_space(entity: str) -> str:
    """Transactions share one sequence of Ids, and so do customers, vendors and employees."""
    if entity in TRANSACTIONS:
        return "Transaction"
    return "Name" if entity in PEOPLE else entity


def name_space(entity: str) -> str:
    """Within this index a name is unique."""
    return f"name:{'People' if entity in PEOPLE else entity}"


def name_field(entity: str) -> str:
    return "DisplayName" if entity in PEOPLE else "Name"


def name_key(name: str) -> str:
    return name.strip().casefold()


def index_keys(entity: str, doc: Doc) -> Iterator[IndexKey]:
    if entity in TRANSACTIONS:
        if doc.get("DocNumber"):
            yield f"DocNumber:{entity}", doc["DocNumber"]
    elif doc.get(name_field(entity)):
        yield name_space(entity), name_key(doc[name_field(entity)])


def receivable(entity: str, doc: Doc | None) -> tuple[str, Decimal] | None:
    """The customer and what this document adds to what the customer owes."""
    if doc is None or not doc.get("CustomerRef"):
        return None
    customer = doc["CustomerRef"]["value"]
    match entity:
        case "Invoice":
            return customer, amount_of(doc.get("Balance"))
        case "Payment":
            return customer, -amount_of(doc.get("UnappliedAmt"))
        case "CreditMemo":
            return customer, -amount_of(doc.get("RemainingCredit"))
    return None


def id_order(object_id: str) -> int:
    """Ids count upwards; only the tax codes TAX and NON have words for Ids."""
    return int(object_id) if object_id.isdecimal() else 0


def updated_seconds(doc: Doc) -> float:
    return datetime.fromisoformat(doc["MetaData"]["LastUpdatedTime"]).timestamp()


class Books:
    """All documents of one realm. Documents that were handed out are never changed, only replaced."""

    def __init__(self, storage: Storage, realm: str, clock: SandboxClock, on_commit: CommitHook | None = None) -> None:
        self.realm = realm
        self.lock = threading.RLock()
        self._storage = storage
        self._clock = clock
        self._on_commit = on_commit
        self._documents: dict[str, dict[str, Doc]] = {}
        self._tombstones: dict[str, dict[str, Doc]] = {}
        self._index: dict[IndexKey, dict[Key, None]] = {}
        self._by_time: dict[str, list[tuple[float, int, str]]] = {}
        self._owed: dict[str, Decimal] = {}
        self._counters: dict[str, int] = {}
        self._load()

    def _load(self) -> None:
        for name, value in self._storage.rows("SELECT name, value FROM counters WHERE realm = ?", self.realm):
            self._counters[name] = value
        sql = "SELECT entity, id, body, deleted FROM documents WHERE realm = ?"
        for entity, object_id, body, deleted in self._storage.rows(sql, self.realm):
            self._place(entity, object_id, decode(body), bool(deleted))

    # Reading

    def get(self, entity: str, object_id: str) -> Doc | None:
        return self._documents.get(entity, {}).get(object_id)

    def all(self, entity: str) -> Iterable[Doc]:
        return self._documents.get(entity, {}).values()

    def count(self, entity: str) -> int:
        return len(self._documents.get(entity, {}))

    def found(self, key: IndexKey) -> list[Key]:
        return list(self._index.get(key, ()))

    def owed(self, customer: str) -> Decimal:
        """The customer's open balance in the customer's own currency."""
        return self._owed.get(customer, ZERO)

    def updated_since(self, entity: str, seconds: float) -> Iterator[tuple[Doc, bool]]:
        """Documents and tombstones (with True), oldest change first, from ``seconds`` on, inclusive."""
        times = self._by_time.get(entity, [])
        for _, _, object_id in times[bisect_left(times, (seconds, -1, "")) :]:
            live = self.get(entity, object_id)
            yield (live, False) if live is not None else (self._tombstones[entity][object_id], True)

    # Writing

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Commits when the block ends, leaves no trace when it raises. One writer at a time."""
        with self.lock:
            transaction = Transaction(self, self._clock.now())
            yield transaction
            self._commit(transaction)

    def _commit(self, transaction: Transaction) -> None:
        with self._storage.transaction() as connection:
            for (entity, object_id), (doc, deleted) in transaction.staged.items():
                connection.execute(
                    "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?)",
                    (self.realm, entity, object_id, encode(doc), int(deleted)),
                )
            for name, value in transaction.counters.items():
                connection.execute("INSERT OR REPLACE INTO counters VALUES (?, ?, ?)", (self.realm, name, value))
            if transaction.answer is not None:
                connection.execute(
                    "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", (self.realm, *transaction.answer)
                )
            if self._on_commit is not None and transaction.changes:
                self._on_commit(connection, list(transaction.changes.values()))
        # Memory follows the disk, so that a failed commit leaves both as they were.
        self._counters.update(transaction.counters)
        for (entity, object_id), (doc, deleted) in transaction.staged.items():
            self._place(entity, object_id, doc, deleted)

    def answer_to(self, requestid: str) -> tuple[int, str] | None:
        found = self._storage.rows(
            "SELECT status, body FROM answers WHERE realm = ? AND requestid = ?", self.realm, requestid
        )
        return (found[0][0], found[0][1]) if found else None

    def counter(self, name: str) -> int:
        return self._counters.get(name, 0)

    def _place(self, entity: str, object_id: str, doc: Doc, deleted: bool) -> None:
        old = self._documents.setdefault(entity, {}).pop(object_id, None)
        if old is not None:
            self._unindex(entity, object_id, old)
        if deleted:
            self._tombstones.setdefault(entity, {})[object_id] = doc
        else:
            self._documents[entity][object_id] = doc
            for key in index_keys(entity, doc):
                self._index.setdefault(key, {})[entity, object_id] = None
            self._owe(receivable(entity, doc), 1)
        insort(self._by_time.setdefault(entity, []), (updated_seconds(doc), id_order(object_id), object_id))

    def _unindex(self, entity: str, object_id: str, old: Doc) -> None:
        for key in index_keys(entity, old):
            self._index.get(key, {}).pop((entity, object_id), None)
        self._owe(receivable(entity, old), -1)
        times = self._by_time[entity]
        times.pop(bisect_left(times, (updated_seconds(old), id_order(object_id), object_id)))

    def _owe(self, part: tuple[str, Decimal] | None, sign: int) -> None:
        if part is not None:
            self._owed[part[0]] = self._owed.get(part[0], ZERO) + sign * part[1]


class Transaction:
    """What one request (or one batch) wants to change; reads see its own writes."""

    def __init__(self, books: Books, now: datetime) -> None:
        self.books = books
        self.now = now
        self.staged: dict[Key, tuple[Doc, bool]] = {}
        self.counters: dict[str, int] = {}
        self.changes: dict[Key, Change] = {}
        self.answer: tuple[str, int, str] | None = None

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
        return copy.deepcopy(self.need(entity, object_id))

    def find(self, index: str, value: str) -> list[Key]:
        key = (index, value)
        found = [other for other in self.books.found(key) if other not in self.staged]
        for (entity, object_id), (doc, deleted) in self.staged.items():
            if not deleted and key in index_keys(entity, doc):
                found.append((entity, object_id))
        return found

    def next_number(self, name: str, first: int = 1) -> int:
        number = max(self.counters.get(name, self.books.counter(name)) + 1, first)
        self.counters[name] = number
        return number

    def new_id(self, entity: str) -> str:
        return str(self.next_number(f"id:{id_space(entity)}"))

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
            doc["MetaData"] = {"CreateTime": now, "LastUpdatedTime": now}
            operation = "created"
        else:
            current = self.need(entity, doc["Id"])
            doc["SyncToken"] = str(int(current["SyncToken"]) + 1)
            doc["MetaData"] = {"CreateTime": current["MetaData"]["CreateTime"], "LastUpdatedTime": now}
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

    def changed(self, entity: str, object_id: str, operation: str, data: Doc | None = None) -> None:
        """One event a record and transaction; a side effect never hides what the request itself did."""
        earlier = self.changes.get((entity, object_id))
        if earlier is not None and operation == "updated":
            return
        self.changes[entity, object_id] = Change(
            self.books.realm, entity, object_id, operation, self.now, dict(data or {})
        )


def rendered(books: Books, entity: str, doc: Doc) -> Doc:
    """A document as an answer shows it: nulls and the sandbox's own notes left out, balances filled in."""
    shown: Doc = {"domain": "QBO", "sparse": False}
    shown.update(_shown(books, doc))
    if entity == "Customer":
        owed = books.owed(doc["Id"])
        shown["Balance"] = shown["BalanceWithJobs"] = owed
    return shown


def _shown(books: Books, value: Any) -> Any:
    if isinstance(value, list):
        return [_shown(books, item) for item in value]
    if not isinstance(value, dict):
        return value
    shown = {key: _shown(books, item) for key, item in value.items() if item is not None and key[0] != "_"}
    for key in shown.keys() & TARGETS.keys():
        _name_target(books, key, shown[key])
    return shown


def _name_target(books: Books, key: str, reference: Doc) -> None:
    """References carry the name that their target has now."""
    entity = TARGETS[key][0]
    target = books.get(entity, reference.get("value", ""))
    if target is not None:
        reference["name"] = target[name_field(entity)]
