"""Deliveries: signed, attempted, repeated until they are acknowledged."""

from __future__ import annotations

import base64
import hashlib
import hmac
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass

import requests

from quickbooks_sandbox.books.amounts import Doc, decode, encode
from quickbooks_sandbox.books.storage import Storage
from quickbooks_sandbox.intuit.events import legacy, without_notes
from quickbooks_sandbox.intuit.subscriptions import Subscriptions
from sandbox_kit.clock import SandboxClock
from sandbox_kit.faults import OrderedFault

# Seconds to wait after each failed attempt; the last one repeats for ever.
RETRY_SECONDS = (0, 10, 20, 30, 300, 1200, 7200, 14400, 21600)
ANSWER_SECONDS = 3.0

Post = Callable[[str, bytes, dict[str, str]], int]


def signature(verifier_token: str, body: bytes) -> str:
    """The header ``intuit-signature`` for these bytes."""
    digest = hmac.new(verifier_token.encode(), body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """One attempt; the status, or an exception. An answer after three seconds counts as none."""
    started = time.monotonic()
    with requests.post(url, data=body, headers=headers, timeout=ANSWER_SECONDS, allow_redirects=False) as answer:
        status = answer.status_code
    if time.monotonic() - started > ANSWER_SECONDS:
        raise requests.Timeout("The answer came after three seconds.")
    return status


@dataclass(frozen=True)
class Delivery:
    id: int
    body: str
    events: int
    state: str  # pending, acknowledged or lost
    blocking: int
    attempts: int
    due: float
    copies: int
    last_answer: str | None
    acknowledged: float | None
    client_id: str


_DELIVERY = (
    "SELECT id, body, events, state, blocking, attempts, due, copies, last_answer, acknowledged, client_id"
    " FROM deliveries"
)
BLOCKED = "SELECT DISTINCT client_id FROM deliveries WHERE state = 'pending' AND blocking"
"""The apps that get no further delivery: an earlier one still waits for its acknowledgement."""


class Deliveries:
    """Those of all apps, on disk."""

    def __init__(
        self, storage: Storage, clock: SandboxClock, subscriptions: Subscriptions, post: Post, switches: Doc
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._subscriptions = subscriptions
        self._post = post
        self._switches = switches

    def add(
        self,
        connection: sqlite3.Connection,
        client_id: str,
        events: list[Doc],
        order: OrderedFault | None,
        blocking: bool = True,
    ) -> None:
        """A new one; a fault that was ordered may delay, lose, double or turn it around."""
        kind = order.kind if order else ""
        if kind == "reorder":
            events.reverse()
        wait = (order.seconds or 0) if order and kind in ("late", "reorder") else 0
        connection.execute(
            "INSERT INTO deliveries (client_id, body, events, state, blocking, attempts, due, copies)"
            " VALUES (?, ?, ?, ?, ?, 0, ?, ?)",
            (
                client_id,
                self._body(client_id, events),
                len(events),
                "lost" if kind == "lose" else "pending",
                int(blocking and kind not in ("late", "reorder", "lose")),
                self._clock.seconds() + wait,
                2 if kind == "duplicate" else 1,
            ),
        )

    def _body(self, client_id: str, events: list[Doc]) -> str:
        if self._subscriptions.of(client_id)["format"] == "legacy":
            return encode(legacy(events))
        return encode([without_notes(event) for event in events])

    def attempt_due(self) -> bool:
        """Try everything that is due; whether there was any."""
        now = self._clock.seconds()
        rows = self._storage.rows(f"{_DELIVERY} WHERE state = 'pending' AND due <= ? ORDER BY due, id", now)
        for row in rows:
            self._attempt(Delivery(*row))
        return bool(rows)

    def _attempt(self, delivery: Delivery) -> None:
        body = delivery.body.encode()
        answer = "no subscription"
        subscription = self._subscriptions.of(delivery.client_id)
        if subscription["url"]:
            answer = self._send(subscription, body)
        now = self._clock.seconds()
        changes: tuple[str, int, float, int, str, float | None]
        if answer == "200" and delivery.copies > 1:
            changes = ("pending", delivery.attempts, now, delivery.copies - 1, answer, None)
        elif answer == "200":
            changes = ("acknowledged", delivery.attempts + 1, now, 0, answer, now)
        else:
            wait = RETRY_SECONDS[min(delivery.attempts, len(RETRY_SECONDS) - 1)]
            changes = ("pending", delivery.attempts + 1, now + wait, delivery.copies, answer, None)
        with self._storage.transaction() as connection:
            connection.execute(
                "UPDATE deliveries SET state = ?, attempts = ?, due = ?, copies = ?, last_answer = ?,"
                " acknowledged = ? WHERE id = ?",
                (*changes, delivery.id),
            )

    def _send(self, subscription: Doc, body: bytes) -> str:
        headers = {
            "Content-Type": self._switches.get("webhook_content_type", "application/json"),
            "intuit-signature": signature(subscription["verifier_token"], body),
            "intuit-notification-schema-version": "1.0",
            "User-Agent": "intuit_notification_dispatcher",
        }
        try:
            return str(self._post(subscription["url"], body, headers))
        except requests.RequestException as error:
            return type(error).__name__

    def next_due(self) -> float | None:
        """When the next attempt is to be made."""
        due: float | None = self._storage.rows("SELECT min(due) FROM deliveries WHERE state = 'pending'")[0][0]
        return due

    def listed(self) -> dict[str, list[Doc]]:
        """Everything outstanding and the last hundred that are done, by their state."""
        done = self._storage.rows(f"{_DELIVERY} WHERE state != 'pending' ORDER BY id DESC LIMIT 100")
        pending = self._storage.rows(f"{_DELIVERY} WHERE state = 'pending' ORDER BY id")
        shown: dict[str, list[Doc]] = {"pending": [], "acknowledged": [], "lost": []}
        for row in [*pending, *reversed(done)]:
            delivery = Delivery(*row)
            shown[delivery.state].append(_shown(delivery, self._clock.seconds()))
        return shown


def _shown(delivery: Delivery, now: float) -> Doc:
    pending = delivery.state == "pending"
    return {
        "id": delivery.id,
        "client_id": delivery.client_id,
        "body": decode(delivery.body),
        "attempts": delivery.attempts,
        "last_answer": delivery.last_answer,
        "due_in_seconds": max(delivery.due - now, 0.0) if pending else None,
    }
