"""One company's books: documents in memory, written through to disk, changed only inside a transaction."""

from __future__ import annotations

import gc
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from quickbooks_sandbox.books.amounts import ZERO, Doc, Encoded, copied, decode, encode_fast
from quickbooks_sandbox.books.clock import meta_time
from quickbooks_sandbox.books.errors import Fault
from quickbooks_sandbox.books.indexes import (
    CHANGED,
    PEOPLE,
    Indexes,
    IndexKey,
    Key,
    index_keys,
    name_field,
    receivable,
    shown_name,
)
from quickbooks_sandbox.books.ledger import RECEIVABLE, UNDEPOSITED
from quickbooks_sandbox.books.schema import TARGETS, TRANSACTIONS
from quickbooks_sandbox.books.storage import Storage
from sandbox_kit.clock import SandboxClock

TEXTS_KEPT = 20_000
OWNER = "9130350000000001"
"""The user who does everything here."""
MANY_OBJECTS = 1_000_000
# Their balances are worked out for each answer, from what else is in the books.
WITH_BALANCES = frozenset({"Customer", "Account"})


@dataclass(frozen=True)
class Change:
    """What a webhook tells: never values, only which record and what happened to it."""

    realm: str
    entity: str
    id: str
    operation: str
    at: datetime
    data: Doc = field(default_factory=dict)


@dataclass(frozen=True)
class Answered:
    """What a requestid is remembered with: the answer, and a mark of the request that got it."""

    requestid: str
    mark: str
    status: int
    body: str


CommitHook = Callable[[sqlite3.Connection, list[Change]], None]


def id_space(entity: str) -> str:
    """Transactions share one sequence of Ids, and so do customers, vendors and employees."""
    if entity in TRANSACTIONS:
        return "Transaction"
    return "Name" if entity in PEOPLE else entity


@contextmanager
def _without_collector() -> Iterator[None]:
    """Reading many documents makes nothing but what stays: looking for garbage in it takes most of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if gc.get_count()[0] > MANY_OBJECTS:
            gc.freeze()  # nor is any worth looking for in it later: it would stop everything for a second
        if was_on:
            gc.enable()


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
        self._indexes = Indexes()
        self._texts: dict[Key, tuple[Doc, int, Encoded]] = {}
        self._renamed = 0  # how often a name changed that answers repeat beside references
        self._counters: dict[str, int] = {}
        self._load()

    def _load(self) -> None:
        for name, value in self._storage.rows("SELECT name, value FROM counters WHERE realm = ?", self.realm):
            self._counters[name] = value
        sql = "SELECT entity, id, body, deleted FROM documents WHERE realm = ? ORDER BY entity, CAST(id AS INTEGER), id"
        with _without_collector():
            for rows in self._storage.chunks(sql, self.realm):
                # Decoded together, documents share the names of their properties: half the memory.
                docs = decode(f"[{','.join(row[2] for row in rows)}]")
                for (entity, object_id, _, deleted), doc in zip(rows, docs, strict=True):
                    self._place(entity, object_id, doc, bool(deleted))

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

    def balance(self, account: Doc) -> Decimal:
        """What is on an account, in its own currency; nothing on any that is not an asset."""
        if account.get("Classification") != "Asset":
            return ZERO
        currency = account["CurrencyRef"]["value"]
        prefs: Doc = self.get("Preferences", "1") or {}
        is_home = currency == prefs["CurrencyPrefs"]["HomeCurrency"]["value"]
        names = [account["Id"], *self._roles(account)]
        return sum((self._indexes.ledger.balance(name, currency, is_home) for name in names), ZERO)

    def _roles(self, account: Doc) -> Iterator[str]:
        """What an account is for: the first of its kind, among receivables the first of its currency."""
        for role, subtype in ((UNDEPOSITED, "UndepositedFunds"), (RECEIVABLE, "AccountsReceivable")):
            if account.get("AccountSubType") != subtype:
                continue
            alike = [one for one in self.all("Account") if one.get("AccountSubType") == subtype]
            if role == RECEIVABLE:
                alike = [one for one in alike if one["CurrencyRef"]["value"] == account["CurrencyRef"]["value"]]
            if alike and alike[0]["Id"] == account["Id"]:
                yield role

    def balance_with_children(self, account: Doc) -> Decimal:
        children = [one for one in self.all("Account") if (one.get("ParentRef") or {}).get("value") == account["Id"]]
        return self.balance(account) + sum((self.balance_with_children(child) for child in children), ZERO)

    def owed_with_jobs(self, customer: str) -> Decimal:
        """What the customer and everybody below owe."""
        return sum(map(self.owed, self.family("Customer", customer)), ZERO)

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

    def text(self, entity: str, doc: Doc) -> Encoded:
        """A stored document as an answer shows it, in JSON; kept until it or a name in it changes."""
        if entity in WITH_BALANCES:
            return Encoded(encode_fast(rendered(self, entity, doc)))
        key = entity, doc["Id"]
        kept = self._texts.get(key)
        if kept is not None and kept[0] is doc and kept[1] == self._renamed:
            return kept[2]
        if len(self._texts) >= TEXTS_KEPT:
            del self._texts[next(iter(self._texts))]
        text = Encoded(encode_fast(rendered(self, entity, doc)))
        self._texts[key] = doc, self._renamed, text
        return text

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
                    (self.realm, entity, object_id, encode_fast(doc), int(deleted)),
                )
                if deleted and entity == "Attachable":
                    connection.execute("DELETE FROM files WHERE realm = ? AND id = ?", (self.realm, object_id))
            for object_id, content in transaction.files.items():
                connection.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", (self.realm, object_id, content))
            for name, value in transaction.counters.items():
                connection.execute("INSERT OR REPLACE INTO counters VALUES (?, ?, ?)", (self.realm, name, value))
            if transaction.answer is not None:
                answer = transaction.answer
                connection.execute(
                    "INSERT OR REPLACE INTO answers (realm, requestid, status, body, mark, at)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (self.realm, answer.requestid, answer.status, answer.body, answer.mark, self._clock.seconds()),
                )
            if self._on_commit is not None and transaction.changes:
                self._on_commit(connection, list(transaction.changes.values()))
        # Memory follows the disk, so that a failed commit leaves both as they were.
        self._counters.update(transaction.counters)
        for (entity, object_id), (doc, deleted) in transaction.staged.items():
            self._place(entity, object_id, doc, deleted)

    def answer_to(self, requestid: str, kept_seconds: float | None = None) -> Answered | None:
        """What was answered under this id, unless that is longer ago than it is kept; None keeps it for ever."""
        oldest = 0.0 if kept_seconds is None else self._clock.seconds() - kept_seconds
        found = self._storage.rows(
            "SELECT requestid, mark, status, body FROM answers WHERE realm = ? AND requestid = ? AND at > ?",
            self.realm,
            requestid,
            oldest,
        )
        return Answered(*found[0]) if found else None

    def file(self, object_id: str) -> bytes | None:
        """What was uploaded with an attachable."""
        found = self._storage.rows("SELECT content FROM files WHERE realm = ? AND id = ?", self.realm, object_id)
        return found[0][0] if found else None

    def counter(self, name: str) -> int:
        return self._counters.get(name, 0)

    def _place(self, entity: str, object_id: str, doc: Doc, deleted: bool) -> None:
        documents = self._documents.setdefault(entity, {})
        old = documents.get(object_id)
        if old is not None:
            self._indexes.remove(entity, old)
            if any(old.get(name) != doc.get(name) for name in (name_field(entity), "FullyQualifiedName")):
                self._renamed += 1
        if deleted:
            documents.pop(object_id, None)
            self._texts.pop((entity, object_id), None)
            self._tombstones.setdefault(entity, {})[object_id] = doc
            self._indexes.add_deleted(entity, doc)
        else:
            documents[object_id] = doc  # in its old place: the order is that of the Ids
            self._indexes.add(entity, doc)


class Transaction:
    """What one request (or one batch) wants to change; reads see its own writes."""

    def __init__(self, books: Books, now: datetime) -> None:
        self.books = books
        self.now = now
        self.staged: dict[Key, tuple[Doc, bool]] = {}
        self.counters: dict[str, int] = {}
        self.changes: dict[Key, Change] = {}
        self.answer: Answered | None = None
        self.files: dict[str, bytes] = {}

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


def rendered(books: Books, entity: str, doc: Doc) -> Doc:
    """A document as an answer shows it: nulls and the sandbox's own notes left out, balances filled in."""
    shown: Doc = {"domain": "QBO", "sparse": False}
    shown.update(_shown(books, doc))
    if entity == "Customer":
        shown["Balance"] = books.owed(doc["Id"])
        shown["BalanceWithJobs"] = books.owed_with_jobs(doc["Id"])
    if entity == "Account":
        shown["CurrentBalance"] = books.balance(doc)
        shown["CurrentBalanceWithSubAccounts"] = books.balance_with_children(doc)
    if entity != "Invoice" and not shown.get("LinkedTxn", True):  # an invoice shows that nothing is linked
        del shown["LinkedTxn"]
    if entity == "Payment":
        for line, stored in zip(shown["Line"], doc["Line"], strict=True):
            _describe_link(line, stored)
    if entity == "ExchangeRate":  # known by its currency and day
        del shown["Id"]
    return shown


def _describe_link(line: Doc, stored: Doc) -> None:
    """What a payment's line pays, once more in the schema's bag of names and values."""
    values = {
        "txnId": stored["LinkedTxn"][0]["TxnId"],
        "txnOpenBalance": f"{stored['_Open']:.2f}" if "_Open" in stored else None,
        "txnReferenceNumber": stored.get("_Number"),
    }
    schema = "com.intuit.schema.finance.v3"
    line["LineEx"] = {"any": [
        {"name": "{http://schema.intuit.com/finance/v3}NameValue", "declaredType": f"{schema}.NameValue",
         "scope": "javax.xml.bind.JAXBElement$GlobalScope", "value": {"Name": name, "Value": value}, "nil": False,
         "globalScope": True, "typeSubstituted": False}
        for name, value in values.items() if value
    ]}  # fmt: skip


def _shown(books: Books, value: Any) -> Any:
    if isinstance(value, list):
        return [_shown(books, item) for item in value]
    if not isinstance(value, dict):
        return value
    shown = {}
    for key, item in value.items():
        if item is None or key[0] == "_":
            continue
        if isinstance(item, dict | list):
            item = shown[key] = _shown(books, item)
            if key in TARGETS and isinstance(item.get("value") if isinstance(item, dict) else None, str):
                _name_target(books, key, item)
        else:
            shown[key] = item
    return shown


def _name_target(books: Books, key: str, reference: Doc) -> None:
    """References carry the name that their target has now."""
    entity = TARGETS[key][0]
    target = books.get(entity, reference.get("value", ""))
    if target is not None:
        reference["name"] = shown_name(entity, target)
