"""The parts of one running sandbox, put together from its directory."""

from __future__ import annotations

import random
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from quickbooks_sandbox.books.amounts import Doc
from quickbooks_sandbox.books.books import Books
from quickbooks_sandbox.books.storage import Storage
from quickbooks_sandbox.intuit.apps import App, Apps
from quickbooks_sandbox.intuit.deliveries import Post, post
from quickbooks_sandbox.intuit.limits import RequestLimits
from quickbooks_sandbox.intuit.oauth import TokenServer
from quickbooks_sandbox.intuit.steering import OrderedFaults, Usage
from quickbooks_sandbox.intuit.webhooks import WINDOW_SECONDS, Webhooks
from quickbooks_sandbox.rules.uploads import is_open, temporary_path
from quickbooks_sandbox.world.companies import Shelf, first_application, new_realm
from quickbooks_sandbox.world.generator import Plan
from quickbooks_sandbox.world.snapshots import Snapshots
from quickbooks_sandbox.world.switches import check_switches, read_switches
from sandbox_kit.clock import SandboxClock
from sandbox_kit.journal import RequestJournal


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
        self.application = first_application(self.storage, self.randomness)
        self.switches = read_switches(self.storage)
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
        self._shelf = Shelf(self.storage, self.clock, self.switches, self.webhooks.record)
        self.companies: dict[str, Books] = {}
        for realm in self.application["realms"]:
            self.companies[realm] = self._shelf.open(realm, plan)
        while len(self.companies) < companies:
            self.add_company(plan=plan)

    def add_company(self, country: str = "US", plan: Plan | None = None) -> str:
        """One more company beside those there are; its realm id."""
        realm = new_realm(self.randomness)
        with self.storage.transaction():
            self.application["realms"].append(realm)
            self.storage.keep_setting("application", self.application)
            self.storage.keep_setting(f"country:{realm}", country)
        self.companies[realm] = self._shelf.open(realm, plan)
        return realm

    def reset(self, realm: str, plan: Plan | None = None) -> None:
        """The company as it was when it was new, with the plan's business if there is one; nobody is told."""
        with self.companies[realm].lock:
            self._shelf.make(realm, plan)
            self.companies[realm] = self._shelf.open(realm)

    def restore(self, name: str) -> None:
        """Raises ValueError when there is no such snapshot."""
        with ExitStack() as locks:
            for books in self.companies.values():
                locks.enter_context(books.lock)
            self.snapshots.restore(name)
            for realm in self.companies:
                self.companies[realm] = self._shelf.open(realm)

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
        return self.companies[realm].disk.file(object_id)

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
        check_switches(changes)
        self.switches.update(changes)
        self.storage.keep_setting("switches", self.switches)

    def set_limits(self, enabled: bool) -> None:
        self.limits.enabled = enabled
        self.storage.keep_setting("limits", enabled)

    def close(self) -> None:
        self.storage.close()
