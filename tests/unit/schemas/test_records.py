"""Both neighbours' records: read into the model, written from it."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from reconcile.model import ZERO, Allocation, ContentLine, InvoiceContent, PaymentContent
from schemas import quickbooks, ravetree
from schemas.quickbooks import UnreadableRecord

META = {"CreateTime": "2026-11-20T06:13:20-08:00", "LastUpdatedTime": "2026-11-20T06:13:20-08:00"}
DAY = date(2026, 11, 20)


def sales(id_: str, amount: str, **detail: Any) -> dict[str, Any]:
    return {
        "Id": id_,
        "Amount": Decimal(amount),
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": "2"}, **detail},
    }


def invoice(**changes: Any) -> dict[str, Any]:
    return {
        "Id": "145",
        "SyncToken": "3",
        "CustomerRef": {"value": "9", "name": "Bright Harbor"},
        "TxnDate": "2026-11-20",
        "TotalAmt": Decimal("98"),
        "Balance": Decimal("58"),
        "DocNumber": "1043",
        "MetaData": META,
        "Line": [
            sales("1", "100", Qty=2, UnitPrice=50, ClassRef={"value": "C7"}, TaxCodeRef={"value": "TAX"}),
            {"Amount": Decimal(100), "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}},
            {"Amount": Decimal(10), "DetailType": "DiscountLineDetail", "DiscountLineDetail": {}},
        ],
        "TxnTaxDetail": {"TotalTax": Decimal(8)},
        "LinkedTxn": [{"TxnId": "7", "TxnType": "Payment"}, {"TxnId": "8", "TxnType": "Estimate"}],
        **changes,
    }


def payment(**changes: Any) -> dict[str, Any]:
    return {
        "Id": "200",
        "SyncToken": "0",
        "CustomerRef": {"value": "9"},
        "TxnDate": "2026-11-20",
        "TotalAmt": Decimal("70"),
        "UnappliedAmt": Decimal("0"),
        "MetaData": META,
        "Line": [
            {"Amount": Decimal(100), "LinkedTxn": [{"TxnId": "145", "TxnType": "Invoice"}]},
            {"Amount": Decimal(30), "LinkedTxn": [{"TxnId": "300", "TxnType": "CreditMemo"}]},
        ],
        **changes,
    }


def content(**changes: Any) -> InvoiceContent:
    values: dict[str, Any] = {
        "customer_id": "9",
        "email": "",
        "number": "1043",
        "issue_date": DAY,
        "due_date": None,
        "currency": "USD",
        "memo": "",
        "lines": (ContentLine("l1", "1", "2", "Work", Decimal(2), Decimal(60), Decimal(120), None, "TAX"),),
        "discount": ZERO,
        "tax_amount": ZERO,
        "total": Decimal(120),
        "address": None,
        "own_lines": frozenset({"1"}),
        "notices": (),
    }
    return InvoiceContent(**(values | changes))


# --- QuickBooks, read --------------------------------------------------------------------------------


def test_an_invoice_is_read_without_its_generated_subtotal() -> None:
    read = quickbooks.load_invoice(invoice(), "USD")
    assert (read.id, read.sync_token, read.number, read.customer_id) == ("145", 3, "1043", "9")
    assert (read.total, read.balance, read.paid_amount) == (Decimal(98), Decimal(58), Decimal(40))
    assert [line.amount for line in read.lines] == [Decimal(100)]
    assert (read.lines[0].class_id, read.lines[0].tax_code) == ("C7", "TAX")
    assert (read.discount, read.tax_amount) == (Decimal(10), Decimal(8))
    assert read.payment_ids == ("7",)
    assert (read.currency, read.emailed, read.voided) == ("USD", False, False)


@pytest.mark.parametrize(
    ("changes", "voided"),
    [
        ({"TotalAmt": 0, "Balance": 0, "PrivateNote": "Voided - by Nora", "Line": []}, True),
        ({"TotalAmt": 0, "Balance": 0, "PrivateNote": "Voided - by Nora"}, False),
        ({"TotalAmt": 0, "Balance": 0}, False),
        ({"TotalAmt": 0, "Balance": 0, "PrivateNote": "not Voided"}, False),
        ({"PrivateNote": "Voided"}, False),
    ],
)
def test_void_is_zero_amounts_and_a_note_since_there_is_no_flag(changes: dict[str, Any], voided: bool) -> None:
    assert quickbooks.load_invoice(invoice(**changes), "USD").voided is voided


@pytest.mark.parametrize(("status", "emailed"), [("EmailSent", True), ("NeedToSend", False), ("NotSet", False)])
def test_only_email_sent_is_sent(status: str, emailed: bool) -> None:
    assert quickbooks.load_invoice(invoice(EmailStatus=status), "USD").emailed is emailed


def test_a_payments_credit_memo_lines_are_credit_and_not_allocations() -> None:
    read = quickbooks.load_payment(payment(LinkedTxn=[{"TxnId": "1", "TxnType": "Deposit"}]), "USD")
    assert read.allocations == (Allocation("145", Decimal(100)),)
    assert (read.amount, read.credit, read.deposited) == (Decimal(70), Decimal(30), True)


@pytest.mark.parametrize(
    ("total", "unapplied", "kind", "credit"),
    [
        (60, 0, "JournalEntry", 40),
        (60, 0, "Deposit", 40),
        (70, 10, "JournalEntry", 40),
        (140, 0, "JournalEntry", 0),
        (140, 0, "Expense", 0),
    ],
)
def test_a_journal_entry_or_deposit_is_credit_where_the_sums_say_so(
    total: int, unapplied: int, kind: str, credit: int
) -> None:
    lines = [
        {"Amount": Decimal(100), "LinkedTxn": [{"TxnId": "145", "TxnType": "Invoice"}]},
        {"Amount": Decimal(40), "LinkedTxn": [{"TxnId": "9001", "TxnType": kind}]},
    ]
    read = quickbooks.load_payment(payment(TotalAmt=total, UnappliedAmt=unapplied, Line=lines), "USD")
    assert (read.allocations, read.credit) == ((Allocation("145", Decimal(100)),), Decimal(credit))


def test_a_payment_of_nothing_links_a_credit_and_a_void_one_does_not() -> None:
    linking = quickbooks.load_payment(payment(TotalAmt=0, PrivateNote="Created by QB Online to link credits."), "USD")
    assert linking.is_credit_link
    voided = quickbooks.load_payment(payment(TotalAmt=0, Line=[], PrivateNote="Voided"), "USD")
    assert voided.voided
    assert not voided.is_credit_link


def test_a_customer_without_a_currency_has_the_companys() -> None:
    raw = {"Id": "9", "SyncToken": "0", "DisplayName": "Nora"}
    assert quickbooks.load_customer(raw, "CAD").currency == "CAD"
    assert quickbooks.load_customer(raw | {"CurrencyRef": {"value": "EUR"}}, "CAD").currency == "EUR"


@pytest.mark.parametrize(
    ("load", "raw"),
    [
        (lambda raw: quickbooks.load_invoice(raw, "USD"), invoice(SyncToken=None)),
        (lambda raw: quickbooks.load_payment(raw, "USD"), payment(TotalAmt="much")),
        (ravetree.load_invoice, {"id": "inv_1"}),
        (ravetree.load_payment, {"id": "pay_1", "amount": []}),
    ],
)
def test_a_record_of_another_shape_is_named(load: Any, raw: dict[str, Any]) -> None:
    with pytest.raises(UnreadableRecord, match=raw.get("Id") or raw["id"]):
        load(raw)


def test_null_in_an_amount_of_a_line_is_nothing() -> None:
    lines = [
        {"Id": "1", "DetailType": "SalesItemLineDetail", "Amount": None, "SalesItemLineDetail": {"Qty": None}},
        {"DetailType": "DiscountLineDetail", "Amount": None, "DiscountLineDetail": {"PercentBased": False}},
    ]
    read = quickbooks.load_invoice(invoice(Line=lines, Deposit=None, TxnTaxDetail={"TotalTax": None}), "USD")
    assert (read.lines[0].amount, read.lines[0].quantity) == (Decimal(0), None)
    assert (read.discount, read.deposit, read.tax_amount) == (Decimal(0), Decimal(0), Decimal(0))
    shares = [{"Amount": None, "LinkedTxn": [{"TxnId": "145", "TxnType": kind}]} for kind in ("Invoice", "CreditMemo")]
    received = quickbooks.load_payment(payment(Line=shares), "USD")
    assert (received.allocations, received.credit) == ((Allocation("145", Decimal(0)),), Decimal(0))


@pytest.mark.parametrize("name", ["TotalAmt", "Balance"])
def test_null_in_what_it_comes_to_makes_it_unreadable(name: str) -> None:
    with pytest.raises(UnreadableRecord, match="145"):
        quickbooks.load_invoice(invoice(**{name: None}), "USD")


@pytest.mark.parametrize("name", ["TotalAmt", "UnappliedAmt"])
def test_null_in_what_was_received_makes_it_unreadable(name: str) -> None:
    with pytest.raises(UnreadableRecord):
        quickbooks.load_payment(payment(**{name: None}), "USD")


@pytest.mark.parametrize(
    ("changes", "void"),
    [
        ({"TotalAmt": None, "PrivateNote": "Voided", "Line": []}, True),
        ({"TotalAmt": 0, "PrivateNote": "Voided", "Line": [{"Amount": 5}, {"Amount": None}]}, False),
        ({"TotalAmt": 0, "PrivateNote": None, "Line": []}, False),
    ],
)
def test_a_void_payment_is_for_nothing(changes: dict[str, Any], void: bool) -> None:
    assert quickbooks.is_void_payment(payment(**changes)) is void


def test_a_deleted_object_says_so() -> None:
    assert quickbooks.is_deleted({"domain": "QBO", "status": "Deleted", "Id": "1"})
    assert not quickbooks.is_deleted(invoice())


# --- QuickBooks, written -----------------------------------------------------------------------------


def test_a_kept_line_keeps_its_id_and_what_ravetree_does_not_own() -> None:
    body = quickbooks.invoice_body(content(), invoice())
    assert (body["Id"], body["SyncToken"], body["sparse"]) == ("145", "3", True)
    (line,) = body["Line"]
    assert line["Id"] == "1"
    assert line["SalesItemLineDetail"] == {
        "ClassRef": {"value": "C7"},
        "ItemRef": {"value": "2"},
        "Qty": Decimal(2),
        "UnitPrice": Decimal(60),
        "TaxCodeRef": {"value": "TAX"},
    }


def test_what_ravetree_took_away_from_a_kept_line_is_gone() -> None:
    bare = ContentLine("l1", "1", "5", "", None, None, Decimal(120), None, None)
    (line,) = quickbooks.invoice_body(content(lines=(bare,)), invoice())["Line"]
    assert line["SalesItemLineDetail"] == {"ClassRef": {"value": "C7"}, "ItemRef": {"value": "5"}}


def test_a_new_invoice_has_no_id_and_a_new_line_neither() -> None:
    body = quickbooks.invoice_body(content(discount=Decimal(10), due_date=DAY, email="a@b.example"))
    assert not body.keys() & {"Id", "SyncToken", "sparse", "CustomerMemo", "EmailStatus"}
    assert "Id" not in body["Line"][0]
    assert (body["Line"][1]["DetailType"], body["Line"][1]["Amount"]) == ("DiscountLineDetail", Decimal(10))
    assert body["Line"][1]["DiscountLineDetail"]["PercentBased"] is False
    assert (body["DueDate"], body["BillEmail"]) == ("2026-11-20", {"Address": "a@b.example"})


@pytest.mark.parametrize("before_tax", [True, False])
def test_whether_a_discount_comes_before_tax_is_always_said(before_tax: bool) -> None:
    sent = content(discount=Decimal(10), discount_before_tax=before_tax)
    assert quickbooks.invoice_body(sent)["ApplyTaxAfterDiscount"] is before_tax
    assert "ApplyTaxAfterDiscount" not in quickbooks.invoice_body(content())


@pytest.mark.parametrize("tax", ["8.25", "0"])
def test_a_documents_tax_is_sent_as_it_is(tax: str) -> None:
    """None too: QuickBooks would else come to its own."""
    for now in (None, invoice()):
        body = quickbooks.invoice_body(content(tax_amount=Decimal(tax)), now)
        assert body["TxnTaxDetail"] == {"TotalTax": Decimal(tax)}


def test_a_memo_that_was_removed_is_emptied() -> None:
    assert quickbooks.invoice_body(content(), invoice())["CustomerMemo"] == {"value": ""}


def test_nobody_is_ever_mailed_by_quickbooks() -> None:
    for body in (quickbooks.invoice_body(content(email_status="EmailSent")), quickbooks.sent_body(invoice())):
        assert body["EmailStatus"] == "EmailSent"
    assert quickbooks.sent_body(invoice()) == {
        "Id": "145",
        "SyncToken": "3",
        "sparse": True,
        "EmailStatus": "EmailSent",
    }


PAID = PaymentContent(
    "9", DAY, Decimal(70), Decimal(30), ZERO, "USD", "CHK 7", "note", (Allocation("145", Decimal(100)),)
)


def test_a_payments_credit_lines_are_sent_back_as_they_were() -> None:
    body = quickbooks.payment_body(PAID, payment())
    assert body["Line"] == payment()["Line"]
    assert (body["TotalAmt"], body["PrivateNote"], body["sparse"]) == (Decimal(70), "note", True)
    new = quickbooks.payment_body(PAID)
    assert new["Line"] == payment()["Line"][:1]
    assert not new.keys() & {"Id", "SyncToken", "sparse"}


# --- Ravetree ----------------------------------------------------------------------------------------


def test_a_payment_for_ravetree_is_spelled_in_its_currencys_minor_units_and_notifies_nobody() -> None:
    body = ravetree.payment_body(PAID, "quickbooks:1:payment:200")
    assert (body["amount"], body["credit_amount"], body["unapplied"]) == ("70.00", "30.00", "0.00")
    assert (body["origin"], body["external_id"], body["client_id"]) == ("quickbooks", "quickbooks:1:payment:200", "9")
    assert body["notify"] is False
    yen = PaymentContent("9", DAY, Decimal(7000), ZERO, ZERO, "JPY", "", "", ())
    assert ravetree.payment_body(yen)["amount"] == "7000"
    assert "client_id" not in ravetree.payment_body(yen)
    assert ravetree.status_body("sent") == {"status": "sent", "notify": False}


def test_a_ravetree_invoice_is_sent_by_its_status_or_by_its_time() -> None:
    raw = {
        "id": "inv_1",
        "version": 1,
        "number": "1043",
        "client_id": "c",
        "status": "draft",
        "issue_date": "2026-11-20",
        "currency": "USD",
        "total": "10.00",
        "balance": "10.00",
        "created_at": "2026-11-20T14:13:20Z",
        "a_field_of_tomorrow": 1,
    }
    assert not ravetree.load_invoice(raw).sent
    assert ravetree.load_invoice(raw | {"status": "sent"}).sent
    moment = "2026-11-20T14:13:20Z"
    later = ravetree.load_invoice(raw | {"status": "paid", "sent_at": moment, "marked_paid_at": moment})
    assert (later.sent, later.marked_paid) == (True, True)


def test_a_bill_to_contact_gives_the_address() -> None:
    account = {"id": "c1", "version": 1, "kind": "account", "name": "Bright", "email": "office@x.example"}
    assert ravetree.load_contact(account).email == "office@x.example"
    assert ravetree.load_contact(account, {"email": "ap@x.example"}).email == "ap@x.example"
    assert ravetree.load_contact(account, {"email": None}).email == "office@x.example"
