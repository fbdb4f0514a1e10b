"""QuickBooks' records: read into the canonical model, written from it.

Field names are Intuit's. Reading ignores what we do not use; the whole object stays in our copy, so that what
Ravetree does not own is sent back as it was.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from marshmallow import EXCLUDE, Schema, ValidationError, fields, missing, post_load

from config.errors import RavebooksError
from reconcile.model import (
    ZERO,
    Allocation,
    ContactContent,
    ContentLine,
    DocumentContent,
    EstimateContent,
    InvoiceContent,
    PaymentContent,
    Percent,
    QuickBooksCustomer,
    QuickBooksEstimate,
    QuickBooksInvoice,
    QuickBooksLine,
    QuickBooksPayment,
)
from schemas.times import Day, Instant

Body = dict[str, Any]


COMPUTED_LINES = ("SubTotalLineDetail", "DiscountLineDetail", "TaxLineDetail")
"""Lines of a document that are nobody's entry: what they say is computed, or sent by Ravetree as a whole."""


class UnreadableRecord(RavebooksError):
    """A neighbour's record does not have the documented shape."""

    remedy = "Compare the record with the neighbour's documentation; it is kept in our copy."


class _Shape(Schema):
    class Meta:
        unknown = EXCLUDE


class _Within(fields.Nested):
    """The one field of a nested object: `{"value": "7"}` is read as `"7"`."""

    def _deserialize(self, *arguments: Any, **more: Any) -> Any:
        (found,) = super()._deserialize(*arguments, **more).values()
        return found


class _Ref(_Shape):
    value = fields.String(required=True)


class _Meta(_Shape):
    created_at = Instant(data_key="CreateTime", required=True)
    updated_at = Instant(data_key="LastUpdatedTime", required=True)


class _Email(_Shape):
    address = fields.String(data_key="Address", load_default="")


class _Text(_Shape):
    value = fields.String(load_default="")


class _Link(NamedTuple):
    """What a transaction or one of its lines is linked to."""

    id: str
    type: str


class _Linked(_Shape):
    id = fields.String(data_key="TxnId", required=True)
    type = fields.String(data_key="TxnType", required=True)

    @post_load
    def link(self, found: Body, **_more: Any) -> _Link:
        return _Link(**found)


class _Links(fields.List[Any]):
    """All links in one go, since an invoice may have a thousand; what is out of shape is read as any other list."""

    def _deserialize(self, value: Any, *arguments: Any, **more: Any) -> list[Any]:
        if isinstance(value, list) and all(map(_is_link, value)):
            return [_Link(link["TxnId"], link["TxnType"]) for link in value]
        return super()._deserialize(value, *arguments, **more)


def _is_link(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("TxnId"), str) and isinstance(value.get("TxnType"), str)


class _OrNothing(fields.Decimal):
    """A number that may be null as well as left out, which means the same."""

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **more: Any) -> Any:
        return super().deserialize(missing if value is None else value, attr, data, **more)


def _amount(name: str, default: Decimal | None = ZERO) -> fields.Decimal:
    """An amount of a part. None of it is nothing."""
    return _OrNothing(data_key=name, load_default=default)


def _sum_of(name: str) -> fields.Decimal:
    """What a whole transaction comes to. Null is no amount: nobody knows what it comes to then."""
    return fields.Decimal(data_key=name, load_default=ZERO)


def _text(name: str, default: str = "") -> fields.String:
    return fields.String(data_key=name, load_default=default)


class _SalesDetail(_Shape):
    item_id = _Within(_Ref, data_key="ItemRef", load_default=None)
    quantity = _amount("Qty", None)
    unit_price = _amount("UnitPrice", None)
    service_date = Day(data_key="ServiceDate", load_default=None)
    tax_code = _Within(_Ref, data_key="TaxCodeRef", load_default=None)
    class_id = _Within(_Ref, data_key="ClassRef", load_default=None)
    gross = _amount("TaxInclusiveAmt", None)


class _Line(_Shape):
    id = _text("Id")
    amount = _amount("Amount")
    description = _text("Description")
    type = _text("DetailType")
    detail = fields.Nested(_SalesDetail, data_key="SalesItemLineDetail", load_default=None)
    linked = _Links(fields.Nested(_Linked), data_key="LinkedTxn", load_default=list)


class _Tax(_Shape):
    total = _amount("TotalTax")


class _Transaction(_Shape):
    id = fields.String(data_key="Id", required=True)
    sync_token = fields.Integer(data_key="SyncToken", required=True)
    customer_id = _Within(_Ref, data_key="CustomerRef", required=True)
    currency = _Within(_Ref, data_key="CurrencyRef", load_default=None)
    date = Day(data_key="TxnDate", required=True)
    total = _sum_of("TotalAmt")
    note = _text("PrivateNote")
    meta = fields.Nested(_Meta, data_key="MetaData", required=True)
    lines = fields.List(fields.Nested(_Line), data_key="Line", load_default=list)
    linked = _Links(fields.Nested(_Linked), data_key="LinkedTxn", load_default=list)


class _Invoice(_Transaction):
    number = _text("DocNumber")
    due_date = Day(data_key="DueDate", load_default=None)
    balance = _sum_of("Balance")
    email_status = _text("EmailStatus", "NotSet")
    deposit = _amount("Deposit")
    memo = _Within(_Text, data_key="CustomerMemo", load_default=None)
    tax_amount = _Within(_Tax, data_key="TxnTaxDetail", load_default=None)

    @post_load
    def made(self, found: Body, **_more: Any) -> QuickBooksInvoice:
        return QuickBooksInvoice(
            **_document(found),
            due_date=found["due_date"],
            balance=found["balance"],
            emailed=found["email_status"] == "EmailSent",
            to_be_sent=found["email_status"] == "NeedToSend",
            voided=_is_void(found),
            deposit=found["deposit"],
            payment_ids=_linked_ids(found, "Payment"),
            estimate_ids=_linked_ids(found, "Estimate"),
        )


class _Voided(_Invoice):
    """Of an invoice, whether it is void."""

    @post_load
    def made(self, found: Body, **_more: Any) -> bool:
        return _is_void(found)


class _Estimate(_Transaction):
    number = _text("DocNumber")
    expires_on = Day(data_key="ExpirationDate", load_default=None)
    status = _text("TxnStatus", "Pending")
    memo = _Within(_Text, data_key="CustomerMemo", load_default=None)
    tax_amount = _Within(_Tax, data_key="TxnTaxDetail", load_default=None)

    @post_load
    def made(self, found: Body, **_more: Any) -> QuickBooksEstimate:
        return QuickBooksEstimate(
            **_document(found),
            status=found["status"],
            expires_on=found["expires_on"],
            invoice_ids=_linked_ids(found, "Invoice"),
        )


class _Payment(_Transaction):
    unapplied = _sum_of("UnappliedAmt")
    reference = _text("PaymentRefNum")
    method = _Within(_Ref, data_key="PaymentMethodRef", load_default=None)
    deposit_account = _Within(_Ref, data_key="DepositToAccountRef", load_default=None)

    @post_load
    def made(self, found: Body, **_more: Any) -> QuickBooksPayment:
        shares = [(line["amount"], link) for line in found["lines"] for link in line["linked"]]
        return QuickBooksPayment(
            id=found["id"],
            sync_token=found["sync_token"],
            customer_id=found["customer_id"],
            date=found["date"],
            amount=found["total"],
            unapplied=found["unapplied"],
            currency=found["currency"],
            reference=found["reference"],
            note=found["note"],
            allocations=tuple(Allocation(link.id, amount) for amount, link in shares if link.type == "Invoice"),
            credit=_credit(shares, found["total"] - found["unapplied"]),
            deposited=any(link.type == "Deposit" for link in found["linked"]),
            voided=_is_void(found),
            created_at=found["meta"]["created_at"],
            others=tuple(link.type for _, link in shares if link.type not in ("Invoice", "CreditMemo")),
            method=found["method"] or None,
        )


class _Phone(_Shape):
    number = _text("FreeFormNumber")


class _Customer(_Shape):
    id = fields.String(data_key="Id", required=True)
    sync_token = fields.Integer(data_key="SyncToken", required=True)
    name = _text("DisplayName")
    company_name = _text("CompanyName")
    email = _Within(_Email, data_key="PrimaryEmailAddr", load_default=None)
    phone = _Within(_Phone, data_key="PrimaryPhone", load_default=None)
    address = fields.Dict(data_key="BillAddr", load_default=dict)
    currency = _Within(_Ref, data_key="CurrencyRef", load_default=None)
    active = fields.Boolean(data_key="Active", load_default=True)
    is_project = fields.Boolean(data_key="IsProject", load_default=False)
    parent_id = _Within(_Ref, data_key="ParentRef", load_default=None)
    is_taxable = fields.Boolean(data_key="Taxable", load_default=True)

    @post_load
    def made(self, found: Body, **_more: Any) -> QuickBooksCustomer:
        theirs = found["address"]
        found["address"] = {ours: theirs[name] for ours, name in _ADDRESS.items() if theirs.get(name)}
        found["email"] = found["email"] or ""
        found["phone"] = found["phone"] or ""
        found["parent_id"] = found["parent_id"] or ""
        return QuickBooksCustomer(**found)


def _document(found: Body) -> Body:
    """What invoices and estimates have in common; generated subtotal lines are left out."""
    lines = found["lines"]
    return {
        "id": found["id"],
        "sync_token": found["sync_token"],
        "number": found["number"],
        "customer_id": found["customer_id"],
        "issue_date": found["date"],
        "currency": found["currency"],
        "memo": found["memo"] or "",
        "lines": tuple(_sales_line(line) for line in lines if line["type"] == "SalesItemLineDetail"),
        "discount": sum((line["amount"] for line in lines if line["type"] == "DiscountLineDetail"), ZERO),
        "tax_amount": found["tax_amount"] or ZERO,
        "total": found["total"],
    }


def _sales_line(line: Body) -> QuickBooksLine:
    detail = line["detail"] or {}
    return QuickBooksLine(
        id=line["id"],
        item_id=detail.get("item_id") or "",
        description=line["description"],
        quantity=detail.get("quantity"),
        unit_price=detail.get("unit_price"),
        amount=line["amount"],
        service_date=detail.get("service_date"),
        tax_code=detail.get("tax_code") or None,
        class_id=detail.get("class_id") or None,
        gross=detail.get("gross"),
    )


def _linked_ids(found: Body, kind: str) -> tuple[str, ...]:
    return tuple(link.id for link in found["linked"] if link.type == kind)


def _is_void(found: Body) -> bool:
    """There is no voided flag: all amounts are zero, those of the lines too, and the note starts with "Voided"."""
    amounts = (found["total"], found.get("balance", ZERO), *(line["amount"] for line in found["lines"]))
    return not any(amounts) and bool(found["note"].startswith("Voided"))


_invoice, _voided, _estimate, _payment, _customer = _Invoice(), _Voided(), _Estimate(), _Payment(), _Customer()

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


def _with_currency(raw: Mapping[str, Any], home: str) -> Mapping[str, Any]:
    """What has no currency of its own is in the company's."""
    return raw if raw.get("CurrencyRef") is not None else {**raw, "CurrencyRef": {"value": home}}


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
    """Whether a payment is void: it is of nothing, for nothing, and its note begins so."""
    amounts = (raw.get("TotalAmt"), *(line.get("Amount") for line in raw.get("Line", [])))
    return not any(Decimal(str(amount or 0)) for amount in amounts) and str(raw.get("PrivateNote") or "").startswith(
        "Voided"
    )


def is_void(raw: Mapping[str, Any]) -> bool:
    """Whether a transaction is void."""
    return bool(_load(_voided, raw, "transaction"))


def load_customer(raw: Mapping[str, Any], home_currency: str) -> QuickBooksCustomer:
    """A customer; without a currency of its own it has the company's."""
    loaded: QuickBooksCustomer = _load(_customer, _with_currency(raw, home_currency), "customer")
    return loaded


def load_invoice(raw: Mapping[str, Any], home_currency: str) -> QuickBooksInvoice:
    """An invoice with its sales lines; subtotals are generated and left out."""
    loaded: QuickBooksInvoice = _load(_invoice, _with_currency(raw, home_currency), "invoice")
    return loaded


def load_estimate(raw: Mapping[str, Any], home_currency: str) -> QuickBooksEstimate:
    """An estimate with its sales lines."""
    loaded: QuickBooksEstimate = _load(_estimate, _with_currency(raw, home_currency), "estimate")
    return loaded


def _credit(shares: Sequence[tuple[Decimal, _Link]], applied: Decimal) -> Decimal:
    """What a payment uses that is no money: of memos, and of journal entries and deposits, which may be a debt as well.

    Only the sum tells which: what is applied are all charges less all credit.
    """

    def linked(*types: str) -> Decimal:
        return sum((amount for amount, link in shares if link.type in types), ZERO)

    memos, either = linked("CreditMemo"), linked("JournalEntry", "Deposit")
    charges = sum((amount for amount, _ in shares), ZERO) - memos - either
    return memos + either if charges - memos - either == applied else memos


def load_payment(raw: Mapping[str, Any], home_currency: str) -> QuickBooksPayment:
    """A payment with its invoice lines as allocations and its credit memo lines summed."""
    loaded: QuickBooksPayment = _load(_payment, _with_currency(raw, home_currency), "payment")
    return loaded


class _Detail(_Shape):
    rate = _Within(_Ref, data_key="TaxRateRef", required=True)


class _Details(_Shape):
    details = fields.List(fields.Nested(_Detail), data_key="TaxRateDetail", load_default=list)


class _TaxCode(_Shape):
    id = fields.String(data_key="Id", required=True)
    sales = fields.Nested(_Details, data_key="SalesTaxRateList", load_default=None, allow_none=True)

    @post_load
    def made(self, found: Body, **_more: Any) -> tuple[str, tuple[str, ...]]:
        details = (found["sales"] or {"details": []})["details"]
        return found["id"], tuple(detail["rate"] for detail in details)


class _Percent(_Shape):
    value = fields.Decimal(data_key="RateValue", required=True)
    since = Day(data_key="EffectiveDate", load_default=None, allow_none=True)
    until = Day(data_key="EndDate", load_default=None, allow_none=True)

    @post_load
    def made(self, found: Body, **_more: Any) -> Percent:
        return Percent(**found)


class _TaxRate(_Shape):
    id = fields.String(data_key="Id", required=True)
    value = _amount("RateValue", None)
    periods = fields.List(fields.Nested(_Percent), data_key="EffectiveTaxRate", load_default=None, allow_none=True)

    @post_load
    def made(self, found: Body, **_more: Any) -> tuple[str, tuple[Percent, ...]]:
        """What it charges in each period; where none is named, what it charges now."""
        now = () if found["value"] is None else (Percent(found["value"]),)
        return found["id"], tuple(found["periods"] or ()) or now


_tax_code, _tax_rate = _TaxCode(), _TaxRate()


def load_tax_code(raw: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """The id of a tax code, and the ids of the rates that it charges on sales."""
    loaded: tuple[str, tuple[str, ...]] = _load(_tax_code, raw, "tax code")
    return loaded


def load_tax_rate(raw: Mapping[str, Any]) -> tuple[str, tuple[Percent, ...]]:
    """The id of a tax rate, and what it charges when."""
    loaded: tuple[str, tuple[Percent, ...]] = _load(_tax_rate, raw, "tax rate")
    return loaded


# --- writing -------------------------------------------------------------------------------------


def customer_body(content: ContactContent, now: Mapping[str, Any] | None = None) -> Body:
    """A new customer, or with `now` the sparse update; its currency is fixed once it is made."""
    body: Body = {"DisplayName": content.name}
    if now is None:
        body["CurrencyRef"] = {"value": content.currency}
    else:
        body |= identity_body(now) | {"sparse": True}
    if content.company_name:
        body["CompanyName"] = content.company_name
    if content.email or now:
        body["PrimaryEmailAddr"] = {"Address": content.email}
    if content.phone or now:
        body["PrimaryPhone"] = {"FreeFormNumber": content.phone}
    if address := _address_body(content.address):
        body["BillAddr"] = address
    return body


def invoice_body(content: InvoiceContent, now: Mapping[str, Any] | None = None) -> Body:
    """A new invoice, or with `now` (our copy) the sparse update of what Ravetree decides."""
    body = _document_body(content, now)
    if content.due_date:
        body["DueDate"] = content.due_date.isoformat()
    elif content.drops_due_date:
        # QuickBooks makes up its own then, as for a new invoice.
        body["DueDate"] = ""
    if content.email_status:
        # Never NeedToSend: QuickBooks would mail the customer a second time.
        body["EmailStatus"] = content.email_status
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
    lines = [line for _, line in _sent_lines(content, now)]
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
    }
    if content.tax_method:
        # Outside the US QuickBooks reckons the tax itself, whatever is said of it.
        body["GlobalTaxCalculation"] = content.tax_method
    else:
        body["TxnTaxDetail"] = {"TotalTax": content.tax_amount}
    if content.discount:
        body["ApplyTaxAfterDiscount"] = content.discount_before_tax
    if content.memo or now:
        body["CustomerMemo"] = {"value": content.memo}
    if content.email or content.address is not None:
        body["BillEmail"] = {"Address": content.email}
    if content.address is not None:
        # Another customer: nothing of the one before stays on it.
        body["BillAddr"] = _address_body(content.address)
        body |= {name: {} for name in ("ShipAddr", "BillEmailCc", "BillEmailBcc") if (now or {}).get(name)}
    if now is not None:
        body |= identity_body(now) | {"sparse": True}
    return body


def sent_keys(content: DocumentContent, now: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """Ravetree's key of each line in the order in which they are sent; empty for a bookkeeper's."""
    return tuple(key for key, _ in _sent_lines(content, now))


def _sent_lines(content: DocumentContent, now: Mapping[str, Any] | None) -> list[tuple[str, Body]]:
    """Ravetree's lines with their text below them, and each of a bookkeeper's behind the one that it stood behind."""
    there = [line for line in (now or {}).get("Line", []) if "Id" in line]
    kept = {line["Id"]: line for line in there}
    sent: list[tuple[str, Body]] = []
    for line in content.lines:
        sent.append((line.key, _line_body(line, kept.get(line.line_id or ""))))
        sent += [(f"{line.key}#{place}", _text_line(part)) for place, part in enumerate(line.below, 2)]
    before = ""
    for line in there:
        if line["Id"] not in content.own_lines and _is_free(line):
            places = [place for place, (_, body) in enumerate(sent) if body.get("Id") == before]
            sent.insert(places[-1] + 1 if places else len(sent), ("", line))
        before = line["Id"]
    return sent


def _text_line(text: str) -> Body:
    return {"DetailType": "DescriptionOnly", "Description": text, "DescriptionLineDetail": {}}


def _is_free(line: Mapping[str, Any]) -> bool:
    """Whether a line, with all that is in it, charges nothing; what QuickBooks computes is no line of anybody's."""
    kind = line.get("DetailType")
    if kind in COMPUTED_LINES:
        return False
    inner = (line.get(str(kind)) or {}).get("Line", [])
    return not Decimal(str(line.get("Amount") or 0)) and all(_is_free(one) for one in inner)


def _address_body(address: Mapping[str, str]) -> Body:
    return {theirs: address[ours] for ours, theirs in _ADDRESS.items() if address.get(ours)}


def _line_body(line: ContentLine, kept: Mapping[str, Any] | None) -> Body:
    detail: Body = dict((kept or {}).get("SalesItemLineDetail", {}))
    for name in ("Qty", "UnitPrice", "ServiceDate", "TaxCodeRef", "ItemRef", "TaxInclusiveAmt"):
        detail.pop(name, None)
    detail["ItemRef"] = {"value": line.item_id}
    if line.quantity is not None:
        detail |= {"Qty": line.quantity, "UnitPrice": line.unit_price}
    if line.service_date:
        detail["ServiceDate"] = line.service_date.isoformat()
    if line.tax_code:
        detail["TaxCodeRef"] = {"value": line.tax_code}
    if line.gross is not None:
        detail["TaxInclusiveAmt"] = line.gross
    body: Body = {"DetailType": "SalesItemLineDetail", "Amount": line.amount, "SalesItemLineDetail": detail}
    if line.description:
        body["Description"] = line.description
    if kept:
        body["Id"] = kept["Id"]
    return body


def sent_body(now: Mapping[str, Any]) -> Body:
    """The sparse update that marks an invoice as sent without mailing anybody."""
    return identity_body(now) | {"sparse": True, "EmailStatus": "EmailSent"}


def renumbered_body(now: Mapping[str, Any], number: str, note: str = "") -> Body:
    """The sparse update that gives a document another number, and its private note a text if one is given."""
    return identity_body(now) | {"sparse": True, "DocNumber": number} | ({"PrivateNote": note} if note else {})


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
