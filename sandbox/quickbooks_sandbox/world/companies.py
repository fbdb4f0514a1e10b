"""Companies: their realms, and their books on disk or made anew."""

from __future__ import annotations

import random

from quickbooks_sandbox.books.amounts import Doc
from quickbooks_sandbox.books.books import Books
from quickbooks_sandbox.books.disk import CommitHook
from quickbooks_sandbox.books.storage import Storage
from quickbooks_sandbox.intuit.credentials import secret
from quickbooks_sandbox.intuit.subscriptions import SUBSCRIPTION, new_subscription
from quickbooks_sandbox.world.generator import Plan, make_history
from quickbooks_sandbox.world.sample import make_sample_company
from quickbooks_sandbox.world.snapshots import forget
from sandbox_kit.clock import SandboxClock


def new_realm(randomness: random.Random) -> str:
    return "91303" + "".join(randomness.choice("0123456789") for _ in range(11))


def first_application(storage: Storage, randomness: random.Random) -> Doc:
    """The registered app with its secrets and its realms, made once for a directory."""
    known: Doc | None = storage.setting("application")
    if known is not None:
        return known
    choice = randomness.choice
    application: Doc = {
        "client_id": "AB" + secret(choice, 48),
        "client_secret": secret(choice, 40),
        "realms": [new_realm(randomness)],
    }
    with storage.transaction():
        storage.keep_setting("application", application)
        storage.keep_setting(SUBSCRIPTION, new_subscription(randomness))
    return application


class Shelf:
    """Where the books of the companies stand."""

    def __init__(self, storage: Storage, clock: SandboxClock, switches: Doc, on_commit: CommitHook) -> None:
        self._storage = storage
        self._clock = clock
        self._switches = switches
        self._on_commit = on_commit

    def open(self, realm: str, plan: Plan | None = None) -> Books:
        """The books on disk; books that were never finished are made again."""
        if not self._storage.setting(f"sample:{realm}", False):
            self.make(realm, plan)
        return Books(self._storage, realm, self._clock, self._on_commit)

    def make(self, realm: str, plan: Plan | None) -> None:
        """All or nothing: a kill in the middle leaves no half of them."""
        with self._storage.transaction() as connection:
            forget(connection, realm)
            books = Books(self._storage, realm, self._clock)
            make_sample_company(books, self._switches, self._storage.setting(f"country:{realm}", "US"))
            if plan is not None:
                make_history(books, self._switches, plan, self._clock.now())
            self._storage.keep_setting(f"sample:{realm}", True)
