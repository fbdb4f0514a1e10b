"""References between records: they must exist and be active, and answers carry their names."""

from __future__ import annotations

from typing import Any

from quickbooks_sandbox.books.amounts import Doc
from quickbooks_sandbox.books.books import Transaction
from quickbooks_sandbox.books.errors import Fault, missing_reference
from quickbooks_sandbox.books.indexes import shown_name
from quickbooks_sandbox.books.schema import TARGETS

LABELLED = {"TaxCodeRef", "TxnTaxCodeRef", "DefaultTaxCodeRef", "SalesTaxCodeRef"}


def value_of(reference: Any) -> str | None:
    return reference.get("value") if isinstance(reference, dict) else None


def resolve_all(transaction: Transaction, value: Any, current: Doc | None = None) -> None:
    """Check every known reference in a document and write its name into it.

    What the stored version already points to may have become inactive since: it stays usable there.
    """
    known = _pointed_to(current) if current else set()
    _resolve(transaction, value, known)


def _resolve(transaction: Transaction, value: Any, known: set[tuple[str, str]]) -> None:
    if isinstance(value, list):
        for item in value:
            _resolve(transaction, item, known)
    if not isinstance(value, dict):
        return
    for name, item in value.items():
        if name in TARGETS and isinstance(item, dict):
            _resolve_one(transaction, name, item, known)
        elif name in LABELLED and isinstance(item, dict):
            _resolve_tax_code(transaction, name, item)
        else:
            _resolve(transaction, item, known)


def _resolve_one(transaction: Transaction, name: str, reference: Doc, known: set[tuple[str, str]]) -> None:
    entity, list_name = TARGETS[name]
    object_id = str(reference.get("value") or "")
    target = transaction.get(entity, object_id)
    if target is None:
        raise missing_reference(list_name, object_id, name)
    if not target.get("Active", True) and (name, object_id) not in known:
        raise Fault("610", element=name)
    reference["name"] = shown_name(entity, target)


def _resolve_tax_code(transaction: Transaction, name: str, reference: Doc) -> None:
    code = str(reference.get("value") or "")
    if transaction.get("TaxCode", code) is None:
        raise missing_reference("TaxCodes", code, name)


def _pointed_to(value: Any) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, dict):
            found.update(
                (name, ref["value"]) for name, ref in item.items() if name in TARGETS and isinstance(value_of(ref), str)
            )
            stack.extend(item.values())
    return found
