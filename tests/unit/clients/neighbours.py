"""Our clients in front of the in-process sandboxes: HTTP as `clients.http` speaks it, without a socket."""

from pathlib import Path
from typing import Any

from quickbooks_sandbox.testing import World as QuickBooksWorld
from ravetree_sandbox.testing import World as RavetreeWorld

from clients import http
from clients.quickbooks.company import Company
from clients.quickbooks.oauth import OAuthClient
from clients.quickbooks.pacing import Pacer
from clients.ravetree.account import Account
from schemas import strict_json
from tests.unit.ports import FakeClock
from tests.unit.wsgi_adapter import AnswerAdapter, Answering, WsgiAdapter

QUICKBOOKS = "https://quickbooks.test"
RAVETREE = "https://ravetree.test"
TIMEOUT = 5.0


class Bearer:
    """Gives the sandbox's access token, or one that it does not know, and remembers what it was asked."""

    def __init__(self, world: QuickBooksWorld) -> None:
        self._world = world
        self.stale: str | None = None
        self.asked: list[str | None] = []

    def __call__(self, expired: str | None = None) -> str:
        self.asked.append(expired)
        if expired is None and self.stale is not None:
            return self.stale
        return self._world.bearer()["Authorization"].removeprefix("Bearer ")


class QuickBooks:
    """A company of the sandbox and our client in front of it."""

    def __init__(self, directory: Path, clock: FakeClock) -> None:
        self.world = QuickBooksWorld(directory)
        self.world.services.base_url = QUICKBOOKS
        self.adapter = WsgiAdapter(self.world.client.application)
        self.bearer = Bearer(self.world)
        self.clock = clock
        self.session = http.open_session(lambda: self.adapter)
        realm = self.world.credentials["realm_id"]
        url = f"{QUICKBOOKS}/v3"
        self.company = Company(self.session, url, realm, self.bearer, Pacer(clock), clock, TIMEOUT)

    def close(self) -> None:
        self.session.close()
        self.world.close()

    def oauth(self, **changes: str) -> OAuthClient:
        known = self.world.services.credentials() | changes
        return OAuthClient(
            known["client_id"],
            known["client_secret"],
            known["discovery_url"],
            self.clock,
            TIMEOUT,
            lambda: self.adapter,
        )

    def order_fault(self, kind: str, count: int = 1, endpoint: str = "*") -> None:
        self.world.bearer()  # or the fault would strike the sandbox's own call for a token
        self.world.order("faults", {"kind": kind, "count": count, "endpoint": endpoint, "seconds": 0})

    def create(self, entity: str, body: Any, request_id: str = "a" * 32) -> Any:
        return self.company.write(entity, strict_json.dumps(body), request_id).body


class Ravetree:
    """An organisation of the sandbox and our client in front of it."""

    def __init__(self, directory: Path, clock: FakeClock) -> None:
        self.world = RavetreeWorld(directory)
        self.adapter = WsgiAdapter(self.world.client.application)
        self.clock = clock
        self.session = http.open_session(lambda: self.adapter)
        organisation = self.world.organisation
        self.account = self.account_with(organisation.api_token)

    def account_with(self, token: str) -> Account:
        account_id = self.world.organisation.account_id
        return Account(self.session, f"{RAVETREE}/v1", account_id, token, self.clock, TIMEOUT)

    def close(self) -> None:
        self.session.close()
        self.world.organisation.close()

    def order_fault(self, kind: str, count: int = 1) -> None:
        self.world.ok("POST", "/sandbox/faults", {"kind": kind, "count": count, "seconds": 0})


def _same_token(expired: str | None = None) -> str:
    return "token"


def scripted(answering: Answering, clock: FakeClock) -> tuple[Company, AnswerAdapter]:
    """A company whose answers a function makes, for what a sandbox would take long to grow."""
    adapter = AnswerAdapter(answering)
    session = http.open_session(lambda: adapter)
    company = Company(session, f"{QUICKBOOKS}/v3", "1", _same_token, Pacer(clock), clock, TIMEOUT)
    return company, adapter


def json_answer(body: Any, status: int = 200, **headers: str) -> tuple[int, dict[str, str], bytes]:
    return status, {"Content-Type": "application/json", **headers}, strict_json.dumps(body).encode()
