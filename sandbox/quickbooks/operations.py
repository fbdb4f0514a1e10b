"""Create, read, update, delete, void and send: from a request's object to the stored document."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from sandbox.quickbooks.amounts import Doc
from sandbox.quickbooks.books import Books, Transaction, rendered
from sandbox.quickbooks.errors import Fault, required, stale, unsupported_operation
from sandbox.quickbooks.names import save_name
from sandbox.quickbooks.payments import (
    delete_deposit,
    delete_payment,
    save_deposit,
    save_payment,
    void_payment,
)
from sandbox.quickbooks.sales import delete_sale, save_sale, send_sale, void_invoice
from sandbox.quickbooks.schema import LISTS_WITH_ACTIVE, TRANSACTIONS, accept

SALES_FORMS = ("Invoice", "Estimate", "CreditMemo")
READ_ONLY_ENTITIES = ("TaxCode", "TaxRate", "CompanyInfo")
_IGNORED = frozenset({
    "MetaData", "domain", "sparse", "status", "Balance", "BalanceWithJobs", "HomeTotalAmt", "HomeBalance",
    "RemainingCredit", "UnappliedAmt", "DeliveryInfo", "FullyQualifiedName", "Level", "InvoiceLink",
    "TxnSource",
    "CurrentBalance", "CurrentBalanceWithSubAccounts", "Classification", "Id", "SyncToken",
})  # fmt: skip
_SYSTEM = ("Id", "SyncToken", "MetaData")


def operation_of(query: Mapping[str, str], body: Any) -> str:
    """create, update, delete or void, as the address and the object together say it."""
    asked = query.get("operation", "").lower()
    if asked in ("delete", "void"):
        return asked
    if query.get("include", "").lower() == "void":
        return "void"
    return "update" if isinstance(body, dict) and body.get("Id") else "create"


def read(books: Books, entity: str, object_id: str) -> Doc:
    """A record by its Id, also an inactive one. Raises the fault 610."""
    doc = books.get(entity, object_id)
    if doc is None:
        raise Fault("610")
    return rendered(books, entity, doc)


def write(transaction: Transaction, entity: str, operation: str, body: Any, switches: Doc) -> Doc:
    """Apply one write; the stored document, or the short form that answers a delete."""
    request = accept(entity, body)
    if entity in READ_ONLY_ENTITIES:
        raise unsupported_operation(f"{operation} on {entity}")
    if operation == "create":
        return _save(transaction, entity, _created(entity, request), None, switches)
    current = _current(transaction, entity, request)
    if operation == "update":
        return _save(transaction, entity, _updated(entity, request, current), current, switches)
    if operation == "void":
        return _void(transaction, entity, current)
    return _delete(transaction, entity, current)


def send(transaction: Transaction, entity: str, object_id: str, address: str | None) -> Doc:
    if entity not in SALES_FORMS:
        raise unsupported_operation(f"send on {entity}")
    return send_sale(transaction, entity, transaction.need(entity, object_id), address)


def _created(entity: str, request: Doc) -> Doc:
    doc = {name: value for name, value in request.items() if name not in _ignored(entity) and value is not None}
    return _note_tax(doc, request)


def _current(transaction: Transaction, entity: str, request: Doc) -> Doc:
    if not request.get("Id"):
        raise required("Id")
    if request.get("SyncToken") is None:
        raise required("SyncToken")
    current = transaction.need(entity, request["Id"])
    if request["SyncToken"] != current["SyncToken"]:
        raise stale()
    return current


def _updated(entity: str, request: Doc, current: Doc) -> Doc:
    """Sparse keeps what is not sent; full drops it. A list that is sent replaces the stored one."""
    sent = {name: value for name, value in request.items() if name not in _ignored(entity)}
    if request.get("sparse") or entity == "Preferences":
        doc = copy.deepcopy(current)
        _merge(doc, sent, deep=entity == "Preferences")
    else:
        doc = sent
        doc.update({name: copy.deepcopy(value) for name, value in current.items() if name.startswith("_")})
        doc["_TaxIsGiven"] = False
    doc.update({name: copy.deepcopy(current[name]) for name in _SYSTEM})
    return _note_tax({name: value for name, value in doc.items() if value is not None}, request)


def _merge(doc: Doc, sent: Doc, deep: bool) -> None:
    for name, value in sent.items():
        if deep and isinstance(value, dict) and isinstance(doc.get(name), dict):
            _merge(doc[name], value, deep)
        else:
            doc[name] = value


def _note_tax(doc: Doc, request: Doc) -> Doc:
    if request.get("TxnTaxDetail"):
        doc["_TaxIsGiven"] = request["TxnTaxDetail"].get("TotalTax") is not None
    return doc


def _ignored(entity: str) -> frozenset[str]:
    if entity == "Payment":
        return _IGNORED | {"LinkedTxn"}
    return _IGNORED | {"TotalAmt"} if entity in TRANSACTIONS else _IGNORED


def _save(transaction: Transaction, entity: str, doc: Doc, current: Doc | None, switches: Doc) -> Doc:
    if entity in SALES_FORMS:
        return save_sale(transaction, entity, doc, current, switches)
    if entity == "Payment":
        return save_payment(transaction, doc, current)
    if entity == "Deposit":
        return save_deposit(transaction, doc, current)
    if entity == "Preferences":
        if current is None:
            raise required("Id")
        return transaction.put(entity, doc)
    return save_name(transaction, entity, doc, current, switches)


def _void(transaction: Transaction, entity: str, current: Doc) -> Doc:
    if entity == "Invoice":
        return void_invoice(transaction, current)
    if entity == "Payment":
        return void_payment(transaction, current)
    raise unsupported_operation(f"void on {entity}")


def _delete(transaction: Transaction, entity: str, current: Doc) -> Doc:
    if entity in SALES_FORMS:
        delete_sale(transaction, entity, current)
    elif entity == "Payment":
        delete_payment(transaction, current)
    elif entity == "Deposit":
        delete_deposit(transaction, current)
    else:
        hint = " Set Active to false instead." if entity in LISTS_WITH_ACTIVE else ""
        raise unsupported_operation(f"delete on {entity}{hint}")
    return {"_deleted": True, "Id": current["Id"]}


def answer_object(books: Books, entity: str, doc: Doc) -> Doc:
    """The object inside the answer to a write."""
    if doc.get("_deleted"):
        return {"domain": "QBO", "status": "Deleted", "Id": doc["Id"]}
    return rendered(books, entity, doc)
