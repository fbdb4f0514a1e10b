"""Create, read, update, delete, void and send: from a request's object to the stored document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from quickbooks_sandbox.books.amounts import Doc, copied
from quickbooks_sandbox.books.books import Books, Transaction
from quickbooks_sandbox.books.errors import Fault, business, invalid_id, required, stale, unsupported_operation
from quickbooks_sandbox.books.rendering import rendered
from quickbooks_sandbox.books.schema import LISTS_WITH_ACTIVE, TRANSACTIONS, accept
from quickbooks_sandbox.rules.company import automatic
from quickbooks_sandbox.rules.names import save_name
from quickbooks_sandbox.rules.notes import save_attachable
from quickbooks_sandbox.rules.payments import (
    apply_credits,
    delete_deposit,
    delete_payment,
    save_deposit,
    save_payment,
    void_payment,
)
from quickbooks_sandbox.rules.rates import save_rate
from quickbooks_sandbox.rules.sales import delete_sale, save_sale, send_sale, void_sale

SALES_FORMS = ("Invoice", "Estimate", "CreditMemo", "SalesReceipt", "RefundReceipt")
READ_ONLY_ENTITIES = ("TaxCode", "TaxRate")
ONE_OF_A_KIND = ("CompanyInfo", "Preferences")
IDS_OF_ANY_KIND = ("TaxCode", "ExchangeRate")
VOIDABLE = ("Invoice", "CreditMemo", "SalesReceipt", "RefundReceipt")
_IGNORED = frozenset({
    "MetaData", "domain", "sparse", "status", "Balance", "BalanceWithJobs", "HomeTotalAmt", "HomeBalance",
    "RemainingCredit", "UnappliedAmt", "DeliveryInfo", "FullyQualifiedName", "Level", "InvoiceLink",
    "TxnSource",
    "CurrentBalance", "CurrentBalanceWithSubAccounts", "Classification", "Id", "SyncToken",
})  # fmt: skip
LAST_LATIN1 = 0xFF
_SYSTEM = ("Id", "SyncToken", "MetaData")


def operation_of(query: Mapping[str, str], body: Any) -> str:
    """create, update, delete or void, as the address and the object together say it."""
    asked = query.get("operation", "").lower()
    if asked in ("delete", "void"):
        return asked
    if "void" in query.get("include", "").lower().split(","):
        return "void"
    return "update" if isinstance(body, dict) and body.get("Id") else "create"


def read(books: Books, entity: str, object_id: str) -> Doc:
    """A record by its Id, also an inactive one. Raises the fault 610."""
    doc = books.get(entity, object_id)
    if doc is None:
        _check_id(entity, object_id)
        raise Fault("610")
    return rendered(books, entity, doc)


def _check_id(entity: str, object_id: str) -> None:
    if entity not in IDS_OF_ANY_KIND and re.fullmatch("-?[0-9]+", object_id) is None:
        raise invalid_id(object_id)


def write(transaction: Transaction, entity: str, operation: str, body: Any, switches: Doc) -> Doc:
    """Apply one write; the stored document, or the short form that answers a delete."""
    request = accept(entity, body)
    if switches["latin1_only"]:
        _check_latin1(request, entity)
    if not switches["email_status_writable"]:
        request.pop("EmailStatus", None)
    stored = _write(transaction, entity, operation, request, switches)
    if not switches["side_effect_events"]:
        transaction.announce_only(entity, stored["Id"])
    return stored


def _write(transaction: Transaction, entity: str, operation: str, request: Doc, switches: Doc) -> Doc:
    if entity in READ_ONLY_ENTITIES:
        raise unsupported_operation(f"{operation} on {entity}")
    if operation == "create":
        return _save(transaction, entity, _created(entity, request), None, switches)
    current = _current(transaction, entity, operation, request)
    if operation == "update":
        return _save(transaction, entity, _updated(entity, request, current), current, switches)
    if operation == "void":
        return _void(transaction, entity, current)
    return _delete(transaction, entity, current)


def send(transaction: Transaction, entity: str, object_id: str, address: str | None) -> Doc:
    if entity not in SALES_FORMS:
        raise unsupported_operation(f"send on {entity}")
    return send_sale(transaction, entity, transaction.need(entity, object_id), address)


def _check_latin1(value: Any, path: str) -> None:
    """Companies in the US may take no other characters."""
    if isinstance(value, dict):
        for name, item in value.items():
            _check_latin1(item, name)
    elif isinstance(value, list):
        for item in value:
            _check_latin1(item, path)
    elif isinstance(value, str) and any(ord(character) > LAST_LATIN1 for character in value):
        raise Fault("2040", f"Invalid String : {path} has characters that are not supported.", path)


def _created(entity: str, request: Doc) -> Doc:
    doc = {name: value for name, value in request.items() if name not in _ignored(entity) and value is not None}
    return _note_tax(doc, request)


def _current(transaction: Transaction, entity: str, operation: str, request: Doc) -> Doc:
    if not request.get("Id"):
        raise required("Id")
    _check_id(entity, request["Id"])
    versioned = request.get("SyncToken") is not None
    if not versioned and not (entity == "Attachable" and operation == "delete"):
        raise required("SyncToken")
    current = transaction.need(entity, request["Id"])
    if versioned and request["SyncToken"] != current["SyncToken"]:
        raise stale()
    return current


def _updated(entity: str, request: Doc, current: Doc) -> Doc:
    """Sparse keeps what is not sent; full drops it. A list that is sent replaces the stored one."""
    sent = {name: value for name, value in request.items() if name not in _ignored(entity)}
    if request.get("sparse") or entity in ONE_OF_A_KIND:
        doc = copied(current)
        _merge(doc, sent, deep=entity == "Preferences")
        if entity == "Preferences":
            doc["CurrencyPrefs"]["HomeCurrency"] = dict(current["CurrencyPrefs"]["HomeCurrency"])
            was_on, is_on = (bool(one["CurrencyPrefs"].get("MultiCurrencyEnabled")) for one in (current, doc))
            if was_on and not is_on:
                raise business("Multicurrency cannot be turned off once it is on.")
    else:
        doc = sent
        doc.update({name: copied(value) for name, value in current.items() if name.startswith("_")})
        doc["_TaxIsGiven"] = doc["_TaxLinesAreGiven"] = False
    doc.update({name: copied(current[name]) for name in _SYSTEM})
    return _note_tax({name: value for name, value in doc.items() if value is not None}, request)


def _merge(doc: Doc, sent: Doc, deep: bool) -> None:
    for name, value in sent.items():
        if deep and isinstance(doc.get(name), dict):
            _merge(doc[name], value or {}, deep)  # a group of settings can be changed, not taken away
        else:
            doc[name] = value


def _note_tax(doc: Doc, request: Doc) -> Doc:
    if request.get("TxnTaxDetail"):
        doc["_TaxIsGiven"] = request["TxnTaxDetail"].get("TotalTax") is not None
        doc["_TaxLinesAreGiven"] = bool(request["TxnTaxDetail"].get("TaxLine"))
    return doc


def _ignored(entity: str) -> frozenset[str]:
    if entity == "Payment":
        return _IGNORED | {"LinkedTxn"}
    if entity == "ExchangeRate":
        return _IGNORED | {"TargetCurrencyCode"}
    return _IGNORED | {"TotalAmt"} if entity in TRANSACTIONS else _IGNORED


def _save(transaction: Transaction, entity: str, doc: Doc, current: Doc | None, switches: Doc) -> Doc:
    if entity in SALES_FORMS:
        saved = save_sale(transaction, entity, doc, current, switches)
        if entity in ("Invoice", "CreditMemo") and current is None and automatic(transaction, "AutoApplyCredit"):
            apply_credits(transaction, saved["CustomerRef"]["value"])
            return transaction.need(entity, saved["Id"])
        return saved
    if entity == "Payment":
        return save_payment(transaction, doc, current)
    if entity == "Deposit":
        return save_deposit(transaction, doc, current)
    if entity in ONE_OF_A_KIND:
        if current is None:
            raise required("Id")
        return transaction.put(entity, doc)
    if entity == "ExchangeRate":
        return save_rate(transaction, doc)
    if entity == "Attachable":
        return save_attachable(transaction, doc)
    return save_name(transaction, entity, doc, current, switches)


def _void(transaction: Transaction, entity: str, current: Doc) -> Doc:
    if entity in VOIDABLE:
        return void_sale(transaction, entity, current)
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
    elif entity == "Attachable":
        transaction.delete(entity, current["Id"])
    else:
        has_active = entity in LISTS_WITH_ACTIVE
        raise unsupported_operation(f"delete on {entity}", "Set Active to false instead." if has_active else "")
    return {"_deleted": True, "Id": current["Id"]}


def answer_object(books: Books, entity: str, doc: Doc) -> Doc:
    """The object inside the answer to a write."""
    if doc.get("_deleted"):
        return {"domain": "QBO", "status": "Deleted", "Id": doc["Id"]}
    return rendered(books, entity, doc)
