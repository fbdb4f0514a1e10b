"""The records of a connection as a list: Ravetree's, found by number, client and amount, with how their sync stands."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reconcile.model import Kind, Record, Side
from storage.copies import as_amount, folded
from storage.models import Copy, StoredInstant, SyncState
from storage.paging import Asked, Page

MOST_CLIENTS = 200
"""How many clients one name may stand for in a search."""
FOLLOWS = "\U0010ffff"
"""Comes behind everything that a number or a name can begin with."""


@dataclass(frozen=True)
class Listed:
    """One record: `body` is Ravetree's own of it, `told` what Ravetree was told of its sync."""

    kind: str
    id: str
    body: dict[str, Any]
    seen_at: datetime
    state: str
    told: dict[str, Any]


@dataclass(frozen=True)
class Filter:
    """What is looked for: of one kind, in one state, with this number, client or amount. Empty is anything."""

    kind: str = ""
    state: str = ""
    text: str = ""


def page(session: Session, connection_id: str, wanted: Filter, asked: Asked) -> Page[Listed]:
    """Records, those that were seen last first."""
    key = (Copy.seen_at, Copy.kind, Copy.record_id)
    query = _selected(session, connection_id, wanted).order_by(*(column.desc() for column in key))
    if asked.after is not None:
        moment, *rest = asked.after
        there = sa.tuple_(
            sa.literal(datetime.fromisoformat(moment), StoredInstant()), *(sa.literal(part) for part in rest)
        )
        query = query.where(sa.tuple_(*key) < there)
    found = session.execute(query.limit(asked.limit + 1)).all()
    rows = [
        Listed(
            copy.kind, copy.record_id, copy.body, copy.seen_at, told.state if told else "", told.body if told else {}
        )
        for copy, told in found[: asked.limit]
    ]
    if len(found) <= asked.limit:
        return Page(rows)
    last = rows[-1]
    return Page(rows, (last.seen_at.isoformat(), last.kind, last.id))


def count(session: Session, connection_id: str, wanted: Filter, most: int) -> int:
    """How many there are, `most` at most."""
    some = _selected(session, connection_id, wanted).with_only_columns(Copy.record_id).limit(most).subquery()
    return session.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()


def names_of(session: Session, connection_id: str, client_ids: Collection[str]) -> dict[str, str]:
    """The names of clients by their ids."""
    query = sa.select(Copy.record_id, Copy.body).where(*_ravetrees(connection_id), Copy.kind == Kind.CONTACT)
    found = session.execute(query.where(Copy.record_id.in_(sorted(client_ids))))
    return {row.record_id: str(row.body.get("name", "")) for row in found}


def called(session: Session, connection_id: str, records: Collection[Record]) -> dict[Record, str]:
    """Number, reference or name of these records, and of whom they are, as far as we have seen them."""
    bodies: dict[Record, dict[str, Any]] = {}
    for side, kind in sorted({(record.side, record.kind) for record in records}):
        ids = [record.id for record in records if (record.side, record.kind) == (side, kind)]
        query = sa.select(Copy.record_id, Copy.body).where(
            Copy.connection_id == connection_id, Copy.side == side, Copy.kind == kind, Copy.record_id.in_(ids)
        )
        bodies |= {Record(side, kind, row.record_id): row.body for row in session.execute(query)}
    clients = {str(body.get("client_id") or "") for body in bodies.values()} - {""}
    names = names_of(session, connection_id, clients)
    return {record: _called(body, names) for record, body in bodies.items()}


def _called(body: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """By either book's own fields."""
    said = (body.get(name) for name in ("number", "reference", "name", "DocNumber", "PaymentRefNum", "DisplayName"))
    customer = body.get("CustomerRef")
    client = names.get(str(body.get("client_id"))) or (customer.get("name") if isinstance(customer, Mapping) else None)
    return " · ".join(str(part) for part in (next(filter(None, said), None), client) if part)


_TOLD = sa.and_(
    SyncState.connection_id == Copy.connection_id, SyncState.kind == Copy.kind, SyncState.ravetree_id == Copy.record_id
)


def _ravetrees(connection_id: str) -> list[sa.ColumnElement[bool]]:
    return [Copy.connection_id == connection_id, Copy.side == Side.RAVETREE]


def _selected(session: Session, connection_id: str, wanted: Filter) -> sa.Select[Copy, SyncState]:
    query = sa.select(Copy, SyncState).outerjoin(SyncState, _TOLD)
    query = query.where(*_ravetrees(connection_id), Copy.deleted.is_(False))
    if wanted.kind:
        query = query.where(Copy.kind == wanted.kind)
    if wanted.state:
        query = query.where(SyncState.state == wanted.state)
    if wanted.text:
        query = query.where(sa.or_(*_matches(session, connection_id, wanted.text)))
    return query


def _matches(session: Session, connection_id: str, text: str) -> list[sa.ColumnElement[bool]]:
    """By the beginning of a number or a name, by the whole of an amount, by a client whose name begins so."""
    begin, end = folded(text), folded(text) + FOLLOWS
    by_title = sa.and_(Copy.title >= begin, Copy.title < end)
    clients = sa.select(Copy.record_id).where(*_ravetrees(connection_id), Copy.kind == Kind.CONTACT, by_title)
    found = session.execute(clients.limit(MOST_CLIENTS)).scalars().all()
    amount = as_amount(text)
    return [by_title, Copy.client_id.in_(found), *([Copy.amount == amount] if amount else [])]
