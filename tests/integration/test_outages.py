"""The Procfile's processes with the broker, the database, or both stopped: nothing is lost, nothing is dead."""

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pika
import pytest
import requests

from config import keyring
from ravebooks.demo.sides import Body, QuickBooksSide, RavetreeSide
from ravebooks.local.sandbox_connection import LocalInstallation
from tests.integration.system import Procfile, healthy, until
from tests.services.ports import free_ports
from tests.services.postgresql import PostgreSQL
from tests.services.rabbitmq import RabbitMQ
from tests.services.tls import Authority

API_TOKEN = "integration-api-token"
AUTHORISED = {"Authorization": f"Bearer {API_TOKEN}"}
KEYS = keyring.spell(b"k" * 32)


class Installed:
    """Web, worker and sweeper on servers of their own, connected to the sandbox."""

    def __init__(
        self,
        folder: Path,
        processes: Callable[[Path, dict[str, str]], Procfile] = Procfile,
        authority: Authority | None = None,
    ) -> None:
        self.broker, self.database = RabbitMQ(authority), PostgreSQL()
        self.broker.start()
        self.database.start()
        web, worker, sweeper = free_ports(3)
        self.url = f"http://127.0.0.1:{web}"
        self.ports = {"web": web, "worker": worker, "sweeper": sweeper}
        self.processes = processes(folder, {})
        world = self.processes.world
        self.environment = {
            "RAVEBOOKS_STATE_DIR": str(folder),
            "RAVEBOOKS_DATABASE_URL": self.database.new_database(),
            "RAVEBOOKS_BROKER_URL": self.broker.url,
            "RAVEBOOKS_PUBLIC_URL": self.url,
            "RAVEBOOKS_SECRET_KEY": "s" * 32,
            "RAVEBOOKS_API_TOKEN": API_TOKEN,
            "RAVEBOOKS_TOKEN_KEYS": KEYS,
            "RAVEBOOKS_RAVETREE_WEBHOOK_KEYS": KEYS,
            "RAVEBOOKS_QUICKBOOKS_ENVIRONMENT": "local",
            "RAVEBOOKS_QUICKBOOKS_CLIENT_ID": world.quickbooks["client_id"],
            "RAVEBOOKS_QUICKBOOKS_CLIENT_SECRET": world.quickbooks["client_secret"],
            "RAVEBOOKS_QUICKBOOKS_API_URL": world.quickbooks["api_url"],
            "RAVEBOOKS_QUICKBOOKS_DISCOVERY_URL": world.quickbooks["discovery_url"],
            "RAVEBOOKS_QUICKBOOKS_VERIFIER_TOKENS": world.quickbooks["verifier_token"],
            "RAVEBOOKS_RAVETREE_API_URL": world.ravetree["api_url"],
        }
        self.ravetree, self.quickbooks = RavetreeSide(world.ravetree), QuickBooksSide(world.quickbooks)

    def start(self) -> None:
        self.run("release")
        assert self.processes.end("release", 0) == 0, self.processes.log("release")
        for name in ("web", "worker", "sweeper"):
            self.run(name)
        until(self.is_up, what="web did not answer")
        LocalInstallation(self.url, API_TOKEN, keyring.parse(KEYS)).prepare(self.processes.world)

    def run(self, name: str) -> None:
        port = str(self.ports.get(name, 0))
        variable = "RAVEBOOKS_PORT" if name == "web" else "RAVEBOOKS_HEALTH_PORT"
        self.processes.run(name, **self.environment, **{variable: port})

    def restart_web(self) -> None:
        self.processes.end("web")
        self.run("web")
        until(self.is_up, what="web did not answer")

    def is_up(self) -> bool:
        """Whether web says that it is well."""
        return healthy(self.url)

    def close(self) -> None:
        self.processes.close()
        self.broker.remove()
        self.database.remove()

    # --- people and their webhooks ---------------------------------------------------------------

    def invoice(self, price: str = "100.00") -> Body:
        """A user makes an invoice; its event goes to us by itself."""
        contact = {"kind": "account", "name": f"Client {uuid.uuid4().hex[:8]}", "currency": "USD"}
        client = self.ravetree.create("contacts", contact)["id"]
        lines = [{"type": "time", "description": "Work", "quantity": "1", "unit_price": price, "taxable": False}]
        body = {"client_id": client, "issue_date": "2026-11-20", "due_date": "2026-12-20", "currency": "USD"}
        return self.ravetree.create("invoices", body | {"lines": lines})

    def post_event(self) -> requests.Response:
        """A delivery of QuickBooks about a record of nobody's interest, signed as Intuit signs."""
        event = {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": "test",
            "type": "qbo.invoice.updated.v1",
            "time": datetime.now(UTC).isoformat(),
            "intuitentityid": "999999",
            "intuitaccountid": self.processes.world.quickbooks["realm_id"],
        }
        body = json.dumps([event]).encode()
        token = self.processes.world.quickbooks["verifier_token"].encode()
        signature = base64.b64encode(hmac.new(token, body, hashlib.sha256).digest()).decode()
        return requests.post(
            f"{self.url}/webhooks/quickbooks", data=body, headers={"intuit-signature": signature}, timeout=10
        )

    def delivered(self) -> bool:
        """Whether Ravetree's events have all been taken by us."""
        answer = requests.get(f"{self.ravetree.root}/sandbox/deliveries", timeout=10).json()
        return all(row["state"] == "delivered" for row in answer["deliveries"])

    def arrives(self, invoice: Body) -> None:
        """Wait until the invoice is in QuickBooks, once."""
        until(lambda: self.quickbooks.invoice(invoice["number"]), what=f"invoice {invoice['number']} did not arrive")

    def dead(self) -> list[Body]:
        found: list[Body] = requests.get(f"{self.url}/api/dead-letters", headers=AUTHORISED, timeout=10).json()["data"]
        return found

    def addresses_in(self, text: str) -> list[str]:
        """What of the database's and the broker's addresses stands in a text."""
        urls = [urlsplit(self.environment[f"RAVEBOOKS_{name}_URL"]) for name in ("DATABASE", "BROKER")]
        parts = [f"{url.hostname}:{url.port}" for url in urls] + [f"port {url.port}" for url in urls]
        return [part for part in [*parts, *(url.path.strip("/") for url in urls)] if part and part in text]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    made = Installed(Path(tmp_path_factory.mktemp("processes")))
    try:
        made.start()
        yield made
    finally:
        made.close()


def test_the_processes_bring_an_invoice_across(installed: Installed) -> None:
    installed.arrives(installed.invoice())


def test_with_the_broker_stopped_deliveries_are_taken_and_arrive_once_it_is_back(installed: Installed) -> None:
    installed.broker.stop()
    invoice = installed.invoice()
    until(installed.delivered, what="Ravetree's events were not taken")
    assert installed.post_event().status_code == 200
    installed.restart_web()
    assert installed.post_event().status_code == 200, "a web process that was just restarted takes deliveries too"
    installed.broker.start()
    installed.arrives(invoice)
    assert installed.dead() == []


def test_with_the_database_stopped_deliveries_are_taken_and_arrive_once_it_is_back(installed: Installed) -> None:
    installed.database.stop()
    invoice = installed.invoice()
    until(installed.delivered, what="Ravetree's events were not taken")
    assert installed.post_event().status_code == 200
    installed.restart_web()
    assert installed.post_event().status_code == 200, "a web process that was just restarted takes deliveries too"
    installed.database.start()
    installed.arrives(invoice)
    assert installed.dead() == []


def test_with_both_stopped_the_sender_is_told_to_repeat(installed: Installed) -> None:
    installed.broker.stop()
    installed.database.stop()
    until(lambda: installed.post_event().status_code == 503, what="deliveries were still taken")
    answer = installed.post_event()
    assert answer.headers["Retry-After"]
    assert answer.elapsed.total_seconds() < 3
    ready = requests.get(f"{installed.url}/readyz", timeout=10)
    assert ready.status_code == 503
    assert set(ready.json()["parts"]) == {"database", "broker"}
    refused = requests.get(f"{installed.url}/api/connections", headers=AUTHORISED, timeout=10)
    assert refused.status_code == 503
    assert installed.addresses_in(ready.text + refused.text) == []
    installed.database.start()
    installed.broker.start()
    installed.arrives(installed.invoice())
    assert installed.dead() == []


def test_an_undecodable_message_is_dead_lettered_and_seen(installed: Installed) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(installed.broker.url))
    channel = connection.channel()
    channel.basic_publish("ravebooks.events", "quickbooks.1", b"{not json", pika.BasicProperties(delivery_mode=2))
    connection.close()
    until(installed.dead, what="the message is not among the dead letters")
    assert installed.dead()[0]["reason"] == "rejected"


def test_processes_end_in_order(installed: Installed) -> None:
    for name in ("web", "worker", "sweeper"):
        assert installed.processes.end(name) == 0, installed.processes.log(name)[-2000:]


def test_every_line_that_they_wrote_is_json_and_names_no_address(installed: Installed) -> None:
    """Through all these outages: gunicorn's, pika's and SQLAlchemy's lines too."""
    for name in ("web", "worker", "sweeper"):
        log = installed.processes.log(name)
        assert all(isinstance(json.loads(line), dict) for line in log.splitlines())
        assert installed.addresses_in(log) == []
