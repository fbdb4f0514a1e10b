"""What the settlement of a write needs beside its answer, as it is stored with the operation.

Rows are settled by later versions than the one that wrote them: a field that is stored is read for ever.
"""

from dataclasses import dataclass, fields
from typing import Any

from marshmallow import EXCLUDE, Schema, post_load
from marshmallow import fields as kinds

from schemas.quickbooks import Body
from storage.models import Operation


@dataclass(frozen=True)
class Context:
    """Empty where a write does not need it.

    `ravetree_id`, `quickbooks_id`: the record on either side, `currency` that of a link of contacts. `base_ravetree`,
    `base_quickbooks`: the side that is not written, as it was planned from. `line_keys`: Ravetree's lines in the order
    that they are sent. `payments`: Ravetree's payments that come with a new invoice. `touches`: QuickBooks' invoices
    that a payment changes, `ravetree_invoices` the same by Ravetree's ids. `closes_estimate`: QuickBooks' estimate that
    an invoice closes. `placeholder_of`: the Ravetree invoice whose placeholder becomes a payment. `if_match`: the
    version of Ravetree's record that was planned from. `foreseen`: what QuickBooks would come to, and who accepted it.
    `mark`, `day`, `moving`, `wanted`: for which mark a placeholder is written, as it is kept with the pair.
    """

    ravetree_id: str = ""
    quickbooks_id: str = ""
    currency: str = ""
    base_ravetree: Body | None = None
    base_quickbooks: Body | None = None
    line_keys: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    payments: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()
    ravetree_invoices: tuple[str, ...] = ()
    closes_estimate: str = ""
    placeholder_of: str = ""
    mark: str = ""
    day: str = ""
    moving: str = ""
    wanted: str = ""
    spent: str = ""
    if_match: int | None = None
    foreseen: Body | None = None

    def stored(self) -> dict[str, Any]:
        """What differs from nothing, as JSON."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        lists = {name: list(value) for name, value in said.items() if isinstance(value, tuple)}
        return {name: value for name, value in (said | lists).items() if value not in ("", [], None)}


class _Stored(Schema):
    """Version 1: the keys of a row's `context`. Others, as the batch's, are not of the settlement."""

    class Meta:
        unknown = EXCLUDE

    ravetree_id = kinds.String(load_default="", allow_none=True)
    quickbooks_id = kinds.String(load_default="", allow_none=True)
    currency = kinds.String(load_default="", allow_none=True)
    base_ravetree = kinds.Raw(load_default=None, allow_none=True)
    base_quickbooks = kinds.Raw(load_default=None, allow_none=True)
    line_keys = kinds.List(kinds.String(), load_default=list)
    notices = kinds.List(kinds.String(), load_default=list)
    payments = kinds.List(kinds.String(), load_default=list)
    touches = kinds.List(kinds.String(), load_default=list)
    ravetree_invoices = kinds.List(kinds.String(), load_default=list)
    closes_estimate = kinds.String(load_default="", allow_none=True)
    placeholder_of = kinds.String(load_default="", allow_none=True)
    mark = kinds.String(load_default="", allow_none=True)
    day = kinds.String(load_default="", allow_none=True)
    moving = kinds.String(load_default="", allow_none=True)
    wanted = kinds.String(load_default="", allow_none=True)
    spent = kinds.String(load_default="", allow_none=True)
    if_match = kinds.Integer(load_default=None, allow_none=True)
    foreseen = kinds.Raw(load_default=None, allow_none=True)

    @post_load
    def context(self, data: dict[str, Any], **_: Any) -> Context:
        """Lists are tuples, and nothing is empty."""
        texts = {name: value or "" for name, value in data.items() if isinstance(value, str) or name in _TEXTS}
        lists = {name: tuple(value) for name, value in data.items() if isinstance(value, list)}
        return Context(**(data | texts | lists))


_TEXTS = (
    "ravetree_id",
    "quickbooks_id",
    "currency",
    "closes_estimate",
    "placeholder_of",
    "mark",
    "day",
    "moving",
    "wanted",
    "spent",
)
_STORED = _Stored()


def context_of(operation: Operation) -> Context:
    """What was stored with an operation. Raises `marshmallow.ValidationError` for what no version of ours wrote."""
    found: Context = _STORED.load(operation.context)
    return found
