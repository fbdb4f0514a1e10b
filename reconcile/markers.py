"""The notes by which we know our own payments, and the references by which Ravetree knows QuickBooks'.

Only `Payment.PrivateNote` carries a marker: an invoice's note prints on statements, and `PaymentRefNum` is
the cheque's number. A marker bears the id of the installation that wrote it, so that a database which was restored
from a backup finds out that it is older than its own writes; those of earlier versions bear none.
"""

import re
from dataclasses import dataclass

from reconcile.model import Kind, Record, Side

OPENING = "[Ravebooks "
"""How every marker begins."""
_MARKER = re.compile(r"\[Ravebooks (?:(?P<installation>[0-9a-f]+) )?(?P<what>payment|placeholder) (?P<id>\S+)\]")
_PAYMENT, _PLACEHOLDER = "payment", "placeholder"


@dataclass(frozen=True)
class Marker:
    """What a note of ours names: a Ravetree payment, or the invoice that a `placeholder` stands for."""

    record: Record
    placeholder: bool
    installation: str


def payment_marker(ravetree_id: str, installation: str = "") -> str:
    """The note of a QuickBooks payment that was copied from Ravetree."""
    return f"Copied from Ravetree. {_spell(installation, _PAYMENT, ravetree_id)}"


def placeholder_marker(invoice_id: str, number: str, installation: str = "") -> str:
    """The note of a QuickBooks payment that stands for "marked as paid" in Ravetree."""
    marker = _spell(installation, _PLACEHOLDER, invoice_id)
    return f"Invoice {number} was marked as paid in Ravetree without a payment. {marker}"


def _spell(installation: str, what: str, name: str) -> str:
    return f"{OPENING}{installation}{' ' if installation else ''}{what} {name}]"


def ending(what: str, name: str) -> str:
    """How the marker of a `payment` or a `placeholder` ends, whichever installation wrote it."""
    return f"{what} {name}]"


def marker_of(note: str) -> Marker | None:
    """What a note of ours names; None for anybody else's."""
    found = _MARKER.search(note)
    if found is None:
        return None
    placeholder = found["what"] == _PLACEHOLDER
    record = Record(Side.RAVETREE, Kind.INVOICE if placeholder else Kind.PAYMENT, found["id"])
    return Marker(record, placeholder, found["installation"] or "")


def marked_payment(note: str) -> str | None:
    """Which Ravetree payment a note names."""
    marker = marker_of(note)
    return marker.record.id if marker is not None and not marker.placeholder else None


def marked_placeholder(note: str) -> str | None:
    """Which Ravetree invoice's placeholder a note names."""
    marker = marker_of(note)
    return marker.record.id if marker is not None and marker.placeholder else None


def external_id(realm: str, kind: Kind, quickbooks_id: str) -> str:
    """How Ravetree's `external_id` names a QuickBooks record."""
    return f"quickbooks:{realm}:{kind}:{quickbooks_id}"
