"""Copies of all companies' books under a name, and the way back to them."""

from __future__ import annotations

import sqlite3

from quickbooks_sandbox.books.storage import Storage
from sandbox_kit.snapshots import TableSnapshots

_TABLES = ("documents", "counters", "answers", "files")


class Snapshots(TableSnapshots):
    def __init__(self, storage: Storage) -> None:
        super().__init__(storage, _TABLES)
        self._storage = storage

    def restore(self, name: str) -> None:
        """The books on disk become those of the snapshot; nobody is told. Raises ValueError for an unknown name.

        A company that the snapshot does not know stays as it is.
        """
        self.check(name)
        with self._storage.transaction() as connection:
            for (realm,) in self._storage.rows(
                "SELECT DISTINCT realm FROM snapshot_documents WHERE snapshot = ?", name
            ):
                forget(connection, realm)
            self.bring_back(name)
            connection.execute("DELETE FROM events")
            connection.execute("DELETE FROM deliveries WHERE state = 'pending'")


def forget(connection: sqlite3.Connection, realm: str) -> None:
    """Take one company's books off the disk."""
    for table in _TABLES:
        connection.execute(f"DELETE FROM {table} WHERE realm = ?", (realm,))  # noqa: S608  # the names above
