"""Pairs: which records belong together, and what both looked like when they last agreed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reconcile.model import Kind, Record, Side, TaxedTotal
from storage.models import Pair
from storage.statements import any_given, given

PLACEHOLDER = "placeholder"

_OURS = (Pair.connection_id == given("connection_id"), Pair.kind == given("kind"))
_NAMES = {Side.RAVETREE: Pair.ravetree_id, Side.QUICKBOOKS: Pair.quickbooks_id}
_ONE = {
    side: sa.select(Pair).where(*_OURS, name == given("name"), Pair.currency == given("currency"))
    for side, name in _NAMES.items()
}
_SOME = {
    side: sa.select(Pair).where(*_OURS, name.in_(any_given("names"))).order_by(Pair.id) for side, name in _NAMES.items()
}
_NAMES_OF_SOME = {side: some.with_only_columns(Pair.ravetree_id, Pair.quickbooks_id) for side, some in _SOME.items()}
# As it stands in the text: compared as JSON, the text would be spelled as JSON too and never be found.
_SAYS = sa.type_coerce(Pair.base_quickbooks, sa.Text).contains(given("text")).label("says")
_SAY = sa.select(Pair.ravetree_id, _SAYS).where(*_OURS, Pair.ravetree_id.in_(any_given("names")))


def accepted_gap(pair: Pair) -> TaxedTotal | None:
    """By how much QuickBooks' total and tax may be more than Ravetree's, as a person decided."""
    return TaxedTotal(Decimal(pair.accepted["total"]), Decimal(pair.accepted["tax"])) if pair.accepted else None


def find(
    session: Session, connection_id: str, kind: str, side: Side, record_id: str, currency: str = ""
) -> Pair | None:
    """The pair of one record; for contacts the one of `currency`."""
    asked = {"connection_id": connection_id, "kind": kind, "name": record_id, "currency": currency}
    return session.execute(_ONE[side], asked).scalar_one_or_none()


def of_invoice(session: Session, connection_id: str, ravetree_id: str) -> dict[str, Pair]:
    """The pairs of an invoice of Ravetree's by kind: its own, and that of the payment that stands for its mark."""
    found = session.execute(_OF_INVOICE, {"connection_id": connection_id, "name": ravetree_id}).scalars()
    return {pair.kind: pair for pair in found}


_OF_INVOICE = sa.select(Pair).where(
    Pair.connection_id == given("connection_id"),
    Pair.kind.in_([Kind.INVOICE, PLACEHOLDER]),
    Pair.ravetree_id == given("name"),
    Pair.currency == "",
)


def among(session: Session, connection_id: str, kind: str, side: Side, record_ids: Iterable[str]) -> list[Pair]:
    """The pairs of several records of one side."""
    asked = {"connection_id": connection_id, "kind": kind, "names": list(record_ids)}
    return list(session.execute(_SOME[side], asked).scalars())


def names_among(
    session: Session, connection_id: str, kind: str, side: Side, record_ids: Iterable[str]
) -> list[tuple[str, str]]:
    """As `among`, Ravetree's and QuickBooks' ids alone: no body is read."""
    asked = {"connection_id": connection_id, "kind": kind, "names": list(record_ids)}
    return [(row.ravetree_id, row.quickbooks_id) for row in session.execute(_NAMES_OF_SOME[side], asked)]


def which_say(
    session: Session, connection_id: str, kind: str, ravetree_ids: Iterable[str], text: str
) -> dict[str, bool]:
    """Which of Ravetree's records have a pair, each with whether QuickBooks' body at the base has `text` in it.

    No body is read for it: an invoice may have a thousand payments. In `text`, `%` and `_` stand for anything.
    """
    asked = {"connection_id": connection_id, "kind": kind, "names": list(ravetree_ids), "text": text}
    return {row.ravetree_id: row.says for row in session.execute(_SAY, asked)}


def store(
    session: Session,
    connection_id: str,
    kind: str,
    ravetree_id: str,
    quickbooks_id: str,
    now: datetime,
    *,
    base_ravetree: Mapping[str, Any] | None = None,
    base_quickbooks: Mapping[str, Any] | None = None,
    line_ids: Mapping[str, str] | None = None,
    notices: Sequence[str] | None = None,
    currency: str = "",
) -> Pair:
    """Make the pair, or give it a new base."""
    pair = find(session, connection_id, kind, Side.RAVETREE, ravetree_id, currency)
    if pair is None:
        pair = Pair(
            connection_id=connection_id,
            kind=kind,
            ravetree_id=ravetree_id,
            currency=currency,
            base_ravetree={},
            base_quickbooks={},
            line_ids={},
            notices=[],
            kept={},
            created_at=now,
        )
        session.add(pair)
    pair.quickbooks_id = quickbooks_id
    pair.updated_at = now
    if base_ravetree is not None:
        pair.base_ravetree = dict(base_ravetree)
    if base_quickbooks is not None:
        pair.base_quickbooks = dict(base_quickbooks)
    if line_ids is not None:
        pair.line_ids = dict(line_ids)
    if notices is not None:
        pair.notices = list(notices)
    session.flush()
    return pair


def keep(session: Session, connection_id: str, kind: str, ravetree_id: str, **facts: Any) -> None:
    """Keep facts with a pair, beside those that it has; without the pair there is nothing that they could be of."""
    pair = find(session, connection_id, kind, Side.RAVETREE, ravetree_id)
    if pair is not None:
        pair.kept = {**pair.kept, **facts}
        session.flush()


def renumber(
    session: Session,
    connection_id: str,
    kind: str,
    ravetree_id: str,
    number: str,
    base_ravetree: Mapping[str, Any] | None,
) -> None:
    """A document got another number in QuickBooks, and nothing else; Ravetree's base is another one if it is given."""
    pair = find(session, connection_id, kind, Side.RAVETREE, ravetree_id)
    if pair is not None and pair.base_quickbooks:
        if base_ravetree is not None:
            pair.base_ravetree = dict(base_ravetree)
        pair.base_quickbooks = {**pair.base_quickbooks, "DocNumber": number}
        session.flush()


def accept(session: Session, connection_id: str, kind: str, ravetree_id: str, accepted: Mapping[str, Any]) -> None:
    """Keep what of a document's total and tax a person lets differ."""
    pair = find(session, connection_id, kind, Side.RAVETREE, ravetree_id)
    if pair is not None:
        pair.accepted = dict(accepted)
        session.flush()


def every(session: Session, connection_id: str, kind: str) -> list[Pair]:
    """All pairs of a kind, oldest first."""
    return list(
        session.execute(
            sa.select(Pair).where(Pair.connection_id == connection_id, Pair.kind == kind).order_by(Pair.id)
        ).scalars()
    )


def ravetree_ids(session: Session, connection_id: str, kind: str) -> set[str]:
    """Ravetree's ids of all pairs of a kind."""
    query = sa.select(Pair.ravetree_id).where(Pair.connection_id == connection_id, Pair.kind == kind)
    return set(session.execute(query).scalars())


def names(session: Session, connection_id: str, record: Record) -> list[Record]:
    """What a record is called on both sides, Ravetree's name first; alone if it has no pair."""
    found = next(iter(among(session, connection_id, record.kind, record.side, [record.id])), None)
    if found is None:
        return [record]
    return [
        Record(Side.RAVETREE, record.kind, found.ravetree_id),
        Record(Side.QUICKBOOKS, record.kind, found.quickbooks_id),
    ]


def linked_contacts(session: Session, connection_id: str, currency: str) -> set[str]:
    """Ravetree's contacts that have a customer of this currency."""
    return set(
        session.execute(
            sa.select(Pair.ravetree_id).where(
                Pair.connection_id == connection_id, Pair.kind == "contact", Pair.currency == currency
            )
        ).scalars()
    )


def remove(session: Session, connection_id: str, kind: str, ravetree_id: str, currency: str = "") -> None:
    """Forget a pair: a placeholder that ended, or records that a person took apart."""
    session.execute(
        sa.delete(Pair).where(
            Pair.connection_id == connection_id,
            Pair.kind == kind,
            Pair.ravetree_id == ravetree_id,
            Pair.currency == currency,
        )
    )
    session.flush()


def count(session: Session, connection_id: str, most: int) -> int:
    """How many records of Ravetree's have a partner in QuickBooks, `most` at most."""
    ours = sa.select(Pair.kind).where(Pair.connection_id == connection_id, Pair.kind != PLACEHOLDER)
    return session.execute(sa.select(sa.func.count()).select_from(ours.limit(most).subquery())).scalar_one()
