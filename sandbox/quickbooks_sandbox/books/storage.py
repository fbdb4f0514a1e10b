"""The disk of all companies, and of what is Intuit's around them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from quickbooks_sandbox.books.amounts import decode, encode
from sandbox_kit.store import SqliteStore

_SCHEMA = """
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

FILE = "quickbooks.sqlite3"


class Storage(SqliteStore):
    """The tables of QuickBooks; settings are kept as JSON."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory / FILE, _SCHEMA)
        for table, column, declared in _ADDED:
            self._add_column(table, column, declared)
            self._add_column(f"snapshot_{table}", column, declared)

    def _add_column(self, table: str, column: str, declared: str) -> None:
        known = self.columns(table)
        if known and column not in known:
            self.run(f"ALTER TABLE {table} ADD COLUMN {column} {declared}")

    def give_to(self, client_id: str) -> None:
        """Whatever was kept when there was one app only is that app's."""
        with self.transaction():
            for table in _OF_AN_APP:
                self.run(f"UPDATE {table} SET client_id = ? WHERE client_id = ''", client_id)  # noqa: S608

    def setting(self, name: str, default: Any = None) -> Any:
        kept = self.kept_text(name)
        return default if kept is None else decode(kept)

    def keep_setting(self, name: str, value: Any) -> None:
        self.keep_text(name, encode(value))
