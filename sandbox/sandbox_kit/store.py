"""An emulator's disk: one SQLite file, one connection, one writer at a time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROWS_A_CHUNK = 500
_SETTINGS = "CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);"


class SqliteStore:
    """SQLite behind one lock, its tables made by `schema`. What was answered survives a killed process."""

    def __init__(self, path: Path, schema: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._depth = 0
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        # The file must outlive the process, not the machine: no disk flush a write.
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SETTINGS + schema)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; inside another one, a savepoint."""
        with self._lock:
            begin, commit, rollback = self._statements()
            self._connection.execute(begin)
            self._depth += 1
            try:
                yield self._connection
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

    def chunks(self, sql: str, *values: Any) -> Iterator[list[sqlite3.Row]]:
        """The rows of a large answer, some hundred at a time; nobody else gets at the disk meanwhile."""
        with self._lock:
            cursor = self._connection.execute(sql, values)
            while rows := cursor.fetchmany(ROWS_A_CHUNK):
                yield rows

    def columns(self, table: str) -> list[str]:
        """The names of a table's columns; none of a table that there is not."""
        return [row["name"] for row in self.rows(f"PRAGMA table_info({table})")]

    def kept_text(self, name: str) -> str | None:
        """A setting as it was kept."""
        found = self.row("SELECT value FROM settings WHERE name = ?", name)
        return None if found is None else str(found["value"])

    def keep_text(self, name: str, value: str) -> None:
        self.run("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", name, value)
