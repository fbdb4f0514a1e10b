"""QuickBooks' records: read into the canonical model, written from it.

Field names are Intuit's. Reading ignores what we do not use; the whole object stays in our copy, so that what
Ravetree does not own is sent back as it was.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields

from config.errors import RavebooksError
from reconcile.model import (
    ZERO,
    Allocation,
    ContactContent,
    DocumentContent,
    EstimateContent,
    InvoiceContent,
    PaymentContent,
    QuickBooksCustomer,
    QuickBooksEstimate,
    QuickBooksInvoice,
    QuickBooksLine,
    QuickBooksPayment,
)
from schemas.times import Day, Instant

Body = dict[str, Any]


class UnreadableRecord(RavebooksError):
    """A neighbour's record does not have the documented shape."""

    remedy = "Compare the record with the neighbour's documentation; it is kept in our copy."


class _Shape(Schema):
    class Meta:
        unknown = EXCLUDE


class _Ref(_Shape):
    value = fields.String(required=True)


class _Meta(_Shape):
    CreateTime = Instant(required=True)
    LastUpdatedTime = Instant(required=True)


class _Email(_Shape):
    Address = fields.String(load_default="")


class _Text(_Shape):
    value = fields.String(load_default="")


class _Linked(_Shape):
    TxnId = fields.String(required=True)
    TxnType = fields.String(required=True)


def _amount(default: Decimal | None = ZERO) -> fields.Decimal:
    return fields.Decimal(load_default=default, allow_none=True)


class _SalesDetail(_Shape):
    ItemRef = fields.Nested(_Ref, load_default=None)
    Qty = _amount(None)
    UnitPrice = _amount(None)
    ServiceDate = Day(load_default=None)
    TaxCodeRef = fields.Nested(_Ref, load_default=None)
    ClassRef = fields.Nested(_Ref, load_default=None)


class _Line(_Shape):
    Id = fields.String(load_default="")
    Amount = _amount()
    Description = fields.String(load_default="")
    DetailType = fields.String(load_default="")
    SalesItemLineDetail = fields.Nested(_SalesDetail, load_default=None)
    LinkedTxn = fields.List(fields.Nested(_Linked), load_default=list)


class _Tax(_Shape):
    TotalTax = _amount()


class _Transaction(_Shape):
    Id = fields.String(required=True)
    SyncToken = fields.Integer(required=True)
    CustomerRef = fields.Nested(_Ref, required=True)
    CurrencyRef = fields.Nested(_Ref, load_default=None)
    TxnDate = Day(required=True)
    TotalAmt = _amount()
    PrivateNote = fields.String(load_default="")
    MetaData = fields.Nested(_Meta, required=True)
    Line = fields.List(fields.Nested(_Line), load_default=list)
    LinkedTxn = fields.List(fields.Nested(_Linked), load_default=list)


class _Invoice(_Transaction):
    DocNumber = fields.String(load_default="")
    DueDate = Day(load_default=None)
    Balance = _amount()
    EmailStatus = fields.String(load_default="NotSet")
    CustomerMemo = fields.Nested(_Text, load_default=None)
    TxnTaxDetail = fields.Nested(_Tax, load_default=None)


class _Estimate(_Transaction):
    DocNumber = fields.String(load_default="")
    ExpirationDate = Day(load_default=None)
    TxnStatus = fields.String(load_default="Pending")
    CustomerMemo = fields.Nested(_Text, load_default=None)
    TxnTaxDetail = fields.Nested(_Tax, load_default=None)


class _Payment(_Transaction):
    UnappliedAmt = _amount()
    PaymentRefNum = fields.String(load_default="")
    PaymentMethodRef = fields.Nested(_Ref, load_default=None)
    DepositToAccountRef = fields.Nested(_Ref, load_default=None)


class _Phone(_Shape):
    FreeFormNumber = fields.String(load_default="")


class _Customer(_Shape):
    Id = fields.String(required=True)
    SyncToken = fields.Integer(required=True)
    DisplayName = fields.String(load_default="")
    CompanyName = fields.String(load_default="")
    PrimaryEmailAddr = fields.Nested(_Email, load_default=None)
    PrimaryPhone = fields.Nested(_Phone, load_default=None)
    BillAddr = fields.Dict(load_default=dict)
    CurrencyRef = fields.Nested(_Ref, load_default=None)
    Active = fields.Boolean(load_default=True)
    IsProject = fields.Boolean(load_default=False)


_invoice, _estimate, _payment, _customer = _Invoice(), _Estimate(), _Payment(), _Customer()

_ADDRESS = {
    "line1": "Line1",
    "line2": "Line2",
    "city": "City",
    "region": "CountrySubDivisionCode",
    "postal_code": "PostalCode",
    "country": "Country",
}


def _load(schema: Schema, raw: Mapping[str, Any], what: str) -> Any:
    try:
        return schema.load(raw)
    except ValidationError as error:
        raise UnreadableRecord(f"QuickBooks' {what} {raw.get('Id', '?')} is unreadable: {error.messages}") from error


def _is_void(loaded: Mapping[str, Any]) -> bool:
    """There is no voided flag: amounts are zero and the note starts with "Voided"."""
    return bool(
        loaded["TotalAmt"] == ZERO
        and loaded.get("Balance", ZERO) == ZERO
        and loaded["PrivateNote"].startswith("Voided")
    )


def _value(ref: Mapping[str, Any] | None, default: str = "") -> str:
    return str(ref["value"]) if ref else default


# --- reading -------------------------------------------------------------------------------------


def is_version(token: Any) -> bool:
    """Whether `token` is a SyncToken: a string of digits."""
    return isinstance(token, str) and token.isascii() and token.isdecimal() and len(token) <= 18


def why_unreadable(raw: Mapping[str, Any]) -> str:
    """Why an object cannot be kept as a copy; empty for one that can."""
    if is_deleted(raw) or is_version(raw.get("SyncToken")):
        return ""
    return f"its SyncToken is {raw['SyncToken']!r:.60}" if "SyncToken" in raw else "it has no SyncToken"


def is_deleted(raw: Mapping[str, Any]) -> bool:
    """Whether CDC or a delete says that the object is gone."""
    return raw.get("status") == "Deleted"


def is_void_payment(raw: Mapping[str, Any]) -> bool:
    """Whether a payment is void: it is of nothing and its note begins so."""
    return Decimal(str(raw.get("TotalAmt", 0))) == 0 and str(raw.get("PrivateNote") or "").startswith("Voided")


def is_void(raw: Mapping[str, Any]) -> bool:
    """Whether a transaction is void."""
    return _is_void(_load(_invoice, raw, "transaction"))


def load_customer(raw: Mapping[str, Any], home_currency: str) -> QuickBooksCustomer:
    """A customer; without a currency of its own it has the company's."""
    loaded = _load(_customer, raw, "customer")
    return QuickBooksCustomer(
        id=loaded["Id"],
        sync_token=loaded["SyncToken"],
        name=loaded["DisplayName"],
        email=(loaded["PrimaryEmailAddr"] or {}).get("Address", ""),
        currency=_value(loaded["CurrencyRef"], home_currency),
        active=loaded["Active"],
        company_name=loaded["CompanyName"],
        phone=(loaded["PrimaryPhone"] or {}).get("FreeFormNumber", ""),
        address={
            ours: loaded["BillAddr"][theirs] for ours, theirs in _ADDRESS.items() if loaded["BillAddr"].get(theirs)
        },
        is_project=loaded["IsProject"],
    )


def _document(loaded: Mapping[str, Any], home_currency: str) -> dict[str, Any]:
    """What invoices and estimates have in common; generated subtotal lines are left out."""
    lines = loaded["Line"]
    return {
        "id": loaded["Id"],
        "sync_token": loaded["SyncToken"],
        "number": loaded["DocNumber"],
        "customer_id": loaded["CustomerRef"]["value"],
        "issue_date": loaded["TxnDate"],
        "currency": _value(loaded["CurrencyRef"], home_currency),
        "memo": (loaded["CustomerMemo"] or {}).get("value", ""),
        "lines": tuple(_sales_line(line) for line in lines if line["DetailType"] == "SalesItemLineDetail"),
        "discount": sum((line["Amount"] for line in lines if line["DetailType"] == "DiscountLineDetail"), ZERO),
        "tax_amount": (loaded["TxnTaxDetail"] or {}).get("TotalTax") or ZERO,
        "total": loaded["TotalAmt"],
    }


def load_invoice(raw: Mapping[str, Any], home_currency: str) -> QuickBooksInvoice:
    """An invoice with its sales lines; subtotals are generated and left out."""
    loaded = _load(_invoice, raw, "invoice")
    return QuickBooksInvoice(
        **_document(loaded, home_currency),
        due_date=loaded["DueDate"],
        balance=loaded["Balance"],
        emailed=loaded["EmailStatus"] == "EmailSent",
        voided=_is_void(loaded),
        payment_ids=tuple(t["TxnId"] for t in loaded["LinkedTxn"] if t["TxnType"] == "Payment"),
    )


def load_estimate(raw: Mapping[str, Any], home_currency: str) -> QuickBooksEstimate:
    """An estimate with its sales lines."""
    loaded = _load(_estimate, raw, "estimate")
    return QuickBooksEstimate(
        **_document(loaded, home_currency),
        status=loaded["TxnStatus"],
        expires_on=loaded["ExpirationDate"],
        invoice_ids=tuple(t["TxnId"] for t in loaded["LinkedTxn"] if t["TxnType"] == "Invoice"),
    )


def _sales_line(line: Mapping[str, Any]) -> QuickBooksLine:
    detail = line["SalesItemLineDetail"] or {}
    return QuickBooksLine(
        id=line["Id"],
        item_id=_value(detail.get("ItemRef")),
        description=line["Description"],
        quantity=detail.get("Qty"),
        unit_price=detail.get("UnitPrice"),
        amount=line["Amount"],
        service_date=detail.get("ServiceDate"),
        tax_code=_value(detail.get("TaxCodeRef")) or None,
        class_id=_value(detail.get("ClassRef")) or None,
    )


def load_payment(raw: Mapping[str, Any], home_currency: str) -> QuickBooksPayment:
    """A payment with its invoice lines as allocations and its credit memo lines summed."""
    loaded = _load(_payment, raw, "payment")
    shares = [(line["Amount"], link) for line in loaded["Line"] for link in line["LinkedTxn"]]
    return QuickBooksPayment(
        id=loaded["Id"],
        sync_token=loaded["SyncToken"],
        customer_id=loaded["CustomerRef"]["value"],
        date=loaded["TxnDate"],
        amount=loaded["TotalAmt"],
        unapplied=loaded["UnappliedAmt"],
        currency=_value(loaded["CurrencyRef"], home_currency),
        reference=loaded["PaymentRefNum"],
        note=loaded["PrivateNote"],
        allocations=tuple(Allocation(link["TxnId"], amount) for amount, link in shares if link["TxnType"] == "Invoice"),
        credit=sum((amount for amount, link in shares if link["TxnType"] == "CreditMemo"), ZERO),
        deposited=any(link["TxnType"] == "Deposit" for link in loaded["LinkedTxn"]),
        voided=_is_void(loaded),
        created_at=loaded["MetaData"]["CreateTime"],
        method=_value(loaded["PaymentMethodRef"]) or None,
    )


# --- writing -------------------------------------------------------------------------------------


def customer_body(content: ContactContent, now: Mapping[str, Any] | None = None) -> Body:
    """A new customer, or with `now` the sparse update; its currency is fixed once it is made."""
    body: Body = {"DisplayName": content.name}
    if now is None:
        body["CurrencyRef"] = {"value": content.currency}
    else:
        body |= identity_body(now) | {"sparse": True}
    if content.company_name:
        body["CompanyName"] = content.company_name[:100]
    if content.email or now:
        body["PrimaryEmailAddr"] = {"Address": content.email}
    if content.phone or now:
        body["PrimaryPhone"] = {"FreeFormNumber": content.phone[:30]}
    address = {theirs: content.address[ours] for ours, theirs in _ADDRESS.items() if content.address.get(ours)}
    if address:
        body["BillAddr"] = address
    return body


def invoice_body(content: InvoiceContent, now: Mapping[str, Any] | None = None) -> Body:
    """A new invoice, or with `now` (our copy) the sparse update of what Ravetree decides."""
    body = _document_body(content, now)
    if content.due_date:
        body["DueDate"] = content.due_date.isoformat()
    if content.emailed:
        # Never NeedToSend: QuickBooks would mail the customer a second time.
        body["EmailStatus"] = "EmailSent"
    if content.estimate_id and now is None:
        body["LinkedTxn"] = [{"TxnId": content.estimate_id, "TxnType": "Estimate"}]
    return body


def estimate_body(content: EstimateContent, now: Mapping[str, Any] | None = None) -> Body:
    """A new estimate, or with `now` the sparse update of what Ravetree decides."""
    body = _document_body(content, now) | {"TxnStatus": content.status}
    if content.expires_on:
        body["ExpirationDate"] = content.expires_on.isoformat()
    return body


def closed_body(now: Mapping[str, Any]) -> Body:
    """The sparse update that closes an estimate."""
    return identity_body(now) | {"sparse": True, "TxnStatus": "Closed"}


def _document_body(content: DocumentContent, now: Mapping[str, Any] | None) -> Body:
    """Arrays are all or nothing: every line is sent, kept ones with their id and with what Ravetree does not own."""
    kept = {line["Id"]: line for line in (now or {}).get("Line", []) if "Id" in line}
    lines: list[Body] = [_line_body(line, kept.get(line.line_id or "")) for line in content.lines]
    if content.discount:
        lines.append(
            {
                "DetailType": "DiscountLineDetail",
                "Amount": content.discount,
                "DiscountLineDetail": {"PercentBased": False},
            }
        )
    body: Body = {
        "CustomerRef": {"value": content.customer_id},
        "DocNumber": content.number,
        "TxnDate": content.issue_date.isoformat(),
        "CurrencyRef": {"value": content.currency},
        "Line": lines,
        "TxnTaxDetail": {"TotalTax": content.tax_amount},
    }
    if content.memo or now:
        body["CustomerMemo"] = {"value": content.memo}
    if content.email:
        body["BillEmail"] = {"Address": content.email}
    if now is not None:
        body |= identity_body(now) | {"sparse": True}
    return body


def _line_body(line: Any, kept: Mapping[str, Any] | None) -> Body:
    detail: Body = dict((kept or {}).get("SalesItemLineDetail", {}))
    for name in ("Qty", "UnitPrice", "ServiceDate", "TaxCodeRef", "ItemRef"):
        detail.pop(name, None)
    detail["ItemRef"] = {"value": line.item_id}
    if line.quantity is not None:
        detail |= {"Qty": line.quantity, "UnitPrice": line.unit_price}
    if line.service_date:
        detail["ServiceDate"] = line.service_date.isoformat()
    if line.tax_code:
        detail["TaxCodeRef"] = {"value": line.tax_code}
    body: Body = {"DetailType": "SalesItemLineDetail", "Amount": line.amount, "SalesItemLineDetail": detail}
    if line.description:
        body["Description"] = line.description[:4000]
    if kept:
        body["Id"] = kept["Id"]
    return body


def sent_body(now: Mapping[str, Any]) -> Body:
    """The sparse update that marks an invoice as sent without mailing anybody."""
    return identity_body(now) | {"sparse": True, "EmailStatus": "EmailSent"}


def identity_body(now: Mapping[str, Any]) -> Body:
    """What a void or a delete takes, and what every update begins with."""
    return {"Id": now["Id"], "SyncToken": now["SyncToken"]}


def payment_body(content: PaymentContent, now: Mapping[str, Any] | None = None) -> Body:
    """A new payment, or with `now` the sparse update; lines that are not about invoices are sent back as they are."""
    other = [
        line
        for line in (now or {}).get("Line", [])
        if any(link.get("TxnType") != "Invoice" for link in line.get("LinkedTxn", []))
    ]
    lines: list[Body] = [
        {"Amount": a.amount, "LinkedTxn": [{"TxnId": a.invoice_id, "TxnType": "Invoice"}]}
        for a in content.allocations
        if a.amount
    ]
    body: Body = {
        "CustomerRef": {"value": content.party_id},
        "TotalAmt": content.amount,
        "TxnDate": content.date.isoformat(),
        "CurrencyRef": {"value": content.currency},
        "PrivateNote": content.marker,
        "Line": lines + other,
    }
    if content.reference or now:
        body["PaymentRefNum"] = content.reference
    if content.method:
        body["PaymentMethodRef"] = {"value": content.method}
    if content.deposit_account and now is None:
        body["DepositToAccountRef"] = {"value": content.deposit_account}
    if now is not None:
        body |= identity_body(now) | {"sparse": True}
    return body
