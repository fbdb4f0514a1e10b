"""The mails that would have gone to customers: written down and never sent."""

from ravetree_sandbox.clock import SandboxClock
from ravetree_sandbox.store import Store
from ravetree_sandbox.values import Json


class Mails:
    def __init__(self, store: Store, clock: SandboxClock) -> None:
        self._store = store
        self._clock = clock

    def record(self, kind: str, record_id: str) -> None:
        self._store.run(
            "INSERT INTO mails (kind, record_id, at) VALUES (?, ?, ?)", kind, record_id, self._clock.stamp()
        )

    def report(self) -> Json:
        rows = self._store.rows("SELECT kind, record_id, at FROM mails ORDER BY id")
        return {"count": len(rows), "mails": [dict(row) for row in rows]}
