"""Counts of the calls to /v1, by endpoint."""

from ravetree_sandbox.store import Store
from ravetree_sandbox.values import Json


class Usage:
    def __init__(self, store: Store) -> None:
        self._store = store

    def count(self, endpoint: str, read: bool) -> None:
        self._store.run(
            "INSERT INTO usage (sort, endpoint, calls) VALUES (?, ?, 1)"
            " ON CONFLICT (sort, endpoint) DO UPDATE SET calls = calls + 1",
            "reads" if read else "writes",
            endpoint,
        )

    def report(self) -> Json:
        reads, writes = self._of("reads"), self._of("writes")
        return {
            "reads": reads,
            "writes": writes,
            "total_reads": sum(reads.values()),
            "total_writes": sum(writes.values()),
        }

    def clear(self) -> None:
        self._store.run("DELETE FROM usage")

    def _of(self, sort: str) -> dict[str, int]:
        rows = self._store.rows("SELECT * FROM usage WHERE sort = ? ORDER BY endpoint", sort)
        return {row["endpoint"]: row["calls"] for row in rows}
