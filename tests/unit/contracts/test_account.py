"""What `sync` relies on of an account of Ravetree."""

import pytest

from clients.ravetree.account import RecordGone, Taken, VersionMoved
from reconcile.model import Kind
from tests.unit.contracts.sides import AccountSide


def test_a_payment_settles_its_invoice_and_is_made_once(account: AccountSide) -> None:
    invoice = account.invoice()
    assert (invoice["total"], invoice["balance"], invoice["status"]) == ("100.00", "100.00", "draft")
    made = account.pay(invoice, "40.00", "quickbooks:1", key="a" * 32)
    again = account.pay(invoice, "40.00", "quickbooks:1", key="a" * 32)
    assert (made.status, made.body["id"], made.body["version"]) == (201, again.body["id"], 1)
    settled = account.account.get(Kind.INVOICE, invoice["id"])
    assert settled is not None
    assert (settled["balance"], settled["status"]) == ("60.00", "partially_paid")
    assert [row["id"] for row in account.account.payments_of(invoice["id"])] == [made.body["id"]]
    with pytest.raises(Taken) as met:
        account.pay(invoice, "40.00", "quickbooks:1")
    assert met.value.existing_id == made.body["id"]


def test_a_write_for_an_older_version_is_refused(account: AccountSide) -> None:
    payment = account.pay(account.invoice(), "40.00", "quickbooks:1").body
    path = f"payments/{payment['id']}"
    after = account.write("PATCH", path, {"reference": "A 7", "notify": False}, if_match=1).body
    assert (after["version"], after["reference"], after["amount"]) == (2, "A 7", "40.00")
    with pytest.raises(VersionMoved):
        account.write("PATCH", path, {"reference": "A 8", "notify": False}, if_match=1)


def test_what_is_deleted_is_gone_and_opens_its_invoice(account: AccountSide) -> None:
    invoice = account.invoice()
    payment = account.pay(invoice, "100.00", "quickbooks:1").body
    assert (account.account.get(Kind.INVOICE, invoice["id"]) or {})["status"] == "paid"
    assert account.write("DELETE", f"payments/{payment['id']}", {}, if_match=1).body.get("amount") is None
    assert account.account.get(Kind.PAYMENT, payment["id"]) is None
    assert (account.account.get(Kind.INVOICE, invoice["id"]) or {})["balance"] == "100.00"
    with pytest.raises(RecordGone):
        account.write("PATCH", f"payments/{payment['id']}", {"reference": "x", "notify": False})


@pytest.mark.parametrize("status", ["sent", "void"])
def test_an_invoice_is_sent_or_void(account: AccountSide, status: str) -> None:
    invoice = account.invoice()
    after = account.write("PATCH", f"invoices/{invoice['id']}", {"status": status, "notify": False}).body
    assert (after["status"], after["sent_at"] is not None) == (status, status == "sent")
    assert after["version"] == invoice["version"] + 1


def test_the_log_says_who_wrote_and_where_it_goes_on(account: AccountSide) -> None:
    invoice = account.invoice()
    before = [row["id"] for row in account.account.events_after(None)]
    payment = account.pay(invoice, "40.00", "quickbooks:1", key="c" * 32).body
    news = list(account.account.events_after(before[-1]))
    (made,) = [row for row in news if row["type"] == "payment.created"]
    assert (made["data"]["id"], made["data"]["version"]) == (payment["id"], 1)
    assert made["data"]["origin"]["operation_id"] == "c" * 32
    (changed,) = [row for row in news if row["type"].startswith("invoice.")]
    assert (changed["type"], changed["data"]["origin"]["operation_id"]) == ("invoice.status_changed", "c" * 32)


def test_lists_have_tombstones_for_whoever_asks_since_when(account: AccountSide) -> None:
    payment = account.pay(account.invoice(), "40.00", "quickbooks:1").body
    account.write("DELETE", f"payments/{payment['id']}", {})
    assert list(account.account.listing("payments")) == []
    (row,) = account.account.listing("payments", {"updated_since": "2026-01-01T00:00:00Z"})
    assert (row["id"], row["deleted"]) == (payment["id"], True)


def test_a_state_is_told_of_what_is_there(account: AccountSide) -> None:
    invoice = account.invoice()
    state = {"state": "synced", "message": None, "remedy": None, "remote_id": "1", "remote_url": None}
    account.account.tell(Kind.INVOICE, invoice["id"], state, "d" * 32)
    with pytest.raises(RecordGone):
        account.account.tell(Kind.INVOICE, "inv_404", state, "e" * 32)
