"""The two sides as their users see them: plain HTTP, nothing of the product."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import requests

Body = dict[str, Any]
TIMEOUT = 30


@dataclass
class RavetreeSide:
    """Ravetree: its public API to read, its users' side to act."""

    credentials: dict[str, str]

    def __post_init__(self) -> None:
        self.api = self.credentials["api_url"]
        self.root = self.api.removesuffix("/v1")
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update(
            {
                "Authorization": f"Bearer {self.credentials['api_token']}",
                "Ravetree-Account": self.credentials["account_id"],
            }
        )

    def create(self, resource: str, body: Body) -> Body:
        """A user makes a record."""
        return self._act("POST", resource, body)

    def change(self, resource: str, record_id: str, body: Body) -> Body:
        """A user edits a record."""
        return self._act("PATCH", f"{resource}/{record_id}", body)

    def delete(self, resource: str, record_id: str) -> None:
        """A user deletes a record."""
        self._act("DELETE", f"{resource}/{record_id}", None)

    def _act(self, method: str, path: str, body: Body | None) -> Body:
        answer = self.session.request(method, f"{self.root}/sandbox/app/{path}", json=body, timeout=TIMEOUT)
        _check(answer)
        found: Body = (answer.json() if answer.content else {}).get("data", {})
        return found

    def get(self, resource: str, record_id: str) -> Body:
        """One record."""
        answer = self.session.get(f"{self.api}/{resource}/{record_id}", timeout=TIMEOUT)
        _check(answer)
        found: Body = answer.json()["data"]
        return found

    def every(self, resource: str, **params: str) -> list[Body]:
        """All records of a list."""
        rows: list[Body] = []
        cursor: str | None = None
        while True:
            query = params | ({"cursor": cursor} if cursor else {})
            answer = self.session.get(f"{self.api}/{resource}", params=query, timeout=TIMEOUT)
            _check(answer)
            page = answer.json()
            rows += [row for row in page["data"] if not row.get("deleted")]
            cursor = page["next_cursor"]
            if not cursor:
                return rows

    def sync_state(self, kind: str, record_id: str) -> Body:
        """What the product last said about a record; empty when it said nothing."""
        answer = self.session.get(f"{self.api}/sync_states/{kind}/{record_id}", timeout=TIMEOUT)
        if answer.status_code == 404:
            return {}
        _check(answer)
        found: Body = answer.json()["data"]
        return found

    def steer(self, path: str, body: Any) -> None:
        """Order a fault, an outage, a moved clock."""
        _check(self.session.post(f"{self.root}/sandbox/{path}", json=body, timeout=TIMEOUT))


@dataclass
class QuickBooksSide:
    """QuickBooks through its own REST API, as a bookkeeper's program would use it."""

    credentials: dict[str, str]

    def __post_init__(self) -> None:
        self.root = self.credentials["api_url"].removesuffix("/v3")
        self.base = f"{self.credentials['api_url']}/company/{self.credentials['realm_id']}"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Accept"] = "application/json"

    def _sign_in(self) -> None:
        endpoint = self.session.get(self.credentials["discovery_url"], timeout=TIMEOUT).json()["token_endpoint"]
        answer = self.session.post(
            endpoint,
            data={"grant_type": "refresh_token", "refresh_token": self.credentials["refresh_token"]},
            auth=(self.credentials["client_id"], self.credentials["client_secret"]),
            timeout=TIMEOUT,
        )
        _check(answer)
        self.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def write(self, path: str, body: Body, **params: str) -> Body:
        """One write: the entity as it is afterwards."""
        answer = self._call("POST", path, params, body)
        found: Body = next(value for key, value in answer.items() if isinstance(value, dict))
        return found

    def query(self, statement: str) -> list[Body]:
        """All rows of one page of 1000."""
        response = self._call("GET", "query", {"query": f"{statement} maxresults 1000"}, None)["QueryResponse"]
        rows: list[Body] = next((value for value in response.values() if isinstance(value, list)), [])
        return rows

    def invoice(self, number: str) -> Body | None:
        """The invoice with this number."""
        found = self.query(f"select * from Invoice where DocNumber = '{number}'")  # noqa: S608 - QuickBooks' language
        return found[0] if found else None

    def pay(self, amounts: dict[str, str], day: str, reference: str = "") -> Body:
        """A bookkeeper receives a payment over invoices, by number."""
        invoices = {number: self.invoice(number) for number in amounts}
        found = {number: invoice for number, invoice in invoices.items() if invoice is not None}
        first = next(iter(found.values()))
        return self.write(
            "payment",
            {
                "CustomerRef": {"value": first["CustomerRef"]["value"]},
                "CurrencyRef": {"value": first["CurrencyRef"]["value"]},
                "TotalAmt": float(sum(Decimal(amount) for amount in amounts.values())),
                "TxnDate": day,
                "PaymentRefNum": reference,
                "Line": [
                    {
                        "Amount": float(amounts[number]),
                        "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}],
                    }
                    for number, invoice in found.items()
                ],
            },
        )

    def _call(self, method: str, path: str, params: dict[str, str], body: Body | None) -> Body:
        for attempt in (1, 2):
            answer = self.session.request(
                method,
                f"{self.base}/{path}",
                params={"minorversion": "75"} | params,
                json=body,
                timeout=TIMEOUT,
            )
            if answer.status_code != 401 or attempt == 2:
                break
            self._sign_in()
        _check(answer)
        found: Body = json.loads(answer.content, parse_float=Decimal)
        return found

    def steer(self, path: str, body: Any) -> None:
        """Order a fault, an outage, a moved clock."""
        _check(self.session.post(f"{self.root}/sandbox/{path}", json=body, timeout=TIMEOUT))


class SideError(Exception):
    """A side refused what the script did: the script is wrong, or the sandbox."""


def _check(answer: requests.Response) -> None:
    if not answer.ok:
        raise SideError(f"{answer.request.method} {answer.url} answered {answer.status_code}: {answer.text[:500]}")


Say = Callable[[str, str, str], None]
"""Takes a step's title, what it did to Ravetree and what it did to QuickBooks."""
