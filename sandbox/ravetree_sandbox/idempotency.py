"""Idempotency keys: the same key gets the same answer for 24 hours."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta

from ravetree_sandbox.clock import SandboxClock
from ravetree_sandbox.errors import ApiError, bad_request
from ravetree_sandbox.store import Store
from ravetree_sandbox.values import Json, format_time

KEPT = timedelta(hours=24)
LONGEST_KEY = 255

Answer = tuple[int, Json]


def fingerprint(method: str, path: str, body: bytes) -> str:
    """What a request under a key must share with the first one."""
    return hashlib.sha256(b"\n".join((method.encode(), path.encode(), body))).hexdigest()


class IdempotencyKeys:
    def __init__(self, store: Store, clock: SandboxClock) -> None:
        self._store = store
        self._clock = clock

    def once(self, key: str | None, mark: str, act: Callable[[], Answer]) -> Answer:
        """Acts, or answers as the first time; a refusal is an answer too. 409 when the request differs."""
        if key is None:
            with self._store.transaction():
                return act()
        if not 0 < len(key) <= LONGEST_KEY:
            raise bad_request(f"An Idempotency-Key has 1 to {LONGEST_KEY} characters.")
        with self._store.transaction():
            kept = self._find(key, mark)
            return kept or self._act(key, mark, act)

    def _act(self, key: str, mark: str, act: Callable[[], Answer]) -> Answer:
        try:
            with self._store.transaction():
                status, body = act()
        except ApiError as refusal:
            status, body = refusal.status, refusal.body()
        self._store.run(
            "INSERT INTO idempotency (key, fingerprint, at, status, body) VALUES (?, ?, ?, ?, ?)",
            key,
            mark,
            self._clock.stamp(),
            status,
            json.dumps(body),
        )
        return status, body

    def _find(self, key: str, mark: str) -> Answer | None:
        oldest = format_time(self._clock.now() - KEPT)
        self._store.run("DELETE FROM idempotency WHERE at < ?", oldest)
        row = self._store.row("SELECT * FROM idempotency WHERE key = ?", key)
        if row is None:
            return None
        if row["fingerprint"] != mark:
            message = "This Idempotency-Key was used for another request within 24 hours."
            raise ApiError(409, "idempotency_key_reused", message)
        return row["status"], json.loads(row["body"])
