"""The parts of one running sandbox, put together from its directory."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from sandbox.quickbooks.amounts import Doc
from sandbox.quickbooks.books import Books
from sandbox.quickbooks.clock import SandboxClock
from sandbox.quickbooks.limits import RequestLimits
from sandbox.quickbooks.oauth import TokenServer, secret
from sandbox.quickbooks.sample import make_sample_company
from sandbox.quickbooks.steering import Journal, OrderedFaults, Usage
from sandbox.quickbooks.storage import Storage
from sandbox.quickbooks.webhooks import SUBSCRIPTION, WINDOW_SECONDS, Post, Webhooks, post

# Where the sources leave it open, or a company may choose, a tester can.
SWITCHES: dict[str, tuple[Any, ...]] = {
    "duplicate_number_check": (True, False),
    "duplicate_name_detail": ("id", "null", "sentence"),
    "replay_failed_answers": (False, True),
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
        self.journal = Journal()
        self.limits = RequestLimits(self.clock, self.storage.setting("limits", True))
        self.tokens = TokenServer(self.storage, self.clock, self.randomness)
        self.webhooks = Webhooks(self.storage, self.clock, self.randomness, self.faults, post, window_seconds)
        self.companies: dict[str, Books] = {}
        for realm in self.application["realms"]:
            self.companies[realm] = self._open_books(realm)

    def _make_application(self) -> Doc:
        """The registered app with its secrets, made once for a directory."""
        known: Doc | None = self.storage.setting("application")
        if known is not None:
            return known
        choice = self.randomness.choice
        application: Doc = {
            "client_id": "AB" + secret(choice, 48),
            "client_secret": secret(choice, 40),
            "realms": ["91303" + "".join(choice("0123456789") for _ in range(11))],
        }
        token = "-".join("".join(choice("0123456789abcdef") for _ in range(n)) for n in (8, 4, 4, 4, 12))
        with self.storage.transaction():
            self.storage.keep_setting("application", application)
            self.storage.keep_setting(SUBSCRIPTION, {"url": None, "verifier_token": token, "format": "cloudevents"})
        return application

    def _open_books(self, realm: str) -> Books:
        books = Books(self.storage, realm, self.clock, self.webhooks.record)
        # The company's own record is written last: a kill in the middle starts the sample again, by name.
        if not self.storage.setting(f"sample:{realm}", False):
            with self.storage.transaction() as connection:
                connection.execute("DELETE FROM documents WHERE realm = ?", (realm,))
                connection.execute("DELETE FROM counters WHERE realm = ?", (realm,))
                books = Books(self.storage, realm, self.clock)
                make_sample_company(books, self.switches)
                self.storage.keep_setting(f"sample:{realm}", True)
            books = Books(self.storage, realm, self.clock, self.webhooks.record)
        return books

    def credentials(self) -> dict[str, str]:
        """What a client needs to use this sandbox."""
        realm = self.application["realms"][0]
        return {
            "client_id": self.application["client_id"],
            "client_secret": self.application["client_secret"],
            "realm_id": realm,
            "refresh_token": self.tokens.handed_out(realm),
            "verifier_token": self.webhooks.subscription["verifier_token"],
            "discovery_url": f"{self.base_url}/.well-known/openid_sandbox_configuration/",
            "api_url": f"{self.base_url}/v3",
        }

    def advance_clock(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.storage.keep_setting("clock_offset", self.clock.offset_seconds)
        self.webhooks.wake()

    def set_switches(self, changes: Doc) -> None:
        """Raises ValueError for a switch or a position that does not exist."""
        for name, value in changes.items():
            if name not in SWITCHES or value not in SWITCHES[name]:
                raise ValueError(f"The switches and their positions are {SWITCHES}.")
        self.switches.update(changes)
        self.storage.keep_setting("switches", self.switches)

    def set_limits(self, enabled: bool) -> None:
        self.limits.enabled = enabled
        self.storage.keep_setting("limits", enabled)

    def close(self) -> None:
        self.storage.close()
