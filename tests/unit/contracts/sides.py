"""A neighbour behind its client, with short ways to write."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from clients.quickbooks.company import Company
from clients.ravetree.account import Accepted, Account
from schemas import strict_json
from schemas.quickbooks import Body

CUSTOMER, HOURS = "3", "2"


@dataclass
class CompanySide:
    """A company."""

    company: Company
    _keys: Any = field(default_factory=itertools.count)

    def key(self) -> str:
        return f"{next(self._keys):032x}"

    def write(self, path: str, body: Mapping[str, Any], key: str = "") -> Body:
        """The object after a write."""
        return self.company.write(path, strict_json.dumps(dict(body)), key or self.key()).body

    def invoice(self, number: str, amount: int = 100, **fields: Any) -> Body:
        return self.write("invoice", invoice_body(number, amount) | fields)

    def pay(self, invoice: Body, amount: int, **fields: Any) -> Body:
        line = {"Amount": amount, "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]}
        body = {"CustomerRef": {"value": CUSTOMER}, "TotalAmt": amount, "TxnDate": "2026-11-20", "Line": [line]}
        return self.write("payment", body | fields)

    def read(self, entity: str, raw: Body) -> Body | None:
        return next(iter(self.company.by_ids(entity, [raw["Id"]])), None)


def invoice_body(number: str, amount: int = 100) -> Body:
    """A new invoice of one line."""
    detail = {"ItemRef": {"value": HOURS}, "Qty": 1, "UnitPrice": amount}
    return {
        "CustomerRef": {"value": CUSTOMER},
        "DocNumber": number,
        "TxnDate": "2026-11-20",
        "Line": [{"DetailType": "SalesItemLineDetail", "Amount": amount, "SalesItemLineDetail": detail}],
        "TxnTaxDetail": {"TotalTax": 0},
    }


def identity(raw: Body) -> Body:
    return {"Id": raw["Id"], "SyncToken": raw["SyncToken"]}


@dataclass
class AccountSide:
    """An account; `create` is what a user does."""

    account: Account
    create: Callable[[str, Body], Body]
    _keys: Any = field(default_factory=itertools.count)

    def write(self, method: str, path: str, body: Body, *, key: str = "", if_match: int | None = None) -> Accepted:
        text = strict_json.dumps(body) if body else ""
        return self.account.write(method, path, text, key or f"{next(self._keys):032x}", if_match)

    def invoice(self) -> Body:
        client = self.create("contacts", {"kind": "account", "name": "Bright Harbor", "currency": "USD"})
        line = {"type": "time", "description": "Work", "quantity": "1", "unit_price": "100.00", "taxable": False}
        body = {"client_id": client["id"], "issue_date": "2026-11-20", "currency": "USD", "lines": [line]}
        return self.create("invoices", body)

    def pay(self, invoice: Body, amount: str, reference: str, **how: Any) -> Accepted:
        body = {
            "client_id": invoice["client_id"],
            "currency": "USD",
            "date": "2026-11-20",
            "amount": amount,
            "credit_amount": "0.00",
            "unapplied": "0.00",
            "reference": "",
            "allocations": [{"invoice_id": invoice["id"], "amount": amount}],
            "origin": "quickbooks",
            "external_id": reference,
            "notify": False,
        }
        return self.write("POST", "payments", body, **how)
