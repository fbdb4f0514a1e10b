"""Records as a bookkeeper calls them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from reconcile.model import Kind, Record, Side, money
from storage import copies, pairs
from sync.books import Books


def spell(books: Books, record: Record) -> str:
    """`Invoice 1043`, `Payment of 60.00 USD of 2026-11-21`, `Client Bright Harbor`; by id while nothing is known."""
    body = _body(books, record)
    if record.kind is Kind.PAYMENT and body:
        return _payment(body)
    name = str(body.get("number") or body.get("DocNumber") or body.get("name") or body.get("DisplayName") or "")
    what = {Kind.CONTACT: "Client" if record.side is Side.RAVETREE else "Customer"}.get(
        record.kind, record.kind.capitalize()
    )
    if name:
        return f"{what} {name}"
    return f"{what} {record.id} ({record.side.spelled})"


def _payment(body: Mapping[str, Any]) -> str:
    amount = Decimal(str(body.get("amount") or body.get("TotalAmt") or 0))
    currency = str(body.get("currency") or (body.get("CurrencyRef") or {}).get("value", ""))
    reference = str(body.get("reference") or body.get("PaymentRefNum") or "")
    day = str(body.get("date") or body.get("TxnDate") or "")
    return f"Payment of {money(amount, currency).strip()} of {day}{f' ({reference})' if reference else ''}"


def _body(books: Books, record: Record) -> dict[str, Any]:
    """What was last seen of a record, or of its partner."""
    with books.reading() as session:
        found = [copies.get(session, books.id, name) for name in pairs.names(session, books.id, record)]
        pair = pairs.find(session, books.id, record.kind, record.side, record.id)
    if pair is not None and pair.base_ravetree:
        return dict(pair.base_ravetree)
    return next((dict(copy.body) for copy in found if copy is not None), {})
