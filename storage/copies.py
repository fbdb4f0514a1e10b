"""Copies: the newest state of each record that we have seen, so that a push needs no read."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reconcile.model import Kind, Record, Side
from storage.database import insert
from storage.models import Copy, Pair, PaymentLink
from storage.statements import any_given, given

LARGEST_AMOUNT = Decimal(10**15)
"""Beyond that nobody looks for one."""


def get(session: Session, connection_id: str, record: Record) -> Copy | None:
    """Our copy of a record."""
    asked = {"connection_id": connection_id, "side": record.side, "kind": record.kind, "record_id": record.id}
    return session.execute(_ONE, asked).scalar_one_or_none()


_OF_KIND = (Copy.connection_id == given("connection_id"), Copy.side == given("side"), Copy.kind == given("kind"))
_ONE = sa.select(Copy).where(*_OF_KIND, Copy.record_id == given("record_id"))


def store(
    session: Session,
    connection_id: str,
    record: Record,
    version: int,
    body: Mapping[str, Any],
    now: datetime,
    *,
    deleted: bool = False,
    read: bool = False,
    told_at: datetime | None = None,
) -> bool:
    """Keep `body` unless a newer one is here; says whether it was new to us.

    What was deleted comes back by being `read` again, never by a late answer to a write. `told_at` is QuickBooks' own
    time of the answer, where that is known.
    """
    known = get(session, connection_id, record)
    if known is not None and (not read if known.deleted else known.version > version):
        return False
    fresh = known is None or known.version != version or known.deleted != deleted
    # A payment changes a balance without a new version, and while the copy was old nobody compared that.
    fresh = fresh or (read and known is not None and known.stale)
    if record.side is Side.QUICKBOOKS and record.kind is Kind.PAYMENT:
        _link(session, connection_id, record.id, _targets(body))
    if known is None:
        known = Copy(connection_id=connection_id, side=record.side, kind=record.kind, record_id=record.id)
        session.add(known)
    known.version, known.deleted, known.stale = version, deleted, False
    known.body, known.seen_at = dict(body), now
    if told_at is not None:
        known.told_at = told_at
    for name, value in (_listed(body) if record.side is Side.RAVETREE else {"client_id": _customer_of(body)}).items():
        setattr(known, name, value)
    return fresh


def _customer_of(body: Mapping[str, Any]) -> str:
    """Whose a record of QuickBooks' is; of a customer, which one is right above it."""
    named = body.get("CustomerRef") or body.get("ParentRef") or {}
    return _storable(str(named.get("value") or ""))[:255] if isinstance(named, Mapping) else ""


def _link(session: Session, connection_id: str, payment_id: str, targets: set[str]) -> None:
    """Keep what a payment is applied to, by which it is found.

    Whatever is kept of it: an earlier version of the program may have stored the copy and no links.
    """
    of_it = {"connection_id": connection_id, "payment_id": payment_id}
    session.execute(_UNLINK, of_it | {"targets": sorted(targets)})
    if targets:
        rows = [of_it | {"target_id": name} for name in sorted(targets)]
        session.execute(insert(session, PaymentLink).on_conflict_do_nothing(), rows)


_UNLINK = (
    sa.delete(PaymentLink)
    .where(
        PaymentLink.connection_id == given("connection_id"),
        PaymentLink.payment_id == given("payment_id"),
        PaymentLink.target_id.not_in(any_given("targets")),
    )
    .execution_options(synchronize_session=False)
)


def _targets(value: Any) -> set[str]:
    """The transactions that a payment's body names, wherever it does."""
    found: set[str] = set()
    if isinstance(value, Mapping):
        if isinstance(value.get("TxnId"), str):
            found.add(_storable(value["TxnId"])[:255])
        value = list(value.values())
    if isinstance(value, list):
        found = found.union(*map(_targets, value))
    return found


def _listed(body: Mapping[str, Any]) -> dict[str, str]:
    """What a record of Ravetree's is found by."""
    title = body.get("number") or body.get("name") or body.get("reference") or ""
    amount = body.get("total") or body.get("amount") or ""
    return {
        "title": folded(str(title)),
        "client_id": _storable(str(body.get("client_id") or ""))[:255],
        "amount": as_amount(str(amount)),
    }


def folded(title: str) -> str:
    """A number or a name as it is looked for."""
    return _storable(title).strip().casefold()[:255]


def _storable(text: str) -> str:
    """Without what no database takes in a text: half a surrogate pair, and NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def as_amount(text: str) -> str:
    """An amount as it is looked for, `1234.50`; empty for what is none."""
    try:
        amount = Decimal(text.replace(",", "").strip())
    except (InvalidOperation, ValueError):
        return ""
    return f"{amount:.2f}" if amount.is_finite() and abs(amount) < LARGEST_AMOUNT else ""


def mark_deleted(session: Session, connection_id: str, record: Record, now: datetime) -> None:
    """The record is gone; what it looked like last stays."""
    known = get(session, connection_id, record)
    body = known.body if known else {"Id": record.id}
    version = known.version if known else 0
    store(session, connection_id, record, version, body, now, deleted=True)


def mark_stale(session: Session, connection_id: str, records: Iterable[Record]) -> None:
    """A write of ours changed these as well: read them before the next write to them."""
    by_kind: defaultdict[tuple[Side, Kind], list[str]] = defaultdict(list)
    for record in records:
        by_kind[record.side, record.kind].append(record.id)
    for (side, kind), names in by_kind.items():
        session.execute(_MARK_STALE, {"connection": connection_id, "on": side, "of": kind, "names": names})


_MARK_STALE = (
    sa.update(Copy)
    .where(
        Copy.connection_id == given("connection"),
        Copy.side == given("on"),
        Copy.kind == given("of"),
        Copy.record_id.in_(any_given("names")),
    )
    .values(stale=True)
    .execution_options(synchronize_session=False)
)


def every(session: Session, connection_id: str, side: Side, kind: Kind) -> list[Copy]:
    """All our copies of one kind of a side's records, deleted ones too."""
    return list(
        session.execute(
            sa.select(Copy).where(Copy.connection_id == connection_id, Copy.side == side, Copy.kind == kind)
        ).scalars()
    )


def among(session: Session, connection_id: str, side: Side, kind: Kind, ids: Collection[str]) -> dict[str, Copy]:
    """Our copies of some of a side's records of a kind by id, deleted ones too."""
    here = [Copy.connection_id == connection_id, Copy.side == side, Copy.kind == kind, Copy.record_id.in_(ids)]
    return {copy.record_id: copy for copy in session.execute(sa.select(Copy).where(*here)).scalars()}


def noted(session: Session, connection_id: str, text: str) -> list[Copy]:
    """QuickBooks' live payments whose bodies have `text` in them, as a note of ours has: looks at each of them."""
    # As it stands in the text: compared as JSON, the pattern would be spelled as JSON too and never be found.
    said = sa.type_coerce(Copy.body, sa.Text).contains(text, autoescape=True)
    return _living_of(session, connection_id, Kind.PAYMENT, _LIVING.where(said))


def unpaired_on(session: Session, connection_id: str, quickbooks_invoice_id: str) -> list[Copy]:
    """QuickBooks' live payments that we have seen on an invoice and that have no pair: few, however many are paired."""
    applied = {"connection_id": connection_id, "target_id": quickbooks_invoice_id}
    # Their names first: asked for at once, SQLite looks at every payment.
    names = list(session.execute(_APPLIED_UNPAIRED, applied).scalars())
    return _living_of(session, connection_id, Kind.PAYMENT, _NAMED, names=names) if names else []


def of_customers(session: Session, connection_id: str, kind: Kind, customer_ids: Iterable[str]) -> list[Copy]:
    """QuickBooks' live records of a kind that are of these customers, as far as we have seen them."""
    return _living_of(session, connection_id, kind, _OF_CUSTOMERS, names=sorted(set(customer_ids)))


def unpaired_of_customers(session: Session, connection_id: str, customer_ids: Iterable[str]) -> list[Copy]:
    """QuickBooks' live payments of these customers that have no pair, as far as we have seen them."""
    names = sorted(set(customer_ids))
    return _living_of(session, connection_id, Kind.PAYMENT, _UNPAIRED_OF_CUSTOMERS, names=names)


def names_of_customers(session: Session, connection_id: str, kind: Kind, customer_ids: Iterable[str]) -> list[str]:
    """As `of_customers`, their ids alone."""
    asked = {"side": Side.QUICKBOOKS, "kind": kind, "names": sorted(set(customer_ids))}
    return sorted(session.execute(_NAMES_OF_CUSTOMERS, {"connection_id": connection_id, **asked}).scalars())


def below(session: Session, connection_id: str, customer_id: str) -> list[str]:
    """The customers right below one, as far as we have seen them."""
    rows = _living_of(session, connection_id, Kind.CONTACT, _OF_CUSTOMERS, names=[customer_id])
    return [row.record_id for row in rows]


_LIVING = sa.select(Copy).where(*_OF_KIND, Copy.deleted.is_(False))
_NAMED = _LIVING.where(Copy.record_id.in_(any_given("names")))
_OF_CUSTOMERS = _LIVING.where(Copy.client_id.in_(any_given("names")))
_NAMES_OF_CUSTOMERS = _OF_CUSTOMERS.with_only_columns(Copy.record_id)


def _has_no_pair(payment_id: sa.SQLColumnExpression[str]) -> sa.ColumnElement[bool]:
    ours = (Pair.connection_id == given("connection_id"), Pair.kind == Kind.PAYMENT)
    return ~sa.exists().where(*ours, Pair.quickbooks_id == payment_id)


_UNPAIRED_OF_CUSTOMERS = _OF_CUSTOMERS.where(_has_no_pair(Copy.record_id))
_APPLIED_UNPAIRED = sa.select(PaymentLink.payment_id).where(
    PaymentLink.connection_id == given("connection_id"),
    PaymentLink.target_id == given("target_id"),
    _has_no_pair(PaymentLink.payment_id),
)


def _living_of(
    session: Session, connection_id: str, kind: Kind, query: sa.Select[Copy], **asked: Sequence[str]
) -> list[Copy]:
    """QuickBooks' records of a kind that are not deleted, in the order of their ids."""
    found = session.execute(query, {"connection_id": connection_id, "side": Side.QUICKBOOKS, "kind": kind, **asked})
    # Sorted here: SQLite would go through all in the order of their ids instead.
    return sorted(found.scalars(), key=lambda copy: copy.record_id)


def living(session: Session, connection_id: str, side: Side, kind: Kind) -> list[str]:
    """The ids of a side's records of a kind that are not deleted, as far as we know."""
    known = sa.select(Copy.record_id).where(
        Copy.connection_id == connection_id, Copy.side == side, Copy.kind == kind, Copy.deleted.is_(False)
    )
    return sorted(session.execute(known).scalars())
