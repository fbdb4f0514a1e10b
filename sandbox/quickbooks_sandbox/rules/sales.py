"""Invoices, estimates, credit memos and receipts: totals, balances, numbers, links, voids and deletes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from quickbooks_sandbox.books.amounts import ZERO, Doc, amount_of, cents, copied
from quickbooks_sandbox.books.books import Transaction
from quickbooks_sandbox.books.clock import add_days, company_date, due_after, meta_time
from quickbooks_sandbox.books.errors import Fault, business, duplicate_number, required
from quickbooks_sandbox.books.schema import check_email
from quickbooks_sandbox.rules.company import (
    DISCOUNTS,
    check_books_open,
    company_tax_code,
    home_currency,
    is_in_us,
    keeps_own_numbers,
    number_addresses,
    preferences,
    set_currency,
    warns_of_duplicate_numbers,
)
from quickbooks_sandbox.rules.lines import read_lines, sales_lines, settle_lines, void_lines
from quickbooks_sandbox.rules.references import resolve_all, value_of
from quickbooks_sandbox.rules.tax import settle_tax, take_tax_out

Saver = Callable[[Transaction, Doc, Doc | None, Doc], Doc]

ONLINE_PAYMENTS = (
    "AllowIPNPayment", "AllowOnlinePayment", "AllowOnlineCreditCardPayment", "AllowOnlineACHPayment",
)  # fmt: skip
RECEIPTS = ("SalesReceipt", "RefundReceipt")
AUTOMATIC = "automatic"
UNDEPOSITED_FUNDS = "Undeposited Funds"
FIRST_NUMBER = 1001
FIRST_OF_OTHERS = 10001  # where clients number their own forms: well behind theirs
AUTO_NUMBER = "AUTO_GENERATE"
_LINES_OF_AN_ADDRESS = ("Line1", "City", "CountrySubDivisionCode", "PostalCode", "Country")
CUSTOM_FIELDS: tuple[Doc, ...] = ({"DefinitionId": "1", "Name": "Crew #", "Type": "StringType"},)
"""What a company has on its sales forms; the sample companies of Intuit have this one."""


def save_sale(transaction: Transaction, entity: str, doc: Doc, current: Doc | None, switches: Doc) -> Doc:
    """Create or replace a sales form from its settled request."""
    customer = _customer(transaction, entity, doc, current)
    if entity in RECEIPTS:
        if current is not None:
            refuse_if_deposited(current)
        _set_account(transaction, entity, doc)
    doc["TxnDate"] = doc.get("TxnDate") or company_date(transaction.now)
    check_books_open(transaction, doc["TxnDate"], current["TxnDate"] if current else None)
    set_currency(transaction, doc, customer)
    doc["ApplyTaxAfterDiscount"] = bool(doc.get("ApplyTaxAfterDiscount"))
    read_lines(transaction, doc)
    take_tax_out(transaction, doc, switches)
    sums = settle_lines(doc, current, switches)
    _name_discount_account(transaction, doc)
    resolve_all(transaction, doc, current)
    _name_income_accounts(transaction, doc)
    _set_addresses(transaction, doc, current, customer)
    if entity == "Invoice":
        _set_sender(transaction, doc, current)
    tax = settle_tax(transaction, doc, sums, customer, switches)
    doc["TotalAmt"] = sums.items - sums.discount + tax
    if doc["TotalAmt"] < 0:
        raise business("The transaction amount must be zero or more.")
    _set_number(transaction, entity, doc, current, switches)
    _set_mail(doc, current, customer)
    _set_custom_fields(doc)
    doc.setdefault("PrintStatus", "NeedToPrint")
    if is_in_us(transaction):
        doc.setdefault("TaxExemptionRef", {})  # recorded so, empty
    return _KINDS[entity](transaction, doc, current, customer)


def _customer(transaction: Transaction, entity: str, doc: Doc, current: Doc | None) -> Doc:
    customer_id = value_of(doc.get("CustomerRef"))
    if not customer_id and entity in RECEIPTS:  # money over the counter may come from nobody in particular
        doc.pop("CustomerRef", None)
        return {}
    if not customer_id:
        raise required("CustomerRef")
    moved = current is not None and customer_id != value_of(current.get("CustomerRef"))
    if moved and (links(current or {}, "Payment") or (current or {}).get("_Applied")):
        raise business("The customer cannot be changed while payments are linked to this transaction.")
    resolve_all(transaction, {"CustomerRef": doc["CustomerRef"]}, current)
    return transaction.need("Customer", customer_id)


def _set_number(transaction: Transaction, entity: str, doc: Doc, current: Doc | None, switches: Doc) -> None:
    number = doc.get("DocNumber")
    kept = current.get("DocNumber") if current else None
    if doc.pop("AutoDocNumber", None) and not number:
        number = kept or AUTO_NUMBER
    if not keeps_own_numbers(transaction):
        number = kept or _next_number(transaction, entity)
    elif number == AUTO_NUMBER:
        number = _next_number(transaction, entity)
    elif not number and current is None and switches["number_not_sent"] == AUTOMATIC:
        number = _next_number(transaction, entity, "Automatic", FIRST_OF_OTHERS)
    doc["DocNumber"] = number
    checked = switches["duplicate_number_check"] and warns_of_duplicate_numbers(transaction)
    if number and number != kept and checked and not switches.get("_allow_duplicate_number"):
        for other_entity, other_id in transaction.find(f"DocNumber:{entity}", number):
            if other_id != doc.get("Id"):
                raise duplicate_number(number, other_entity, other_id)


def _next_number(transaction: Transaction, entity: str, sequence: str = "DocNumber", first: int = FIRST_NUMBER) -> str:
    while True:
        number = str(transaction.next_number(f"{sequence}:{entity}", first))
        if not transaction.find(f"DocNumber:{entity}", number):
            return number


def _name_discount_account(transaction: Transaction, doc: Doc) -> None:
    """A discount that names no account goes to the company's own."""
    for line in doc["Line"]:
        detail = line.get("DiscountLineDetail")
        if line["DetailType"] == "DiscountLineDetail" and not value_of(detail.get("DiscountAccountRef")):
            accounts = [one for one in transaction.all("Account") if one.get("AccountSubType") == DISCOUNTS]
            usable = [one for one in accounts if one["Active"]]
            detail["DiscountAccountRef"] = {"value": usable[0]["Id"]} if usable else None


def _name_income_accounts(transaction: Transaction, doc: Doc) -> None:
    """A line tells the account that its item's sales go to."""
    for line in sales_lines(doc["Line"]):
        detail = line["SalesItemLineDetail"]
        item = transaction.get("Item", value_of(detail.get("ItemRef")) or "")
        if item is not None and value_of(item.get("IncomeAccountRef")):
            detail["ItemAccountRef"] = {"value": item["IncomeAccountRef"]["value"]}


def _set_addresses(transaction: Transaction, doc: Doc, current: Doc | None, customer: Doc) -> None:
    """A new form goes to where the customer is."""
    for name in ("BillAddr", "ShipAddr"):
        if current is None and not doc.get(name) and customer.get(name):
            doc[name] = copied(customer[name])
    number_addresses(transaction, doc)
    if doc.get("FreeFormAddress") is None:  # lines without a town are what somebody wrote as it is
        address = doc.get("BillAddr") or {}
        doc["FreeFormAddress"] = "Line1" in address and not address.get("City")


def _set_sender(transaction: Transaction, doc: Doc, current: Doc | None) -> None:
    """Automated sales tax goes by where it is sent from: the company's address, in two lines."""
    own = (transaction.get("CompanyInfo", "1") or {}).get("CompanyAddr") or {}
    if current is None and not doc.get("ShipFromAddr") and own and company_tax_code(transaction):
        street, city, region, code, country = (own.get(name) or "" for name in _LINES_OF_AN_ADDRESS)
        doc["ShipFromAddr"] = {"Line1": street, "Line2": f"{city}, {region}  {code} {country}"}
        number_addresses(transaction, {"ShipFromAddr": doc["ShipFromAddr"]})


def _set_custom_fields(doc: Doc) -> None:
    """A form shows every field that the company has, with or without a value."""
    given = doc.get("CustomField") or []
    sent = {field.get("DefinitionId"): field for field in given}
    defined = {field["DefinitionId"]: {**field, **sent.get(field["DefinitionId"], {})} for field in CUSTOM_FIELDS}
    others = [field for field in given if field.get("DefinitionId") not in defined]
    doc["CustomField"] = [*defined.values(), *others]


def _set_mail(doc: Doc, current: Doc | None, customer: Doc) -> None:
    doc["EmailStatus"] = doc.get("EmailStatus") or "NotSet"
    doc["DeliveryInfo"] = copied((current or {}).get("DeliveryInfo"))
    if doc["EmailStatus"] == "NeedToSend":
        if not _address_mail(doc, customer):
            raise business("A transaction that is to be emailed needs an email address.")
        doc["DeliveryInfo"] = doc["DeliveryInfo"] or {"DeliveryType": "Email"}


def _address_mail(doc: Doc, customer: Doc) -> bool:
    """A form that is mailed without an address of its own goes to the customer's. Whether there is any."""
    if not (doc.get("BillEmail") or {}).get("Address") and customer.get("PrimaryEmailAddr"):
        doc["BillEmail"] = {"Address": customer["PrimaryEmailAddr"]["Address"]}
    return bool((doc.get("BillEmail") or {}).get("Address"))


def _save_invoice(transaction: Transaction, doc: Doc, current: Doc | None, customer: Doc) -> Doc:
    _set_due_date(transaction, doc, customer)
    for name in ONLINE_PAYMENTS:
        doc[name] = bool(doc.get(name))
    doc["Deposit"] = cents(amount_of(doc.get("Deposit")))
    if doc["Deposit"] > doc["TotalAmt"]:
        raise business("The deposit must not be more than the total.")
    doc["LinkedTxn"] = links(current or {}, "Payment") + links(doc, "Estimate")
    doc["Balance"] = ZERO
    if current is None:
        transaction.put("Invoice", doc)
    _close_estimates(transaction, doc, current)
    release_overpayment(transaction, doc)
    set_invoice_balance(transaction, doc)
    return doc if current is None else transaction.put("Invoice", doc)


def _set_due_date(transaction: Transaction, doc: Doc, customer: Doc) -> None:
    term_id = value_of(doc.get("SalesTermRef"))
    if not term_id and not doc.get("DueDate") and customer.get("SalesTermRef"):
        doc["SalesTermRef"] = dict(customer["SalesTermRef"])
        term_id = customer["SalesTermRef"]["value"]
    default = preferences(transaction)["SalesFormsPrefs"].get("DefaultTerms")
    if not term_id and not doc.get("DueDate") and value_of(default):
        doc["SalesTermRef"] = {"value": default["value"]}
        resolve_all(transaction, {"SalesTermRef": doc["SalesTermRef"]})
        term_id = default["value"]
    if not doc.get("DueDate"):
        doc["DueDate"] = _due(doc["TxnDate"], transaction.get("Term", term_id) if term_id else None)


def _due(day: str, term: Doc | None) -> str:
    if term is None:
        return day
    if term.get("DayOfMonthDue") is not None:
        return due_after(day, int(term["DayOfMonthDue"]), int(term.get("DueNextMonthDays") or 0))
    return add_days(day, int(term.get("DueDays") or 0))


def _set_account(transaction: Transaction, entity: str, doc: Doc) -> None:
    if value_of(doc.get("DepositToAccountRef")):
        return
    if entity == "RefundReceipt":
        raise required("DepositToAccountRef")
    put_to_undeposited_funds(transaction, doc)


def put_to_undeposited_funds(transaction: Transaction, doc: Doc) -> None:
    for _, account_id in transaction.find("name:Account", UNDEPOSITED_FUNDS.casefold()):
        doc["DepositToAccountRef"] = {"value": account_id}


def _save_receipt(entity: str) -> Saver:
    def save(transaction: Transaction, doc: Doc, current: Doc | None, _customer: Doc) -> Doc:
        doc["Balance"] = ZERO
        doc["LinkedTxn"] = links(current or {}, "Deposit")
        _set_home_total(transaction, doc)
        doc["HomeBalance"] = None if doc["HomeTotalAmt"] is None else ZERO
        return transaction.put(entity, doc)

    return save


def _save_estimate(transaction: Transaction, doc: Doc, current: Doc | None, _customer: Doc) -> Doc:
    doc["TxnStatus"] = doc.get("TxnStatus") or (current or {}).get("TxnStatus") or "Pending"
    doc["LinkedTxn"] = links(current or {}, "Invoice")
    _set_home_total(transaction, doc)
    return transaction.put("Estimate", doc)


def _save_credit_memo(transaction: Transaction, doc: Doc, current: Doc | None, _customer: Doc) -> Doc:
    doc["_Applied"] = amount_of((current or {}).get("_Applied"))
    if doc["TotalAmt"] < doc["_Applied"]:
        raise business("The credit memo is applied to more than its new amount.")
    set_remaining_credit(doc)
    _set_home_total(transaction, doc)
    return transaction.put("CreditMemo", doc)


def _set_home_total(transaction: Transaction, doc: Doc) -> None:
    foreign = doc["CurrencyRef"]["value"] != home_currency(transaction)
    doc["HomeTotalAmt"] = cents(doc["TotalAmt"] * doc["ExchangeRate"]) if foreign else None


_KINDS: dict[str, Saver] = {
    "Invoice": _save_invoice, "Estimate": _save_estimate, "CreditMemo": _save_credit_memo,
    "SalesReceipt": _save_receipt("SalesReceipt"), "RefundReceipt": _save_receipt("RefundReceipt"),
}  # fmt: skip


# Links and balances


def links(doc: Doc, kind: str) -> list[Doc]:
    return [link for link in doc.get("LinkedTxn") or [] if link.get("TxnType") == kind]


def paid_by(payment: Doc, kind: str, target: str) -> Decimal:
    """What one payment's lines put on one invoice or take from one credit memo."""
    return sum(
        (
            line["Amount"]
            for line in payment.get("Line") or []
            if any(link["TxnType"] == kind and link["TxnId"] == target for link in line["LinkedTxn"])
        ),
        ZERO,
    )


def set_invoice_balance(transaction: Transaction, invoice: Doc) -> None:
    applied = sum(
        (
            paid_by(transaction.need("Payment", link["TxnId"]), "Invoice", invoice["Id"])
            for link in links(invoice, "Payment")
        ),
        ZERO,
    )
    invoice["Balance"] = invoice["TotalAmt"] - amount_of(invoice.get("Deposit")) - applied
    _set_home_total(transaction, invoice)
    foreign = invoice["HomeTotalAmt"] is not None
    invoice["HomeBalance"] = cents(invoice["Balance"] * invoice["ExchangeRate"]) if foreign else None


def set_remaining_credit(memo: Doc) -> None:
    memo["RemainingCredit"] = memo["Balance"] = memo["TotalAmt"] - memo["_Applied"]


def release_overpayment(transaction: Transaction, invoice: Doc) -> None:
    """An invoice edited below what is paid on it gives the rest back: the newest payment first."""
    room = invoice["TotalAmt"] - amount_of(invoice.get("Deposit"))
    for link in links(invoice, "Payment"):
        payment = transaction.need("Payment", link["TxnId"])
        paid = paid_by(payment, "Invoice", invoice["Id"])
        kept = min(paid, room)
        room -= kept
        if kept < paid:
            _reduce(transaction, payment, invoice, paid - kept)


def _reduce(transaction: Transaction, payment: Doc, invoice: Doc, excess: Decimal) -> None:
    payment = copied(payment)
    for line in payment["Line"]:
        if any(link["TxnType"] == "Invoice" and link["TxnId"] == invoice["Id"] for link in line["LinkedTxn"]):
            part = min(line["Amount"], excess)
            line["Amount"] -= part
            payment["UnappliedAmt"] += part
            excess -= part
    payment["Line"] = [line for line in payment["Line"] if line["Amount"]]
    transaction.put("Payment", payment)
    if not paid_by(payment, "Invoice", invoice["Id"]):
        invoice["LinkedTxn"] = [
            link for link in invoice["LinkedTxn"] if (link["TxnType"], link["TxnId"]) != ("Payment", payment["Id"])
        ]


def _close_estimates(transaction: Transaction, invoice: Doc, current: Doc | None) -> None:
    before = {link["TxnId"] for link in links(current or {}, "Estimate")}
    after = {link["TxnId"] for link in links(invoice, "Estimate")}
    for estimate_id in sorted(after - before):
        estimate = transaction.editable("Estimate", estimate_id)
        if estimate["CustomerRef"]["value"] != invoice["CustomerRef"]["value"]:
            raise Fault("620", f"Estimate {estimate_id} belongs to another customer.")
        estimate["LinkedTxn"] = [*(estimate.get("LinkedTxn") or []), _link(invoice["Id"], "Invoice")]
        estimate["_StatusBefore"] = estimate["TxnStatus"]
        estimate["TxnStatus"] = "Closed"
        transaction.put("Estimate", estimate)
    for estimate_id in sorted(before - after):
        _reopen_estimate(transaction, estimate_id, invoice["Id"])


def _reopen_estimate(transaction: Transaction, estimate_id: str, invoice_id: str) -> None:
    estimate = transaction.editable("Estimate", estimate_id)
    estimate["LinkedTxn"] = [link for link in estimate["LinkedTxn"] if link["TxnId"] != invoice_id]
    if not estimate["LinkedTxn"] and estimate["TxnStatus"] == "Closed":
        estimate["TxnStatus"] = estimate.pop("_StatusBefore", "Pending")
    transaction.put("Estimate", estimate)


def _link(object_id: str, kind: str) -> Doc:
    return {"TxnId": object_id, "TxnType": kind}


# Void, delete, send


def void_sale(transaction: Transaction, entity: str, current: Doc) -> Doc:
    _refuse_if_paid(transaction, current, "void")
    doc = copied(current)
    void_lines(doc)
    for name in ("TotalAmt", "Balance", "Deposit", "RemainingCredit", "HomeTotalAmt", "HomeBalance"):
        if doc.get(name) is not None:
            doc[name] = ZERO
    doc["_TaxIsGiven"] = doc["_TaxLinesAreGiven"] = False
    doc["PrivateNote"] = voided_note(doc.get("PrivateNote"))
    return transaction.put(entity, doc, "void")


def voided_note(note: str | None) -> str:
    if not note:
        return "Voided"
    return note if note.startswith("Voided") else f"Voided - {note}"


def is_voided(doc: Doc) -> bool:
    """QuickBooks has no flag for it either."""
    empty = not doc["TotalAmt"] and not amount_of(doc.get("Balance"))
    return empty and str(doc.get("PrivateNote") or "").startswith("Voided")


def delete_sale(transaction: Transaction, entity: str, current: Doc) -> None:
    _refuse_if_paid(transaction, current, "delete")
    for link in links(current, "Estimate"):
        _reopen_estimate(transaction, link["TxnId"], current["Id"])
    for link in links(current, "Invoice"):
        invoice = transaction.editable("Invoice", link["TxnId"])
        invoice["LinkedTxn"] = [other for other in invoice["LinkedTxn"] if other["TxnId"] != current["Id"]]
        transaction.put("Invoice", invoice)
    transaction.delete(entity, current["Id"])


def _refuse_if_paid(transaction: Transaction, current: Doc, what: str) -> None:
    refuse_if_deposited(current)
    check_books_open(transaction, current["TxnDate"])
    if links(current, "Payment") or current.get("_Applied"):
        raise business(f"You cannot {what} this transaction because other transactions are linked to it.")


def refuse_if_deposited(doc: Doc) -> None:
    if links(doc, "Deposit"):
        raise Fault("6540")


def send_sale(transaction: Transaction, entity: str, current: Doc, address: Any) -> Doc:
    doc = copied(current)
    if address:
        check_email(str(address), "sendTo")
        doc["BillEmail"] = {"Address": str(address)}
    customer = value_of(current.get("CustomerRef"))
    if not _address_mail(doc, transaction.need("Customer", customer) if customer else {}):
        raise required("BillEmail.Address")
    doc["EmailStatus"] = "EmailSent"
    doc["DeliveryInfo"] = {"DeliveryType": "Email", "DeliveryTime": meta_time(transaction.now)}
    return transaction.put(entity, doc, "emailed")
