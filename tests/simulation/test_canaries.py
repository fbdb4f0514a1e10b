"""Whatever is secret, or is somebody's own, is planted and looked for in all that the product puts out."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import redirect_stderr
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import structlog
from werkzeug.test import TestResponse

from config import keyring
from config import logging as logs
from console.pages.showing import COOKIE
from storage import api_tokens
from storage import users as roles
from sync.duties import DUTIES
from tests.simulation.test_console import PASSWORD, Visit
from tests.simulation.world import QUICKBOOKS, RAVETREE, Browser, World
from tests.unit.wsgi_adapter import WsgiAdapter
from webhooks.signatures import current_ravetree_secret

OWN = ("Canary Wharf Holdings", "canary@wharf.example", "canary memo", "canary line")
"""What belongs in the books and on their pages, and in no log, figure or bundle."""
WRONG = "canary-of-a-wrong-token"
PAGES = ("well", "queues", "dead", "parked", "events", "brakes", "kept", "support", "people", "tokens", "acts", "you")
OF_A_CONNECTION = ("", "attention", "records", "connection", "connection/mappings", "backfill", "parity", "reads")
API = ("", "/attention", "/records", "/jobs", "/parity", "/mappings", "/policies")
Answer = tuple[int, dict[str, str], bytes]


class Overheard:
    """A neighbour of whom every secret that crosses the wire is noted."""

    def __init__(self, behind: WsgiAdapter, secrets: set[str]) -> None:
        self._behind = behind
        self._secrets = secrets

    def _call(self, request: requests.PreparedRequest) -> Answer:
        answer: Answer = self._behind._call(request)
        _, _, shown = (request.headers.get("Authorization") or "").partition(" ")
        self._secrets.update({shown} - {""})
        if b"refresh_token" in answer[2]:
            given = json.loads(answer[2])
            self._secrets.update({given["access_token"], given["refresh_token"]})
        return answer


class Watched:
    """A world of which all is kept: what crosses the wire, what is logged, and what is answered."""

    def __init__(self, world: World, log: io.StringIO) -> None:
        self.log = log
        settings, ring = world.parts.settings, world.parts.settings.ravetree_webhook_keys
        assert ring is not None
        self.world = world
        self.secrets: set[str] = {
            settings.secret_key,
            settings.quickbooks_client_secret,
            *settings.quickbooks_verifier_tokens,
            keyring.spell(b"t" * 32).partition(":")[2],
            keyring.spell(b"w" * 32).partition(":")[2],
            current_ravetree_secret(world.ravetree.credentials["account_id"], ring),
            world.ravetree.credentials["api_token"],
            PASSWORD,
            WRONG,
        }
        self.answers: list[tuple[str, str]] = []
        for host in (QUICKBOOKS, RAVETREE):
            world._apps[host] = Overheard(world._apps[host], self.secrets)

    def look(self, answer: TestResponse) -> None:
        """Keep what was answered, with its headers; a cookie is its owner's."""
        headers = [f"{name}: {value}" for name, value in answer.headers if name != "Set-Cookie"]
        self.answers.append((answer.request.path, "\n".join([*headers, answer.get_data(as_text=True)])))


@pytest.fixture
def watched(new_world: World) -> Iterator[Watched]:
    """It logs all that it has to say, as it does for operators."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = list(root.handlers), root.level
    log = io.StringIO()
    with redirect_stderr(log):
        logs.configure("debug")
    yield Watched(new_world, log)
    structlog.configure(**before)
    root.handlers[:], root.level = handlers, level


def live(world: World, watched: Watched) -> None:
    """A day with everything in it that has something to lose."""
    name, mail, memo, line = OWN
    client = world.client(name, email=mail)
    lines = [{"type": "time", "description": line, "quantity": "1", "unit_price": "80.00", "taxable": False}]
    body = {"client_id": client, "issue_date": "2026-11-20", "due_date": "2026-12-20", "lines": lines, "memo": memo}
    invoice = world.ravetree.create("invoices", {"currency": "USD"} | body)
    world.settle()
    world.receive({invoice["id"]: "30.00"}, "canary cheque")
    world.settle()
    # Refused, broken and away: what is said of an error is where secrets slip out.
    for kind in ("500", "timeout_after", "fault:6000"):
        world.quickbooks.steer("faults", {"endpoint": "invoice.*", "kind": kind, "count": 1})
        world.ravetree.change("invoices", invoice["id"], {"memo": f"{memo} {kind}"})
        world.settle()
    world.ravetree.change("invoices", invoice["id"], {"lines": []})
    world.settle()
    for path, headers in (
        ("/webhooks/quickbooks", {"intuit-signature": WRONG}),
        ("/webhooks/ravetree/org_first", {"webhook-id": "1", "webhook-signature": f"v1,{WRONG}"}),
        ("/api/connections", {"Authorization": f"Bearer {WRONG}"}),
        (f"/connect/start?token={WRONG}", {}),
        (f"/connect/oauth2?code={WRONG}&state={WRONG}&realmId=1", {}),
    ):
        watched.look(world.web.open(path, method="POST" if headers else "GET", data=b"{", headers=headers))
    for duty in DUTIES:
        world.plan(duty)
    world.settle()


def consent_again(world: World, watched: Watched) -> None:
    """The way to Intuit and back: link, state and code, and new tokens."""
    link = world.parts.console.connecting.start_link(
        world.ravetree.credentials["account_id"], world.ravetree.credentials["api_token"]
    )
    browser = Browser(world)
    page = browser.open(link)
    back = browser.decide(page, realm=world.quickbooks.credentials["realm_id"])
    asked, given = parse_qs(urlsplit(page).query), parse_qs(urlsplit(back).query)
    watched.secrets |= {parse_qs(urlsplit(link).query)["token"][0], given["code"][0], asked["state"][0]}
    assert browser.session.get(back).status_code == 200


def walk(world: World, watched: Watched) -> None:
    """Every page and list, as an operator sees them."""
    visit = Visit(world, roles.OPERATOR)
    session = visit.browser.get_cookie(COOKIE, path="/console")
    assert session is not None
    watched.secrets |= {session.value, world.parts.console.users.link_for_account("org_first", "Ann")}
    token, _ = world.parts.console.tokens.make("canary", api_tokens.READ, "")
    watched.secrets.add(token)
    for page in (*PAGES, *(f"ID/{page}" for page in OF_A_CONNECTION)):
        watched.look(visit.get(page))
    for path in API:
        address = f"/api/connections/{world.connection_id}{path}"
        watched.look(world.web.get(address, headers={"Authorization": f"Bearer {token}"}))
    for path in ("/metrics", "/healthz", "/readyz", "/api/openapi.json"):
        watched.look(world.web.get(path))


def test_no_secret_is_in_anything_that_is_put_out(watched: Watched) -> None:
    world = watched.world
    live(world, watched)
    consent_again(world, watched)
    world.settle()
    walk(world, watched)
    log = watched.log.getvalue()
    assert log.count("\n") > 100
    assert len(watched.secrets) > 15
    assert min(map(len, watched.secrets)) >= 12
    stored = b"".join(path.read_bytes() for path in world.directory.glob("ravebooks.db*"))
    for secret in watched.secrets:
        assert secret not in log
        assert [path for path, said in watched.answers if secret in said] == []
        assert secret.encode() not in stored
    quiet = [(path, said) for path, said in watched.answers if path in ("/metrics", "/console/support")]
    assert len(quiet) == 2
    for own in OWN:
        assert own.encode() in stored
        assert own not in log
        assert [path for path, said in quiet if own in said] == []
