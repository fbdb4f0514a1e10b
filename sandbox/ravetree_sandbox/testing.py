"""A Ravetree organisation behind Flask's test client, on a clock that stands still until it is moved."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

from werkzeug.test import TestResponse

from ravetree_sandbox.organisations import Organisations
from ravetree_sandbox.server import create_app

START = datetime(2026, 11, 20, 14, 13, 20, tzinfo=UTC)
Json = dict[str, Any]


class Receiver:
    """Stands for whoever takes the webhooks: answers with `statuses`, then with 200."""

    def __init__(self) -> None:
        self.statuses: list[int | OSError] = []
        self.received: list[tuple[str, dict[str, str], bytes]] = []

    def __call__(self, url: str, headers: dict[str, str], body: bytes) -> int:
        self.received.append((url, headers, body))
        status = self.statuses.pop(0) if self.statuses else 200
        if isinstance(status, OSError):
            raise status
        return status

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for _url, headers, _body in self.received]


class World:
    def __init__(self, directory: Path) -> None:
        self.now = START
        self.receiver = Receiver()
        self.organisations = Organisations(directory, lambda: self.now, Random(7), self.receiver)
        self.organisation = self.organisations.first
        self.client = create_app(self.organisations).test_client()
        self.headers = {
            "Authorization": f"Bearer {self.organisation.api_token}",
            "Ravetree-Account": self.organisation.account_id,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.organisations.close()

    def call(
        self, method: str, path: str, body: Any = None, key: str | None = None, if_match: int | None = None
    ) -> TestResponse:
        headers = dict(self.headers)
        if key is not None:
            headers["Idempotency-Key"] = key
        if if_match is not None:
            headers["If-Match"] = f'"{if_match}"'
        return self.client.open(path, method=method, json=body, headers=headers)

    def ok(self, method: str, path: str, body: Any = None, **headers: Any) -> Any:
        """The record of a call that must succeed."""
        answer = self.call(method, path, body, **headers)
        assert answer.status_code < 300, answer.get_data(as_text=True)
        content = answer.get_json()
        return content.get("data", content) if isinstance(content, dict) else content

    def refused(self, status: int, method: str, path: str, body: Any = None, **headers: Any) -> Any:
        """The error of a call that must be refused with this status."""
        answer = self.call(method, path, body, **headers)
        assert answer.status_code == status, answer.get_data(as_text=True)
        return answer.get_json()["error"]

    def client_id(self, currency: str = "USD") -> str:
        contacts = self.ok("GET", "/v1/contacts")
        return str(next(c["id"] for c in contacts if c["kind"] == "account" and c["currency"] == currency))

    def invoice(self, amount: str = "100.00", **fields: Any) -> Any:
        """A user's invoice over one line."""
        body = {"client_id": self.client_id(), "lines": [{"type": "time", "unit_price": amount}], **fields}
        return self.ok("POST", "/sandbox/app/invoices", body)

    def payment_of(self, amount: str, *allocations: tuple[str, str], **fields: Any) -> Json:
        """The body of a payment."""
        return {
            "client_id": self.client_id(),
            "date": "2026-11-20",
            "amount": amount,
            "currency": "USD",
            "allocations": [{"invoice_id": invoice, "amount": part} for invoice, part in allocations],
            **fields,
        }

    def pay(self, amount: str, *allocations: tuple[str, str], **fields: Any) -> Any:
        return self.ok("POST", "/v1/payments", self.payment_of(amount, *allocations, **fields))

    def get_invoice(self, invoice_id: str) -> Any:
        return self.ok("GET", f"/v1/invoices/{invoice_id}")

    def events(self) -> list[Json]:
        found: list[Json] = self.ok("GET", "/v1/events?limit=200")
        return found

    def event_types(self) -> list[str]:
        return [event["type"] for event in self.events()]

    def subscribe(self) -> None:
        self.ok("POST", "/sandbox/webhooks", {"url": "https://books.example"})

    def advance(self, **span: float) -> None:
        self.ok("POST", "/sandbox/clock", {"advance_seconds": timedelta(**span).total_seconds()})
