"""The operator's night, by keyboard alone: the broker goes, a company is refused, another stalls, messages die, all is
stopped; told, and well again. axe-core looks at every page on the way.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Locator, Page, expect

from config.ports import SystemClock
from publishers.deliveries import message_for
from reconcile.model import Side
from schemas.envelopes import Delivery, Envelope
from storage import dead_letters
from storage.database import Database
from storage.models import Connection, PendingChange
from tests.browser.conftest import DESK, serious
from tests.integration.running import RunningWorld
from tests.integration.system import System, until
from tests.services.mail import MailServer
from tests.services.postgresql import PostgreSQL
from tests.services.rabbitmq import RabbitMQ
from tests.services.server import together

LONG = 60_000


@pytest.fixture(scope="module")
def mail() -> Iterator[MailServer]:
    made = MailServer()
    yield made
    made.close()


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[RabbitMQ, PostgreSQL]]:
    made = RabbitMQ(), PostgreSQL()
    with together(*made):
        yield made


@pytest.fixture(scope="module")
def broker(servers: tuple[RabbitMQ, PostgreSQL]) -> RabbitMQ:
    return servers[0]


@pytest.fixture(scope="module")
def environment(servers: tuple[RabbitMQ, PostgreSQL], mail: MailServer) -> dict[str, str]:
    broker, database = servers
    return {
        "RAVEBOOKS_BROKER_URL": broker.url,
        "RAVEBOOKS_DATABASE_URL": database.new_database(),
        "RAVEBOOKS_MAIL_URL": mail.url,
        "RAVEBOOKS_MAIL_TO": "kim@books.example",
        "RAVEBOOKS_TELL_SECONDS": "1",
        "RAVEBOOKS_TELL_OVER_SECONDS": "1",
    }


@pytest.fixture(scope="module")
def system(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """In place of the embedded one: with a broker that can go."""
    made = System(tmp_path_factory.mktemp("night"), environment)
    made.start()
    yield made
    assert made.stop() == 0


@pytest.fixture
def database(system: System) -> Iterator[Database]:
    made = Database(system.database_url().replace("postgresql://", "postgresql+psycopg://"), SystemClock())
    yield made
    made.close()


class Keys:
    """Somebody with a keyboard: what they see, where they go, and what axe-core finds there."""

    def __init__(self, page: Page, axe: str, looked_at: set[tuple[str, str]]) -> None:
        self.page = page
        self._axe = axe
        self._looked_at = looked_at
        self.found: list[str] = []

    def sees(self, what: Locator, timeout: float = LONG) -> None:
        """Something is on the page, which is then looked at, once under each heading."""
        expect(what).to_be_visible(timeout=timeout)
        place = (self.page.url, self.page.get_by_role("heading", level=1).first.inner_text())
        if place not in self._looked_at:
            self._looked_at.add(place)
            self.found += serious(self.page, self._axe)

    def reads(self, words: str, timeout: float = LONG) -> None:
        self.sees(self.page.get_by_text(words).first, timeout)

    def heads(self, words: str, timeout: float = LONG) -> None:
        self.sees(self.page.get_by_role("heading", name=words).first, timeout)

    def goes_to(self, name: str) -> None:
        """Tab by tab, as far as what has this name; it may say more to who does not see the page."""
        for _ in range(120):
            self.page.keyboard.press("Tab")
            if self.page.evaluate(_NAME).startswith(name):
                return
        raise AssertionError(f"the keyboard does not reach {name} on {self.page.url}")

    def presses(self, *names: str) -> None:
        """One after the other, each where the one before has led to."""
        for name in names:
            self.goes_to(name)
            self._enters()

    def types(self, label: str, words: str) -> None:
        self.goes_to(label)
        self.page.keyboard.type(words)
        self._enters()

    def _enters(self) -> None:
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")


_NAME = """(at => (at.getAttribute('aria-label') || (at.labels && at.labels[0] || at).textContent).trim())(
    document.activeElement)"""


@pytest.fixture(scope="module")
def looked_at() -> set[tuple[str, str]]:
    return set()


@pytest.fixture
def keys(
    system: System, browser: Browser, session: dict[str, Any], axe: str, looked_at: set[tuple[str, str]]
) -> Iterator[Keys]:
    options: dict[str, Any] = {"storage_state": session, "viewport": DESK, "bypass_csp": True}
    context = browser.new_context(**options)
    page = context.new_page()
    page.goto(f"{system.ready['url']}/console/well")
    made = Keys(page, axe, looked_at)
    yield made
    context.close()
    assert made.found == []


def told(mail: MailServer, what: str, words: str) -> bool:
    """Whether an e-mail said so."""
    lines = [line for message in mail.messages for line in message.get_content().splitlines()]
    return any(line.startswith(f"{what}  ") and words in line for line in lines)


def test_the_broker_goes_and_comes_back(keys: Keys, world: RunningWorld, broker: RabbitMQ, mail: MailServer) -> None:
    keys.heads("All is well")
    broker.stop()
    keys.reads("RabbitMQ is out of reach")
    until(lambda: told(mail, "NOT WELL", "RabbitMQ is out of reach"))
    keys.presses("See the queues")
    keys.reads("RabbitMQ cannot be reached")
    keys.heads("What waits")
    broker.start()
    keys.presses("Is it well?")
    keys.heads("All is well")
    until(lambda: told(mail, "WELL", "RabbitMQ is out of reach"))
    invoice = world.invoice(world.client("After the night"), "10.00")
    until(lambda: world.quickbooks.invoice(invoice["number"]))


def test_a_company_that_quickbooks_refuses_is_told_and_connected_again(
    keys: Keys, world: RunningWorld, mail: MailServer
) -> None:
    world.quickbooks.steer("faults", {"endpoint": "*", "kind": "fault:3100", "count": 1})
    invoice = world.invoice(world.client("Refused"), "10.00")
    keys.heads("Reconnect")
    until(lambda: told(mail, "NOT WELL", "QuickBooks"))
    keys.presses("The connection")
    keys.heads("Connection")
    assert world.quickbooks.invoice(invoice["number"]) is None
    keys.presses("Reconnect")
    keys.types("API token of that account", "")
    keys.reads("Continue to QuickBooks")
    keys.presses("Continue to QuickBooks", "Connect")
    keys.reads("QuickBooks is connected")
    until(lambda: world.quickbooks.invoice(invoice["number"]))
    keys.presses("Is it well?")
    keys.heads("All is well")
    until(lambda: told(mail, "WELL", "QuickBooks"))


def test_a_company_stalls_and_what_held_it_up_is_seen(keys: Keys, world: RunningWorld, database: Database) -> None:
    now = datetime.now(UTC)
    with database.transaction() as session:
        session.add(
            PendingChange(
                **{"connection_id": world.connection_id, "side": "ravetree", "kind": "nonsense", "record_id": "1"},
                **{"generation": 1, "state": "due", "attempts": 0, "waits_for": "", "code": "", "cause": ""},
                **{"remedy": "", "decisions": "", "created_at": now, "due_at": now, "updated_at": now},
            )
        )
    keys.heads("Stalled")
    keys.presses("The connection")
    keys.reads("The connection is stalled.")
    with database.transaction() as session:
        session.execute(sa.delete(PendingChange).where(PendingChange.kind == "nonsense"))
        session.execute(sa.update(Connection).values(retry_at=None))
    world.invoice(world.client("Repaired"), "10.00")
    keys.presses("Is it well?")
    keys.heads("All is well")


def test_dead_letters_are_grouped_and_driven_again_at_once(keys: Keys, database: Database) -> None:
    now = datetime.now(UTC)
    with database.transaction() as session:
        for number in range(3):
            event = Envelope(f"night{number}", "invoice.updated", "1", now)
            body = message_for(Delivery(f"night{number}", Side.QUICKBOOKS, "99", now, (event,))).body
            dead_letters.keep(
                session,
                message_id="m",
                queue="ravebooks.inbound",
                routing_key="quickbooks.99",
                reason="rejected",
                body=body,
                now=now,
            )
    keys.reads("3 messages could not be handled")
    keys.presses("Dead letters by cause", "1 quickbooks.99")
    keys.heads("What it says")
    keys.presses("Dead letters", "Drive again 3")
    keys.reads("3 are published again.")
    keys.presses("Do it")
    keys.reads("3 done of 3")
    keys.presses("Dead letters")
    keys.reads("None waits.")
    keys.presses("Events")
    keys.heads("Events")
    keys.presses("invoice.updated night2")
    keys.reads("no connection has the company 99")


def test_everything_is_stopped_and_goes_on(keys: Keys, world: RunningWorld) -> None:
    keys.presses("Brakes")
    keys.types("Why", "the audit")
    keys.reads("Stopped, before the next write is sent.")
    invoice = world.invoice(world.client("Stopped"), "10.00")
    keys.presses("Parked work")
    keys.reads("stopped every write")
    keys.presses("Is it well?")
    keys.heads("All paused")
    assert world.quickbooks.invoice(invoice["number"]) is None
    keys.presses("Go on")
    keys.reads("It goes on.")
    until(lambda: world.quickbooks.invoice(invoice["number"]))
    keys.reads("go on everything")
