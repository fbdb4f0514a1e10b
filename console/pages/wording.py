"""What a bookkeeper reads where the API says codes: what happened to a record, and what became of many."""

import re
from collections.abc import Mapping
from typing import Any

from reconcile.model import Side
from reconcile.sentences import clauses

KINDS = {
    "invoice": "Invoice",
    "estimate": "Estimate",
    "payment": "Payment",
    "contact": "Client",
    "connection": "Connection",
}
LABELS = {
    "accept": "Accept it",
    "adopt": "Adopt it",
    "free": "Free the number",
    "leave": "Leave it",
    "link": "Link it",
    "one": "They are one",
    "overwrite": "Overwrite it",
    "payment": "Keep the payment",
    "placeholder": "Enter a payment",
    "push": "Write it anew",
    "quickbooks": "Take QuickBooks'",
    "ravetree": "Take Ravetree's",
    "restore": "Restore it",
    "retry": "Look again",
    "today": "Date it today",
    "two": "They are two",
    "unlink": "Unlink it",
}
"""What the button of a decision says."""

_CHANGED = {
    "created": "was made",
    "updated": "was changed",
    "status_changed": "got another status",
    "voided": "was voided",
    "void": "was voided",
    "deleted": "was deleted",
    "merged": "was merged",
    "emailed": "was sent",
    "sync_requested": "was asked for by “Sync to QuickBooks”",
}
_ANSWERED = {"done": "Done", "refused": "Refused", "abandoned": "Given up"}
_ENDED = {
    "agreed": "Both books agree",
    "held": "Asks",
    "ignored": "Left alone",
    "keeps_failing": "Keeps failing",
    "parked": "Needs a repair",
    "waiting": "Waits",
}
_PRESSED = {"retry": "Looked at again", "sync requested": "Pressed “Sync to QuickBooks”"}
_OUTCOMES = {
    "": "still to come",
    "adopt": "would be tied to what is there",
    "agreed": "are in both books",
    "already": "are in QuickBooks already",
    "apply": "would be applied to their invoices",
    "ask": "would ask you",
    "close": "would be closed",
    "create": "would be made",
    "delete": "would be deleted",
    "differ": "have a number that another client's document has",
    "held": "ask you",
    "ignored": "were left alone",
    "mark_sent": "would be marked as sent",
    "left": "are still to come",
    "nothing": "need nothing",
    "parked": "need a repair",
    "queued": "are on their way",
    "renumber": "would get their number",
    "take_placeholder": "would take the place of a mark as paid",
    "unlink": "would be taken apart",
    "update": "would be written anew",
    "void": "would be voided",
    "wait": "would wait for another record",
    "waiting": "wait for another record",
}
"""What became, or would become, of many records of a job."""


FIELDS = {
    "ApplyTaxAfterDiscount": "Tax after the discount",
    "BillAddr.City": "City",
    "BillAddr.Country": "Country",
    "BillAddr.CountrySubDivisionCode": "Region",
    "BillAddr.Line1": "Address",
    "BillAddr.Line2": "Address, second line",
    "BillAddr.PostalCode": "Postal code",
    "BillEmail.Address": "E-mail",
    "CompanyName": "Company",
    "CurrencyRef": "Currency",
    "CustomerMemo": "Memo",
    "CustomerRef": "Customer",
    "DepositToAccountRef": "Deposited to",
    "DisplayName": "Name",
    "DocNumber": "Number",
    "DueDate": "Due date",
    "EmailStatus": "Sending",
    "ExpirationDate": "Expires on",
    "GlobalTaxCalculation": "How tax is reckoned",
    "Line": "Line",
    "Line.Amount": "amount",
    "Line.Description": "description",
    "Line.DetailType": "kind",
    "Line.DiscountLineDetail.PercentBased": "in percent",
    "Line.LinkedTxn.TxnId": "applied to",
    "Line.LinkedTxn.TxnType": "kind of what it is applied to",
    "Line.SalesItemLineDetail.ItemRef": "item",
    "Line.SalesItemLineDetail.Qty": "quantity",
    "Line.SalesItemLineDetail.ServiceDate": "service date",
    "Line.SalesItemLineDetail.TaxCodeRef": "tax code",
    "Line.SalesItemLineDetail.TaxInclusiveAmt": "amount with tax",
    "Line.SalesItemLineDetail.UnitPrice": "price",
    "LinkedTxn.TxnId": "Made of",
    "LinkedTxn.TxnType": "Kind of what it is made of",
    "PaymentMethodRef": "Payment method",
    "PaymentRefNum": "Reference",
    "PrimaryEmailAddr.Address": "E-mail",
    "PrimaryPhone.FreeFormNumber": "Phone",
    "PrivateNote": "Private note",
    "TotalAmt": "Amount",
    "TxnDate": "Date",
    "TxnStatus": "Status",
    "TxnTaxDetail.TotalTax": "Tax",
    "address.city": "City",
    "address.country": "Country",
    "address.line1": "Address",
    "address.line2": "Address, second line",
    "address.postal_code": "Postal code",
    "address.region": "Region",
    "allocations": "Part",
    "allocations.amount": "amount",
    "allocations.invoice_id": "invoice",
    "amount": "Amount",
    "client_id": "Client",
    "credit_amount": "Credit",
    "currency": "Currency",
    "date": "Date",
    "email": "E-mail",
    "kind": "Kind",
    "method": "Payment method",
    "origin": "Entered in",
    "phone": "Phone",
    "reference": "Reference",
    "status": "Status",
    "unapplied": "Not applied",
}
"""What the neighbours' own names of what is written are to a bookkeeper; below a line, behind its number."""


def field(path: str) -> str:
    """A field that is written, by its path in the neighbour's own names. One without words is said as it is."""
    name = _PLACE.sub("", path)
    listed = _LINE.match(path)
    if listed is None or listed[1] not in FIELDS:
        return FIELDS.get(name, path)
    line = f"{FIELDS[listed[1]]} {int(listed[2]) + 1}"
    return f"{line}, {FIELDS.get(name, path[listed.end() + 1 :])}" if path[listed.end() :] else line


_PLACE, _LINE = re.compile(r"\[\d+\]"), re.compile(r"(\w+)\[(\d+)\]")


def kind(name: str) -> str:
    """One kind of record, as a heading."""
    return KINDS.get(name, name.capitalize())


def label(decision: str) -> str:
    """What the button of a decision says."""
    return LABELS.get(decision, decision.capitalize())


def does(step: Mapping[str, Any]) -> str:
    """One write, as a heading. Raises `KeyError` for an action that nobody knows."""
    return begun(clauses([(Side(step["side"]), step["action"])]))


def outcome(name: str) -> str:
    """What became of records, behind their number."""
    return _OUTCOMES.get(name, name.replace("_", " "))


def happened(entry: Mapping[str, Any]) -> str:
    """An entry of a timeline. What nobody has words for is said as it is."""
    text = str(entry["text"])
    match entry["what"]:
        case "event":
            return _event(text)
        case "write":
            return _write(str(entry["side"]), text)
        case "answer":
            return _answer(text)
        case "pressed":
            return _decided(text)
    code, mark, why = text.partition(": ")
    words = _ENDED.get(code, code.replace("_", " "))
    if code == "waiting" and mark:
        return why
    return begun(f"{words}{mark}{why}")


def _event(text: str) -> str:
    kind_name, _, rest = text.partition(".")
    verb, mark, more = rest.partition(" (")
    changed = _CHANGED.get(verb.partition(",")[0])
    return f"{kind(kind_name)} {changed}{mark}{more}" if changed else text


def _write(side: str, action: str) -> str:
    try:
        return does({"side": side, "action": action})
    except (KeyError, ValueError):
        return action


def _answer(text: str) -> str:
    _, _, state = text.partition(": ")
    known, mark, when = state.partition(", sent again at ")
    if known == "uncertain":
        return f"No answer, so nobody knows yet{f'; sent again at {when}' if mark else ''}"
    return _ANSWERED.get(state, state or text)


def _decided(text: str) -> str:
    what, _, rest = text.partition(": ")
    if what != "decision":
        return _PRESSED.get(text, begun(text))
    decision, mark, target = rest.partition(" ")
    return f"Decided: {label(decision)}{mark}{target}"


def begun(text: str) -> str:
    """With a capital letter at its beginning."""
    return f"{text[:1].upper()}{text[1:]}"
