"""What an HTTP answer says of an error: problem details after RFC 9457, with members of our own.

`code` names the error for programs, `remedy` says what to do, `field` names the field at fault where it is one alone;
`errors` lists every field at fault.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from marshmallow import Schema, fields, post_dump

from config.errors import RavebooksError, code_of

MEDIA_TYPE = "application/problem+json"
UNTYPED = "about:blank"
"""RFC 9457, 4.2.1: what there is to know is the status; the `code` says the rest."""


@dataclass(frozen=True)
class FieldError:
    """One field at fault. `location` is where it stands: `body`, `query` or `path`."""

    field: str | None
    location: str
    detail: str


@dataclass(frozen=True)
class Problem:
    """One error as it is answered."""

    status: int
    code: str
    detail: str
    remedy: str = ""
    field: str | None = None
    errors: Sequence[FieldError] = ()
    type: str = UNTYPED

    @property
    def title(self) -> str:
        """The status in words, as RFC 9457 asks for where there is no other type."""
        return HTTPStatus(self.status).phrase

    def as_json(self) -> str:
        """The body of an answer."""
        text: str = ProblemSchema().dumps(self)
        return text


class FieldErrorSchema(Schema):
    """One field at fault, and what is wrong with it."""

    field = fields.String(
        required=True, allow_none=True, metadata={"description": "Its name, with dots into lists and objects."}
    )
    location = fields.String(required=True, metadata={"description": "Where it stands.", "enum": ["body", "query"]})
    detail = fields.String(required=True, metadata={"description": "What is wrong with it."})


class ProblemSchema(Schema):
    """An error (RFC 9457): what happened, and what to do about it."""

    type = fields.String(required=True, metadata={"description": "Always `about:blank`: `code` names the error."})
    title = fields.String(required=True, metadata={"description": "The status in words."})
    status = fields.Integer(required=True, metadata={"description": "The status of the answer."})
    detail = fields.String(required=True, metadata={"description": "What happened, and to what."})
    code = fields.String(
        required=True, metadata={"description": "The error's name for programs.", "pattern": "^[a-z0-9]+(_[a-z0-9]+)*$"}
    )
    remedy = fields.String(required=True, metadata={"description": "What to do about it."})
    field = fields.String(
        required=True, allow_none=True, metadata={"description": "The field at fault, where it is one alone."}
    )
    errors = fields.List(fields.Nested(FieldErrorSchema), metadata={"description": "Each field at fault."})

    @post_dump
    def _leave_out(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        """Without a field at fault there is no list of them."""
        return data if data["errors"] else {name: value for name, value in data.items() if name != "errors"}


def of_error(error: RavebooksError, status: int, *, code: str = "", errors: Sequence[FieldError] = ()) -> Problem:
    """One of our errors, as a sentence. `code` is the name of its class unless another one is given."""
    text = str(error).rstrip(".")
    detail = f"{text[:1].upper()}{text[1:]}."
    return Problem(status, code or code_of(type(error)), detail, error.remedy, error.field, errors)
