"""Keyset paging: a page begins behind the key of the row before it, so what is added or removed meanwhile moves no row.

A key is a tuple of JSON's plain values (texts and numbers) that no two rows of a list share.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from storage.models import StoredInstant

T = TypeVar("T")
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Asked:
    """A page that somebody asks for: at most `limit` rows, behind the row with the key `after` or from the first on."""

    limit: int
    after: Key | None = None


@dataclass(frozen=True)
class Page(Generic[T]):
    """Rows of a list, and the key behind which it goes on; None when nothing follows."""

    rows: Sequence[T]
    next: Key | None = None


def select(
    session: Session,
    query: sa.Select[T],
    columns: Sequence[InstrumentedAttribute[Any]],
    asked: Asked,
    *,
    descending: bool = False,
) -> Page[T]:
    """A page of the rows that `query` selects, in the order of `columns`, which together are unique."""
    if asked.after is not None:
        here = sa.tuple_(*columns)
        there = sa.tuple_(*(sa.literal(*_bound(*pair)) for pair in zip(columns, asked.after, strict=True)))
        query = query.where(here < there if descending else here > there)
    query = query.order_by(*(column.desc() if descending else column.asc() for column in columns))
    found = session.execute(query.limit(asked.limit + 1)).scalars().all()
    return _page(found, asked.limit, lambda row: tuple(_plain(getattr(row, column.key)) for column in columns))


def cut(rows: Iterable[T], key: Callable[[T], Key], asked: Asked, *, descending: bool = False) -> Page[T]:
    """A page of rows that are all at hand, in the order of their keys."""
    ordered = sorted(rows, key=key, reverse=descending)
    after = asked.after
    if after is not None:
        ordered = [row for row in ordered if (key(row) < after if descending else key(row) > after)]
    return _page(ordered[: asked.limit + 1], asked.limit, key)


def through(pages: Callable[[Asked], Page[T]], limit: int = 500) -> Iterator[T]:
    """Every row of a list, read `limit` at a time."""
    page = pages(Asked(limit))
    yield from page.rows
    while page.next is not None:
        page = pages(Asked(limit, page.next))
        yield from page.rows


def _page(found: Sequence[T], limit: int, key: Callable[[T], Key]) -> Page[T]:
    """`found` has one row more than the page if the list goes on."""
    return Page(found[:limit], key(found[limit - 1]) if len(found) > limit else None)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _bound(column: InstrumentedAttribute[Any], value: Any) -> tuple[Any, Any]:
    """A key's value as its column compares it, with the column's type."""
    return (datetime.fromisoformat(value) if isinstance(column.type, StoredInstant) else value), column.type
