"""Copies of some tables under a name, and the way back to them."""

from __future__ import annotations

from sandbox_kit.store import SqliteStore


class TableSnapshots:
    """Copies of `tables`, each in a table beside it; of the first one a snapshot has always rows."""

    def __init__(self, store: SqliteStore, tables: tuple[str, ...]) -> None:
        self._store = store
        self._tables = tables
        for table in tables:
            store.run(f"CREATE TABLE IF NOT EXISTS snapshot_{table} AS SELECT '' AS snapshot, * FROM {table} LIMIT 0")  # noqa: S608  # the names above, as in all of this module

    def names(self) -> list[str]:
        table = f"snapshot_{self._tables[0]}"
        return [row[0] for row in self._store.rows(f"SELECT DISTINCT snapshot FROM {table} ORDER BY 1")]  # noqa: S608

    def take(self, name: str) -> None:
        """Replaces an earlier one of that name."""
        with self._store.transaction():
            for table in self._tables:
                self._store.run(f"DELETE FROM snapshot_{table} WHERE snapshot = ?", name)  # noqa: S608
                self._store.run(f"INSERT INTO snapshot_{table} SELECT ?, * FROM {table}", name)  # noqa: S608

    def bring_back(self, name: str) -> None:
        """Puts the rows of a snapshot beside those that are there; a key that is there stays as it is."""
        for table in self._tables:
            # By name: a table of an older version may have got its last columns later than its copy.
            columns = ", ".join(self._store.columns(table))
            self._store.run(
                f"INSERT OR IGNORE INTO {table} ({columns}) SELECT {columns} FROM snapshot_{table} WHERE snapshot = ?",  # noqa: S608
                name,
            )

    def check(self, name: str) -> None:
        """Raises ValueError when there is no such snapshot."""
        if name not in self.names():
            raise ValueError(f"There is no snapshot {name!r}; there are {self.names()}.")
