# ruff: noqa: ARG002 - marshmallow calls a field's methods with more than most of them look at
"""The Ravetree contract as marshmallow schemas: plain dicts in, plain dicts out.

Loading takes the JSON form (money and quantities as decimal strings, dates as `YYYY-MM-DD`, times as RFC 3339
UTC) and gives `Decimal`, `date` and aware `datetime` values; dumping gives the JSON form back. Unknown fields
are refused by name. A `…Schema` is a record as the API answers it, a `…WriteSchema` is what a POST takes; a
PATCH is a subset of the same fields, laid over the record before it is loaded.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_dump, post_load, validate, validates_schema

from reconcile.model import THOUSANDTHS
from schemas.contract import Json

CONTACT_KINDS = ("contact", "account")
INVOICE_STATUSES = ("draft", "sent", "partially_paid", "paid", "past_due", "void")
INVOICE_STATUS_WRITES = ("sent", "void")
ESTIMATE_STATUSES = ("draft", "sent", "accepted", "declined", "invoiced")
PAYMENT_ORIGINS = ("ravetree", "quickbooks")
SYNC_KINDS = ("contact", "invoice", "estimate", "payment")
SYNC_STATES = ("pending", "synced", "needs_attention", "held", "paused")
ORIGIN_KINDS = ("user", "integration", "system")

_INVOICE_EVENTS = ("created", "updated", "status_changed", "voided", "deleted", "sync_requested")
_PAYMENT_EVENTS = ("created", "updated", "deleted")
_ESTIMATE_EVENTS = ("created", "updated", "status_changed", "deleted", "sync_requested")
_CONTACT_EVENTS = ("created", "updated", "deleted", "merged", "sync_requested")
EVENT_TYPES = (
    *(f"invoice.{name}" for name in _INVOICE_EVENTS),
    *(f"payment.{name}" for name in _PAYMENT_EVENTS),
    *(f"estimate.{name}" for name in _ESTIMATE_EVENTS),
    *(f"contact.{name}" for name in _CONTACT_EVENTS),
)

# ISO 4217 currencies whose minor unit is not the hundredth.
_NO_MINOR_UNIT = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()  # noqa: SIM905 - a list reads worse
)

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-]00:00)")


def minor_units(currency: str) -> int:
    """The number of decimals of a currency's amounts: 2 for USD, 0 for JPY, 3 for KWD."""
    if currency in _NO_MINOR_UNIT:
        return 0
    return 3 if currency in THOUSANDTHS else 2


def round_money(amount: Decimal, currency: str) -> Decimal:
    """`amount` rounded half up to the minor unit of `currency`."""
    return amount.quantize(Decimal(1).scaleb(-minor_units(currency)), ROUND_HALF_UP)


def format_time(moment: datetime) -> str:
    """An aware time as RFC 3339 in UTC, with milliseconds, so that equal lengths sort as they should."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """An RFC 3339 UTC time; raises `ValueError` for anything else."""
    if not _TIME.fullmatch(text):
        raise ValueError(f"{text!r} is not an RFC 3339 time in UTC such as 2026-11-20T14:13:20Z")
    return datetime.fromisoformat(text.upper().replace("Z", "+00:00"))


def first_error(error: ValidationError) -> tuple[str | None, str]:
    """The path of the first field at fault (`lines.0.amount`) and what is wrong with it."""
    messages: Any = error.messages
    path: list[str] = []
    while isinstance(messages, dict):
        key, messages = next(iter(messages.items()))
        if key != "_schema":
            path.append(str(key))
    text = messages[0] if isinstance(messages, list) else messages
    return ".".join(path) or None, str(text)


class Quantity(fields.Field[Decimal]):
    """A decimal string with up to six decimals; a JSON integer is taken too, a binary float is not."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Decimal:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
            raise ValidationError('Not a decimal string such as "12.50".')
        return Decimal(value)

    def _serialize(self, value: Decimal | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else format(value, "f")


class Price(Quantity):
    """A price of one unit: a decimal string that may go below the currency's minor unit."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Decimal:
        if not isinstance(value, str):
            raise ValidationError('Not a decimal string such as "12.50".')
        return super()._deserialize(value, attr, data, **kwargs)


class Money(Price):
    """An amount of money: a decimal string with no more decimals than the record's currency has."""


class UtcTime(fields.Field[datetime]):
    """An RFC 3339 time in UTC."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> datetime:
        try:
            return parse_time(value)
        except (TypeError, ValueError) as error:
            raise ValidationError("Not an RFC 3339 time in UTC such as 2026-11-20T14:13:20Z.") from error

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else format_time(value)


class StrictDay(fields.Field[date]):
    """A calendar date, `YYYY-MM-DD`."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> date:
        try:
            if not _DATE.fullmatch(value):
                raise ValidationError("Not a date such as 2026-11-20.")
            return date.fromisoformat(value)
        except (TypeError, ValueError) as error:
            raise ValidationError("Not a date such as 2026-11-20.") from error

    def _serialize(self, value: date | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else value.isoformat()


def _text(**kwargs: Any) -> fields.String:
    return fields.String(load_default="", **kwargs)


def _optional_text(**kwargs: Any) -> fields.String:
    return fields.String(load_default=None, allow_none=True, **kwargs)


def _name(**kwargs: Any) -> fields.String:
    return fields.String(required=True, validate=validate.Length(min=1), **kwargs)


def currency_field(**kwargs: Any) -> fields.String:
    """An ISO 4217 code."""
    return fields.String(validate=validate.Regexp(r"\A[A-Z]{3}\Z", error="Not an ISO 4217 code."), **kwargs)


def _money_places(schema: Schema, data: Json, path: tuple[str, ...] = ()) -> Iterator[tuple[Json, str, str, bool]]:
    """Every price and amount in `data`: its container, key, path, and whether it must fit the minor unit."""
    for key, field in schema.fields.items():
        value = data.get(key)
        if value is None:
            continue
        if isinstance(field, Price):
            yield data, key, ".".join((*path, key)), isinstance(field, Money)
        elif isinstance(field, fields.Nested):
            rows = list(enumerate(value)) if field.many else [(None, value)]
            for index, row in rows:
                deeper = (*path, key) if index is None else (*path, key, str(index))
                yield from _money_places(field.schema, row, deeper)


class MoneySchema(Schema):
    """A record whose money is in its `currency`: checked and written with that currency's decimals."""

    @post_load
    def _fit_minor_units(self, data: Json, **_kwargs: Any) -> Json:
        currency = data.get("currency")
        if currency is None:
            return data
        for row, key, path, exact in _money_places(self, data):
            rounded = round_money(row[key], currency)
            if rounded == row[key]:
                row[key] = rounded
            elif exact:
                raise ValidationError({path: [f"More decimals than {currency} has ({minor_units(currency)})."]})
        return data

    @post_dump
    def _write_minor_units(self, data: Json, **_kwargs: Any) -> Json:
        currency = data.get("currency")
        if currency is None:
            return data
        for row, key, _path, exact in _money_places(self, data):
            amount = Decimal(row[key])
            rounded = round_money(amount, currency)
            row[key] = format(rounded if exact or rounded == amount else amount, "f")
        return data


class _Common(Schema):
    """What every resource has."""

    id = _name()
    version = fields.Integer(required=True, strict=True, validate=validate.Range(min=1))
    created_at = UtcTime(required=True)
    updated_at = UtcTime(required=True)


class TombstoneSchema(Schema):
    """A deleted record in a list with `updated_since`, and the answer to a DELETE."""

    id = _name()
    version = fields.Integer(required=True, strict=True)
    deleted = fields.Boolean(required=True, validate=validate.Equal(True))


class AddressSchema(Schema):
    line1 = _optional_text()
    line2 = _optional_text()
    city = _optional_text()
    region = _optional_text()
    postal_code = _optional_text()
    country = _optional_text()


class ContactWriteSchema(Schema):
    kind = fields.String(required=True, validate=validate.OneOf(CONTACT_KINDS))
    name = _name()
    email = _optional_text()
    phone = _optional_text()
    address = fields.Nested(AddressSchema, allow_none=True, load_default=None)
    bill_to_contact_id = _optional_text()
    currency = currency_field(required=True)
    active = fields.Boolean(load_default=True, truthy={True}, falsy={False})
    external_id = _optional_text()


class ContactSchema(ContactWriteSchema, _Common):
    merged_into = _optional_text()


class LineSchema(Schema):
    """A line of an invoice or an estimate, as answered."""

    id = _name()
    type = _name()
    description = _text()
    quantity = Quantity(required=True)
    unit_price = Price(required=True)
    amount = Money(required=True)
    service_date = StrictDay(load_default=None, allow_none=True)
    taxable = fields.Boolean(required=True, truthy={True}, falsy={False})
    tax_rate = _optional_text()


class DiscountSchema(Schema):
    """Either a percentage or an amount, taken off before or after the tax is worked out."""

    percent = Quantity(load_default=None, allow_none=True)
    amount = Money(load_default=None, allow_none=True)
    before_tax = fields.Boolean(load_default=True, truthy={True}, falsy={False})

    @validates_schema
    def _one_of_two(self, data: Json, **_kwargs: Any) -> None:
        percent, amount = data.get("percent"), data.get("amount")
        if (percent is None) == (amount is None):
            raise ValidationError("Give either percent or amount.", "percent")
        if (percent is not None and not 0 <= percent <= 100) or (amount is not None and amount < 0):
            raise ValidationError("A discount is between nothing and all.", "percent" if amount is None else "amount")


class _DocumentSchema(MoneySchema, _Common):
    number = _name()
    client_id = _name()
    issue_date = StrictDay(required=True)
    currency = currency_field(required=True)
    memo = _text()
    lines = fields.Nested(LineSchema, many=True, required=True)
    discount = fields.Nested(DiscountSchema, load_default=None, allow_none=True)
    tax_inclusive = fields.Boolean(required=True, truthy={True}, falsy={False})
    tax_amount = Money(required=True)
    subtotal = Money(required=True)
    total = Money(required=True)
    sent_at = UtcTime(load_default=None, allow_none=True)


class InvoiceSchema(_DocumentSchema):
    status = fields.String(required=True, validate=validate.OneOf(INVOICE_STATUSES))
    due_date = StrictDay(required=True, allow_none=True)
    balance = Money(required=True)
    marked_paid_at = UtcTime(load_default=None, allow_none=True)
    marked_paid_by = _optional_text()
    estimate_id = _optional_text()


class InvoicePatchSchema(Schema):
    """All that the integration may change of an invoice."""

    status = fields.String(required=True, validate=validate.OneOf(INVOICE_STATUS_WRITES))


class EstimateSchema(_DocumentSchema):
    status = fields.String(required=True, validate=validate.OneOf(ESTIMATE_STATUSES))
    expires_on = StrictDay(load_default=None, allow_none=True)


class AllocationSchema(Schema):
    invoice_id = _name()
    amount = Money(required=True)


class PaymentWriteSchema(MoneySchema):
    """A payment as written. `unapplied` left out is what the allocations leave over."""

    client_id = _name()
    date = StrictDay(required=True)
    amount = Money(required=True)
    credit_amount = Money(load_default=Decimal(0))
    unapplied = Money()
    currency = currency_field(required=True)
    method = _optional_text()
    reference = _text()
    memo = _text()
    allocations = fields.Nested(AllocationSchema, many=True, load_default=list)
    origin = fields.String(validate=validate.OneOf(PAYMENT_ORIGINS))
    external_id = _optional_text()
    voided = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class PaymentSchema(PaymentWriteSchema, _Common):
    """A payment as answered: everything said, and Σ allocations = amount + credit_amount − unapplied."""

    @validates_schema
    def _says_everything(self, data: Json, **_kwargs: Any) -> None:
        for name in ("unapplied", "origin"):
            if name not in data:
                raise ValidationError("Missing data for required field.", name)


class AccountSchema(Schema):
    """Whose token this is: asked before an account is connected."""

    id = _name()
    name = _name()
    default_currency = currency_field(required=True)


class LineItemTypeSchema(_Common):
    key = _name()
    label = _name()


class PaymentMethodSchema(LineItemTypeSchema):
    pass


class TaxRateSchema(LineItemTypeSchema):
    percent = Quantity(required=True)


class SyncStateWriteSchema(Schema):
    state = fields.String(required=True, validate=validate.OneOf(SYNC_STATES))
    message = _optional_text()
    remedy = _optional_text()
    notices = fields.List(fields.String(validate=validate.Length(min=1, max=500)), load_default=list)
    remote_id = _optional_text()
    remote_url = _optional_text()
    sequence = fields.Integer(strict=True, validate=validate.Range(min=1))
    updated_at = UtcTime()


class SyncStateSchema(SyncStateWriteSchema, _Common):
    kind = fields.String(required=True, validate=validate.OneOf(SYNC_KINDS))
    updated_at = UtcTime(required=True)


class OriginSchema(Schema):
    """Who caused an event; `operation_id` is the Idempotency-Key of the write that did, if one was given."""

    kind = fields.String(required=True, validate=validate.OneOf(ORIGIN_KINDS))
    id = _optional_text()
    operation_id = _optional_text()


class EventDataSchema(Schema):
    id = _name()
    version = fields.Integer(required=True, strict=True)
    number = _optional_text()
    changed = fields.List(fields.String(), load_default=list)
    origin = fields.Nested(OriginSchema, required=True)


class EventSchema(Schema):
    """An event as it is delivered; its id travels in the `webhook-id` header."""

    type = fields.String(required=True, validate=validate.OneOf(EVENT_TYPES))
    timestamp = UtcTime(required=True)
    account_id = _name()
    data = fields.Nested(EventDataSchema, required=True)


class LoggedEventSchema(EventSchema):
    """An event in the `/events` list, where nothing but the body can carry its id."""

    id = _name()


class ErrorDetailSchema(Schema):
    code = _name()
    message = _name()
    field = _optional_text()
    existing_id = _optional_text()


class ErrorSchema(Schema):
    error = fields.Nested(ErrorDetailSchema, required=True)


class _Row(fields.Field[Json]):
    """A row of a list: a record, or the tombstone of a deleted one."""

    def __init__(self, record: Schema) -> None:
        super().__init__()
        self._record = record
        self._tombstone = TombstoneSchema()

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Json:
        deleted = isinstance(value, dict) and value.get("deleted") is True
        loaded: Json = (self._tombstone if deleted else self._record).load(value)
        return loaded

    def _serialize(self, value: Json | None, attr: str | None, obj: Any, **kwargs: Any) -> Json | None:
        if value is None:
            return None
        dumped: Json = (self._tombstone if value.get("deleted") is True else self._record).dump(value)
        return dumped


def list_schema(record: type[Schema]) -> Schema:
    """The envelope of a list of `record`: `{"data": […], "next_cursor": …}`, tombstones among the rows."""
    row: fields.Field[Any] = _Row(record())
    return Schema.from_dict({"data": fields.List(row, required=True), "next_cursor": _optional_text()})()


def answer_schema(record: type[Schema]) -> Schema:
    """The envelope of one record: `{"data": {…}}`."""
    return Schema.from_dict({"data": fields.Nested(record, required=True)})()
