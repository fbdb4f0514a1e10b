"""Attachables: notes on records."""

from __future__ import annotations

from sandbox.quickbooks.amounts import Doc
from sandbox.quickbooks.books import Transaction
from sandbox.quickbooks.errors import missing_reference, required
from sandbox.quickbooks.references import value_of
from sandbox.quickbooks.schema import BY_PATH


def save_attachable(transaction: Transaction, doc: Doc) -> Doc:
    """Create or replace a note; what it is attached to must exist. Raises Fault."""
    if not doc.get("Note") and not doc.get("FileName"):
        raise required("Note")
    for attached in doc.get("AttachableRef") or []:
        reference = attached.get("EntityRef") or {}
        entity = BY_PATH.get(str(reference.get("type") or "").lower())
        if entity is None:
            raise required("AttachableRef.EntityRef.type")
        target = value_of(reference) or ""
        if transaction.get(entity, target) is None:
            raise missing_reference(entity, target, "AttachableRef.EntityRef")
    return transaction.put("Attachable", doc)
