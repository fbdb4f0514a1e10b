"""A company's books on disk: read once, written through in one transaction for each change."""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from quickbooks_sandbox.books.amounts import Doc, decode, encode_fast
from quickbooks_sandbox.books.indexes import Key
from quickbooks_sandbox.books.storage import Storage
from sandbox_kit.clock import SandboxClock

MANY_OBJECTS = 1_000_000


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


class Staged:
    """What is to be written at once."""

    def __init__(self) -> None:
        self.staged: dict[Key, tuple[Doc, bool]] = {}
        self.counters: dict[str, int] = {}
        self.changes: dict[Key, Change] = {}
        self.answer: Answered | None = None
        self.files: dict[str, bytes] = {}


class Disk:
    """The rows of one realm."""

    def __init__(self, storage: Storage, realm: str, clock: SandboxClock, on_commit: CommitHook | None) -> None:
        self._storage = storage
        self._realm = realm
        self._clock = clock
        self._on_commit = on_commit

    def counters(self) -> dict[str, int]:
        rows = self._storage.rows("SELECT name, value FROM counters WHERE realm = ?", self._realm)
        return {row[0]: row[1] for row in rows}

    def documents(self) -> Iterator[tuple[str, str, Doc, bool]]:
        """All of them in the order of their Ids, tombstones (with True) too: entity, Id, document."""
        sql = "SELECT entity, id, body, deleted FROM documents WHERE realm = ? ORDER BY entity, CAST(id AS INTEGER), id"
        with _without_collector():
            for rows in self._storage.chunks(sql, self._realm):
                # Decoded together, documents share the names of their properties: half the memory.
                docs = decode(f"[{','.join(row[2] for row in rows)}]")
                for (entity, object_id, _, deleted), doc in zip(rows, docs, strict=True):
                    yield entity, object_id, doc, bool(deleted)

    def write(self, pending: Staged) -> None:
        """All of it or nothing, and whoever hears of it in the same transaction."""
        with self._storage.transaction() as connection:
            for (entity, object_id), (doc, deleted) in pending.staged.items():
                connection.execute(
                    "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?)",
                    (self._realm, entity, object_id, encode_fast(doc), int(deleted)),
                )
                if deleted and entity == "Attachable":
                    connection.execute("DELETE FROM files WHERE realm = ? AND id = ?", (self._realm, object_id))
            for object_id, content in pending.files.items():
                connection.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", (self._realm, object_id, content))
            for name, value in pending.counters.items():
                connection.execute("INSERT OR REPLACE INTO counters VALUES (?, ?, ?)", (self._realm, name, value))
            if pending.answer is not None:
                answer = pending.answer
                connection.execute(
                    "INSERT OR REPLACE INTO answers (realm, requestid, status, body, mark, at)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (self._realm, answer.requestid, answer.status, answer.body, answer.mark, self._clock.seconds()),
                )
            if self._on_commit is not None and pending.changes:
                self._on_commit(connection, list(pending.changes.values()))

    def answer_to(self, requestid: str, kept_seconds: float | None = None) -> Answered | None:
        """What was answered under this id, unless that is longer ago than it is kept; None keeps it for ever."""
        oldest = 0.0 if kept_seconds is None else self._clock.seconds() - kept_seconds
        found = self._storage.rows(
            "SELECT requestid, mark, status, body FROM answers WHERE realm = ? AND requestid = ? AND at > ?",
            self._realm,
            requestid,
            oldest,
        )
        return Answered(*found[0]) if found else None

    def file(self, object_id: str) -> bytes | None:
        """What was uploaded with an attachable."""
        found = self._storage.rows("SELECT content FROM files WHERE realm = ? AND id = ?", self._realm, object_id)
        return found[0][0] if found else None


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
