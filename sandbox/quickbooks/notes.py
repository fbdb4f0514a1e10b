"""Attachables: notes on records."""

from __future__ import annotations

from sandbox.quickbooks.amounts import Doc
from sandbox.quickbooks.books import Transaction
from sandbox.quickbooks.errors import business, required
from sandbox.quickbooks.references import value_of
from sandbox.quickbooks.schema import BY_PATH, NEVER_HELD


def save_attachable(transaction: Transaction, doc: Doc) -> Doc:
    """Create or replace a note; what it is attached to must exist. Raises Fault."""
    if not doc.get("Note") and not doc.get("FileName"):
        raise required("Note")
    for attached in doc.get("AttachableRef") or []:
        reference = attached.get("EntityRef") or {}
        kind = str(reference.get("type") or "").lower()
        entity = BY_PATH.get(kind) or NEVER_HELD.get(kind)
        if entity is None:
            raise required("AttachableRef.EntityRef.type")
        target = value_of(reference) or ""
        if transaction.get(entity, target) is None:
            raise business(f"The entity {entity} {target} that you are trying to link does not exist.")
    return transaction.put("Attachable", doc)
