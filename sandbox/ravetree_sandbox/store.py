"""The disk of one organisation."""

from pathlib import Path

from sandbox_kit.store import SqliteStore

_SCHEMA = """
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


class Store(SqliteStore):
    """The tables of Ravetree; settings are texts."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _SCHEMA)

    def setting(self, name: str, default: str) -> str:
        """A kept setting; the default is kept when there is none yet."""
        kept = self.kept_text(name)
        if kept is None:
            self.keep_text(name, default)
            return default
        return kept

    def keep_setting(self, name: str, value: str) -> None:
        self.keep_text(name, value)

    def count_up(self, name: str, start: int) -> int:
        """The next number of a sequence that begins at `start`."""
        self.run("INSERT OR IGNORE INTO counters (name, next) VALUES (?, ?)", name, start)
        found = self.row("UPDATE counters SET next = next + 1 WHERE name = ? RETURNING next", name)
        return int(found["next"]) - 1 if found else start
