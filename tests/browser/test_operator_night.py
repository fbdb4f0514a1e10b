"""The operator's night: the broker goes, a company stalls, messages die, all is stopped; told, and well again."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page, expect

from config.ports import SystemClock
from publishers.deliveries import message_for
from reconcile.model import Side
from schemas.envelopes import Delivery, Envelope
from storage import dead_letters, tellings
from storage.database import Database
from storage.models import Connection, PendingChange
from sync.operating.telling import IS_OVER_AFTER
from tests.browser.conftest import DESK
from tests.integration.running import RunningWorld
from tests.integration.system import System, until
from tests.services.mail import MailServer
from tests.services.postgresql import PostgreSQL
from tests.services.rabbitmq import RabbitMQ

LONG = 60_000


@pytest.fixture(scope="module")
def mail() -> Iterator[MailServer]:
    made = MailServer()
    yield made
    made.close()


@pytest.fixture(scope="module")
def broker() -> Iterator[RabbitMQ]:
    with RabbitMQ() as server:
        yield server


@pytest.fixture(scope="module")
def environment(broker: RabbitMQ, mail: MailServer) -> Iterator[dict[str, str]]:
    with PostgreSQL() as server:
        yield {
            "RAVEBOOKS_BROKER_URL": broker.url,
            "RAVEBOOKS_DATABASE_URL": server.new_database(),
            "RAVEBOOKS_MAIL_URL": mail.url,
            "RAVEBOOKS_MAIL_TO": "kim@books.example",
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


@pytest.fixture
def page(system: System, browser: Browser, session: dict[str, Any]) -> Iterator[Page]:
    options: dict[str, Any] = {"storage_state": session, "viewport": DESK}
    context = browser.new_context(**options)
    made = context.new_page()
    made.goto(f"{system.ready['url']}/console/well")
    yield made
    context.close()


def told(mail: MailServer, what: str, words: str) -> bool:
    """Whether an e-mail said so."""
    lines = [line for message in mail.messages for line in message.get_content().splitlines()]
    return any(line.startswith(f"{what}  ") and words in line for line in lines)


def a_minute_passes(database: Database) -> bool:
    """For what is over; whether anything is."""
    with database.transaction() as session:
        over = [row for row in tellings.every(session) if row.over_at is not None]
        for row in over:
            row.over_at = row.over_at - IS_OVER_AFTER if row.over_at else None
        return bool(over)


def test_the_broker_goes_and_comes_back(
    page: Page, world: RunningWorld, broker: RabbitMQ, mail: MailServer, database: Database
) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("All is well", timeout=LONG)
    broker.stop()
    expect(page.get_by_text("RabbitMQ is out of reach")).to_be_visible(timeout=LONG)
    page.get_by_role("link", name="See the queues").first.click()
    expect(page.get_by_text("RabbitMQ cannot be reached")).to_be_visible()
    expect(page.get_by_role("heading", name="What waits")).to_be_visible()
    until(lambda: told(mail, "NOT WELL", "RabbitMQ is out of reach"))
    broker.start()
    page.get_by_role("link", name="Is it well?").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("All is well", timeout=2 * LONG)
    until(lambda: a_minute_passes(database))
    until(lambda: told(mail, "WELL", "RabbitMQ is out of reach"))
    invoice = world.invoice(world.client("After the night"), "10.00")
    until(lambda: world.quickbooks.invoice(invoice["number"]))


def test_a_company_stalls_and_what_held_it_up_is_seen(page: Page, world: RunningWorld, database: Database) -> None:
    now = datetime.now(UTC)
    with database.transaction() as session:
        session.add(
            PendingChange(
                **{"connection_id": world.connection_id, "side": "ravetree", "kind": "nonsense", "record_id": "1"},
                **{"generation": 1, "state": "due", "attempts": 0, "waits_for": "", "code": "", "cause": ""},
                **{"remedy": "", "decisions": "", "created_at": now, "due_at": now, "updated_at": now},
            )
        )
    expect(page.get_by_role("heading", name="Stalled")).to_be_visible(timeout=LONG)
    page.get_by_role("link", name="The connection").click()
    expect(page.get_by_text("The connection is stalled.")).to_be_visible()
    with database.transaction() as session:
        session.execute(sa.delete(PendingChange).where(PendingChange.kind == "nonsense"))
        session.execute(sa.update(Connection).values(retry_at=None))
    world.invoice(world.client("Repaired"), "10.00")
    page.get_by_role("link", name="Is it well?").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("All is well", timeout=LONG)


def test_dead_letters_are_grouped_and_driven_again_at_once(page: Page, database: Database) -> None:
    now = datetime.now(UTC)
    with database.transaction() as session:
        for number in range(3):
            event = Envelope(f"night{number}", "invoice.updated", "1", now)
            body = message_for(Delivery(f"night{number}", Side.QUICKBOOKS, "99", now, (event,))).body
            dead_letters.keep(
                session,
                message_id="m",
                queue="ravebooks.inbound",
                routing_key="",
                reason="rejected",
                body=body,
                now=now,
            )
    page.reload()
    page.get_by_role("link", name="Dead letters by cause").click()
    page.get_by_role("link", name="Drive again 3").click()
    expect(page.get_by_text("3 are published again.")).to_be_visible()
    page.get_by_role("button", name="Do it").click()
    expect(page.get_by_text("3 done of 3")).to_be_visible(timeout=LONG)
    page.get_by_role("link", name="Dead letters", exact=True).click()
    expect(page.get_by_text("None waits.")).to_be_visible()


def test_everything_is_stopped_and_goes_on_by_keyboard_alone(page: Page, world: RunningWorld) -> None:
    page.get_by_role("link", name="Brakes").press("Enter")
    page.get_by_label("Why").focus()
    page.keyboard.type("the audit")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Stopped, before the next write is sent.")).to_be_visible()
    page.goto(f"{page.url.partition('/console/')[0]}/console/{world.connection_id}/records")
    expect(page.get_by_text("stopped every write")).to_be_visible()
    invoice = world.invoice(world.client("Stopped"), "10.00")
    page.get_by_role("link", name="Is it well?").press("Enter")
    expect(page.get_by_role("heading", name="All paused")).to_be_visible()
    _tab_to(page, "BUTTON", "Go on")
    assert world.quickbooks.invoice(invoice["number"]) is None
    page.keyboard.press("Enter")
    expect(page.get_by_text("It goes on.")).to_be_visible()
    until(lambda: world.quickbooks.invoice(invoice["number"]))
    expect(page.get_by_text("go on everything").first).to_be_visible()


def _tab_to(page: Page, tag: str, label: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.tagName + ' ' + document.activeElement.textContent.trim()")
        if focused == f"{tag} {label}":
            return
    raise AssertionError(f"no {tag} {label} is reached")
