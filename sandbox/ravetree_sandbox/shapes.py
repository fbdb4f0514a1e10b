"""Bodies by JSON Schema: refused with the first field at fault, else loaded as values and written back.

Values are `Decimal`, `date` and aware `datetime`; the JSON form has decimal strings, `YYYY-MM-DD` and RFC 3339. Unknown
fields are refused by name.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, TypeChecker, ValidationError
from jsonschema.validators import extend

from ravetree_sandbox.contract import SCHEMAS
from ravetree_sandbox.errors import invalid
from ravetree_sandbox.values import Json, format_time, minor_units, parse_date, parse_time, round_money

_DECIMALS = ("money", "price", "quantity")
_SENTENCES = {
    **dict.fromkeys(_DECIMALS, 'Not a decimal string such as "12.50".'),
    "date": "Not a date such as 2026-11-20.",
    "date-time": "Not an RFC 3339 time in UTC such as 2026-11-20T14:13:20Z.",
    "string": "Not a valid string.",
    "boolean": "Not a valid boolean.",
    "array": "Invalid type.",
}


class Shape:
    """An object's schema, its references resolved. Its fields are loaded and refused in their order."""

    def __init__(self, schema: Json) -> None:
        self._schema = _resolved(schema)
        self._validator = _Validator(self._schema, format_checker=_FORMATS)

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(self._schema["properties"])

    def load(self, given: Any, shown: "Shape | None" = None) -> Json:
        """`given` as values, or 422 that names the first field at fault; those of `shown` are read-only."""
        for error in self._validator.iter_errors(given):
            field, message = ".".join(map(str, error.absolute_path)), _sentence(error)
            if message == "Unknown field." and shown is not None and field in shown.fields:
                message = "This field cannot be written."
            raise invalid(f"{field}: {message}", field) if field else invalid(message)
        values: Json = _loaded(self._schema, given)
        _fit_minor_units(self._schema, values)
        return values

    def dump(self, values: Mapping[str, Any]) -> Json:
        """The JSON form of those fields that `values` has; money with its currency's decimals."""
        dumped: Json = _dumped(self._schema, values, values.get("currency"))
        return dumped


def component(name: str) -> Shape:
    """A record, or the body of a write, of the contract."""
    return Shape(SCHEMAS[name])


def _resolved(schema: Json) -> Json:
    if "$ref" in schema:
        return _resolved(SCHEMAS[schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        # How the contract says that an object may be null.
        whole = _resolved(schema["anyOf"][0])
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        return {**whole, **rest, "type": ["object", "null"]}
    resolved = dict(schema)
    if "properties" in schema:
        resolved["properties"] = {name: _resolved(part) for name, part in schema["properties"].items()}
    if "items" in schema:
        resolved["items"] = _resolved(schema["items"])
    return resolved


# --- what is refused -----------------------------------------------------------------------------


def _properties(validator: Any, properties: Json, instance: Any, schema: Json) -> Iterator[ValidationError]:
    """`properties`, `required` and `additionalProperties` in one: in the order of the fields, each error at its own."""
    if not isinstance(instance, dict):
        return
    for name, part in properties.items():
        if name in instance:
            yield from validator.descend(instance[name], part, path=name, schema_path=name)
        elif name in schema.get("required", ()):
            yield ValidationError("Missing data for required field.", path=[name])
    for name in instance:
        if name not in properties:
            yield ValidationError("Unknown field.", path=[name])


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Json) -> Iterator[ValidationError]:
    """Over the whole text: Python's `$` would let a line feed follow. A number is looked at as it is written."""
    if isinstance(instance, str | int) and not re.fullmatch(pattern, str(instance)):
        yield ValidationError("Another text is expected.")


def _discount(_validator: Any, _wanted: bool, instance: Any, _schema: Json) -> Iterator[ValidationError]:
    """Either a percentage or an amount, within reason; what is not even a decimal was refused by its property."""
    if not isinstance(instance, dict):
        return
    percent, amount = instance.get("percent"), instance.get("amount")
    if (percent is None) == (amount is None):
        yield ValidationError("Give either percent or amount.", path=["percent"])
    elif percent is not None and not 0 <= Decimal(percent) <= 100:
        yield ValidationError("A discount is between nothing and all.", path=["percent"])
    elif amount is not None and Decimal(amount) < 0:
        yield ValidationError("A discount is between nothing and all.", path=["amount"])


def _nothing(_validator: Any, _value: Any, _instance: Any, _schema: Json) -> Iterator[ValidationError]:
    yield from ()


def _is_integer(_checker: TypeChecker, instance: Any) -> bool:
    return isinstance(instance, int) and not isinstance(instance, bool)


_FORMATS = FormatChecker(formats=())
_FORMATS.checks("date", raises=ValueError)(lambda text: not isinstance(text, str) or bool(parse_date(text)))
_FORMATS.checks("date-time", raises=ValueError)(lambda text: not isinstance(text, str) or bool(parse_time(text)))

_Validator = extend(  # type: ignore[no-untyped-call]  # the stubs of jsonschema leave it untyped
    Draft202012Validator,
    {
        "properties": _properties,
        "required": _nothing,
        "additionalProperties": _nothing,
        "pattern": _pattern,
        "discount": _discount,
    },
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)


def _sentence(error: ValidationError) -> str:
    schema: Any = error.schema
    if error.validator in ("properties", "discount"):
        return str(error.message)
    if error.instance is None:
        return "Field may not be null."
    if "format" in schema:
        return _SENTENCES[schema["format"]]
    match error.validator:
        case "type":
            kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            return _SENTENCES.get(kinds[0], "Invalid input type.")
        case "enum":
            return f"Must be one of: {', '.join(schema['enum'])}."
        case "pattern":
            # All other texts with a pattern have a format.
            return "Not an ISO 4217 code."
        case "minimum":
            return f"Must be greater than or equal to {schema['minimum']}."
        case _ if "maxLength" in schema:
            return f"Length must be between {schema['minLength']} and {schema['maxLength']}."
        case _:
            return f"Shorter than minimum length {schema['minLength']}."


# --- values --------------------------------------------------------------------------------------


def _loaded(schema: Json, given: Any) -> Any:
    if given is None:
        return None
    if "properties" in schema:
        return {
            name: _loaded(part, given[name] if name in given else part["default"])
            for name, part in schema["properties"].items()
            if name in given or "default" in part
        }
    if "items" in schema:
        return [_loaded(schema["items"], row) for row in given]
    match schema.get("format"):
        case "date":
            return parse_date(given)
        case "date-time":
            return parse_time(given)
        case format_ if format_ in _DECIMALS:
            return Decimal(given)
    return given


def _dumped(schema: Json, value: Any, currency: str | None) -> Any:
    match value:
        case dict():
            parts: Json = schema["properties"]
            return {name: _dumped(part, value[name], currency) for name, part in parts.items() if name in value}
        case list():
            return [_dumped(schema["items"], row, currency) for row in value]
        case Decimal():
            return format(_written(value, schema["format"], currency), "f")
        case datetime():
            return format_time(value)
        case date():
            return value.isoformat()
    return value


def _written(amount: Decimal, format_: str, currency: str | None) -> Decimal:
    if currency is None or format_ == "quantity":
        return amount
    rounded = round_money(amount, currency)
    return rounded if format_ == "money" or rounded == amount else amount


def _fit_minor_units(schema: Json, values: Json) -> None:
    currency = values.get("currency")
    if currency is None:
        return
    for row, name, path, format_ in _prices(schema, values):
        rounded = round_money(row[name], currency)
        if rounded == row[name]:
            row[name] = rounded
        elif format_ == "money":
            message = f"More decimals than {currency} has ({minor_units(currency)})."
            raise invalid(f"{path}: {message}", path)


def _prices(schema: Json, values: Json, path: str = "") -> Iterator[tuple[Json, str, str, str]]:
    """Every price and amount in `values`: its container, name, path and format."""
    for name, part in schema["properties"].items():
        value = values.get(name)
        match value:
            case Decimal() if part["format"] != "quantity":
                yield values, name, f"{path}{name}", part["format"]
            case dict():
                yield from _prices(part, value, f"{path}{name}.")
            case list():
                for index, row in enumerate(value):
                    yield from _prices(part["items"], row, f"{path}{name}.{index}.")
