"""Sync states: what the integration says of a record, from which Ravetree draws its QuickBooks icon."""

import json

from ravetree_sandbox.clock import SandboxClock
from ravetree_sandbox.contract import SYNC_KINDS
from ravetree_sandbox.errors import ApiError, not_found
from ravetree_sandbox.shapes import component
from ravetree_sandbox.store import Store
from ravetree_sandbox.values import Json

_STATE = component("SyncState")
_WRITE = component("SyncStateWrite")


class SyncStates:
    def __init__(self, store: Store, clock: SandboxClock) -> None:
        self._store = store
        self._clock = clock

    def get(self, kind: str, record_id: str) -> Json:
        self._check_record(kind, record_id)
        state = self._find(kind, record_id)
        if state is None:
            raise not_found(f"sync state of {kind} {record_id}")
        return state

    def put(self, kind: str, record_id: str, given: Json, if_match: int | None) -> Json:
        """Replaces the state, unless a word with a higher `sequence` is known: one that was held up on its way is old.

        `updated_at` is now unless the writer says when it was so.
        """
        self._check_record(kind, record_id)
        now = self._clock.stamp()
        old = self._find(kind, record_id) or {"version": 0, "created_at": now}
        if if_match is not None and if_match != old["version"]:
            raise ApiError(412, "version_moved", f"The sync state is at version {old['version']}: read it again.")
        body = {"updated_at": now, **_WRITE.dump(_WRITE.load(given, _STATE))}
        if (said := body.get("sequence")) is not None and said < (old.get("sequence") or 0):
            return old
        self._store.run(
            "INSERT OR REPLACE INTO sync_states (kind, id, version, created_at, body) VALUES (?, ?, ?, ?, ?)",
            kind,
            record_id,
            old["version"] + 1,
            old["created_at"],
            json.dumps(body),
        )
        return self.get(kind, record_id)

    def _find(self, kind: str, record_id: str) -> Json | None:
        row = self._store.row("SELECT * FROM sync_states WHERE kind = ? AND id = ?", kind, record_id)
        if row is None:
            return None
        common = {"id": record_id, "kind": kind, "version": row["version"], "created_at": row["created_at"]}
        return {**common, **json.loads(row["body"])}

    def _check_record(self, kind: str, record_id: str) -> None:
        """404 unless there is, or was, such a record: a deleted one still has a state to show."""
        known = kind in SYNC_KINDS and self._store.row(
            "SELECT 1 FROM records WHERE kind = ? AND id = ?", f"{kind}s", record_id
        )
        if not known:
            raise not_found(f"{kind} {record_id}")
