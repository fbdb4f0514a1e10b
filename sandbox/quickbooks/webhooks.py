"""Webhooks: events written with the books, bundled over a short window, signed, delivered, repeated."""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
import sqlite3
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

from sandbox.quickbooks.amounts import Doc, decode, encode
from sandbox.quickbooks.books import Change
from sandbox.quickbooks.clock import SandboxClock, event_time
from sandbox.quickbooks.steering import FaultRule, OrderedFaults
from sandbox.quickbooks.storage import Storage

# Seconds to wait after each failed attempt; the last one repeats for ever.
RETRY_SECONDS = (0, 10, 20, 30, 300, 1200, 7200, 14400, 21600)
ANSWER_SECONDS = 3.0
WINDOW_SECONDS = 0.3
SUBSCRIPTION = "webhook_subscription"
# Operations that each entity announces; the others (terms, tax codes, company info) announce nothing.
_NAME_LIST = frozenset({"created", "updated", "deleted", "merged"})
_FORM = frozenset({"created", "updated", "deleted", "emailed", "void"})
ANNOUNCED: dict[str, frozenset[str]] = {
    "Invoice": _FORM, "Payment": _FORM, "CreditMemo": _FORM, "Estimate": _FORM - {"void"},
    "Customer": _NAME_LIST, "Vendor": _NAME_LIST, "Employee": _NAME_LIST, "Item": _NAME_LIST,
    "Account": _NAME_LIST,
    "SalesReceipt": _FORM, "RefundReceipt": _FORM, "Class": _NAME_LIST, "Department": _NAME_LIST,
    "Deposit": _FORM - {"void"}, "Term": _NAME_LIST, "PaymentMethod": _NAME_LIST,
    "Preferences": frozenset({"updated"}),
}  # fmt: skip
LEGACY_NAMES = {"created": "Create", "updated": "Update", "deleted": "Delete", "merged": "Merge",
"emailed": "Emailed",
           "void": "Void"}  # fmt: skip

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


_DELIVERY = "SELECT id, body, events, state, blocking, attempts, due, copies, last_answer, acknowledged FROM deliveries"


class Webhooks:
    """The subscription of the one app, its outstanding events and deliveries."""

    def __init__(
        self,
        storage: Storage,
        clock: SandboxClock,
        randomness: random.Random,
        faults: OrderedFaults,
        post: Post = post,
        window_seconds: float = WINDOW_SECONDS,
        switches: Doc | None = None,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._randomness = randomness
        self._faults = faults
        self._post = post
        self._window_seconds = window_seconds
        self._switches = switches if switches is not None else {}
        self._wake = threading.Condition()
        self._news = False
        self._stopping = False
        self._delivering = threading.Lock()
        self._thread: threading.Thread | None = None
        self._subscription: Doc = storage.setting(SUBSCRIPTION)

    # The subscription

    @property
    def subscription(self) -> Doc:
        return dict(self._subscription)

    def subscribe(self, changes: Doc) -> None:
        self._subscription = {**self._subscription, **changes}
        self._storage.keep_setting(SUBSCRIPTION, self._subscription)
        self.wake()

    # Recording

    def record(self, connection: sqlite3.Connection, changes: list[Change]) -> None:
        """Part of the books' own transaction: an event exists exactly when its change does."""
        if not self._subscription.get("url"):
            return
        for change in changes:
            if change.operation in ANNOUNCED.get(change.entity, frozenset()):
                event = encode(self._event(change))
                connection.execute("INSERT INTO events (at, event) VALUES (?, ?)", (self._clock.seconds(), event))
        self.wake()

    def _event(self, change: Change) -> Doc:
        return {
            "specversion": "1.0",
            "id": str(uuid.UUID(int=self._randomness.getrandbits(128), version=4)),
            "source": "intuit.sandbox",
            "type": f"qbo.{change.entity.lower()}.{change.operation}.v1",
            "datacontenttype": "application/json",
            "time": event_time(change.at, self._randomness),
            "intuitentityid": change.id,
            "intuitaccountid": change.realm,
            "data": change.data,
            "_entity": change.entity,
        }

    # Delivering

    def run_due(self) -> None:
        """Bundle what has waited long enough and attempt everything that is due now."""
        with self._delivering:
            while self._bundle() | self._attempt_due():
                pass

    def _bundle(self) -> bool:
        """A new delivery, unless an earlier one still waits for its acknowledgement."""
        with self._storage.transaction() as connection:
            if self._storage.rows("SELECT 1 FROM deliveries WHERE state = 'pending' AND blocking LIMIT 1"):
                return False
            rows = self._storage.rows("SELECT id, at, event FROM events ORDER BY id LIMIT 1000")
            if not rows or self._clock.seconds() - rows[0][1] < self._window_seconds:
                return False
            bundle = self._together([(row[0], decode(row[2])) for row in rows])
            events = [event for _, event in bundle]
            connection.executemany("DELETE FROM events WHERE id = ?", [(number,) for number, _ in bundle])
            self._insert(connection, events, self._faults.strike("webhook"))
        return True

    def _together(self, waiting: list[tuple[int, Doc]]) -> list[tuple[int, Doc]]:
        """The events that make the next delivery: all that wait, or those of the first one's realm."""
        if self._switches.get("realms_in_a_delivery") != "one":
            return waiting
        realm = waiting[0][1]["intuitaccountid"]
        return [(number, event) for number, event in waiting if event["intuitaccountid"] == realm]

    def deliver_test(self, changes: list[Change]) -> None:
        """The button that sends test events: one delivery of its own, with nothing behind it in the books."""
        events = [self._event(change) for change in changes]
        with self._storage.transaction() as connection:
            self._insert(connection, events, self._faults.strike("webhook"), blocking=False)
        self.wake()

    def _insert(
        self, connection: sqlite3.Connection, events: list[Doc], order: FaultRule | None, blocking: bool = True
    ) -> None:
        kind = order.kind if order else ""
        if kind == "reorder":
            events.reverse()
        wait = order.seconds if order and kind in ("late", "reorder") else 0
        connection.execute(
            "INSERT INTO deliveries (body, events, state, blocking, attempts, due, copies)"
            " VALUES (?, ?, ?, ?, 0, ?, ?)",
            (
                self._body(events),
                len(events),
                "lost" if kind == "lose" else "pending",
                int(blocking and kind not in ("late", "reorder", "lose")),
                self._clock.seconds() + wait,
                2 if kind == "duplicate" else 1,
            ),
        )

    def _body(self, events: list[Doc]) -> str:
        if self._subscription["format"] == "legacy":
            return encode(_legacy(events))
        return encode([{name: event[name] for name in event if name[0] != "_"} for event in events])

    def _attempt_due(self) -> bool:
        now = self._clock.seconds()
        rows = self._storage.rows(f"{_DELIVERY} WHERE state = 'pending' AND due <= ? ORDER BY due, id", now)
        for row in rows:
            self._attempt(Delivery(*row))
        return bool(rows)

    def _attempt(self, delivery: Delivery) -> None:
        body = delivery.body.encode()
        answer = "no subscription"
        url = self._subscription.get("url")
        if url:
            answer = self._send(url, body)
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

    def _send(self, url: str, body: bytes) -> str:
        headers = {
            "Content-Type": self._switches.get("webhook_content_type", "application/json"),
            "intuit-signature": signature(self._subscription["verifier_token"], body),
            "intuit-notification-schema-version": "1.0",
            "User-Agent": "intuit_notification_dispatcher",
        }
        try:
            return str(self._post(url, body, headers))
        except requests.RequestException as error:
            return type(error).__name__

    # The thread

    def start(self) -> None:
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="quickbooks-webhooks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def wake(self) -> None:
        with self._wake:
            self._news = True
            self._wake.notify_all()

    def _run(self) -> None:
        while True:
            try:
                self.run_due()
                pause = self._pause()
            except Exception as error:  # noqa: BLE001  # the outermost loop: webhooks must go on
                traceback.print_exception(error, file=sys.stderr)
                pause = 1.0
            with self._wake:
                if not self._stopping and not self._news:
                    self._wake.wait(pause)
                self._news = False
                if self._stopping:
                    return

    def _pause(self) -> float:
        """Seconds until something is due; the clock may be advanced meanwhile, which wakes the thread."""
        now = self._clock.seconds()
        nexts = [row[0] for row in self._storage.rows("SELECT min(due) FROM deliveries WHERE state = 'pending'")]
        if not self._storage.rows("SELECT 1 FROM deliveries WHERE state = 'pending' AND blocking LIMIT 1"):
            nexts += [row[0] + self._window_seconds for row in self._storage.rows("SELECT at FROM events LIMIT 1")]
        return max(min((due - now for due in nexts if due is not None), default=60.0), 0.01)

    def listed(self) -> Doc:
        """Everything outstanding and the last hundred that are done, for people and tests."""
        done = self._storage.rows(f"{_DELIVERY} WHERE state != 'pending' ORDER BY id DESC LIMIT 100")
        pending = self._storage.rows(f"{_DELIVERY} WHERE state = 'pending' ORDER BY id")
        waiting = self._storage.rows("SELECT event FROM events ORDER BY id")
        shown: dict[str, list[Doc]] = {"pending": [], "acknowledged": [], "lost": []}
        for row in [*pending, *reversed(done)]:
            delivery = Delivery(*row)
            shown[delivery.state].append(_shown(delivery, self._clock.seconds()))
        return {"waiting_events": [_without_notes(decode(row[0])) for row in waiting], **shown}


def _without_notes(event: Doc) -> Doc:
    return {name: value for name, value in event.items() if name[0] != "_"}


def _shown(delivery: Delivery, now: float) -> Doc:
    pending = delivery.state == "pending"
    return {
        "id": delivery.id,
        "body": decode(delivery.body),
        "attempts": delivery.attempts,
        "last_answer": delivery.last_answer,
        "due_in_seconds": max(delivery.due - now, 0.0) if pending else None,
    }


def _legacy(events: list[Doc]) -> dict[str, Any]:
    by_realm: dict[str, list[Doc]] = {}
    for event in events:
        operation = event["type"].split(".")[2]
        entity = {
            "name": event["_entity"],
            "id": event["intuitentityid"],
            "operation": LEGACY_NAMES[operation],
            "lastUpdated": event["time"][:19] + ".000Z",
        }
        if "deletedid" in event["data"]:
            entity["deletedId"] = event["data"]["deletedid"]
        by_realm.setdefault(event["intuitaccountid"], []).append(entity)
    return {
        "eventNotifications": [
            {"realmId": realm, "dataChangeEvent": {"entities": entities}} for realm, entities in by_realm.items()
        ]
    }
