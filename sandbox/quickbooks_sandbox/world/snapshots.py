"""Copies of all companies' books under a name, and the way back to them."""

from __future__ import annotations

import sqlite3

from quickbooks_sandbox.books.storage import Storage

_TABLES = ("documents", "counters", "answers", "files")
_SCHEMA = "".join(
    f"CREATE TABLE IF NOT EXISTS snapshot_{table} AS SELECT '' AS snapshot, * FROM {table} LIMIT 0;"  # noqa: S608
    for table in _TABLES
)


class Snapshots:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        with storage.transaction() as connection:
            for statement in filter(None, _SCHEMA.split(";")):
                connection.execute(statement)

    def names(self) -> list[str]:
        return [row[0] for row in self._storage.rows("SELECT DISTINCT snapshot FROM snapshot_documents ORDER BY 1")]

    def take(self, name: str) -> None:
        """Replaces an earlier one of that name."""
        with self._storage.transaction() as connection:
            for table in _TABLES:
                connection.execute(f"DELETE FROM snapshot_{table} WHERE snapshot = ?", (name,))  # noqa: S608
                connection.execute(f"INSERT INTO snapshot_{table} SELECT ?, * FROM {table}", (name,))  # noqa: S608

    def restore(self, name: str) -> None:
        """The books on disk become those of the snapshot; nobody is told. Raises ValueError for an unknown name."""
        if name not in self.names():
            raise ValueError(f"There is no snapshot {name!r}; there are {self.names()}.")
        with self._storage.transaction() as connection:
            realms = connection.execute(
                "SELECT DISTINCT realm FROM snapshot_documents WHERE snapshot = ?", (name,)
            ).fetchall()
            for (realm,) in realms:
                forget(connection, realm)
                for table in _TABLES:
                    columns = self._columns(table)
                    connection.execute(
                        f"INSERT INTO {table} SELECT {columns} FROM snapshot_{table}"  # noqa: S608  # all of this module
                        " WHERE snapshot = ? AND realm = ?",
                        (name, realm),
                    )
            connection.execute("DELETE FROM events")
            connection.execute("DELETE FROM deliveries WHERE state = 'pending'")

    def _columns(self, table: str) -> str:
        return ", ".join(row[1] for row in self._storage.rows(f"PRAGMA table_info({table})"))


def forget(connection: sqlite3.Connection, realm: str) -> None:
    """Take one company's books off the disk."""
    for table in _TABLES:
        connection.execute(f"DELETE FROM {table} WHERE realm = ?", (realm,))  # noqa: S608  # the names above
