"""Documents as answers show them."""

from __future__ import annotations

from typing import Any

from quickbooks_sandbox.books.amounts import Doc, Encoded, encode_fast
from quickbooks_sandbox.books.balances import balance, balance_with_children, owed_with_jobs
from quickbooks_sandbox.books.books import Books
from quickbooks_sandbox.books.indexes import shown_name
from quickbooks_sandbox.books.schema import TARGETS

# Their balances are worked out for each answer, from what else is in the books.
WITH_BALANCES = frozenset({"Customer", "Account"})


def rendered(books: Books, entity: str, doc: Doc) -> Doc:
    """A document as an answer shows it: nulls and the sandbox's own notes left out, balances filled in."""
    shown: Doc = {"domain": "QBO", "sparse": False}
    shown.update(_shown(books, doc))
    if entity == "Customer":
        shown["Balance"] = books.owed(doc["Id"])
        shown["BalanceWithJobs"] = owed_with_jobs(books, doc["Id"])
    if entity == "Account":
        shown["CurrentBalance"] = balance(books, doc)
        shown["CurrentBalanceWithSubAccounts"] = balance_with_children(books, doc)
    if entity != "Invoice" and not shown.get("LinkedTxn", True):  # an invoice shows that nothing is linked
        del shown["LinkedTxn"]
    if entity == "Payment":
        for line, stored in zip(shown["Line"], doc["Line"], strict=True):
            _describe_link(line, stored)
    if entity == "ExchangeRate":  # known by its currency and day
        del shown["Id"]
    return shown


def text(books: Books, entity: str, doc: Doc) -> Encoded:
    """A stored document as an answer shows it, in JSON."""
    if entity in WITH_BALANCES:
        return Encoded(encode_fast(rendered(books, entity, doc)))
    kept = books.texts.find(entity, doc)
    return kept or books.texts.keep(entity, doc, Encoded(encode_fast(rendered(books, entity, doc))))


def _describe_link(line: Doc, stored: Doc) -> None:
    """What a payment's line pays, once more in the schema's bag of names and values."""
    values = {
        "txnId": stored["LinkedTxn"][0]["TxnId"],
        "txnOpenBalance": f"{stored['_Open']:.2f}" if "_Open" in stored else None,
        "txnReferenceNumber": stored.get("_Number"),
    }
    schema = "com.intuit.schema.finance.v3"
    line["LineEx"] = {"any": [
        {"name": "{http://schema.intuit.com/finance/v3}NameValue", "declaredType": f"{schema}.NameValue",
         "scope": "javax.xml.bind.JAXBElement$GlobalScope", "value": {"Name": name, "Value": value}, "nil": False,
         "globalScope": True, "typeSubstituted": False}
        for name, value in values.items() if value
    ]}  # fmt: skip


def _shown(books: Books, value: Any) -> Any:
    if isinstance(value, list):
        return [_shown(books, item) for item in value]
    if not isinstance(value, dict):
        return value
    shown = {}
    for key, item in value.items():
        if item is None or key[0] == "_":
            continue
        if isinstance(item, dict | list):
            item = shown[key] = _shown(books, item)
            if key in TARGETS and isinstance(item.get("value") if isinstance(item, dict) else None, str):
                _name_target(books, key, item)
        else:
            shown[key] = item
    return shown


def _name_target(books: Books, key: str, reference: Doc) -> None:
    """References carry the name that their target has now."""
    entity = TARGETS[key][0]
    target = books.get(entity, reference.get("value", ""))
    if target is not None:
        reference["name"] = shown_name(entity, target)
