"""Events: written with the change that causes them, replayed from the log, delivered by the courier."""

import json
from dataclasses import dataclass
from datetime import timedelta

from ravetree_sandbox.clock import SandboxClock
from ravetree_sandbox.errors import ApiError, not_found
from ravetree_sandbox.faults import Faults
from ravetree_sandbox.records import Record, decode_cursor, encode_cursor
from ravetree_sandbox.store import Store
from ravetree_sandbox.values import Json, format_time

KEPT = timedelta(days=30)
LATE_SECONDS = 30.0
REORDER_SECONDS = 5.0


@dataclass(frozen=True)
class Actor:
    """Who acts: a user, or the integration with the Idempotency-Key of its write."""

    kind: str
    id: str
    operation_id: str | None = None

    def origin(self) -> Json:
        return {"kind": self.kind, "id": self.id, "operation_id": self.operation_id}


USER = Actor("user", "usr_1")


def integration(operation_id: str | None) -> Actor:
    return Actor("integration", "ravebooks", operation_id)


class Journal:
    def __init__(self, store: Store, clock: SandboxClock, faults: Faults, account_id: str) -> None:
        self._store = store
        self._clock = clock
        self._faults = faults
        self._account_id = account_id

    def emit(self, event_type: str, record: Record, actor: Actor, changed: list[str] | None = None) -> None:
        """Logs an event in the caller's transaction and plans its delivery."""
        data: Json = {"id": record.id, "version": record.version}
        if "number" in record.body:
            data["number"] = record.body["number"]
        data.update(changed=changed or [], origin=actor.origin())
        now = self._clock.stamp()
        body = {"type": event_type, "timestamp": now, "account_id": self._account_id, "data": data}
        event_id = f"evt_{self._store.count_up('events', 1):09d}"
        self._store.run("INSERT INTO events (id, at, body) VALUES (?, ?, ?)", event_id, now, json.dumps(body))
        self._plan_delivery(event_id)

    def _plan_delivery(self, event_id: str) -> None:
        if not self._store.setting("webhook_url", ""):
            self._add_delivery(event_id, "unsubscribed")
            return
        kinds = {fault.kind: fault.seconds for fault in self._faults.on_delivery()}
        if "lose" in kinds:
            self._add_delivery(event_id, "lost")
            return
        wait = 0.0
        if "late" in kinds:
            wait = LATE_SECONDS if kinds["late"] is None else kinds["late"]
        held = "reorder" in kinds
        if held:
            wait = max(wait, REORDER_SECONDS if kinds["reorder"] is None else kinds["reorder"])
        self._add_delivery(event_id, "pending", wait, held)
        if "duplicate" in kinds:
            self._add_delivery(event_id, "pending", wait + (kinds["duplicate"] or 0.0))

    def _add_delivery(self, event_id: str, state: str, wait: float = 0.0, held: bool = False) -> None:
        due = format_time(self._clock.now() + timedelta(seconds=wait)) if state == "pending" else None
        self._store.run(
            "INSERT INTO deliveries (event_id, state, due_at, held) VALUES (?, ?, ?, ?)",
            event_id,
            state,
            due,
            held,
        )

    def replay(self, after: str | None, cursor: str | None, limit: int) -> Json:
        """The log in order, from behind an event on; 410 when that event is no longer kept."""
        oldest = format_time(self._clock.now() - KEPT)
        position = max(decode_cursor(cursor), self._position(after, oldest))
        rows = self._store.rows(
            "SELECT * FROM events WHERE position > ? AND at >= ? ORDER BY position LIMIT ?",
            position,
            oldest,
            limit + 1,
        )
        more = encode_cursor(rows[limit - 1]["position"]) if len(rows) > limit else None
        data = [{"id": row["id"], **json.loads(row["body"])} for row in rows[:limit]]
        return {"data": data, "next_cursor": more}

    def _position(self, after: str | None, oldest: str) -> int:
        if after is None:
            return 0
        row = self._store.row("SELECT position, at FROM events WHERE id = ?", after)
        if row is None:
            raise not_found(f"event {after}")
        if row["at"] < oldest:
            raise ApiError(
                410, "gone", f"Events are kept 30 days; {after} is older: read the records instead.", "after"
            )
        return int(row["position"])
