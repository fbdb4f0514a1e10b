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

from quickbooks_sandbox.books.amounts import Doc, decode, encode
from quickbooks_sandbox.books.books import Change
from quickbooks_sandbox.books.clock import event_time
from quickbooks_sandbox.books.storage import Storage
from quickbooks_sandbox.intuit.apps import new_verifier_token
from quickbooks_sandbox.intuit.steering import OrderedFaults
from sandbox_kit.clock import SandboxClock
from sandbox_kit.faults import OrderedFault

# Seconds to wait after each failed attempt; the last one repeats for ever.
RETRY_SECONDS = (0, 10, 20, 30, 300, 1200, 7200, 14400, 21600)
ANSWER_SECONDS = 3.0
WINDOW_SECONDS = 0.3
SUBSCRIPTION = "webhook_subscription"
FORMATS = ("cloudevents", "legacy")
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

Connected = Callable[[str], list[str]]  # from a realm to client ids
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
_BLOCKED = "SELECT DISTINCT client_id FROM deliveries WHERE state = 'pending' AND blocking"


def new_subscription(randomness: random.Random) -> Doc:
    """What an app has before it subscribes to anything; no entities means every one."""
    token = new_verifier_token(randomness)
    return {"url": None, "verifier_token": token, "format": FORMATS[0], "entities": None}


class Webhooks:
    """The subscription of each app, its outstanding events and deliveries."""

    def __init__(
        self,
        storage: Storage,
        clock: SandboxClock,
        randomness: random.Random,
        faults: OrderedFaults,
        first_app: str,
        connected: Connected,
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
        self._first_app = first_app
        self._connected = connected
        self._subscriptions: dict[str, Doc] = {}

    # The subscriptions

    def register(self, client_id: str) -> None:
        """An app may subscribe from now on; one that is known goes on with what it subscribed to."""
        kept = self._storage.setting(self._setting(client_id)) or new_subscription(self._randomness)
        self._keep(client_id, {"entities": None, **kept})

    def subscription(self, client_id: str | None = None) -> Doc:
        """An app's, by default the first one's."""
        return dict(self._subscriptions[client_id or self._first_app])

    def subscribe(self, changes: Doc, client_id: str | None = None) -> None:
        """Raises ValueError for a format or an entity that there is not."""
        if changes.get("format", FORMATS[0]) not in FORMATS:
            raise ValueError(f"The format is one of {', '.join(FORMATS)}.")
        entities = changes.get("entities")
        if entities is not None and not (isinstance(entities, list) and set(entities) <= ANNOUNCED.keys()):
            raise ValueError(f"The entities are null for all, or some of {', '.join(ANNOUNCED)}.")
        self._keep(client_id or self._first_app, {**self.subscription(client_id), **changes})
        self.wake()

    def _keep(self, client_id: str, subscription: Doc) -> None:
        self._subscriptions[client_id] = subscription
        self._storage.keep_setting(self._setting(client_id), subscription)

    def _setting(self, client_id: str) -> str:
        return SUBSCRIPTION if client_id == self._first_app else f"{SUBSCRIPTION}:{client_id}"

    # Recording

    def record(self, connection: sqlite3.Connection, changes: list[Change]) -> None:
        """Part of the books' own transaction: an event exists exactly when its change does."""
        told = False
        for change in changes:
            for client_id in self._listeners(change):
                event = encode(self._event(change))
                connection.execute(
                    "INSERT INTO events (at, event, client_id) VALUES (?, ?, ?)",
                    (self._clock.seconds(), event, client_id),
                )
                told = True
        if told:
            self.wake()

    def _listeners(self, change: Change) -> list[str]:
        """The apps that hear of it: the company is connected to them, and they subscribed to such events."""
        if change.operation not in ANNOUNCED.get(change.entity, frozenset()):
            return []
        if not any(subscription["url"] for subscription in self._subscriptions.values()):
            return []
        return [client_id for client_id in self._connected(change.realm) if self._hears(client_id, change.entity)]

    def _hears(self, client_id: str, entity: str) -> bool:
        subscription = self._subscriptions[client_id]
        return bool(subscription["url"]) and (subscription["entities"] is None or entity in subscription["entities"])

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
        """A new delivery for each app, unless an earlier one of it still waits for its acknowledgement."""
        waiting = self._storage.rows(f"SELECT DISTINCT client_id FROM events EXCEPT {_BLOCKED}")  # noqa: S608
        made = [self._bundle_for(client_id) for (client_id,) in waiting]
        return any(made)

    def _bundle_for(self, client_id: str) -> bool:
        with self._storage.transaction() as connection:
            rows = self._storage.rows(
                "SELECT id, at, event FROM events WHERE client_id = ? ORDER BY id LIMIT 1000", client_id
            )
            if not rows or self._clock.seconds() - rows[0][1] < self._window_seconds:
                return False
            bundle = self._together([(row[0], decode(row[2])) for row in rows])
            events = [event for _, event in bundle]
            connection.executemany("DELETE FROM events WHERE id = ?", [(number,) for number, _ in bundle])
            self._insert(connection, client_id, events, self._faults.strike("webhook"))
        return True

    def _together(self, waiting: list[tuple[int, Doc]]) -> list[tuple[int, Doc]]:
        """The events that make the next delivery: all that wait, or those of the first one's realm."""
        if self._switches.get("realms_in_a_delivery") != "one":
            return waiting
        realm = waiting[0][1]["intuitaccountid"]
        return [(number, event) for number, event in waiting if event["intuitaccountid"] == realm]

    def deliver_test(self, changes: list[Change], client_id: str | None = None) -> None:
        """The button that sends test events: one delivery of its own, with nothing behind it in the books."""
        events = [self._event(change) for change in changes]
        with self._storage.transaction() as connection:
            order = self._faults.strike("webhook")
            self._insert(connection, client_id or self._first_app, events, order, blocking=False)
        self.wake()

    def _insert(
        self,
        connection: sqlite3.Connection,
        client_id: str,
        events: list[Doc],
        order: OrderedFault | None,
        blocking: bool = True,
    ) -> None:
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
        if self._subscriptions[client_id]["format"] == "legacy":
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
        subscription = self._subscriptions[delivery.client_id]
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
        waiting = self._storage.rows(f"SELECT min(at) FROM events WHERE client_id NOT IN ({_BLOCKED})")  # noqa: S608
        nexts += [row[0] + self._window_seconds for row in waiting if row[0] is not None]
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
        "client_id": delivery.client_id,
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
