"""The sandbox's disk: one SQLite file. What a transaction wrote survives a kill of the process."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from quickbooks_sandbox.books.amounts import decode, encode

_SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS documents (
    realm TEXT, entity TEXT, id TEXT, body TEXT NOT NULL, deleted INTEGER NOT NULL,
    PRIMARY KEY (realm, entity, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (realm TEXT, name TEXT, value INTEGER, PRIMARY KEY (realm,
name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (
    realm TEXT, requestid TEXT, status INTEGER, body TEXT, mark TEXT NOT NULL DEFAULT '',
    at REAL NOT NULL DEFAULT 1, PRIMARY KEY (realm, requestid)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (realm TEXT, id TEXT, content BLOB NOT NULL, PRIMARY KEY (realm, id));
CREATE TABLE IF NOT EXISTS codes (
    code TEXT PRIMARY KEY, realm TEXT, redirect_uri TEXT, expires REAL, client_id TEXT NOT NULL DEFAULT '',
    scope TEXT NOT NULL DEFAULT '', challenge TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS grants (
    id INTEGER PRIMARY KEY, realm TEXT, refresh TEXT UNIQUE, issued REAL, expires REAL, hard_expires REAL,
    previous TEXT, previous_dies REAL, revoked INTEGER NOT NULL DEFAULT 0, client_id TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS access_tokens (token TEXT PRIMARY KEY, grant_id INTEGER,
expires REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, at REAL, event TEXT NOT NULL,
    client_id TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY, body TEXT NOT NULL, events INTEGER, state TEXT NOT NULL,
    blocking INTEGER NOT NULL,
    attempts INTEGER NOT NULL, due REAL, copies INTEGER NOT NULL, last_answer TEXT, acknowledged REAL,
    client_id TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS deliveries_by_state ON deliveries (state);
"""

# What directories lack that an earlier sandbox made: table, column, and how it is declared.
_OF_AN_APP = ("codes", "grants", "events", "deliveries")
_ADDED = (
    ("answers", "mark", "TEXT NOT NULL DEFAULT ''"),
    ("answers", "at", "REAL NOT NULL DEFAULT 1"),
    ("codes", "scope", "TEXT NOT NULL DEFAULT ''"),
    ("codes", "challenge", "TEXT NOT NULL DEFAULT ''"),
    *((table, "client_id", "TEXT NOT NULL DEFAULT ''") for table in _OF_AN_APP),
)

ROWS_A_CHUNK = 500


class Storage:
    """A connection shared under a lock; every write happens inside :meth:`transaction`."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._depth = 0
        self._connection = sqlite3.connect(
            directory / "quickbooks.sqlite3", check_same_thread=False, isolation_level=None
        )
        # WAL with NORMAL loses nothing when the process is killed, and spares a disk flush a write.
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)
        for table, column, declared in _ADDED:
            self._add_column(table, column, declared)
            self._add_column(f"snapshot_{table}", column, declared)

    def _add_column(self, table: str, column: str, declared: str) -> None:
        known = [row[1] for row in self._connection.execute(f"PRAGMA table_info({table})")]
        if known and column not in known:
            self._connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} {declared}")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; a transaction inside another one belongs to the outer."""
        with self._lock:
            if self._depth:
                yield self._connection
                return
            self._connection.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            else:
                self._connection.execute("COMMIT")
            finally:
                self._depth = 0

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def chunks(self, sql: str, *values: Any) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a large answer, some hundred at a time; nobody else gets at the disk meanwhile."""
        with self._lock:
            cursor = self._connection.execute(sql, values)
            while rows := cursor.fetchmany(ROWS_A_CHUNK):
                yield rows

    def give_to(self, client_id: str) -> None:
        """Whatever was kept when there was one app only is that app's."""
        with self.transaction() as connection:
            for table in _OF_AN_APP:
                connection.execute(f"UPDATE {table} SET client_id = ? WHERE client_id = ''", (client_id,))  # noqa: S608

    def setting(self, name: str, default: Any = None) -> Any:
        found = self.rows("SELECT value FROM settings WHERE name = ?", name)
        return decode(found[0][0]) if found else default

    def keep_setting(self, name: str, value: Any) -> None:
        with self.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, encode(value)))

    def close(self) -> None:
        with self._lock:
            self._connection.close()
