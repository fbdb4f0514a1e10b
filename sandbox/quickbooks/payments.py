"""Payments and deposits: what they apply to, what is left over, and what locks them."""

from __future__ import annotations

import copy
from decimal import Decimal

from sandbox.quickbooks.amounts import ZERO, Doc, amount_of, cents
from sandbox.quickbooks.books import Transaction
from sandbox.quickbooks.clock import company_date
from sandbox.quickbooks.company import check_books_open, home_currency, set_currency
from sandbox.quickbooks.errors import Fault, business, invalid_enumeration, required
from sandbox.quickbooks.references import resolve_all, value_of
from sandbox.quickbooks.sales import (
    is_voided,
    links,
    paid_by,
    set_invoice_balance,
    set_remaining_credit,
    voided_note,
)

UNDEPOSITED_FUNDS = "Undeposited Funds"


def save_payment(transaction: Transaction, doc: Doc, current: Doc | None) -> Doc:
    """Create or replace a payment; the invoices and credit memos that it touches change with it."""
    customer = _payer(transaction, doc, current)
    doc["TxnDate"] = doc.get("TxnDate") or company_date(transaction.now)
    check_books_open(transaction, doc["TxnDate"], current["TxnDate"] if current else None)
    set_currency(transaction, doc, customer)
    _set_account(transaction, doc)
    _settle_payment_lines(doc)
    if doc["TotalAmt"] == 0 and not doc["Line"]:
        raise business("You must set a transaction amount.")
    if current is not None:
        _unapply(transaction, current, touch=_targets(current) - _targets(doc))
    else:
        transaction.put("Payment", doc)
    _apply(transaction, doc, current)
    applied = sum((_signed(line) for line in doc["Line"]), ZERO)
    if applied > doc["TotalAmt"]:
        raise business("The amount applied to transactions is more than the amount of the payment.")
    doc["UnappliedAmt"] = doc["TotalAmt"] - applied
    doc["LinkedTxn"] = (current or {}).get("LinkedTxn") or []
    doc["ProcessPayment"] = bool(doc.get("ProcessPayment"))
    foreign = doc["CurrencyRef"]["value"] != home_currency(transaction)
    doc["HomeTotalAmt"] = cents(doc["TotalAmt"] * doc["ExchangeRate"]) if foreign else None
    return doc if current is None else transaction.put("Payment", doc)


def _payer(transaction: Transaction, doc: Doc, current: Doc | None) -> Doc:
    if current is not None:
        refuse_if_deposited(current)
    customer_id = value_of(doc.get("CustomerRef"))
    if not customer_id:
        raise required("CustomerRef")
    if doc.get("TotalAmt") is None:
        raise required("TotalAmt")
    doc["TotalAmt"] = cents(doc["TotalAmt"])
    if doc["TotalAmt"] < 0:
        raise business("The transaction amount must be zero or more.")
    resolve_all(transaction, doc, current)
    return transaction.need("Customer", customer_id)


def _set_account(transaction: Transaction, doc: Doc) -> None:
    if value_of(doc.get("DepositToAccountRef")):
        return
    for _, account_id in transaction.find("name:Account", UNDEPOSITED_FUNDS.casefold()):
        doc["DepositToAccountRef"] = {"value": account_id}


def _settle_payment_lines(doc: Doc) -> None:
    kept = []
    for line in doc.get("Line") or []:
        linked = line.get("LinkedTxn") or []
        if line.get("Amount") is None:
            raise required("Line.Amount")
        if not linked:
            continue  # QuickBooks drops a payment's line that links to nothing
        for link in linked:
            _check_link(link)
        amount = cents(line["Amount"])
        if amount < 0:
            raise business("The amount of a line must be zero or more.")
        if amount:
            kept.append({"Amount": amount, "LinkedTxn": linked[:1]})
    doc["Line"] = kept


def _check_link(link: Doc) -> None:
    if not link.get("TxnId"):
        raise required("LinkedTxn.TxnId")
    if link.get("TxnType") not in ("Invoice", "CreditMemo"):
        raise invalid_enumeration(link.get("TxnType"), "LinkedTxn.TxnType")


def _signed(line: Doc) -> Decimal:
    amount: Decimal = line["Amount"]
    return amount if line["LinkedTxn"][0]["TxnType"] == "Invoice" else -amount


Target = tuple[str, str]


def _targets(payment: Doc) -> set[Target]:
    return {(link["TxnType"], link["TxnId"]) for line in payment.get("Line") or [] for link in line["LinkedTxn"][:1]}


def _in_order(targets: set[Target]) -> list[Target]:
    return sorted(targets, key=lambda target: (target[0], int(target[1]) if target[1].isdecimal() else 0))


def _apply(transaction: Transaction, payment: Doc, current: Doc | None) -> None:
    # The invoices' sums must find the payment as it will be, also while it is being replaced.
    transaction.staged["Payment", payment["Id"]] = (payment, False)
    for kind, target_id in _in_order(_targets(payment)):
        target = transaction.get(kind, target_id)
        if target is None:
            raise Fault("610", element="LinkedTxn.TxnId")
        _check_linkable(payment, kind, target)
        amount = paid_by(payment, kind, target_id)
        before = paid_by(current, kind, target_id) if current else ZERO
        if amount != before:
            _apply_one(transaction, payment, (kind, copy.deepcopy(target)), amount, before)


def _check_linkable(payment: Doc, kind: str, target: Doc) -> None:
    if is_voided(target):
        raise Fault("620", f"{kind} {target['Id']} is voided and cannot be linked.", "LinkedTxn.TxnId")
    if target["CustomerRef"]["value"] != payment["CustomerRef"]["value"]:
        raise business(f"{kind} {target['Id']} belongs to another customer than the payment.")


def _apply_one(
    transaction: Transaction, payment: Doc, target: tuple[str, Doc], amount: Decimal, before: Decimal
) -> None:
    kind, doc = target
    still_open = amount_of(doc["Balance" if kind == "Invoice" else "RemainingCredit"]) + before
    if amount > still_open:
        raise business(
            f"The amount {amount} applied to {kind} {doc.get('DocNumber') or doc['Id']} "
            f"is more than its open balance {still_open}."
        )
    if kind == "CreditMemo":
        doc["_Applied"] += amount - before
        set_remaining_credit(doc)
    else:
        if not any(link["TxnId"] == payment["Id"] for link in links(doc, "Payment")):
            doc["LinkedTxn"] = [*(doc.get("LinkedTxn") or []), {"TxnId": payment["Id"], "TxnType": "Payment"}]
        set_invoice_balance(transaction, doc)
    transaction.put(kind, doc)


def _unapply(transaction: Transaction, payment: Doc, touch: set[Target]) -> None:
    """Take a payment off documents that it no longer links to."""
    for kind, target_id in _in_order(touch):
        target = transaction.editable(kind, target_id)
        if kind == "Invoice":
            target["LinkedTxn"] = [link for link in target["LinkedTxn"] if link["TxnId"] != payment["Id"]]
            set_invoice_balance(transaction, target)
        else:
            target["_Applied"] -= paid_by(payment, kind, target_id)
            set_remaining_credit(target)
        transaction.put(kind, target)


def void_payment(transaction: Transaction, current: Doc) -> Doc:
    refuse_if_deposited(current)
    check_books_open(transaction, current["TxnDate"])
    _unapply(transaction, current, _targets(current))
    doc = copy.deepcopy(current)
    doc["TotalAmt"] = doc["UnappliedAmt"] = ZERO
    doc["HomeTotalAmt"] = None if doc.get("HomeTotalAmt") is None else ZERO
    doc["Line"] = []
    doc["PrivateNote"] = voided_note(doc.get("PrivateNote"))
    return transaction.put("Payment", doc, "void")


def delete_payment(transaction: Transaction, current: Doc) -> None:
    refuse_if_deposited(current)
    check_books_open(transaction, current["TxnDate"])
    _unapply(transaction, current, _targets(current))
    transaction.delete("Payment", current["Id"])


def refuse_if_deposited(payment: Doc) -> None:
    if links(payment, "Deposit"):
        raise Fault("6540")


# Deposits


def save_deposit(transaction: Transaction, doc: Doc, current: Doc | None) -> Doc:
    """A deposit takes payments to the bank; from then on they are locked."""
    if not value_of(doc.get("DepositToAccountRef")):
        raise required("DepositToAccountRef")
    if not doc.get("Line"):
        raise required("Line")
    doc["TxnDate"] = doc.get("TxnDate") or company_date(transaction.now)
    check_books_open(transaction, doc["TxnDate"], current["TxnDate"] if current else None)
    resolve_all(transaction, doc, current)
    doc["CurrencyRef"] = doc.get("CurrencyRef") or {"value": home_currency(transaction)}
    for number, line in enumerate(doc["Line"], start=1):
        if line.get("Amount") is None:
            raise required("Line.Amount")
        line["Id"], line["LineNum"], line["Amount"] = str(number), number, cents(line["Amount"])
    doc["TotalAmt"] = sum((line["Amount"] for line in doc["Line"]), ZERO)
    transaction.put("Deposit", doc)
    before = _deposited(current or {})
    after = _deposited(doc)
    for payment_id in sorted(before - after):
        _unlock(transaction, payment_id)
    for payment_id in sorted(after - before):
        _lock(transaction, payment_id, doc["Id"])
    return doc


def delete_deposit(transaction: Transaction, current: Doc) -> None:
    check_books_open(transaction, current["TxnDate"])
    for payment_id in sorted(_deposited(current)):
        _unlock(transaction, payment_id)
    transaction.delete("Deposit", current["Id"])


def _deposited(deposit: Doc) -> set[str]:
    return {
        link["TxnId"]
        for line in deposit.get("Line") or []
        for link in line.get("LinkedTxn") or []
        if link.get("TxnType") == "Payment"
    }


def _lock(transaction: Transaction, payment_id: str, deposit_id: str) -> None:
    payment = transaction.editable("Payment", payment_id)
    if links(payment, "Deposit") or is_voided(payment):
        raise Fault("620", f"Payment {payment_id} cannot be deposited.", "LinkedTxn.TxnId")
    payment["LinkedTxn"] = [*(payment.get("LinkedTxn") or []), {"TxnId": deposit_id, "TxnType": "Deposit"}]
    transaction.put("Payment", payment)


def _unlock(transaction: Transaction, payment_id: str) -> None:
    payment = transaction.editable("Payment", payment_id)
    payment["LinkedTxn"] = [link for link in payment["LinkedTxn"] if link["TxnType"] != "Deposit"]
    transaction.put("Payment", payment)
