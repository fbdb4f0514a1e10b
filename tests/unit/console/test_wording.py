"""What a bookkeeper reads where the API says codes."""

from typing import Any

import pytest

from console.pages.wording import happened, outcome
from reconcile.actions import Action
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
