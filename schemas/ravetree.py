"""Ravetree's records: read into the canonical model, written from it.

The contract itself is `schemas.ravetree_contract`; reading is more tolerant than the contract, so that a field
that Ravetree adds one day breaks nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load

from reconcile.model import (
    ZERO,
    Allocation,
    ContactContent,
    PaymentContent,
    RavetreeContact,
    RavetreeEstimate,
    RavetreeInvoice,
    RavetreeLine,
    RavetreePayment,
)
from schemas.quickbooks import Body, UnreadableRecord
from schemas.ravetree_contract import minor_units
from schemas.times import Day, Instant


class _Shape(Schema):
    class Meta:
        unknown = EXCLUDE


class _Common(_Shape):
    id = fields.String(required=True)
    version = fields.Integer(required=True)


def _text() -> fields.String:
    return fields.String(load_default="", allow_none=True)


def _maybe() -> fields.String:
    return fields.String(load_default=None, allow_none=True)


def _amount(*, required: bool = False) -> fields.Decimal:
    return fields.Decimal(required=True) if required else fields.Decimal(load_default=ZERO, allow_none=True)


class _Contact(_Common):
    kind = fields.String(load_default="contact")
    name = _text()
    email = _text()
    phone = _text()
    address = fields.Dict(load_default=dict, allow_none=True)
    currency = _text()
    active = fields.Boolean(load_default=True)
    merged_into = _maybe()

    @post_load
    def made(self, found: Body, **_more: Any) -> RavetreeContact:
        found |= {name: found[name] or "" for name in ("name", "email", "phone", "currency")}
        found["address"] = {key: value for key, value in (found["address"] or {}).items() if value}
        return RavetreeContact(**found)


class _Line(_Shape):
    id = fields.String(required=True)
    type = fields.String(required=True)
    description = _text()
    quantity = fields.Decimal(load_default=None, allow_none=True)
    unit_price = fields.Decimal(load_default=None, allow_none=True)
    amount = _amount(required=True)
    service_date = Day(load_default=None, allow_none=True)
    taxable = fields.Boolean(load_default=False)
    tax_rate = _maybe()

    @post_load
    def made(self, found: Body, **_more: Any) -> RavetreeLine:
        found["description"] = found["description"] or ""
        return RavetreeLine(**found)


class _Document(_Common):
    number = fields.String(required=True)
    client_id = fields.String(required=True)
    status = fields.String(required=True)
    issue_date = Day(required=True)
    currency = fields.String(required=True)
    memo = _text()
    lines = fields.List(fields.Nested(_Line), load_default=list)
    discount = fields.Dict(load_default=None, allow_none=True)
    tax_inclusive = fields.Boolean(load_default=False)
    tax_amount = _amount()
    total = _amount(required=True)
    created_at = Instant(required=True)


class _Invoice(_Document):
    due_date = Day(load_default=None, allow_none=True)
    balance = _amount(required=True)
    sent_at = Instant(load_default=None, allow_none=True)
    marked_paid_at = Instant(load_default=None, allow_none=True)
    estimate_id = _maybe()

    @post_load
    def made(self, found: Body, **_more: Any) -> RavetreeInvoice:
        sent = found.pop("sent_at") is not None or found["status"] == "sent"
        return RavetreeInvoice(**_document(found), sent=sent)


class _Estimate(_Document):
    expires_on = Day(load_default=None, allow_none=True)

    @post_load
    def made(self, found: Body, **_more: Any) -> RavetreeEstimate:
        return RavetreeEstimate(**_document(found))


class _Allocation(_Shape):
    invoice_id = fields.String(required=True)
    amount = _amount(required=True)

    @post_load
    def made(self, found: Body, **_more: Any) -> Allocation:
        return Allocation(**found)


class _Payment(_Common):
    created_at = Instant(load_default=None, allow_none=True)
    client_id = fields.String(required=True)
    date = Day(required=True)
    amount = _amount(required=True)
    credit_amount = _amount()
    unapplied = _amount()
    currency = fields.String(required=True)
    reference = _text()
    memo = _text()
    allocations = fields.List(fields.Nested(_Allocation), load_default=list)
    origin = fields.String(load_default="ravetree")
    external_id = _maybe()
    voided = fields.Boolean(load_default=False)
    method = _maybe()

    @post_load
    def made(self, found: Body, **_more: Any) -> RavetreePayment:
        found |= {name: found[name] or ZERO for name in ("credit_amount", "unapplied")}
        found |= {name: found[name] or "" for name in ("reference", "memo")}
        found["allocations"] = tuple(found["allocations"])
        return RavetreePayment(**found)


def _document(found: Body) -> Body:
    """What invoices and estimates have in common, as the model has it."""
    discount = found["discount"] or {}
    return found | {
        "memo": found["memo"] or "",
        "lines": tuple(found["lines"]),
        "discount": tuple(sorted((key, str(value)) for key, value in discount.items())),
        "tax_amount": found["tax_amount"] or ZERO,
    }


_contact, _invoice, _estimate, _payment = _Contact(), _Invoice(), _Estimate(), _Payment()


def _load(schema: Schema, raw: Mapping[str, Any], what: str) -> Any:
    try:
        return schema.load(raw)
    except ValidationError as error:
        raise UnreadableRecord(f"Ravetree's {what} {raw.get('id', '?')} is unreadable: {error.messages}") from error


# --- reading -------------------------------------------------------------------------------------


def load_contact(raw: Mapping[str, Any], bill_to: Mapping[str, Any] | None = None) -> RavetreeContact:
    """A client; the bill-to contact, where there is one, gives the e-mail address."""
    loaded: RavetreeContact = _load(_contact, raw, "contact")
    email = (bill_to or {}).get("email")
    return replace(loaded, email=email) if email else loaded


def load_invoice(raw: Mapping[str, Any]) -> RavetreeInvoice:
    """An invoice with its lines."""
    loaded: RavetreeInvoice = _load(_invoice, raw, "invoice")
    return loaded


def load_estimate(raw: Mapping[str, Any]) -> RavetreeEstimate:
    """An estimate with its lines."""
    loaded: RavetreeEstimate = _load(_estimate, raw, "estimate")
    return loaded


def load_payment(raw: Mapping[str, Any]) -> RavetreePayment:
    """A payment with its allocations."""
    loaded: RavetreePayment = _load(_payment, raw, "payment")
    return loaded


# --- writing -------------------------------------------------------------------------------------


def _spell(amount: Decimal, currency: str) -> str:
    return f"{amount:.{minor_units(currency)}f}"


def payment_body(content: PaymentContent, external_id: str | None = None) -> Body:
    """A payment as Ravetree takes it; with `external_id` a new one that came from QuickBooks."""
    currency = content.currency
    body: Body = {
        "date": content.date.isoformat(),
        "amount": _spell(content.amount, currency),
        "credit_amount": _spell(content.credit, currency),
        "unapplied": _spell(content.unapplied, currency),
        "reference": content.reference,
        "allocations": [
            {"invoice_id": a.invoice_id, "amount": _spell(a.amount, currency)} for a in content.allocations
        ],
        "notify": False,
    }
    if content.method:
        body["method"] = content.method
    if external_id is not None:
        body |= {
            "client_id": content.party_id,
            "currency": currency,
            "origin": "quickbooks",
            "external_id": external_id,
        }
    return body


def contact_body(content: ContactContent, external_id: str) -> Body:
    """A new contact, made from a QuickBooks customer: a company becomes an account."""
    body: Body = {
        "kind": "account" if content.company_name else "contact",
        "name": content.name,
        "currency": content.currency,
        "external_id": external_id,
        "notify": False,
    }
    for name in ("email", "phone"):
        if value := getattr(content, name):
            body[name] = value
    if content.address:
        body["address"] = dict(content.address)
    return body


def status_body(status: str) -> Body:
    """The change of an invoice's status, without mailing anybody."""
    return {"status": status, "notify": False}
