"""Lists: customers, vendors, employees, items, accounts and the small ones; names are unique."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from quickbooks_sandbox.books.amounts import ZERO, Doc, copied
from quickbooks_sandbox.books.books import Transaction
from quickbooks_sandbox.books.errors import (
    Fault,
    business,
    invalid_enumeration,
    missing_reference,
    not_both_job_and_parent,
    required,
    unsupported_property,
)
from quickbooks_sandbox.books.indexes import PEOPLE, name_field, name_key, name_space, shown_name, unique_name
from quickbooks_sandbox.books.schema import TRANSACTIONS
from quickbooks_sandbox.rules.company import (
    CURRENCY_NAMES,
    company_tax_code,
    home_currency,
    number_addresses,
)
from quickbooks_sandbox.rules.references import resolve_all, value_of

DELETED = " (deleted)"
_NAME_PARTS = ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")
_ACCOUNT_CLASSES = {
    "Bank": "Asset", "Accounts Receivable": "Asset", "Other Current Asset": "Asset", "Fixed Asset": "Asset",
    "Other Asset": "Asset", "Income": "Revenue", "Other Income": "Revenue", "Expense": "Expense",
    "Other Expense": "Expense", "Cost of Goods Sold": "Expense", "Accounts Payable": "Liability",
    "Credit Card": "Liability", "Other Current Liability": "Liability", "Long Term Liability": "Liability",
    "Equity": "Equity",
}  # fmt: skip
# The type that a subtype belongs to; the first one of a type is its default.
_SUBTYPES = {
    "CashOnHand": "Bank", "Checking": "Bank", "Savings": "Bank", "MoneyMarket": "Bank", "TrustAccounts": "Bank",
    "AccountsReceivable": "Accounts Receivable", "AccountsPayable": "Accounts Payable",
    "EmployeeCashAdvances": "Other Current Asset", "Inventory": "Other Current Asset",
    "UndepositedFunds": "Other Current Asset", "PrepaidExpenses": "Other Current Asset",
    "FurnitureAndFixtures": "Fixed Asset", "Vehicles": "Fixed Asset", "SecurityDeposits": "Other Asset",
    "NonProfitIncome": "Income", "OtherPrimaryIncome": "Income", "SalesOfProductIncome": "Income",
    "ServiceFeeIncome": "Income", "DiscountsRefundsGiven": "Income", "UnappliedCashPaymentIncome": "Income",
    "InterestEarned": "Other Income", "OtherMiscellaneousIncome": "Other Income",
    "Travel": "Expense", "OfficeGeneralAdministrativeExpenses": "Expense", "AdvertisingPromotional": "Expense",
    "Utilities": "Expense", "Insurance": "Expense", "LegalProfessionalFees": "Expense",
    "RentOrLeaseOfBuildings": "Expense", "OtherMiscellaneousServiceCost": "Expense", "BankCharges": "Expense",
    "TravelMeals": "Expense", "Depreciation": "Other Expense", "ExchangeGainOrLoss": "Other Expense",
    "SuppliesMaterialsCogs": "Cost of Goods Sold", "CreditCard": "Credit Card",
    "SalesTaxPayable": "Other Current Liability", "OtherCurrentLiabilities": "Other Current Liability",
    "NotesPayable": "Long Term Liability", "OpeningBalanceEquity": "Equity", "RetainedEarnings": "Equity",
}  # fmt: skip
# Lists whose records may have parents, and the flag that says so.
_CHILD_FLAGS = {
    "Customer": "Job", "Item": "SubItem", "Account": "SubAccount", "Class": "SubClass", "Department": "SubDepartment",
}  # fmt: skip
DEEPEST = 4
MOST_OF_A_PART = Decimal(10**6)


def save_name(transaction: Transaction, entity: str, doc: Doc, current: Doc | None, switches: Doc) -> Doc:
    """Create or replace a record of a list."""
    doc["Active"] = doc.get("Active") is not False
    _set_name(entity, doc)
    _check_name(entity, doc)
    if entity == "Customer" and bool(doc.get("Job")) != bool(value_of(doc.get("ParentRef"))):
        raise not_both_job_and_parent()
    _qualify(transaction, entity, doc)
    if not doc["Active"]:
        _deactivate(transaction, entity, doc, current)
    elif current is not None and not current.get("Active", True):
        _reactivate(entity, doc)
    _check_unique(transaction, entity, doc, switches)
    resolve_all(transaction, doc, current)
    _FILL.get(entity, _fill_nothing)(transaction, doc, current)
    number_addresses(transaction, doc, located=entity in PEOPLE)
    if entity in PEOPLE and not doc.get("V4IDPseudonym"):
        doc["V4IDPseudonym"] = f"{transaction.next_number('pseudonym'):040x}"
    if doc == current and not doc.get("Active", True):
        return current  # what is inactive already is not changed by making it so
    stored = transaction.put(entity, doc)
    if current is not None and current.get("FullyQualifiedName") != stored.get("FullyQualifiedName"):
        _rename_below(transaction, entity, stored)
    return stored


def _rename_below(transaction: Transaction, entity: str, parent: Doc) -> None:
    """The full names of children begin with their parent's."""
    for _, child_id in transaction.find(f"below:{entity}", parent["Id"]):
        child = transaction.editable(entity, child_id)
        _qualify(transaction, entity, child)
        transaction.put(entity, child)
        _rename_below(transaction, entity, child)


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


def _qualify(transaction: Transaction, entity: str, doc: Doc) -> None:
    """The full name, ``Parent:Child``, and how deep below the top it is."""
    if entity not in _CHILD_FLAGS:
        return
    name, parent_id = doc[name_field(entity)], value_of(doc.get("ParentRef"))
    doc[_CHILD_FLAGS[entity]] = bool(parent_id)
    doc["FullyQualifiedName"] = name
    doc.pop("Level", None)
    if not parent_id:
        doc.pop("ParentRef", None)
        return
    parent = transaction.get(entity, parent_id)
    if parent is None:
        raise missing_reference(f"{entity}s", parent_id, "ParentRef")
    if parent_id == doc.get("Id") or parent.get("Level", 0) >= DEEPEST:
        raise business("A record cannot be below itself or more than four levels deep.")
    doc["ParentRef"] = {"value": parent_id, "name": shown_name(entity, parent)}
    doc["FullyQualifiedName"] = f"{parent.get('FullyQualifiedName') or parent[name_field(entity)]}:{name}"
    doc["Level"] = int(parent.get("Level") or 0) + 1


def _deactivate(transaction: Transaction, entity: str, doc: Doc, current: Doc | None) -> None:
    if current is None:
        raise business("A new record cannot be inactive.")
    if entity == "Customer" and _owes(transaction, current, doc):
        raise business("You cannot make a customer inactive who has a balance.")
    if not current.get("Active", True):
        return
    plain_name = doc[name_field(entity)]
    doc["_NameBefore"] = plain_name
    candidate, attempt = plain_name + DELETED, 1
    above = str(doc.get("FullyQualifiedName") or plain_name).removesuffix(plain_name)
    while transaction.find(name_space(entity), name_key(above + candidate)):
        attempt += 1
        candidate = f"{plain_name}{DELETED}-{attempt}"
    doc[name_field(entity)] = candidate
    doc["FullyQualifiedName"] = above + candidate


def _owes(transaction: Transaction, current: Doc, doc: Doc) -> bool:
    return bool(current.get("Active", True)) and transaction.owed(doc["Id"]) != ZERO


def _reactivate(entity: str, doc: Doc) -> None:
    before = doc.pop("_NameBefore", None)
    if before and DELETED in doc[name_field(entity)]:
        above = str(doc.get("FullyQualifiedName") or "").removesuffix(doc[name_field(entity)])
        doc[name_field(entity)] = before
        doc["FullyQualifiedName"] = above + before


def _check_unique(transaction: Transaction, entity: str, doc: Doc, switches: Doc) -> None:
    for other_entity, other_id in transaction.find(name_space(entity), name_key(str(unique_name(entity, doc)))):
        if (other_entity, other_id) == (entity, doc.get("Id")):
            continue
        details = {
            "id": f"Id={other_id}",
            "null": "null",
            "sentence": "Another customer, vendor or employee is already using this name. Please use a different name.",
        }
        raise Fault("6240", f"The name supplied already exists. : {details[switches['duplicate_name_detail']]}")


def _fill_customer(transaction: Transaction, doc: Doc, current: Doc | None) -> None:
    doc["PrintOnCheckName"] = doc.get("PrintOnCheckName") or doc.get("CompanyName") or doc["DisplayName"]
    doc.setdefault("Taxable", True)
    doc["BillWithParent"] = bool(doc.get("BillWithParent"))
    doc["PreferredDeliveryMethod"] = doc.get("PreferredDeliveryMethod") or "Print"
    currency = value_of(doc.get("CurrencyRef")) or (
        value_of(current.get("CurrencyRef")) if current else home_currency(transaction)
    )
    if current is not None and currency != current["CurrencyRef"]["value"]:
        raise business("The currency of a customer cannot be changed.")
    doc["CurrencyRef"] = _currency(str(currency))
    doc["IsProject"] = bool(doc.get("IsProject"))
    doc["ClientEntityId"] = doc.get("ClientEntityId") or "0"
    if current is None and doc["Taxable"] and not doc.get("DefaultTaxCodeRef"):
        code = company_tax_code(transaction)
        doc["DefaultTaxCodeRef"] = {"value": code} if code else None


def _currency(code: str) -> Doc:
    return {"value": code, "name": CURRENCY_NAMES.get(code, code)}


def _fill_vendor(transaction: Transaction, doc: Doc, current: Doc | None) -> None:
    _fill_person(transaction, doc, current)
    doc["Balance"] = ZERO
    doc["Vendor1099"] = bool(doc.get("Vendor1099"))
    doc["BillRate"], doc["CostRate"] = doc.get("BillRate") or ZERO, doc.get("CostRate") or ZERO
    doc["CurrencyRef"] = _currency(value_of(doc.get("CurrencyRef")) or home_currency(transaction))


def _fill_employee(transaction: Transaction, doc: Doc, current: Doc | None) -> None:
    _fill_person(transaction, doc, current)
    doc["BillableTime"] = bool(doc.get("BillableTime"))


def _fill_person(_transaction: Transaction, doc: Doc, _current: Doc | None) -> None:
    doc["PrintOnCheckName"] = doc.get("PrintOnCheckName") or doc["DisplayName"]


def _fill_item(transaction: Transaction, doc: Doc, _current: Doc | None) -> None:
    doc["Type"] = doc.get("Type") or "Service"
    doc["UnitPrice"] = doc.get("UnitPrice") or ZERO
    doc["PurchaseCost"] = doc.get("PurchaseCost") or ZERO
    doc["Taxable"] = bool(doc.get("Taxable"))
    doc["TrackQtyOnHand"] = bool(doc.get("TrackQtyOnHand"))
    doc["DeferredRevenue"] = bool(doc.get("DeferredRevenue"))
    if doc["Type"] not in ("Category", "Group") and not value_of(doc.get("IncomeAccountRef")):
        raise required("IncomeAccountRef")
    if doc["Type"] == "Group" and doc.get("ItemGroupDetail") is not None:
        doc["ItemGroupDetail"] = {"ItemGroupLine": [_part(transaction, one) for one in _parts(doc["ItemGroupDetail"])]}


def _parts(detail: Any) -> list[Doc]:
    parts = detail.get("ItemGroupLine") if isinstance(detail, dict) else None
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise required("ItemGroupDetail.ItemGroupLine")
    return parts


def _part(transaction: Transaction, part: Doc) -> Doc:
    """One item of a bundle and how many of it."""
    item_id = str(value_of(part.get("ItemRef")) or "")
    item = transaction.get("Item", item_id)
    if item is None:
        raise missing_reference("Items", item_id, "ItemRef")
    if item["Type"] in ("Group", "Category"):
        raise business("A bundle is made of products and services only.")
    try:
        quantity = Decimal(str(part.get("Qty") or 1))
    except ArithmeticError:
        raise unsupported_property("Qty") from None
    if not (quantity.is_finite() and 0 < quantity < MOST_OF_A_PART):
        raise business("A bundle has more than none of each of its items.")
    return {"Qty": quantity, "ItemRef": {"value": item_id, "name": item["Name"], "type": item["Type"]}}


def _fill_account(transaction: Transaction, doc: Doc, _current: Doc | None) -> None:
    doc["AccountType"] = doc.get("AccountType") or _SUBTYPES.get(doc.get("AccountSubType") or "")
    if not doc["AccountType"]:
        raise required("AccountType")
    if doc["AccountType"] not in _ACCOUNT_CLASSES:
        raise invalid_enumeration(doc["AccountType"], "AccountType")
    doc["AccountSubType"] = doc.get("AccountSubType") or _first_subtype(doc["AccountType"])
    doc["Classification"] = _ACCOUNT_CLASSES[doc["AccountType"]]
    doc["CurrencyRef"] = _currency(value_of(doc.get("CurrencyRef")) or home_currency(transaction))
    doc["CurrentBalance"] = doc["CurrentBalanceWithSubAccounts"] = ZERO


def _first_subtype(account_type: str) -> str:
    return next((name for name, kind in _SUBTYPES.items() if kind == account_type), account_type.replace(" ", ""))


def _fill_term(_transaction: Transaction, doc: Doc, _current: Doc | None) -> None:
    """A term counts days, or names a day of the month."""
    driven = doc.get("DayOfMonthDue") is not None
    doc["Type"] = "DATE_DRIVEN" if driven else "STANDARD"
    if not driven:
        if doc.get("DueDays") is None:
            raise required("DueDays")
        doc["DiscountPercent"], doc["DiscountDays"] = doc.get("DiscountPercent") or ZERO, doc.get("DiscountDays") or 0
    days = {"DayOfMonthDue": (1, 31), "DueDays": (0, 999), "DueNextMonthDays": (0, 999)}
    for name, (least, most) in days.items():
        if doc.get(name) is not None and not least <= doc[name] <= most:
            raise business(f"{name} is between {least} and {most}.")


def _fill_method(_transaction: Transaction, doc: Doc, _current: Doc | None) -> None:
    doc["Type"] = doc.get("Type") or "NON_CREDIT_CARD"
    if doc["Type"] not in ("NON_CREDIT_CARD", "CREDIT_CARD"):
        raise invalid_enumeration(doc["Type"], "Type")


def _fill_agency(_transaction: Transaction, doc: Doc, _current: Doc | None) -> None:
    doc["TaxTrackedOnSales"] = doc.get("TaxTrackedOnSales") is not False
    doc["TaxTrackedOnPurchases"] = bool(doc.get("TaxTrackedOnPurchases"))
    del doc["Active"]


def _fill_currency(transaction: Transaction, doc: Doc, current: Doc | None) -> None:
    doc["Code"] = doc["Code"].upper()
    if doc["Code"] not in CURRENCY_NAMES and current is None and len(doc["Code"]) != 3:
        raise invalid_enumeration(doc["Code"], "Code")
    if doc["Code"] == home_currency(transaction):
        raise business("The home currency is not a foreign currency.")
    doc["Name"] = doc.get("Name") or CURRENCY_NAMES.get(doc["Code"], doc["Code"])


def _fill_nothing(_transaction: Transaction, _doc: Doc, _current: Doc | None) -> None:
    """Classes and departments have no derived fields but their full names."""


_FILL = {
    "Customer": _fill_customer,
    "Vendor": _fill_vendor,
    "Employee": _fill_employee,
    "Item": _fill_item,
    "Account": _fill_account,
    "Term": _fill_term,
    "PaymentMethod": _fill_method,
    "TaxAgency": _fill_agency,
    "CompanyCurrency": _fill_currency,
}


_POINTS_TO = {"Customer": ("CustomerRef",), "Item": ("ItemRef", "GroupItemRef")}


def merge(transaction: Transaction, entity: str, survivor_id: str, merged_id: str, switches: Doc) -> Doc:
    """What a user does on a record's page: the survivor keeps its Id and takes over all transactions and children."""
    if entity not in _POINTS_TO:
        raise business("Only customers and items can be merged here.")
    survivor = transaction.editable(entity, survivor_id)
    merged = transaction.editable(entity, merged_id)
    if survivor_id == merged_id or survivor.get("CurrencyRef") != merged.get("CurrencyRef"):
        raise business("Only two different records, and only customers of the same currency, can be merged.")
    types = {survivor.get("Type"), merged.get("Type")}
    if len(types) > 1 and types & {"Group", "Category"}:
        raise business("A bundle or a category can be merged with its like only.")
    survivor = _move_children(transaction, entity, survivor, merged, switches)
    name = survivor[name_field(entity)]
    for kind in (*TRANSACTIONS, "Item"):
        for doc in transaction.all(kind):
            moved = copied(doc)
            found = [
                _repoint(moved, field, merged_id, {"value": survivor_id, "name": name}) for field in _POINTS_TO[entity]
            ]
            if any(found):
                transaction.put(kind, moved)
    survivor = transaction.editable(entity, survivor_id)
    merged["Active"] = False
    _deactivate(transaction, entity, merged, transaction.need(entity, merged_id))
    transaction.put(entity, merged)
    transaction.changes.pop((entity, merged_id))
    return transaction.put(entity, survivor, "merged", {"deletedid": merged_id})


def _move_children(transaction: Transaction, entity: str, survivor: Doc, merged: Doc, switches: Doc) -> Doc:
    """What is below the merged record comes below the survivor; a survivor that was itself below takes its place."""
    children = transaction.find(f"below:{entity}", merged["Id"])
    others = transaction.find(f"below:{entity}", survivor["Id"])
    if entity == "Customer" and (children or others) and switches["merged_sub_customers"] == "refused":
        raise business("Customers with sub-customers cannot be merged.")
    if transaction.is_below(entity, survivor["Id"], merged["Id"]):
        survivor = _put_below(transaction, entity, survivor["Id"], merged.get("ParentRef"), switches)
    for _, child_id in children:
        if child_id != survivor["Id"]:
            _put_below(transaction, entity, child_id, {"value": survivor["Id"]}, switches)
    return survivor


def _put_below(transaction: Transaction, entity: str, object_id: str, parent: Doc | None, switches: Doc) -> Doc:
    doc = transaction.editable(entity, object_id)
    doc["ParentRef"] = copied(parent)
    _qualify(transaction, entity, doc)
    _check_unique(transaction, entity, doc, switches)
    stored = transaction.put(entity, doc)
    _rename_below(transaction, entity, stored)
    return stored


def _repoint(value: Any, field: str, old: str, new: Doc) -> bool:
    if isinstance(value, list):
        return sum(_repoint(item, field, old, new) for item in value) > 0
    if not isinstance(value, dict):
        return False
    changed = False
    for name, item in value.items():
        if name == field and isinstance(item, dict) and item.get("value") == old:
            value[name] = {**item, **new}
            changed = True
        else:
            changed = _repoint(item, field, old, new) or changed
    return changed
