"""The Procfile's processes, installed and connected to the sandbox: people act, their webhooks come."""

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

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


PROCESSES = ("web", "worker", "sweeper")


class Installation:
    """Processes connected to the sandbox, on a broker and a database of somebody's: the first is where the world asks.

    Without a broker and a database `up` is everything in one.
    """

    def __init__(
        self,
        folder: Path,
        broker_url: str,
        database_url: str,
        processes: Callable[[Path, dict[str, str]], Procfile] = Procfile,
        names: Sequence[str] = PROCESSES,
    ) -> None:
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self._first = names[0]
        self.url = f"http://127.0.0.1:{self.ports[self._first]}"
        self.processes = processes(folder, {})
        world = self.processes.world
        self.environment = {
            "RAVEBOOKS_STATE_DIR": str(folder),
            "RAVEBOOKS_DATABASE_URL": database_url,
            "RAVEBOOKS_BROKER_URL": broker_url,
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
        if self.environment["RAVEBOOKS_BROKER_URL"]:
            self.run("release")
            assert self.processes.end("release", 0) == 0, self.processes.log("release")
        for name in self.ports:
            self.run(name)
        until(self.is_up, what=f"{self._first} did not answer")
        self.connection_id = LocalInstallation(self.url, API_TOKEN, keyring.parse(KEYS)).prepare(self.processes.world)

    def run(self, name: str) -> None:
        port = str(self.ports.get(name, 0))
        variable = "RAVEBOOKS_PORT" if name == self._first else "RAVEBOOKS_HEALTH_PORT"
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

    # --- people and their webhooks ---------------------------------------------------------------

    def invoice(self, price: str = "100.00") -> Body:
        """A user makes an invoice; its event goes to us by itself."""
        contact = {"kind": "account", "name": f"Client {uuid.uuid4().hex[:8]}", "currency": "USD"}
        client = self.ravetree.create("contacts", contact)["id"]
        lines = [{"type": "time", "description": "Work", "quantity": "1", "unit_price": price, "taxable": False}]
        body = {"client_id": client, "issue_date": "2026-11-20", "due_date": "2026-12-20", "currency": "USD"}
        return self.ravetree.create("invoices", body | {"lines": lines})

    def post_event(self, event_id: str = "", invoice: str = "999999") -> requests.Response:
        """A delivery of QuickBooks about an invoice, which is nobody's if none is named; signed as Intuit signs."""
        event = {
            "specversion": "1.0",
            "id": event_id or str(uuid.uuid4()),
            "source": "test",
            "type": "qbo.invoice.updated.v1",
            "time": datetime.now(UTC).isoformat(),
            "intuitentityid": invoice,
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


class Installed(Installation):
    """Web, worker and sweeper on servers of their own, which may be stopped."""

    def __init__(
        self,
        folder: Path,
        processes: Callable[[Path, dict[str, str]], Procfile] = Procfile,
        authority: Authority | None = None,
    ) -> None:
        self.broker, self.database = RabbitMQ(authority), PostgreSQL()
        self.broker.start()
        self.database.start()
        super().__init__(folder, self.broker.url, self.database.new_database(), processes)

    def close(self) -> None:
        super().close()
        self.broker.remove()
        self.database.remove()
