"""The parts of one running sandbox, put together from its directory."""

from __future__ import annotations

import random
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from quickbooks_sandbox.books.amounts import Doc
from quickbooks_sandbox.books.books import Books
from quickbooks_sandbox.books.storage import Storage
from quickbooks_sandbox.intuit.apps import App, Apps
from quickbooks_sandbox.intuit.limits import RequestLimits
from quickbooks_sandbox.intuit.oauth import TokenServer, secret
from quickbooks_sandbox.intuit.steering import OrderedFaults, Usage
from quickbooks_sandbox.intuit.webhooks import SUBSCRIPTION, WINDOW_SECONDS, Post, Webhooks, new_subscription, post
from quickbooks_sandbox.rules.uploads import is_open, temporary_path
from quickbooks_sandbox.world.generator import Plan, make_history
from quickbooks_sandbox.world.sample import make_sample_company
from quickbooks_sandbox.world.snapshots import Snapshots, forget
from sandbox_kit.clock import SandboxClock
from sandbox_kit.journal import RequestJournal

# Where the sources leave it open, or a company may choose, a tester can; the first position is the usual one.
SWITCHES: dict[str, tuple[Any, ...]] = {
    "duplicate_number_check": (True, False),
    "duplicate_name_detail": ("id", "null", "sentence"),
    "replay_failed_answers": (False, True),
    "requestid_hours": ("always", 24, 1),
    "requestid_other_body": ("replayed", "refused"),
    "tax_inclusive_amount": ("gross", "net"),
    "apply_tax_after_discount": ("in_the_us", "everywhere"),
    "given_tax_lines": ("ignored", "honoured"),
    "unit_price": ("as_sent", "recomputed"),
    "number_not_sent": ("automatic", "none"),
    "readable_after_seconds": (0, 5),
    "bundle_amount": ("sum", "zero"),
    "merged_sub_customers": ("moved", "refused"),
    "side_effect_events": (True, False),
    "realms_in_a_delivery": ("several", "one"),
    "webhook_content_type": (
        "application/json",
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
    ),
    "code_challenges": (True, False),
    "email_status_writable": (True, False),
    "latin1_only": (False, True),
    "batch_ids_limited": (False, True),
    "batch_queries_metered": ("each", "once"),
}


class Services:
    """Everything that the web application needs; one for each directory."""

    def __init__(
        self,
        directory: Path,
        clock: SandboxClock | None = None,
        randomness: random.Random | None = None,
        post: Post = post,
        window_seconds: float = WINDOW_SECONDS,
        companies: int = 1,
        plan: Plan | None = None,
    ) -> None:
        self.randomness = randomness or random.SystemRandom()
        self.clock = clock or SandboxClock()
        self.storage = Storage(directory)
        self.base_url = "http://127.0.0.1"
        self.outage = False
        self.clock.offset_seconds = float(self.storage.setting("clock_offset", self.clock.offset_seconds))
        self.application = self._make_application()
        self.switches: Doc = {name: choices[0] for name, choices in SWITCHES.items()}
        self.switches.update(self.storage.setting("switches", {}))
        self.faults = OrderedFaults(self.randomness)
        self.usage = Usage()
        self.journal = RequestJournal()
        self.limits = RequestLimits(self.clock, self.storage.setting("limits", True))
        self.tokens = TokenServer(self.storage, self.clock, self.randomness)
        self.apps = Apps(self.storage, self.randomness, self.application)
        self.storage.give_to(self.apps.first.client_id)
        self.webhooks = Webhooks(
            self.storage, self.clock, self.randomness, self.faults, self.apps.first.client_id, self.tokens.connected,
            post, window_seconds, self.switches,
        )  # fmt: skip
        for app in self.apps:
            self.webhooks.register(app.client_id)
        self.snapshots = Snapshots(self.storage)
        self.companies: dict[str, Books] = {}
        for realm in self.application["realms"]:
            self.companies[realm] = self._open_books(realm, plan)
        while len(self.companies) < companies:
            self.add_company(plan=plan)

    def _make_application(self) -> Doc:
        """The registered app with its secrets, made once for a directory."""
        known: Doc | None = self.storage.setting("application")
        if known is not None:
            return known
        choice = self.randomness.choice
        application: Doc = {
            "client_id": "AB" + secret(choice, 48),
            "client_secret": secret(choice, 40),
            "realms": [self._new_realm()],
        }
        with self.storage.transaction():
            self.storage.keep_setting("application", application)
            self.storage.keep_setting(SUBSCRIPTION, new_subscription(self.randomness))
        return application

    def _new_realm(self) -> str:
        return "91303" + "".join(self.randomness.choice("0123456789") for _ in range(11))

    def add_company(self, country: str = "US", plan: Plan | None = None) -> str:
        """One more company beside those there are; its realm id."""
        realm = self._new_realm()
        with self.storage.transaction():
            self.application["realms"].append(realm)
            self.storage.keep_setting("application", self.application)
            self.storage.keep_setting(f"country:{realm}", country)
        self.companies[realm] = self._open_books(realm, plan)
        return realm

    def _open_books(self, realm: str, plan: Plan | None = None) -> Books:
        """The books on disk; books that were never finished are made again."""
        if not self.storage.setting(f"sample:{realm}", False):
            self._make_books(realm, plan)
        return Books(self.storage, realm, self.clock, self.webhooks.record)

    def _make_books(self, realm: str, plan: Plan | None) -> None:
        """All or nothing: a kill in the middle leaves no half of them."""
        with self.storage.transaction() as connection:
            forget(connection, realm)
            books = Books(self.storage, realm, self.clock)
            make_sample_company(books, self.switches, self.storage.setting(f"country:{realm}", "US"))
            if plan is not None:
                make_history(books, self.switches, plan, self.clock.now())
            self.storage.keep_setting(f"sample:{realm}", True)

    def reset(self, realm: str, plan: Plan | None = None) -> None:
        """The company as it was when it was new, with the plan's business if there is one; nobody is told."""
        with self.companies[realm].lock:
            self._make_books(realm, plan)
            self.companies[realm] = self._open_books(realm)

    def restore(self, name: str) -> None:
        """Raises ValueError when there is no such snapshot."""
        with ExitStack() as locks:
            for books in self.companies.values():
                locks.enter_context(books.lock)
            self.snapshots.restore(name)
            for realm in self.companies:
                self.companies[realm] = self._open_books(realm)

    def add_app(self, name: str = "") -> App:
        """One more app beside those there are, without a company or a subscription."""
        app = self.apps.add(name)
        self.webhooks.register(app.client_id)
        return app

    def credentials(self, realm: str | None = None, client_id: str | None = None) -> dict[str, str]:
        """What an app needs to use a company: the first one of each, or others. They are connected by this."""
        realm = realm or self.application["realms"][0]
        app = self.apps.get(client_id)
        return {
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "realm_id": realm,
            "refresh_token": self.tokens.handed_out(app.client_id, realm),
            "verifier_token": self.webhooks.subscription(app.client_id)["verifier_token"],
            "discovery_url": f"{self.base_url}/.well-known/openid_sandbox_configuration/",
            "api_url": f"{self.base_url}/v3",
        }

    def file_address(self, realm: str, object_id: str) -> str:
        path = temporary_path(self.application["client_secret"], realm, object_id, self.clock.seconds())
        return f"{self.base_url}{path}"

    def file_at(self, realm: str, object_id: str, expires: int, signature: str) -> bytes | None:
        """The file that was offered at such an address, if it still is."""
        secret, now = self.application["client_secret"], self.clock.seconds()
        if realm not in self.companies or not is_open(secret, realm, object_id, expires, signature, now):
            return None
        return self.companies[realm].file(object_id)

    @property
    def names(self) -> tuple[str, ...]:
        """Under which host names it is served, beside those of loopback."""
        return (urlsplit(self.base_url).hostname or "",)

    @property
    def issuer(self) -> str:
        """Whose name identity tokens are signed in."""
        return f"{self.base_url}/op/v1"

    def advance_clock(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.storage.keep_setting("clock_offset", self.clock.offset_seconds)
        self.webhooks.wake()

    def set_switches(self, changes: Doc) -> None:
        """Raises ValueError for a switch or a position that does not exist."""
        for name, value in changes.items():
            # By kind as well: 1 is not true.
            if (type(value), value) not in [(type(choice), choice) for choice in SWITCHES.get(name, ())]:
                raise ValueError(f"The switches and their positions are {SWITCHES}.")
        self.switches.update(changes)
        self.storage.keep_setting("switches", self.switches)

    def set_limits(self, enabled: bool) -> None:
        self.limits.enabled = enabled
        self.storage.keep_setting("limits", enabled)

    def close(self) -> None:
        self.storage.close()
