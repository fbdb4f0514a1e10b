"""Delivery of events by Standard Webhooks 1.0.0: signing, retrying, a thread that does both in time."""

import base64
import hashlib
import hmac
import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Protocol

import requests

from ravetree_sandbox.clock import SandboxClock
from ravetree_sandbox.store import Store
from ravetree_sandbox.values import Json, format_time, parse_time

RETRY_AFTER = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)  # 5 s, 5 m, 30 m, 2 h … 24 h
)
TIME_LIMIT_SECONDS = 15
PARALLEL = 8
# The clock may be advanced, or be a test's: look again at least this often.
_LONGEST_NAP_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Send(Protocol):
    """Posts a body and answers the HTTP status; raises `OSError` when nothing answers in time."""

    def __call__(self, url: str, headers: dict[str, str], body: bytes) -> int: ...


def sign(secret: str, event_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of Standard Webhooks."""
    timestamp = str(int(at.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join((event_id.encode(), timestamp.encode(), body))
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
        "Content-Type": "application/json",
    }


def post(url: str, headers: dict[str, str], body: bytes) -> int:
    """Posts over real HTTP, follows no redirect, and waits no longer than the time limit for the status."""
    with requests.Session() as session:
        # A proxy of the machine's environment has no business with deliveries on loopback.
        session.trust_env = False
        with session.post(
            url, data=body, headers=headers, timeout=TIME_LIMIT_SECONDS, stream=True, allow_redirects=False
        ) as answer:
            return answer.status_code


class Courier:
    """Attempts what is due. Deliveries do not wait for each other."""

    def __init__(self, store: Store, clock: SandboxClock, send: Send = post) -> None:
        self._store = store
        self._clock = clock
        self._send = send

    def due(self) -> list[int]:
        rows = self._store.rows(
            "SELECT id FROM deliveries WHERE state = 'pending' AND due_at <= ? ORDER BY due_at, id",
            self._clock.stamp(),
        )
        return [int(row["id"]) for row in rows]

    def seconds_to_next(self) -> float | None:
        """Until the next delivery is due on the sandbox's clock."""
        row = self._store.row("SELECT min(due_at) AS due_at FROM deliveries WHERE state = 'pending'")
        if row is None or row["due_at"] is None:
            return None
        return max(0.0, (parse_time(row["due_at"]) - self._clock.now()).total_seconds())

    def deliver_due(self) -> int:
        """Attempts everything due, one after the other; answers how many attempts that made."""
        due = self.due()
        for delivery_id in due:
            self.attempt(delivery_id)
        return len(due)

    def attempt(self, delivery_id: int) -> None:
        """One attempt with a fresh timestamp and signature, to the subscription as it is now."""
        row = self._store.row(
            "SELECT deliveries.*, events.body FROM deliveries JOIN events ON events.id = event_id"
            " WHERE deliveries.id = ? AND state = 'pending' AND due_at <= ?",
            delivery_id,
            self._clock.stamp(),
        )
        url, secret = self._store.setting("webhook_url", ""), self._store.setting("webhook_secret", "")
        if row is None or not url:
            return
        status, error = self._try(url, secret, row)
        with self._store.transaction():
            self._record(row, status, error)

    def _try(self, url: str, secret: str, row: sqlite3.Row) -> tuple[int | None, str | None]:
        body = row["body"].encode()
        # Signed by the real clock: a receiver checks the age of the request, not of the sandbox's day.
        headers = sign(secret, row["event_id"], self._clock.real(), body)
        try:
            return self._send(url, headers, body), None
        except (OSError, ValueError) as error:
            return None, f"{type(error).__name__}: {error}"

    def _record(self, row: sqlite3.Row, status: int | None, error: str | None) -> None:
        failures, due = row["failures"], None
        if status is not None and 200 <= status < 300:
            state = "delivered"
            self._release_held(row["id"])
        elif status == 410:
            state = "gone"
        elif failures < len(RETRY_AFTER):
            state, due = "pending", format_time(self._clock.now() + RETRY_AFTER[failures])
        else:
            state = "failed"
        self._store.run(
            "UPDATE deliveries SET state = ?, attempts = attempts + 1, failures = ?, due_at = ?, status = ?,"
            " error = ?, held = 0 WHERE id = ?",
            state,
            failures + (state in ("pending", "failed")),
            due,
            status,
            error,
            row["id"],
        )

    def _release_held(self, delivered_id: int) -> None:
        """What was held back to arrive out of order follows the later delivery at once."""
        self._store.run(
            "UPDATE deliveries SET due_at = ?, held = 0 WHERE state = 'pending' AND held = 1 AND id < ?",
            self._clock.stamp(),
            delivered_id,
        )

    def report(self) -> list[Json]:
        rows = self._store.rows(
            "SELECT deliveries.*, json_extract(events.body, '$.type') AS type"
            " FROM deliveries JOIN events ON events.id = event_id ORDER BY deliveries.id"
        )
        return [_shown(row) for row in rows]


def _shown(row: sqlite3.Row) -> Json:
    return {
        "id": row["id"],
        "event_id": row["event_id"],
        "type": row["type"],
        "state": row["state"],
        "attempts": row["attempts"],
        "due_at": row["due_at"],
        "status": row["status"],
        "error": row["error"],
    }


class CourierThread:
    """Runs all couriers that there are in the background; several deliveries are under way at a time."""

    def __init__(self, couriers: Callable[[], Sequence[Courier]]) -> None:
        self._couriers = couriers
        self._stopping = False
        self._awake = threading.Event()
        self._under_way: set[tuple[Courier, int]] = set()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="ravetree-delivery")
        self._thread = threading.Thread(target=self._run, name="ravetree-courier", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Something may have become due."""
        self._awake.set()

    def stop(self) -> None:
        """Finishes what is under way; the rest stays due in the file."""
        self._stopping = True
        self._awake.set()
        self._thread.join()
        self._pool.shutdown()

    def _run(self) -> None:
        while not self._stopping:
            self._awake.clear()
            for courier in self._couriers():
                for delivery_id in courier.due():
                    self._submit(courier, delivery_id)
            self._awake.wait(self._nap())

    def _nap(self) -> float:
        waits = [wait for courier in self._couriers() if (wait := courier.seconds_to_next()) is not None]
        with self._lock:
            busy = bool(self._under_way)
        # What is under way is due as well, and wakes this thread when it ends.
        return _LONGEST_NAP_SECONDS if busy else min([*waits, _LONGEST_NAP_SECONDS])

    def _submit(self, courier: Courier, delivery_id: int) -> None:
        with self._lock:
            if (courier, delivery_id) in self._under_way or self._stopping:
                return
            self._under_way.add((courier, delivery_id))
        self._pool.submit(self._attempt, courier, delivery_id)

    def _attempt(self, courier: Courier, delivery_id: int) -> None:
        try:
            courier.attempt(delivery_id)
        except Exception:  # noqa: BLE001 - the outermost loop of a delivery: logged, and tried again
            _log.exception("The delivery %s could not be attempted", delivery_id)
        finally:
            with self._lock:
                self._under_way.discard((courier, delivery_id))
            self._awake.set()
