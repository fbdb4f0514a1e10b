"""What a user may enter: the contract's fields, those left out that the program works out."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate
from schemas.ravetree_contract import (
    ESTIMATE_STATUSES,
    Day,
    DiscountSchema,
    Json,
    Money,
    MoneySchema,
    Price,
    Quantity,
    currency_field,
    first_error,
)

from ravetree_sandbox.errors import invalid


def _optional() -> fields.String:
    return fields.String(load_default=None, allow_none=True)


class LineForm(Schema):
    id = _optional()
    type = fields.String(required=True)
    description = fields.String(load_default="")
    quantity = Quantity(load_default=None, allow_none=True)
    unit_price = Price(load_default=None, allow_none=True)
    amount = Money(load_default=None, allow_none=True)
    service_date = Day(load_default=None, allow_none=True)
    taxable = fields.Boolean(load_default=None, allow_none=True, truthy={True}, falsy={False})
    tax_rate = _optional()


class DocumentForm(MoneySchema):
    number = fields.String(required=True, validate=validate.Length(min=1, max=40))
    client_id = fields.String(required=True)
    issue_date = Day(required=True)
    currency = currency_field(required=True)
    memo = fields.String(load_default="")
    lines = fields.Nested(LineForm, many=True, load_default=list)
    discount = fields.Nested(DiscountSchema, load_default=None, allow_none=True)
    tax_inclusive = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    tax_amount = Money(load_default=None, allow_none=True)


class InvoiceForm(DocumentForm):
    due_date = Day(load_default=None, allow_none=True)
    estimate_id = _optional()


class EstimateForm(DocumentForm):
    expires_on = Day(load_default=None, allow_none=True)
    status = fields.String(load_default="draft", validate=validate.OneOf(ESTIMATE_STATUSES))


def load(schema: Schema, given: Any, shown: type[Schema] | None = None) -> Json:
    """`given` as values, or 422 that names the first field at fault; those of `shown` are read-only."""
    try:
        values: Json = schema.load(given)
    except ValidationError as error:
        field, message = first_error(error)
        if field is None:
            raise invalid(message) from error
        if message == "Unknown field." and shown is not None and field in shown().fields:
            message = "This field cannot be written."
        raise invalid(f"{field}: {message}", field) from error
    return values
