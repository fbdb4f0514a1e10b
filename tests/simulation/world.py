"""The whole system in one thread: product and both sandboxes, without sockets, on one clock that tests move.

What the two sides would post to us lies in a mail bag until a test delivers it: in any order, any number of times.

To make a world and connect it takes longer than most tests: it is done once for each beginning and test process, and
every world is opened on a copy of those files, as after a restart.
"""

import copy
import functools
import random
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from quickbooks_sandbox import SandboxClock, Services, make_app
from ravetree_sandbox import Organisations, create_app
from werkzeug.test import TestResponse

from config import keyring
from config.settings import Settings
from ravebooks import apps
from ravebooks.bootstrap import Parts
from ravebooks.demo.compare import DemoReport, compare
from ravebooks.demo.sides import Body, QuickBooksSide, RavetreeSide
from ravebooks.local.sandbox_connection import ITEMS
from reconcile.model import SENTENCE_LIMIT, Record
from storage import duties, migrations, pairs
from sync.duties import Duty
from tests.simulation import kept
from tests.unit.ports import SeededEntropy
from tests.unit.wsgi_adapter import AnswerAdapter, WsgiAdapter
from webhooks.signatures import current_ravetree_secret

START = datetime(2026, 11, 20, 14, 13, 20, tzinfo=UTC)
OURS, QUICKBOOKS, RAVETREE = "127.0.0.1", "quickbooks.test", "ravetree.test"
DATABASE = "ravebooks.db"
QUIET_ROUNDS = 400
TAX_CODES = {"vat": "20.0% S", "reduced": "5.0% R", "zero": "0.0% Z", "": "No VAT"}
"""What is mapped to what in a world of Great Britain."""

kept.routes()
kept.templates()


@dataclass
class WorldClock:
    """One clock for everybody; sleeping moves it."""

    moment: datetime = START

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return (self.moment - START).total_seconds()

    def sleep(self, seconds: float) -> None:
        # No sleep is so short that time stands still: an instant has microseconds.
        self.advance(max(seconds, 1e-6))

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class Refused(AssertionError):
    """Our API answered anything but success: the test is wrong, but where it says that it may."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


@dataclass(frozen=True)
class Letter:
    """One delivery as it was posted."""

    url: str
    headers: dict[str, str]
    body: bytes


class AnyWorld(ABC):
    """A world of any kind, simulated or running, and what users of Ravetree do in it."""

    ravetree: RavetreeSide
    quickbooks: QuickBooksSide
    connection_id: str
    clock: Any

    @abstractmethod
    def collect(self) -> list[Letter]:
        """What was posted to us and waits to be delivered by the test."""

    @abstractmethod
    def deliver(self, letter: Letter) -> Any: ...

    @abstractmethod
    def work(self) -> bool: ...

    @abstractmethod
    def settle(self) -> None: ...

    @abstractmethod
    def api(self, method: str, path: str, body: Any = None) -> Any: ...

    @abstractmethod
    def connection(self) -> dict[str, Any]: ...

    @abstractmethod
    def attention(self) -> list[dict[str, Any]]: ...

    @abstractmethod
    def names(self, record: Record) -> list[Record]: ...

    @abstractmethod
    def compare(self) -> DemoReport: ...

    @abstractmethod
    def parity(self) -> dict[str, Any]:
        """A parity report made now, as the API shows it."""

    def client(self, name: str, **fields: Any) -> str:
        """A user makes a client."""
        return str(
            self.ravetree.create("contacts", {"kind": "account", "name": name, "currency": "USD"} | fields)["id"]
        )

    def invoice(self, client: str, *prices: str, **fields: Any) -> dict[str, Any]:
        """A user makes an invoice with a line for each price."""
        lines = [
            {"type": "time", "description": f"Line {place}", "quantity": "1", "unit_price": price, "taxable": False}
            for place, price in enumerate(prices)
        ]
        body = {"client_id": client, "issue_date": "2026-11-20", "due_date": "2026-12-20", "lines": lines} | fields
        return self.ravetree.create("invoices", {"currency": "USD"} | body)

    def receive(self, amounts: dict[str, str], reference: str = "", day: str = "2026-11-21") -> dict[str, Any]:
        """A user receives a payment over invoices, by id."""
        first = self.ravetree.get("invoices", next(iter(amounts)))
        body = {
            "client_id": first["client_id"],
            "date": day,
            "amount": f"{sum(float(amount) for amount in amounts.values()):.2f}",
            "currency": first["currency"],
            "reference": reference,
            "allocations": [{"invoice_id": name, "amount": amount} for name, amount in amounts.items()],
        }
        return self.ravetree.create("payments", body)


class Browser:
    """A person's browser, with cookies of its own."""

    def __init__(self, world: "World") -> None:
        self._company = world.quickbooks.credentials["realm_id"]
        self.session = requests.Session()
        self.session.mount("http://", world.adapter())

    def open(self, link: str) -> str:
        """Open a start link; the address of the consent page that it leads to."""
        answer = self.session.get(link, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def decide(self, page: str, realm: str = "", decision: str = "connect") -> str:
        """Press a button of the consent page; the address of the callback that it leads back to."""
        form = dict(parse_qsl(urlsplit(page).query)) | {"decision": decision, "realm_id": realm or self._company}
        answer = self.session.post(page.partition("?")[0], data=form, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def connect(self, link: str, realm: str = "", decision: str = "connect") -> requests.Response:
        """The whole way from a start link to the page that says what came of it."""
        return self.session.get(self.decide(self.open(link), realm, decision))


@dataclass
class Chance:
    """Where the randomness of each part stands."""

    quickbooks: random.Random
    ravetree: random.Random
    ours: SeededEntropy

    @classmethod
    def of(cls, seed: int) -> "Chance":
        """All of it from one seed."""
        seeds = random.Random(seed)
        return cls(random.Random(seeds.random()), random.Random(seeds.random()), SeededEntropy(seeds.randrange(10**9)))


@dataclass(frozen=True)
class Beginning:
    """A world at rest: its files by name, and what is in no file."""

    files: dict[Path, bytes]
    moment: datetime
    letters: tuple[Letter, ...]
    chance: Chance
    connection_id: str
    begun_with: Any

    def write(self, directory: Path) -> None:
        """Lay the files out for another world."""
        for name, content in self.files.items():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_bytes(content)


Prepare = Callable[["World"], Any]
"""What happens in a world before its test, always the same for a seed; what it returns is `begun_with` of each copy."""


def as_connected(_world: "World") -> None:
    """The beginning in which nothing has happened since the consent: QuickBooks' customers are still to be imported."""


def as_settled(world: "World") -> None:
    """The beginning in which the customers are imported and all is quiet."""
    world.settle()


def as_paired(world: "World") -> Body:
    """The beginning in which all is quiet and an invoice over 100.00, which is returned, stands in both books."""
    as_settled(world)
    return as_paired_at_once(world)


def as_paired_at_once(world: "World") -> Body:
    """The same with an invoice that was made right after the consent."""
    invoice = world.invoice(world.client("Northwind Galleries"), "100.00")
    world.settle()
    return invoice


def as_new(_world: "World") -> None:
    """The past of two books that nobody has connected and in which nothing was entered yet."""


@dataclass
class World(AnyWorld):
    """Everything that there is; `begun_with` is what `prepare` has returned. `country` is the company's.

    `past` is what people did in both books before the consent, of which no event tells.
    """

    directory: Path
    seed: int = 1
    database_url: str = ""
    prepare: Prepare = as_connected
    country: str = "US"
    past: Prepare = as_new
    bag: list[Letter] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.database_url:
            # Not all of it is in files: it is made where it stays.
            beginning = _begin(self.directory, self.seed, self.database_url, self.prepare, self.country, self.past)
        else:
            beginning = _beginning(self.seed, self.prepare, self.country, self.past)
            beginning.write(self.directory)
        self.bag[:] = beginning.letters
        self.connection_id = beginning.connection_id
        self.begun_with = copy.deepcopy(beginning.begun_with)
        self._open(beginning.moment, copy.deepcopy(beginning.chance))

    def _open(self, moment: datetime, chance: Chance) -> None:
        # The waits between two tries of a call are drawn by a library.
        random.seed(self.seed)
        self.clock = WorldClock(moment)
        self.services = Services(
            self.directory / "quickbooks",
            SandboxClock(lambda: self.clock.moment.timestamp()),
            chance.quickbooks,
            self._post_quickbooks,
            0.0,
        )
        self.services.base_url = f"http://{QUICKBOOKS}"
        self.services.set_limits(enabled=False)
        self._organisations = Organisations(
            self.directory / "ravetree", self.clock.now, chance.ravetree, self._post_ravetree
        )
        self._away: set[str] = set()
        self._apps: dict[str, Any] = {
            QUICKBOOKS: WsgiAdapter(make_app(self.services)),
            RAVETREE: WsgiAdapter(create_app(self._organisations, names=(RAVETREE,))),
        }
        self.parts = self._make_parts(chance.ours)
        self.web = apps.web(self.parts).test_client()
        self._apps[OURS] = WsgiAdapter(self.web.application)
        self.reconciler = self.parts.consuming.reconciler()
        self.quickbooks, self.ravetree = self._sides()

    def _make_parts(self, entropy: SeededEntropy) -> Parts:
        credentials = self.services.credentials()
        settings = Settings(
            database_url=self.database_url or f"sqlite:///{self.directory / DATABASE}",
            public_url=f"http://{OURS}",
            secret_key="x" * 32,
            api_token="api",
            token_keys=keyring.parse(keyring.spell(b"t" * 32)),
            ravetree_webhook_keys=keyring.parse(keyring.spell(b"w" * 32)),
            quickbooks_environment="local",
            quickbooks_client_id=credentials["client_id"],
            quickbooks_client_secret=credentials["client_secret"],
            quickbooks_api_url=credentials["api_url"],
            quickbooks_discovery_url=credentials["discovery_url"],
            quickbooks_verifier_tokens=(credentials["verifier_token"],),
            ravetree_api_url=f"http://{RAVETREE}/v1",
            ravetree_record_url=f"http://{RAVETREE}/{{account}}/{{kind}}/{{id}}",
        )
        parts = Parts(settings, self.clock, entropy, self.adapter)
        kept.statements(parts.database)
        return parts

    def adapter(self) -> AnswerAdapter:
        """The network: routes a request by its host."""
        return AnswerAdapter(self._route)

    def _route(self, request: requests.PreparedRequest) -> "tuple[int, dict[str, str], bytes]":
        host = urlsplit(request.url or "").netloc
        if host in self._away:
            raise requests.exceptions.ConnectTimeout("nobody is there")
        answer: tuple[int, dict[str, str], bytes] = self._apps[host]._call(request)
        return answer

    @contextmanager
    def away(self, host: str) -> Iterator[None]:
        """Nobody answers under this name meanwhile."""
        self._away.add(host)
        try:
            yield
        finally:
            self._away.remove(host)

    def _sides(self) -> tuple[QuickBooksSide, RavetreeSide]:
        realms = list(self.services.companies)
        quickbooks = QuickBooksSide(self.services.credentials(realms[0 if self.country == "US" else 1]))
        ravetree = RavetreeSide(self._organisations.first.credentials(80) | {"api_url": f"http://{RAVETREE}/v1"})
        for side in (quickbooks, ravetree):
            side.session.mount("http://", self.adapter())
        return quickbooks, ravetree

    def quickbooks_again(self) -> QuickBooksSide:
        """The bookkeeper's own program after the product's consent was taken back: it asks for a new one."""
        self.quickbooks = QuickBooksSide(self.services.credentials())
        self.quickbooks.session.mount("http://", self.adapter())
        return self.quickbooks

    def close(self) -> None:
        self.parts.close()
        self.services.close()
        self._organisations.close()

    # --- the post --------------------------------------------------------------------------------

    def _post_quickbooks(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        self.bag.append(Letter(url, dict(headers), body))
        return 200

    def _post_ravetree(self, url: str, headers: dict[str, str], body: bytes) -> int:
        self.bag.append(Letter(url, dict(headers), body))
        return 200

    def collect(self) -> list[Letter]:
        """What both sides have posted since the last time, in order."""
        self.services.webhooks.run_due()
        for courier in self._organisations.couriers():
            courier.deliver_due()
        letters, self.bag[:] = list(self.bag), []
        return letters

    def deliver(self, letter: Letter) -> TestResponse:
        """Hand one delivery to our web application."""
        return self.web.post(urlsplit(letter.url).path, data=letter.body, headers=letter.headers)

    # --- our side --------------------------------------------------------------------------------

    def api(self, method: str, path: str, body: Any = None) -> TestResponse:
        """Call our JSON API; anything but success fails the test."""
        answer = self.web.open(path, method=method, json=body, headers={"Authorization": "Bearer api"})
        if answer.status_code >= 300:
            raise Refused(answer.status_code, answer.get_data(as_text=True))
        return answer

    def work(self) -> bool:
        """One sweep and one slice for each connection that it wakes; False when nobody was woken."""
        self.parts.consuming.sweeper.sweep()
        woken = False
        while (connection_id := self.parts.wakeups.take(0)) is not None:
            woken = True
            if self.reconciler.work(connection_id):
                self.parts.wakeups.nudge(connection_id)
        return woken

    def settle(self) -> None:
        """Deliver and work until everything is quiet."""
        for _ in range(QUIET_ROUNDS):
            letters = self.collect()
            for letter in letters:
                assert self.deliver(letter).status_code == 200
            if not self.work() and not letters and not self._has_work():
                return
            self.clock.advance(1)
        raise AssertionError(f"not quiet after {QUIET_ROUNDS} rounds: {self.connection()}")

    def plan(self, duty: Duty, at: datetime | None = None) -> None:
        """The clock asks for a duty at `at`, or now."""
        with self.parts.database.transaction() as session:
            duties.schedule(session, self.connection_id, duty.name, at or self.clock.now())

    def planned(self) -> dict[str, datetime]:
        """When each duty is due, by its name."""
        with self.parts.database.reading() as session:
            return duties.planned(session, self.connection_id)

    def connection(self) -> dict[str, Any]:
        """Our connection as the API shows it."""
        found: dict[str, Any] = self.api("GET", f"/api/connections/{self.connection_id}").get_json()
        return found

    def _has_work(self) -> bool:
        # As the API shows it, without the way through it: that is asked after every round.
        work = self.parts.console.actions.connections.one(self.connection_id).work
        return bool(work["due"] or work["uncertain"] or work["jobs"])

    def attention(self) -> list[dict[str, Any]]:
        """What waits for a person."""
        rows: list[dict[str, Any]] = self.api("GET", f"/api/connections/{self.connection_id}/attention").get_json()[
            "data"
        ]
        assert all(len(f"{row['cause']} {row['remedy']}") <= SENTENCE_LIMIT and row["remedy"] for row in rows)
        return rows

    def names(self, record: Record) -> list[Record]:
        """What a record is called on both sides."""
        with self.parts.database.transaction() as session:
            return pairs.names(session, self.connection_id, record)

    def parity(self) -> dict[str, Any]:
        """A parity report made now, as the API shows it."""
        made: dict[str, Any] = self.api("POST", f"/api/connections/{self.connection_id}/parity", {}).get_json()
        return made

    def compare(self) -> DemoReport:
        """Hold both books against each other from outside."""
        return compare(self.ravetree, self.quickbooks)


class _NewWorld(World):
    """A world in an empty directory, and how it comes to its beginning."""

    def __post_init__(self) -> None:
        chance = Chance.of(self.seed)
        if self.country != "US":
            self._add_company()
        if not self.database_url:
            (self.directory / DATABASE).write_bytes(kept.database())
        self._open(START, chance)
        try:
            migrations.upgrade(self.parts.database)
            self.past(self)
            self.connection_id = self._connect()
            self.begun_with = self.prepare(self)
        finally:
            self.close()
        files = {path.relative_to(self.directory): path.read_bytes() for path in _files(self.directory)}
        self.beginning = Beginning(
            files, self.clock.moment, tuple(self.bag), chance, self.connection_id, copy.deepcopy(self.begun_with)
        )

    def _add_company(self) -> None:
        clock = SandboxClock(START.timestamp)
        services = Services(self.directory / "quickbooks", clock, random.Random(self.seed))
        services.add_company(self.country)
        services.close()

    def _tax_codes(self) -> dict[str, str]:
        """What Ravetree's rates, and lines without one, are outside the US."""
        if self.country == "US":
            return {}
        codes = {row["Name"]: row["Id"] for row in self.quickbooks.query("select * from TaxCode")}
        return {key: codes[name] for key, name in TAX_CODES.items()}

    def _connect(self) -> str:
        account, parts = self.ravetree.credentials["account_id"], self.parts
        link = parts.console.connecting.start_link(account, self.ravetree.credentials["api_token"])
        Browser(self).connect(link, realm=self.quickbooks.credentials["realm_id"]).raise_for_status()
        connection_id = str(self.api("GET", "/api/connections").get_json()["data"][0]["id"])
        by_name = {row["Name"]: row["Id"] for row in self.quickbooks.query("select * from Item")}
        mapping = {key: by_name[name] for key, name in ITEMS.items()}
        asked = {"line_types": mapping, "tax_rates": self._tax_codes()}
        self.api("PUT", f"/api/connections/{connection_id}/mappings", asked)
        self.api("PUT", f"/api/connections/{connection_id}/switches", {"invoices": True, "estimates": True})
        ring = parts.settings.ravetree_webhook_keys
        assert ring is not None
        self.ravetree.steer(
            "webhooks",
            {"url": f"http://{OURS}/webhooks/ravetree/{account}", "secret": current_ravetree_secret(account, ring)},
        )
        self.quickbooks.steer("webhooks", {"url": f"http://{OURS}/webhooks/quickbooks"})
        return connection_id


def _files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def _begin(directory: Path, seed: int, database_url: str, prepare: Prepare, country: str, past: Prepare) -> Beginning:
    return _NewWorld(directory, seed, database_url, prepare, country, past).beginning


@functools.lru_cache(maxsize=8)
def _beginning(seed: int, prepare: Prepare, country: str = "US", past: Prepare = as_new) -> Beginning:
    with tempfile.TemporaryDirectory() as directory:
        return _begin(Path(directory), seed, "", prepare, country, past)
