"""Lists, a page at a time: `{"data": […], "next_cursor": …}`.

A cursor is the key of a page's last row, signed for this list and its filters: nothing can be asked for with one that
was not given to somebody who may read the list.
"""

from typing import Any, TypeVar

from flask import request
from itsdangerous import BadData, URLSafeSerializer
from marshmallow import Schema, fields, validate

from console.api.errors import BadCursor
from console.api.serving import serving
from storage.paging import Asked, Page

ROWS, MOST_ROWS = 200, 1000
T = TypeVar("T")


class PageQuery(Schema):
    """Which page of a list."""

    limit = fields.Integer(
        load_default=ROWS,
        validate=validate.Range(1, MOST_ROWS),
        metadata={"description": "How many rows at most.", "examples": [50]},
    )
    cursor = fields.String(
        load_default="",
        validate=validate.Length(max=2000),
        metadata={"description": "Where to go on: `next_cursor` of the page before."},
    )


def page_of(shape: type[Schema], what: str) -> type[Schema]:
    """The schema of a page of `what`, each row with the schema `shape`."""
    cursor = {"description": "Ask with it for the next page; null at the end."}
    made = Schema.from_dict(
        {
            "data": fields.List(fields.Nested(shape), required=True, attribute="rows"),
            "next_cursor": fields.Function(sealed, required=True, metadata={"type": ["string", "null"], **cursor}),
        },
        name=f"{shape.__name__.removesuffix('Shape')}Page",
    )
    made.__doc__ = f"A page of {what}."
    return made


def asked(query: dict[str, Any]) -> Asked:
    """The page that a request asks for. Raises `BadCursor`."""
    if not query["cursor"]:
        return Asked(query["limit"])
    try:
        key = _serializer().loads(query["cursor"])
    except BadData:
        raise BadCursor("the cursor is none that this list gave") from None
    return Asked(query["limit"], tuple(key))


def sealed(page: Page[Any]) -> str | None:
    """The cursor behind a page of this request's list; None at the end."""
    return str(_serializer().dumps(page.next)) if page.next is not None else None


def _serializer() -> URLSafeSerializer:
    """One for this list as it is filtered."""
    filters = sorted((name, value) for name, value in request.args.items() if name not in ("limit", "cursor"))
    return URLSafeSerializer(serving().connecting.secret_key, salt=f"page of {request.path} with {filters}")
