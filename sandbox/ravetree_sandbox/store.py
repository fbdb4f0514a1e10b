"""The sandbox's disk: one SQLite file, one connection, one writer at a time."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS records (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0,
    number TEXT,
    external_id TEXT,
    client_id TEXT,
    body TEXT NOT NULL,
    UNIQUE (kind, id)
);
CREATE INDEX IF NOT EXISTS records_in_order ON records (kind, position);
CREATE UNIQUE INDEX IF NOT EXISTS records_number
    ON records (kind, number) WHERE deleted = 0 AND number IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS records_external
    ON records (kind, external_id) WHERE deleted = 0 AND external_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS records_client ON records (client_id);
CREATE TABLE IF NOT EXISTS allocations (
    payment_id TEXT NOT NULL, invoice_id TEXT NOT NULL, amount TEXT NOT NULL, live INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS allocations_payment ON allocations (payment_id);
CREATE INDEX IF NOT EXISTS allocations_invoice ON allocations (invoice_id);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, next INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS sync_states (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE TABLE IF NOT EXISTS events (
    position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, at TEXT NOT NULL, body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    due_at TEXT,
    held INTEGER NOT NULL DEFAULT 0,
    status INTEGER,
    error TEXT
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (state, due_at);
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    at TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS mails (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, record_id TEXT NOT NULL, at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS usage (
    sort TEXT NOT NULL, endpoint TEXT NOT NULL, calls INTEGER NOT NULL, PRIMARY KEY (sort, endpoint)
);
CREATE TABLE IF NOT EXISTS faults (
    id INTEGER PRIMARY KEY AUTOINCREMENT, rule TEXT NOT NULL, remaining INTEGER
);
"""


class Store:
    """SQLite behind one lock. An answered write is in the file: it survives a killed process."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        # The file must outlive the process, not the machine.
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; inside another one, a savepoint."""
        with self._lock:
            begin, commit, rollback = self._statements()
            self._connection.execute(begin)
            self._depth += 1
            try:
                yield
            except BaseException:
                for statement in rollback:
                    self._connection.execute(statement)
                raise
            else:
                self._connection.execute(commit)
            finally:
                self._depth -= 1

    def _statements(self) -> tuple[str, str, tuple[str, ...]]:
        if self._depth == 0:
            return "BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",)
        name = f"level_{self._depth}"
        return f"SAVEPOINT {name}", f"RELEASE {name}", (f"ROLLBACK TO {name}", f"RELEASE {name}")

    def run(self, sql: str, *values: Any) -> int:
        """Executes one statement; answers the row id it made."""
        with self._lock:
            return self._connection.execute(sql, values).lastrowid or 0

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        found = self.rows(sql, *values)
        return found[0] if found else None

    def setting(self, name: str, default: str) -> str:
        """A kept setting; the default is kept when there is none yet."""
        found = self.row("SELECT value FROM settings WHERE name = ?", name)
        if found is None:
            self.run("INSERT OR IGNORE INTO settings (name, value) VALUES (?, ?)", name, default)
            return default
        return str(found["value"])

    def keep_setting(self, name: str, value: str) -> None:
        self.run("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", name, value)

    def count_up(self, name: str, start: int) -> int:
        """The next number of a sequence that begins at `start`."""
        self.run("INSERT OR IGNORE INTO counters (name, next) VALUES (?, ?)", name, start)
        found = self.row("UPDATE counters SET next = next + 1 WHERE name = ? RETURNING next", name)
        return int(found["next"]) - 1 if found else start
