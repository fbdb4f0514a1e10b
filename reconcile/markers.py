"""The notes by which we know our own payments, and the references by which Ravetree knows QuickBooks'.

Only `Payment.PrivateNote` carries a marker: an invoice's note prints on statements, and `PaymentRefNum` is
the cheque's number.
"""

import re

from reconcile.model import Kind

_PAYMENT = re.compile(r"\[Ravebooks payment (\S+)\]")
_PLACEHOLDER = re.compile(r"\[Ravebooks placeholder (\S+)\]")


def payment_marker(ravetree_id: str) -> str:
    """The note of a QuickBooks payment that was copied from Ravetree."""
    return f"Copied from Ravetree. [Ravebooks payment {ravetree_id}]"


def placeholder_marker(invoice_id: str, number: str) -> str:
    """The note of a QuickBooks payment that stands for "marked as paid" in Ravetree."""
    return f"Invoice {number} was marked as paid in Ravetree without a payment. [Ravebooks placeholder {invoice_id}]"


def marked_payment(note: str) -> str | None:
    """Which Ravetree payment a note names."""
    found = _PAYMENT.search(note)
    return found.group(1) if found else None


def marked_placeholder(note: str) -> str | None:
    """Which Ravetree invoice's placeholder a note names."""
    found = _PLACEHOLDER.search(note)
    return found.group(1) if found else None


def external_id(realm: str, kind: Kind, quickbooks_id: str) -> str:
    """How Ravetree's `external_id` names a QuickBooks record."""
    return f"quickbooks:{realm}:{kind}:{quickbooks_id}"
