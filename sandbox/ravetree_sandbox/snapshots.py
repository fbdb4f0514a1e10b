"""Copies of the books under a name, the way back to them, and the way back to the beginning."""

from ravetree_sandbox.clock import SandboxClock
from ravetree_sandbox.errors import bad_request
from ravetree_sandbox.seeds import plant
from ravetree_sandbox.store import Store

_TABLES = ("records", "allocations", "counters", "sync_states", "events", "idempotency", "mails")
# A receiver knows an event by its id: an id that was once given is never given to another one.
_FORGET = {table: f"DELETE FROM {table}" for table in _TABLES}  # noqa: S608  # the names above, as in all of this module
_FORGET["counters"] += " WHERE name != 'events'"


class Snapshots:
    def __init__(self, store: Store, clock: SandboxClock) -> None:
        self._store = store
        self._clock = clock
        for table in _TABLES:
            store.run(f"CREATE TABLE IF NOT EXISTS snapshot_{table} AS SELECT '' AS snapshot, * FROM {table} LIMIT 0")  # noqa: S608

    def names(self) -> list[str]:
        return [
            row["snapshot"] for row in self._store.rows("SELECT DISTINCT snapshot FROM snapshot_records ORDER BY 1")
        ]

    def take(self, name: str) -> None:
        """Replaces an earlier one of that name."""
        with self._store.transaction():
            for table in _TABLES:
                self._store.run(f"DELETE FROM snapshot_{table} WHERE snapshot = ?", name)  # noqa: S608
                self._store.run(f"INSERT INTO snapshot_{table} SELECT ?, * FROM {table}", name)  # noqa: S608

    def restore(self, name: str) -> None:
        """Records, versions and the log of events become those of the snapshot; nobody is told."""
        if name not in self.names():
            raise bad_request(f"There is no snapshot {name!r}; there are {self.names()}.", "name")
        with self._store.transaction():
            self._forget()
            for table in _TABLES:
                columns = ", ".join(row["name"] for row in self._store.rows(f"PRAGMA table_info({table})"))
                self._store.run(
                    f"INSERT OR IGNORE INTO {table} SELECT {columns} FROM snapshot_{table} WHERE snapshot = ?",  # noqa: S608
                    name,
                )
            self._end_deliveries()

    def reset(self) -> None:
        """The organisation as it was when it was new; nobody is told."""
        with self._store.transaction():
            self._forget()
            self._end_deliveries()
            self._store.keep_setting("planted", "no")
            plant(self._store, self._clock)

    def _forget(self) -> None:
        for statement in _FORGET.values():
            self._store.run(statement)

    def _end_deliveries(self) -> None:
        """What is under way ends; what was delivered stays known as long as its event does."""
        self._store.run("DELETE FROM deliveries WHERE state = 'pending' OR event_id NOT IN (SELECT id FROM events)")
