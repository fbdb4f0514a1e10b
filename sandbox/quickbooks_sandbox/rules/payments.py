"""Payments and deposits: what they apply to, what is left over, and what locks them."""

from __future__ import annotations

from decimal import Decimal

from quickbooks_sandbox.books.amounts import ZERO, Doc, amount_of, cents, copied
from quickbooks_sandbox.books.books import Transaction
from quickbooks_sandbox.books.clock import company_date
from quickbooks_sandbox.books.errors import Fault, business, invalid_enumeration, required
from quickbooks_sandbox.books.indexes import id_order
from quickbooks_sandbox.rules.company import automatic, check_books_open, home_currency, set_currency
from quickbooks_sandbox.rules.references import resolve_all, value_of
from quickbooks_sandbox.rules.sales import (
    is_voided,
    links,
    paid_by,
    put_to_undeposited_funds,
    refuse_if_deposited,
    set_invoice_balance,
    set_remaining_credit,
    voided_note,
)

CHARGES = ("Invoice", "Expense", "Check")
CREDITS = ("CreditMemo", "JournalEntry", "Deposit")
"""What a payment's line takes from the customer's debt, or adds to the money there is."""
KEPT = ("Invoice", "CreditMemo")
"""Of these a payment changes what is open; the others are taken at their word."""
CREDIT_NOTE = "Created by QB Online to link credits to charges."


def save_payment(transaction: Transaction, doc: Doc, current: Doc | None) -> Doc:
    """Create or replace a payment; the invoices and credit memos that it touches change with it."""
    customer = _payer(transaction, doc, current)
    doc["TxnDate"] = doc.get("TxnDate") or company_date(transaction.now)
    check_books_open(transaction, doc["TxnDate"], current["TxnDate"] if current else None)
    set_currency(transaction, doc, customer)
    if not value_of(doc.get("DepositToAccountRef")):
        put_to_undeposited_funds(transaction, doc)
    _settle_payment_lines(doc)
    if current is None and not doc["Line"] and automatic(transaction, "AutoApplyPayments"):
        doc["Line"] = _oldest_first(transaction, doc["CustomerRef"]["value"], doc["TotalAmt"])
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
    if link.get("TxnType") not in CHARGES + CREDITS:
        raise invalid_enumeration(link.get("TxnType"), "LinkedTxn.TxnType")


def _signed(line: Doc) -> Decimal:
    amount: Decimal = line["Amount"]
    return amount if line["LinkedTxn"][0]["TxnType"] in CHARGES else -amount


Target = tuple[str, str]


def _targets(payment: Doc) -> set[Target]:
    """The documents of these books that a payment is linked to."""
    links = [link for line in payment.get("Line") or [] for link in line["LinkedTxn"][:1]]
    return {(link["TxnType"], link["TxnId"]) for link in links if link["TxnType"] in KEPT}


def _in_order(targets: set[Target]) -> list[Target]:
    return sorted(targets, key=lambda target: (target[0], int(target[1]) if target[1].isdecimal() else 0))


def _apply(transaction: Transaction, payment: Doc, current: Doc | None) -> None:
    # The invoices' sums must find the payment as it will be, also while it is being replaced.
    transaction.staged["Payment", payment["Id"]] = (payment, False)
    for kind, target_id in _in_order(_targets(payment)):
        target = transaction.get(kind, target_id)
        if target is None:
            raise Fault("610", element="LinkedTxn.TxnId")
        amount = paid_by(payment, kind, target_id)
        before = paid_by(current, kind, target_id) if current else ZERO
        if not before or not current or current["CustomerRef"]["value"] != payment["CustomerRef"]["value"]:
            _check_linkable(transaction, payment, kind, target)
        _describe(payment, kind, target, before)
        if amount != before:
            _apply_one(transaction, payment, (kind, copied(target)), amount, before)


def _describe(payment: Doc, kind: str, target: Doc, before: Decimal) -> None:
    """A line remembers what was open on its document, and the document's number; answers tell both."""
    still_open = cents(amount_of(target["Balance" if kind == "Invoice" else "RemainingCredit"]) + before)
    for line in payment["Line"]:
        if (line["LinkedTxn"][0]["TxnType"], line["LinkedTxn"][0]["TxnId"]) == (kind, target["Id"]):
            line["_Open"], line["_Number"] = still_open, target.get("DocNumber")


def _check_linkable(transaction: Transaction, payment: Doc, kind: str, target: Doc) -> None:
    if is_voided(target):
        raise Fault("620", f"{kind} {target['Id']} is voided and cannot be linked.", "LinkedTxn.TxnId")
    payer, owner = payment["CustomerRef"]["value"], target["CustomerRef"]["value"]
    # Who is above other customers is shown their invoices too, and may pay them.
    if owner != payer and not (kind == "Invoice" and transaction.is_below("Customer", owner, payer)):
        raise business(f"{kind} {target['Id']} belongs to another customer than the payment.")
    if target["CurrencyRef"]["value"] != payment["CurrencyRef"]["value"]:
        raise business(f"{kind} {target['Id']} is in another currency than the payment.")


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
    doc = copied(current)
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


# What QuickBooks applies by itself


def apply_credits(transaction: Transaction, customer_id: str) -> None:
    """AutoApplyCredit: credit memos pay invoices by payments of nothing, then unapplied money does; oldest first."""
    for memo in _of_customer(transaction, "CreditMemo", customer_id, "RemainingCredit"):
        lines = _oldest_first(transaction, customer_id, memo["RemainingCredit"])
        used = sum((line["Amount"] for line in lines), ZERO)
        if used:
            link = {"TxnId": memo["Id"], "TxnType": "CreditMemo"}
            credit = {"Amount": used, "LinkedTxn": [link]}
            body = {"CustomerRef": {"value": customer_id}, "TotalAmt": ZERO, "PrivateNote": CREDIT_NOTE,
                    "Line": [*lines, credit]}  # fmt: skip
            save_payment(transaction, body, None)
    for payment in _of_customer(transaction, "Payment", customer_id, "UnappliedAmt"):
        lines = _oldest_first(transaction, customer_id, payment["UnappliedAmt"])
        if lines and not links(payment, "Deposit"):
            doc = copied(payment)
            doc["Line"] = _joined(doc["Line"], lines)
            save_payment(transaction, doc, payment)


def _joined(lines: list[Doc], more: list[Doc]) -> list[Doc]:
    joined: dict[Target, Doc] = {}
    for line in [*lines, *more]:
        link = line["LinkedTxn"][0]
        known = joined.setdefault((link["TxnType"], link["TxnId"]), {**line, "Amount": ZERO})
        known["Amount"] += line["Amount"]
    return list(joined.values())


def _oldest_first(transaction: Transaction, customer_id: str, amount: Decimal) -> list[Doc]:
    lines = []
    for invoice in _of_customer(transaction, "Invoice", customer_id, "Balance"):
        part = min(amount, invoice["Balance"])
        if part > 0:
            lines.append({"Amount": part, "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]})
            amount -= part
    return lines


def _of_customer(transaction: Transaction, entity: str, customer_id: str, field: str) -> list[Doc]:
    """The customer's documents with something left in ``field``, the oldest first."""
    keys = transaction.find(f"CustomerRef:{entity}", customer_id)
    docs = [transaction.need(entity, object_id) for _, object_id in keys]
    return sorted(
        (doc for doc in docs if amount_of(doc.get(field)) > 0), key=lambda doc: (doc["TxnDate"], id_order(doc["Id"]))
    )


# Deposits

DEPOSITABLE = ("Payment", "SalesReceipt", "RefundReceipt")


def save_deposit(transaction: Transaction, doc: Doc, current: Doc | None) -> Doc:
    """A deposit takes payments to the bank; from then on they are locked."""
    if not value_of(doc.get("DepositToAccountRef")):
        raise required("DepositToAccountRef")
    if not doc.get("Line"):
        raise required("Line")
    doc["TxnDate"] = doc.get("TxnDate") or company_date(transaction.now)
    check_books_open(transaction, doc["TxnDate"], current["TxnDate"] if current else None)
    resolve_all(transaction, doc, current)
    set_currency(transaction, doc, {})
    for number, line in enumerate(doc["Line"], start=1):
        if line.get("Amount") is None:
            raise required("Line.Amount")
        line["Id"], line["LineNum"], line["Amount"] = str(number), number, cents(line["Amount"])
        if not line.get("LinkedTxn"):
            _check_direct(line)
    doc["TotalAmt"] = sum((line["Amount"] for line in doc["Line"]), ZERO)
    foreign = doc["CurrencyRef"]["value"] != home_currency(transaction)
    doc["HomeTotalAmt"] = cents(doc["TotalAmt"] * doc["ExchangeRate"]) if foreign else None
    transaction.put("Deposit", doc)
    before = _deposited(current or {})
    after = _deposited(doc)
    for target in sorted(before - after):
        _unlock(transaction, *target)
    for target in sorted(after - before):
        _lock(transaction, *target, doc["Id"])
    return doc


def _check_direct(line: Doc) -> None:
    """Money that is no payment of ours comes from an account."""
    if line.get("DetailType") != "DepositLineDetail":
        raise required("Line.DetailType")
    if not value_of((line.get("DepositLineDetail") or {}).get("AccountRef")):
        raise required("Line.DepositLineDetail.AccountRef")


def delete_deposit(transaction: Transaction, current: Doc) -> None:
    check_books_open(transaction, current["TxnDate"])
    for target in sorted(_deposited(current)):
        _unlock(transaction, *target)
    transaction.delete("Deposit", current["Id"])


def _deposited(deposit: Doc) -> set[Target]:
    return {
        (link["TxnType"], link.get("TxnId") or "")
        for line in deposit.get("Line") or []
        for link in line.get("LinkedTxn") or []
        if link.get("TxnType") in DEPOSITABLE
    }


def _lock(transaction: Transaction, kind: str, target_id: str, deposit_id: str) -> None:
    target = transaction.editable(kind, target_id)
    if links(target, "Deposit") or is_voided(target):
        raise Fault("620", f"{kind} {target_id} cannot be deposited.", "LinkedTxn.TxnId")
    target["LinkedTxn"] = [*(target.get("LinkedTxn") or []), {"TxnId": deposit_id, "TxnType": "Deposit"}]
    transaction.put(kind, target)


def _unlock(transaction: Transaction, kind: str, target_id: str) -> None:
    target = transaction.editable(kind, target_id)
    target["LinkedTxn"] = [link for link in target["LinkedTxn"] if link["TxnType"] != "Deposit"]
    transaction.put(kind, target)
