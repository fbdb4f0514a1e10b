"""Attachables: notes on records."""

from __future__ import annotations

from quickbooks_sandbox.books.amounts import Doc
from quickbooks_sandbox.books.books import Transaction
from quickbooks_sandbox.books.errors import business, required
from quickbooks_sandbox.books.schema import BY_PATH, NEVER_HELD
from quickbooks_sandbox.rules.references import value_of


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
