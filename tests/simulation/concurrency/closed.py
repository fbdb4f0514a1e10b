"""The same where a bookkeeper closes the books after both changes, before any news of them arrives."""

from dataclasses import replace

from tests.simulation.concurrency import invoices, marked, payments
from tests.simulation.concurrency.pairs import Changes, Kind

CLOSED, OPEN = "2026-11-20", "2026-11-21"
"""The day of all that is made before the changes, up to which the books are closed; and that of the changes."""


def _only(changes: Changes, *names: str) -> Changes:
    return {name: changes[name] for name in names}


def _closed(kind: Kind, here: Changes, there: Changes) -> Kind:
    return replace(
        kind, name=f"{kind.name} in a closed period", here=here, there=there, closes=CLOSED, by_order=frozenset()
    )


RECEIVED: Changes = {
    "paid in full": lambda p: p.receive("100.00", OPEN),
    "paid in full in the closed period": lambda p: p.receive("100.00", CLOSED),
}
CLOSED_INVOICES = _closed(
    invoices.INVOICES,
    _only(invoices.HERE, "nothing", "memo edited", "line added", "price lowered", "client changed", "marked as paid")
    | RECEIVED
    | _only(invoices.HERE, "voided", "deleted"),
    _only(invoices.THERE, "nothing", "memo edited", "total changed", "deposit of 20 on the form", "paid in part")
    | {"paid in part after it": lambda p: p.pay_there("60.00", OPEN)}
    | _only(invoices.THERE, "100 laid unapplied the same day", "voided", "deleted"),
)
CLOSED_MARKED = _closed(
    marked.MARKED,
    _only(marked.HERE, "nothing", "memo edited", "line added", "price lowered", "mark taken away")
    | RECEIVED
    | _only(marked.HERE, "client changed", "voided", "deleted"),
    _only(marked.THERE, "nothing", "mark's payment lowered", "its note edited", "deleted", "deposited")
    | {"100 laid unapplied after it": lambda p: p.lay_there("100.00", OPEN)}
    | _only(marked.THERE, "invoice lowered", "invoice voided", "invoice deleted"),
)
CLOSED_PAYMENTS = _closed(
    payments.PAYMENTS,
    _only(payments.HERE, "nothing", "reference edited", "amount lowered", "taken off the invoice", "deleted"),
    _only(payments.THERE, "nothing", "reference edited", "amount lowered", "deposited", "deleted"),
)
