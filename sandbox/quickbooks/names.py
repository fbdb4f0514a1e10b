"""Lists: customers, vendors, employees, items, accounts and the small ones; names are unique."""

from __future__ import annotations

from sandbox.quickbooks.amounts import ZERO, Doc
from sandbox.quickbooks.books import PEOPLE, Transaction, name_field, name_key, name_space
from sandbox.quickbooks.company import CURRENCY_NAMES, home_currency
from sandbox.quickbooks.errors import Fault, business, required
from sandbox.quickbooks.references import resolve_all, value_of

DELETED = " (deleted)"
_NAME_PARTS = ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")
_ACCOUNT_CLASSES = {
    "Bank": "Asset", "Accounts Receivable": "Asset", "Other Current Asset": "Asset", "Fixed Asset": "Asset",
    "Other Asset": "Asset", "Income": "Revenue", "Other Income": "Revenue", "Expense": "Expense",
    "Other Expense": "Expense", "Cost of Goods Sold": "Expense", "Accounts Payable": "Liability",
    "Credit Card": "Liability", "Other Current Liability": "Liability", "Long Term Liability": "Liability",
    "Equity": "Equity",
}  # fmt: skip


def save_name(transaction: Transaction, entity: str, doc: Doc, current: Doc | None, switches: Doc) -> Doc:
    """Create or replace a record of a list."""
    doc["Active"] = doc.get("Active") is not False
    _set_name(entity, doc)
    _check_name(entity, doc)
    if not doc["Active"]:
        _deactivate(transaction, entity, doc, current)
    elif current is not None and not current.get("Active", True):
        _reactivate(entity, doc)
    _check_unique(transaction, entity, doc, switches)
    resolve_all(transaction, doc, current)
    _FILL.get(entity, _fill_nothing)(transaction, doc, current)
    return transaction.put(entity, doc)


def _set_name(entity: str, doc: Doc) -> None:
    if entity in PEOPLE and not doc.get("DisplayName"):
        parts = [doc[part] for part in _NAME_PARTS if doc.get(part)]
        doc["DisplayName"] = " ".join(parts) or doc.get("CompanyName")
    if not doc.get(name_field(entity)):
        raise required(name_field(entity))


def _check_name(entity: str, doc: Doc) -> None:
    name = doc[name_field(entity)] = doc[name_field(entity)].strip()
    if not name or any(character in name for character in ":\t\n\r"):
        raise Fault("2040", f"Invalid String : {name_field(entity)} must not contain a colon, tab or newline.")


def _deactivate(transaction: Transaction, entity: str, doc: Doc, current: Doc | None) -> None:
    if current is None:
        raise business("A new record cannot be inactive.")
    if entity == "Customer" and transaction.owed(doc["Id"]) != ZERO:
        raise business("You cannot make a customer inactive who has a balance.")
    if not current.get("Active", True):
        return
    plain_name = doc[name_field(entity)]
    doc["_NameBefore"] = plain_name
    candidate, attempt = plain_name + DELETED, 1
    while transaction.find(name_space(entity), name_key(candidate)):
        attempt += 1
        candidate = f"{plain_name}{DELETED}-{attempt}"
    doc[name_field(entity)] = candidate


def _reactivate(entity: str, doc: Doc) -> None:
    before = doc.pop("_NameBefore", None)
    if before and DELETED in doc[name_field(entity)]:
        doc[name_field(entity)] = before


def _check_unique(transaction: Transaction, entity: str, doc: Doc, switches: Doc) -> None:
    for other_entity, other_id in transaction.find(name_space(entity), name_key(doc[name_field(entity)])):
        if (other_entity, other_id) == (entity, doc.get("Id")):
            continue
        details = {
            "id": f"Id={other_id}",
            "null": "null",
            "sentence": "Another customer, vendor or employee is already using this name. Please use a different name.",
        }
        raise Fault("6240", f"The name supplied already exists. : {details[switches['duplicate_name_detail']]}")


def _fill_customer(transaction: Transaction, doc: Doc, current: Doc | None) -> None:
    doc["FullyQualifiedName"] = doc["DisplayName"]
    doc["PrintOnCheckName"] = doc.get("PrintOnCheckName") or doc.get("CompanyName") or doc["DisplayName"]
    doc.setdefault("Taxable", True)
    doc["Job"] = bool(doc.get("Job"))
    doc["BillWithParent"] = bool(doc.get("BillWithParent"))
    doc["PreferredDeliveryMethod"] = doc.get("PreferredDeliveryMethod") or "Print"
    currency = value_of(doc.get("CurrencyRef")) or (
        value_of(current.get("CurrencyRef")) if current else home_currency(transaction)
    )
    if current is not None and currency != current["CurrencyRef"]["value"]:
        raise business("The currency of a customer cannot be changed.")
    doc["CurrencyRef"] = {"value": currency, "name": CURRENCY_NAMES.get(str(currency), str(currency))}


def _fill_person(_transaction: Transaction, doc: Doc, _current: Doc | None) -> None:
    doc["PrintOnCheckName"] = doc.get("PrintOnCheckName") or doc["DisplayName"]


def _fill_item(_transaction: Transaction, doc: Doc, _current: Doc | None) -> None:
    doc["FullyQualifiedName"] = doc["Name"]
    doc["Type"] = doc.get("Type") or "Service"
    doc["UnitPrice"] = doc.get("UnitPrice") or ZERO
    doc["Taxable"] = bool(doc.get("Taxable"))
    doc["TrackQtyOnHand"] = bool(doc.get("TrackQtyOnHand"))
    if doc["Type"] not in ("Category", "Group") and not value_of(doc.get("IncomeAccountRef")):
        raise required("IncomeAccountRef")


def _fill_account(transaction: Transaction, doc: Doc, _current: Doc | None) -> None:
    if not doc.get("AccountType"):
        raise required("AccountType")
    doc["FullyQualifiedName"] = doc["Name"]
    doc["SubAccount"] = bool(doc.get("SubAccount"))
    doc["Classification"] = _ACCOUNT_CLASSES.get(doc["AccountType"], "Asset")
    doc["CurrencyRef"] = doc.get("CurrencyRef") or {"value": home_currency(transaction)}
    doc["CurrentBalance"] = doc["CurrentBalanceWithSubAccounts"] = ZERO


def _fill_nothing(_transaction: Transaction, _doc: Doc, _current: Doc | None) -> None:
    """Terms, payment methods, tax codes and rates have no derived fields."""


_FILL = {
    "Customer": _fill_customer,
    "Vendor": _fill_person,
    "Employee": _fill_person,
    "Item": _fill_item,
    "Account": _fill_account,
}


def merge_customers(transaction: Transaction, survivor_id: str, merged_id: str) -> Doc:
    """What a user does on a customer's page: the survivor keeps its Id and takes over all transactions."""
    survivor = transaction.editable("Customer", survivor_id)
    merged = transaction.editable("Customer", merged_id)
    if survivor_id == merged_id or survivor["CurrencyRef"] != merged["CurrencyRef"]:
        raise business("Only two customers of the same currency can be merged.")
    for entity in ("Invoice", "Estimate", "CreditMemo", "Payment"):
        for doc in list(transaction.books.all(entity)):
            if doc["CustomerRef"]["value"] == merged_id:
                moved = transaction.editable(entity, doc["Id"])
                moved["CustomerRef"] = {"value": survivor_id, "name": survivor["DisplayName"]}
                transaction.put(entity, moved)
    merged["Active"] = False
    _deactivate_merged(transaction, merged)
    transaction.changes.pop(("Customer", merged_id))
    return transaction.put("Customer", survivor, "merged", {"deletedid": merged_id})


def _deactivate_merged(transaction: Transaction, merged: Doc) -> None:
    current = transaction.need("Customer", merged["Id"])
    _deactivate(transaction, "Customer", merged, current)
    transaction.put("Customer", merged)
