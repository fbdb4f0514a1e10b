"""A QuickBooks sandbox without a socket: a clock that tests set, and short ways to say things."""

from __future__ import annotations

import base64
import itertools
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from quickbooks_sandbox.books.amounts import decode, encode
from quickbooks_sandbox.http.web import make_app
from quickbooks_sandbox.world.services import Services
from sandbox_kit.clock import SandboxClock

START = 1_795_000_000.0  # 2026-11-18, in the morning of the US-Pacific zone
CUSTOMER, OTHER_CUSTOMER, EURO_CUSTOMER = "3", "4", "9"
HOURS = "2"


class Receiver:
    """Stands where the HTTP client of the webhooks is: keeps what was posted, answers what it is told to."""

    def __init__(self) -> None:
        self.urls: list[str] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.at: list[float] = []
        self.answers: list[int] = []
        self.down: set[str] = set()  # addresses that answer 503
        self.clock: SandboxClock | None = None

    def __call__(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        self.urls.append(url)
        self.bodies.append(body)
        self.headers.append(headers)
        if self.clock is not None:
            self.at.append(self.clock.seconds())
        if url in self.down:
            return 503
        return self.answers.pop(0) if self.answers else 200

    def events(self) -> list[tuple[str, str]]:
        return [(event["type"], event["intuitentityid"]) for body in self.bodies for event in decode(body)]


class World:
    def __init__(self, directory: Path, seed: int = 1) -> None:
        self.directory = directory
        self.time = START
        self.clock = SandboxClock(lambda: self.time)
        self.receiver = Receiver()
        self.receiver.clock = self.clock
        self.services = Services(directory, self.clock, random.Random(seed), self.receiver)
        self.client: FlaskClient = make_app(self.services).test_client()
        self.services.set_limits(enabled=False)
        self.credentials = self.services.credentials()
        self._token: str | None = None
        self._numbers = itertools.count(1)

    def close(self) -> None:
        self.services.close()

    # Requests

    def basic(self) -> dict[str, str]:
        pair = f"{self.credentials['client_id']}:{self.credentials['client_secret']}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def refresh(self, token: str) -> TestResponse:
        form = {"grant_type": "refresh_token", "refresh_token": token}
        return self.client.post("/oauth2/v1/tokens/bearer", data=form, headers=self.basic())

    def bearer(self) -> dict[str, str]:
        if self._token is None or self.services.tokens.realm_of(self._token) is None:
            self._token = self.refresh(self.services.credentials()["refresh_token"]).get_json()["access_token"]
        return {"Authorization": f"Bearer {self._token}"}

    def get(self, path: str, **query: str) -> TestResponse:
        return self.client.get(self._url(path), query_string=query, headers=self.bearer())

    def post(self, path: str, body: Any, **query: str) -> TestResponse:
        return self.client.post(self._url(path), data=encode(body), query_string=query, headers=self.bearer())

    def _url(self, path: str) -> str:
        return f"/v3/company/{self.credentials['realm_id']}/{path}"

    def order(self, path: str, body: Any) -> Any:
        answer = self.client.post(f"/sandbox/{path}", data=encode(body), content_type="application/json")
        assert answer.status_code == 200, answer.text
        return decode(answer.data)

    # Records

    def save(self, entity: str, body: Any, **query: str) -> Any:
        """Write and expect success; the stored object."""
        answer = self.post(entity.lower(), body, **query)
        assert answer.status_code == 200, answer.text
        return decode(answer.data)[entity]

    def read(self, entity: str, object_id: str) -> Any:
        answer = self.get(f"{entity.lower()}/{object_id}")
        assert answer.status_code == 200, answer.text
        return decode(answer.data)[entity]

    def query(self, text: str) -> Any:
        answer = self.get("query", query=text)
        assert answer.status_code == 200, answer.text
        return decode(answer.data)["QueryResponse"]

    def invoice(self, *amounts: Any, customer: str = CUSTOMER, **fields: Any) -> Any:
        body = {
            "CustomerRef": {"value": customer},
            "Line": [line(amount) for amount in amounts],
            "DocNumber": str(next(self._numbers)),
            **fields,
        }
        return self.save("Invoice", body)

    def payment(self, total: Any, *applied: tuple[Any, Any], customer: str = CUSTOMER, **fields: Any) -> Any:
        lines = [applied_to(invoice, amount) for invoice, amount in applied]
        return self.save("Payment", {"CustomerRef": {"value": customer}, "TotalAmt": total, "Line": lines, **fields})

    def change(self, entity: str, current: Any, **fields: Any) -> Any:
        return self.save(entity, sparse(current, **fields))


def line(amount: Any, item: str = HOURS, **detail: Any) -> Any:
    sale = {"ItemRef": {"value": item}, **detail}
    return {"Amount": amount, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": sale}


def applied_to(invoice: Any, amount: Any, kind: str = "Invoice") -> Any:
    return {"Amount": amount, "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": kind}]}


def sparse(current: Any, **fields: Any) -> Any:
    return {"Id": current["Id"], "SyncToken": current["SyncToken"], "sparse": True, **fields}


def named(current: Any) -> Any:
    return {"Id": current["Id"], "SyncToken": current["SyncToken"]}


def code_of(answer: TestResponse) -> str:
    """The fault's code; the answer must be a fault with status 400."""
    assert answer.status_code == 400, answer.text
    return str(decode(answer.data)["Fault"]["Error"][0]["code"])


def detail_of(answer: TestResponse) -> str:
    return str(decode(answer.data)["Fault"]["Error"][0]["Detail"])


def money(text: str) -> Decimal:
    return Decimal(text)
