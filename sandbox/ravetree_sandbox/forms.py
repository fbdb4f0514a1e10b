"""What a user may enter: the contract's fields, those left out that the program works out."""

from ravetree_sandbox.contract import SCHEMAS
from ravetree_sandbox.shapes import Shape
from ravetree_sandbox.values import Json

_TEXT: Json = {"type": "string"}
_INVOICE, _ESTIMATE, _LINE = (SCHEMAS[name]["properties"] for name in ("Invoice", "Estimate", "Line"))


def _optional(field: Json) -> Json:
    """The field, which may be left out or be null."""
    kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
    rest = {key: value for key, value in field.items() if key != "minLength"}
    return {**rest, "type": [*dict.fromkeys([*kinds, "null"])], "default": None}


def _quantity(field: Json) -> Json:
    """The field, for which a form takes a whole number as well."""
    optional = _optional(field)
    return {**optional, "type": [*optional["type"], "integer"]}


_LINE_FORM: Json = {
    "type": "object",
    "properties": {
        "id": _optional(_LINE["id"]),
        "type": _TEXT,
        "description": _LINE["description"],
        "quantity": _quantity(_LINE["quantity"]),
        "unit_price": _optional(_LINE["unit_price"]),
        "amount": _optional(_LINE["amount"]),
        "service_date": _LINE["service_date"],
        "taxable": _optional(_LINE["taxable"]),
        "tax_rate": _LINE["tax_rate"],
    },
    "required": ["type"],
}
_DISCOUNT = SCHEMAS["Discount"]["properties"]
_DISCOUNT_FORM: Json = {
    "type": ["object", "null"],
    "properties": {**_DISCOUNT, "percent": _quantity(_DISCOUNT["percent"])},
    "discount": True,
    "default": None,
}


def _document(**more: Json) -> Shape:
    return Shape(
        {
            "type": "object",
            "properties": {
                "number": {"type": "string", "minLength": 1, "maxLength": 40},
                "client_id": _TEXT,
                "issue_date": _INVOICE["issue_date"],
                "currency": _INVOICE["currency"],
                "memo": _INVOICE["memo"],
                "lines": {"type": "array", "items": _LINE_FORM, "default": []},
                "discount": _DISCOUNT_FORM,
                "tax_inclusive": {"type": "boolean", "default": False},
                "tax_amount": _optional(_INVOICE["tax_amount"]),
                **more,
            },
            "required": ["number", "client_id", "issue_date", "currency"],
        }
    )


INVOICE_FORM = _document(due_date=_optional(_INVOICE["due_date"]), estimate_id=_INVOICE["estimate_id"])
ESTIMATE_FORM = _document(expires_on=_ESTIMATE["expires_on"], status={**_ESTIMATE["status"], "default": "draft"})
