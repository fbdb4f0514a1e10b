"""Webhooks: events written with the books, bundled over a short window and delivered."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Callable

from quickbooks_sandbox.books.amounts import Doc, decode, encode
from quickbooks_sandbox.books.disk import Change
from quickbooks_sandbox.books.storage import Storage
from quickbooks_sandbox.intuit.deliveries import BLOCKED, Deliveries, Post, post
from quickbooks_sandbox.intuit.events import event_of, without_notes
from quickbooks_sandbox.intuit.loop import Loop
from quickbooks_sandbox.intuit.steering import OrderedFaults
from quickbooks_sandbox.intuit.subscriptions import ANNOUNCED, Subscriptions
from sandbox_kit.clock import SandboxClock

WINDOW_SECONDS = 0.3

Connected = Callable[[str], list[str]]  # from a realm to client ids


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
        self._window_seconds = window_seconds
        self._switches = switches if switches is not None else {}
        self._subscriptions = Subscriptions(storage, randomness, first_app)
        self._deliveries = Deliveries(storage, clock, self._subscriptions, post, self._switches)
        self._delivering = threading.Lock()
        self._loop = Loop("quickbooks-webhooks", self.run_due, self._pause)
        self._first_app = first_app
        self._connected = connected

    # The subscriptions

    def register(self, client_id: str) -> None:
        """An app may subscribe from now on; one that is known goes on with what it subscribed to."""
        self._subscriptions.register(client_id)

    def subscription(self, client_id: str | None = None) -> Doc:
        """An app's, by default the first one's."""
        return self._subscriptions.of(client_id)

    def subscribe(self, changes: Doc, client_id: str | None = None) -> None:
        """Raises ValueError for a format or an entity that there is not."""
        self._subscriptions.change(changes, client_id)
        self.wake()

    # Recording

    def record(self, connection: sqlite3.Connection, changes: list[Change]) -> None:
        """Part of the books' own transaction: an event exists exactly when its change does."""
        told = False
        for change in changes:
            for client_id in self._listeners(change):
                event = encode(event_of(change, self._randomness))
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
        if not self._subscriptions.somebody_hears():
            return []
        connected = self._connected(change.realm)
        return [client_id for client_id in connected if self._subscriptions.hears(client_id, change.entity)]

    # Delivering

    def run_due(self) -> None:
        """Bundle what has waited long enough and attempt everything that is due now."""
        with self._delivering:
            while self._bundle() | self._deliveries.attempt_due():
                pass

    def _bundle(self) -> bool:
        """A new delivery for each app, unless an earlier one of it still waits for its acknowledgement."""
        waiting = self._storage.rows(f"SELECT DISTINCT client_id FROM events EXCEPT {BLOCKED}")  # noqa: S608
        made = [self._bundle_for(client_id) for (client_id,) in waiting]
        return any(made)

    def _bundle_for(self, client_id: str) -> bool:
        with self._storage.transaction() as connection:
            rows = self._storage.rows(
                "SELECT id, at, event FROM events WHERE client_id = ? ORDER BY id LIMIT 1000", client_id
            )
            if not rows or self._clock.seconds() - rows[0][1] < self._window_seconds:
                return False
            waiting = [(row[0], decode(row[2])) for row in rows]
            one = self._switches.get("realms_in_a_delivery") == "one"
            bundle = _of_the_first_realm(waiting) if one else waiting
            events = [event for _, event in bundle]
            connection.executemany("DELETE FROM events WHERE id = ?", [(number,) for number, _ in bundle])
            self._deliveries.add(connection, client_id, events, self._faults.strike("webhook"))
        return True

    def deliver_test(self, changes: list[Change], client_id: str | None = None) -> None:
        """The button that sends test events: one delivery of its own, with nothing behind it in the books."""
        events = [event_of(change, self._randomness) for change in changes]
        with self._storage.transaction() as connection:
            order = self._faults.strike("webhook")
            self._deliveries.add(connection, client_id or self._first_app, events, order, blocking=False)
        self.wake()

    # The thread

    def start(self) -> None:
        self._loop.start()

    def stop(self) -> None:
        self._loop.stop()

    def wake(self) -> None:
        self._loop.wake()

    def _pause(self) -> float:
        """Seconds until something is due; the clock may be advanced meanwhile, which wakes the thread."""
        now = self._clock.seconds()
        ((oldest,),) = self._storage.rows(f"SELECT min(at) FROM events WHERE client_id NOT IN ({BLOCKED})")  # noqa: S608
        nexts = [self._deliveries.next_due(), None if oldest is None else oldest + self._window_seconds]
        return max(min((due - now for due in nexts if due is not None), default=60.0), 0.01)

    def listed(self) -> Doc:
        """Everything outstanding and the last hundred that are done, for people and tests."""
        waiting = self._storage.rows("SELECT event FROM events ORDER BY id")
        events = [without_notes(decode(row[0])) for row in waiting]
        return {"waiting_events": events, **self._deliveries.listed()}


def _of_the_first_realm(waiting: list[tuple[int, Doc]]) -> list[tuple[int, Doc]]:
    realm = waiting[0][1]["intuitaccountid"]
    return [(number, event) for number, event in waiting if event["intuitaccountid"] == realm]
