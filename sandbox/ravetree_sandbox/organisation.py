"""One Ravetree organisation: its books, settings and steering, put together over one directory."""

import base64
from pathlib import Path
from random import Random

from ravetree_sandbox.books import Book, Catalog
from ravetree_sandbox.clock import Clock, SandboxClock
from ravetree_sandbox.contacts import DEFAULT_CURRENCY, Contacts
from ravetree_sandbox.courier import Courier, Send, post
from ravetree_sandbox.errors import bad_request
from ravetree_sandbox.estimates import Estimates
from ravetree_sandbox.faults import Faults
from ravetree_sandbox.idempotency import IdempotencyKeys
from ravetree_sandbox.invoices import Invoices
from ravetree_sandbox.journal import Actor, Journal
from ravetree_sandbox.mails import Mails
from ravetree_sandbox.payments import Payments
from ravetree_sandbox.seeds import plant
from ravetree_sandbox.snapshots import Snapshots
from ravetree_sandbox.store import Store
from ravetree_sandbox.sync_states import SyncStates
from ravetree_sandbox.usage import Usage
from ravetree_sandbox.values import Json

CATALOGS = ("line_item_types", "tax_rates", "payment_methods")
FILE = "ravetree.sqlite3"
WEBHOOK_PATH = "/webhooks/ravetree/"


class Organisation:
    """Opened on `directory`, and made there if it is new; `account_id` is then its name, or one is drawn."""

    def __init__(
        self, directory: Path, clock: Clock, randomness: Random, send: Send = post, account_id: str = ""
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.store = Store(directory / FILE)
        self.clock = SandboxClock(clock, self.store)
        with self.store.transaction():
            drawn = f"org_{randomness.randrange(10**8):08d}"
            self.account_id = self.store.setting("account_id", account_id or drawn)
            self.api_token = self.store.setting("api_token", f"rvt_{randomness.randbytes(20).hex()}")
            self.store.setting("webhook_secret", _new_secret(randomness))
        self.faults = Faults(self.store, randomness)
        self.usage = Usage(self.store)
        self.mails = Mails(self.store, self.clock)
        self.keys = IdempotencyKeys(self.store, self.clock)
        self.journal = Journal(self.store, self.clock, self.faults, self.account_id)
        self.courier = Courier(self.store, self.clock, send)
        self.sync_states = SyncStates(self.store, self.clock)
        parts = (self.store, self.clock, self.journal)
        self.contacts = Contacts(*parts)
        self.invoices = Invoices(*parts)
        self.estimates = Estimates(*parts)
        self.payments = Payments(*parts, self.invoices)
        self.books: dict[str, Book] = {
            "contacts": self.contacts,
            "invoices": self.invoices,
            "estimates": self.estimates,
            "payments": self.payments,
            **{kind: Catalog(kind, *parts) for kind in CATALOGS},
        }
        plant(self.store, self.clock)
        self.snapshots = Snapshots(self.store, self.clock)

    def close(self) -> None:
        self.store.close()

    def credentials(self, port: int) -> dict[str, str]:
        """What a client of this organisation needs."""
        return {
            "account_id": self.account_id,
            "api_token": self.api_token,
            "webhook_secret": self.store.setting("webhook_secret", ""),
            "api_url": f"http://127.0.0.1:{port}/v1",
        }

    def account(self) -> Json:
        """Whose token this is, as the API answers it."""
        return {"id": self.account_id, "name": f"Organisation {self.account_id}", "default_currency": DEFAULT_CURRENCY}

    def overview(self) -> Json:
        """Which organisation this is and how many living records it has of each kind."""
        rows = self.store.rows("SELECT kind, count(*) AS records FROM records WHERE deleted = 0 GROUP BY kind")
        return {"account_id": self.account_id, "records": {row["kind"]: row["records"] for row in rows}}

    def create_invoice(self, actor: Actor, given: Json) -> Json:
        """A user's invoice; one made from an estimate sets that to invoiced."""
        invoice = self.invoices.create(actor, given)
        if invoice["estimate_id"] is not None:
            self.estimates.invoiced(actor, invoice["estimate_id"])
        return invoice

    def subscribe(self, url: str, secret: str | None) -> Json:
        """Sets where events go: a full address, or the base that the contract's path is added to."""
        if not url.startswith(("http://", "https://")):
            raise bad_request("The url begins with http:// or https://.", "url")
        if WEBHOOK_PATH not in url:
            url = f"{url.rstrip('/')}{WEBHOOK_PATH}{self.account_id}"
        with self.store.transaction():
            self.store.keep_setting("webhook_url", url)
            if secret is not None:
                self.store.keep_setting("webhook_secret", _checked_secret(secret))
        return self.subscription()

    def subscription(self) -> Json:
        url = self.store.setting("webhook_url", "")
        return {"url": url or None, "secret": self.store.setting("webhook_secret", "")}

    @property
    def outage(self) -> bool:
        return self.store.setting("outage", "off") == "on"

    def set_outage(self, on: bool) -> None:
        self.store.keep_setting("outage", "on" if on else "off")


def _new_secret(randomness: Random) -> str:
    return f"whsec_{base64.b64encode(randomness.randbytes(32)).decode()}"


def _checked_secret(secret: str) -> str:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith("whsec_") or not key:
        raise bad_request("The secret is whsec_ and the key in base64.", "secret")
    return secret
