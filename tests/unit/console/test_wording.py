"""What a bookkeeper reads where the API says codes."""

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from console.pages.wording import FIELDS, field, happened, outcome
from reconcile.actions import Action
from reconcile.model import Allocation, ContactContent, ContentLine, EstimateContent, InvoiceContent, PaymentContent
from schemas import quickbooks, ravetree
from schemas.changes import changes
from storage.jobs import OUTCOMES

SAID = [
    ("event", "", "invoice.updated", "Invoice was changed"),
    ("event", "", "invoice.status_changed, version 3", "Invoice got another status"),
    (
        "event",
        "",
        "contact.sync_requested (ignored: it is switched off)",
        "Client was asked for by “Sync to QuickBooks” (ignored: it is switched off)",
    ),
    ("event", "", "invoice.folded", "invoice.folded"),
    ("write", "quickbooks", Action.INVOICE_CREATE, "Writes it to QuickBooks"),
    ("write", "ravetree", Action.CUSTOMER_CREATE, "customer.create"),
    ("answer", "quickbooks", "invoice.create: done", "Done"),
    ("answer", "quickbooks", "invoice.create: refused", "Refused"),
    ("answer", "quickbooks", "invoice.create: uncertain", "No answer, so nobody knows yet"),
    (
        "answer",
        "quickbooks",
        "x.y: uncertain, sent again at 9:00",
        "No answer, so nobody knows yet; sent again at 9:00",
    ),
    ("pressed", "", "decision: overwrite", "Decided: Overwrite it"),
    ("pressed", "", "decision: link 145", "Decided: Link it 145"),
    ("pressed", "", "sync requested", "Pressed “Sync to QuickBooks”"),
    ("outcome", "", "agreed", "Both books agree"),
    ("outcome", "", "held: It was edited.", "Asks: It was edited."),
    ("outcome", "", "waiting: Waits for a payment on it.", "Waits for a payment on it."),
    ("outcome", "", "brand_new: So.", "Brand new: So."),
]


@pytest.mark.parametrize(("what", "side", "text", "words"), SAID)
def test_what_happened_is_said_in_words_and_never_left_out(what: str, side: str, text: str, words: str) -> None:
    entry: dict[str, Any] = {"what": what, "side": side, "text": text}
    assert happened(entry) == words


def test_every_outcome_of_a_job_has_words() -> None:
    names = {*OUTCOMES, "left", *(action.verb for action in Action)}
    assert [name for name in sorted(names) if outcome(name) == name.replace("_", " ")] == []
    assert outcome("brand_new") == "brand new"


DAY, ONE = date(2026, 11, 20), Decimal(1)
ADDRESS = dict.fromkeys(("line1", "line2", "city", "region", "postal_code", "country"), "x")
LINE = ContentLine("k", None, "1", "Work", ONE, ONE, ONE, DAY, "3", ("more",), ONE)
DOCUMENT: dict[str, Any] = {"customer_id": "9", "email": "a@b.test", "number": "1", "issue_date": DAY}
DOCUMENT |= {"currency": "USD", "memo": "m", "lines": (LINE,), "discount": ONE, "tax_amount": ONE, "total": ONE}
DOCUMENT |= {"address": ADDRESS, "own_lines": frozenset(), "notices": ()}
INVOICE = InvoiceContent(**DOCUMENT, due_date=DAY, email_status="EmailSent", estimate_id="7")
PAID = PaymentContent("9", DAY, ONE, ONE, ONE, "USD", "r", "n", (Allocation("145", ONE),), "cash", "4")
CLIENT = ContactContent("Ann", "Ann Ltd", "a@b.test", "1", "USD", ADDRESS)
WRITTEN = [
    quickbooks.invoice_body(INVOICE),
    quickbooks.invoice_body(replace(INVOICE, tax_method="TaxInclusive")),
    quickbooks.estimate_body(EstimateContent(**DOCUMENT, expires_on=DAY, status="Pending")),
    quickbooks.payment_body(PAID),
    quickbooks.customer_body(CLIENT),
    ravetree.payment_body(PAID, "e"),
    ravetree.contact_body(CLIENT, "e"),
    ravetree.status_body("sent"),
]


def test_whatever_is_written_has_words_for_its_fields_and_nothing_else_has() -> None:
    paths = {re.sub(r"\[\d+\]", "", str(change["field"])) for body in WRITTEN for change in changes({}, body)}
    assert {*FIELDS} - {"Line", "allocations"} == paths


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("DocNumber", "Number"),
        ("Line[2]", "Line 3"),
        ("Line[0].SalesItemLineDetail.UnitPrice", "Line 1, price"),
        ("Line[0].LinkedTxn[0].TxnId", "Line 1, applied to"),
        ("LinkedTxn[0].TxnId", "Made of"),
        ("allocations[1].invoice_id", "Part 2, invoice"),
        ("Brand[0].New", "Brand[0].New"),
        ("Line[0].Brand.New", "Line 1, Brand.New"),
    ],
)
def test_a_field_is_said_in_words_and_one_without_as_it_is(path: str, words: str) -> None:
    assert field(path) == words
