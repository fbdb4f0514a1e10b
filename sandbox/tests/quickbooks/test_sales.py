"""Invoices, estimates and credit memos: what QuickBooks works out, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from quickbooks_sandbox.testing import (
    CUSTOMER,
    EURO_CUSTOMER,
    World,
    code_of,
    detail_of,
    line,
    money,
    named,
    sparse,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def test_an_invoice_is_completed_with_ids_subtotal_total_and_balance(world: World) -> None:
    invoice = world.invoice("362.07", 100, DueDate="2026-12-01")
    assert [one["DetailType"] for one in invoice["Line"]] == [
        "SalesItemLineDetail",
        "SalesItemLineDetail",
        "SubTotalLineDetail",
    ]
    assert [(one.get("Id"), one.get("LineNum")) for one in invoice["Line"]] == [
        ("1", 1),
        ("2", 2),
        (None, None),
    ]
    assert invoice["TotalAmt"] == invoice["Balance"] == money("462.07")
    assert invoice["Line"][0]["SalesItemLineDetail"]["ItemRef"] == {"value": "2", "name": "Hours"}
    assert invoice["CustomerRef"]["name"] == "Bright Harbor Studio"
    assert invoice["SyncToken"] == "0"
    assert invoice["MetaData"]["CreateTime"].endswith("-08:00")
    assert "." not in invoice["MetaData"]["CreateTime"]


def test_amounts_are_answered_as_short_json_numbers(world: World) -> None:
    invoice = world.invoice("362.070", "100.00")
    text = world.get(f"invoice/{invoice['Id']}").text
    assert '"Amount":362.07,' in text
    assert '"Amount":100,' in text


def test_the_discount_is_subtracted_and_the_subtotal_is_not_summed(world: World) -> None:
    discount = {
        "DetailType": "DiscountLineDetail",
        "DiscountLineDetail": {"PercentBased": True, "DiscountPercent": 10},
    }
    invoice = world.invoice(Line=[line(200), line(100), discount])
    assert invoice["Line"][-1]["Amount"] == 30
    assert invoice["TotalAmt"] == 270
    again = world.save("Invoice", invoice)
    assert again["TotalAmt"] == 270
    assert len(again["Line"]) == 4


def test_taxable_lines_get_the_flat_rate_and_a_given_total_is_honoured(world: World) -> None:
    taxed = world.invoice(Line=[line(100, TaxCodeRef={"value": "TAX"}), line(50)])
    assert taxed["TxnTaxDetail"]["TotalTax"] == 8
    assert taxed["TotalAmt"] == 158
    override = world.change("Invoice", taxed, TxnTaxDetail={"TotalTax": "7.77"})
    assert override["TotalAmt"] == money("157.77")
    # A later change of the lines leaves the given tax as it is.
    changed = world.change("Invoice", override, Line=[line(1000, TaxCodeRef={"value": "TAX"})])
    assert changed["TotalAmt"] == money("1007.77")


def test_a_customer_who_is_not_taxable_pays_no_tax(world: World) -> None:
    invoice = world.invoice(customer="8", Line=[line(100, TaxCodeRef={"value": "TAX"})])
    assert invoice["TotalAmt"] == 100


@pytest.mark.parametrize(
    ("quantity", "price", "amount", "accepted"),
    [
        ("3", "33.335", "100.01", True),  # half a cent goes up
        ("3", "33.333", "100.00", True),
        ("128.35", "14.5", "1861.08", True),
        ("128.35", "14.5", "1861.07", False),
        ("2", "10", "20.01", False),
    ],
)
def test_the_amount_must_equal_quantity_times_price_to_the_cent(
    world: World, quantity: str, price: str, amount: str, accepted: bool
) -> None:
    body = {"CustomerRef": {"value": CUSTOMER}, "Line": [line(amount, Qty=quantity, UnitPrice=price)]}
    answer = world.post("invoice", body)
    if accepted:
        assert answer.status_code == 200
    else:
        assert code_of(answer) == "6070"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"Line": [line(1)]}, "2020"),
        ({"CustomerRef": {"value": CUSTOMER}}, "2020"),
        ({"CustomerRef": {"value": CUSTOMER}, "Line": []}, "2020"),
        ({"CustomerRef": {"value": "999"}, "Line": [line(1)]}, "2500"),
        ({"CustomerRef": {"value": CUSTOMER}, "Line": [line(1, item="999")]}, "2500"),
        ({"CustomerRef": {"value": "10"}, "Line": [line(1)]}, "610"),
        ({"CustomerRef": {"value": CUSTOMER}, "Line": [line(1)], "Colour": "red"}, "2010"),
        ({"CustomerRef": {"value": CUSTOMER}, "Line": [line(1, Colour="red")]}, "2010"),
        ({"CustomerRef": {"value": CUSTOMER}, "Line": [line("a lot")]}, "2010"),
        ({"CustomerRef": {"value": CUSTOMER}, "Line": [line(1)], "TxnDate": "soon"}, "2010"),
        ({"CustomerRef": {"value": CUSTOMER}, "Line": [line(1)], "EmailStatus": "Maybe"}, "2170"),
        ({"CustomerRef": {"value": CUSTOMER}, "Line": [line(1)], "DocNumber": "1" * 22}, "2050"),
        ({"CustomerRef": {"value": CUSTOMER}, "Line": [line(-1)]}, "6000"),
        (
            {"CustomerRef": {"value": CUSTOMER}, "Line": [line(1)], "CurrencyRef": {"value": "EUR"}},
            "6000",
        ),
        ([], "2010"),
    ],
)
def test_what_is_wrong_with_a_request_has_its_code(world: World, body: object, code: str) -> None:
    assert code_of(world.post("invoice", body)) == code
    assert world.query("select count(*) from Invoice")["totalCount"] == 0


def test_a_stale_sync_token_is_refused_and_changes_nothing(world: World) -> None:
    invoice = world.invoice(10)
    world.change("Invoice", invoice, PrivateNote="first")
    answer = world.post("invoice", sparse(invoice, PrivateNote="second"))
    assert code_of(answer) == "5010"
    assert world.read("Invoice", invoice["Id"])["PrivateNote"] == "first"


def test_sparse_keeps_what_is_not_sent_and_full_drops_it(world: World) -> None:
    invoice = world.invoice(10, PrivateNote="kept", CustomerMemo={"value": "hello"})
    changed = world.change("Invoice", invoice, EmailStatus="EmailSent")
    assert changed["PrivateNote"] == "kept"
    assert changed["EmailStatus"] == "EmailSent"
    full = world.save("Invoice", {**named(changed), "CustomerRef": changed["CustomerRef"], "Line": changed["Line"]})
    assert "PrivateNote" not in full
    assert "CustomerMemo" not in full
    assert full["SyncToken"] == "2"


def test_a_list_of_lines_replaces_the_set_and_known_ids_stay(world: World) -> None:
    invoice = world.invoice(10, 20, 30)
    second = invoice["Line"][1]
    changed = world.change("Invoice", invoice, Line=[line(5), second])
    assert [(one["Id"], one["Amount"]) for one in changed["Line"][:2]] == [("4", 5), ("2", 20)]
    assert changed["TotalAmt"] == 25


def test_a_duplicate_number_names_the_document_that_has_it(world: World) -> None:
    first = world.invoice(10, DocNumber="18696")
    answer = world.post("invoice", {"CustomerRef": {"value": CUSTOMER}, "Line": [line(1)], "DocNumber": "18696"})
    assert code_of(answer) == "6140"
    assert detail_of(answer) == (
        "Duplicate Document Number Error : You must specify a different number. This number has already been "
        f"used. DocNumber=18696 is assigned to TxnType=Invoice with TxnId={first['Id']}"
    )
    world.order("switches", {"duplicate_number_check": False})
    world.invoice(10, DocNumber="18696")


def test_a_company_without_custom_numbers_numbers_by_itself(world: World) -> None:
    preferences = world.get("preferences").get_json()["Preferences"]
    world.change("Preferences", preferences, SalesFormsPrefs={"CustomTxnNumbers": False})
    assert world.invoice(1, DocNumber="mine")["DocNumber"] == "1001"
    assert world.invoice(1)["DocNumber"] == "1002"


def test_closed_books_refuse_every_change_in_them(world: World) -> None:
    before = world.invoice(10, TxnDate="2026-10-05")
    after = world.invoice(10, TxnDate="2026-11-05")
    preferences = world.get("preferences").get_json()["Preferences"]
    world.change("Preferences", preferences, AccountingInfoPrefs={"BookCloseDate": "2026-10-31"})
    assert code_of(world.post("invoice", sparse(before, PrivateNote="x"))) == "6210"
    assert code_of(world.post("invoice", named(before), operation="delete")) == "6210"
    assert code_of(world.post("invoice", named(before), operation="void")) == "6210"
    assert code_of(world.post("invoice", sparse(after, TxnDate="2026-10-31"))) == "6210"
    world.change("Invoice", after, PrivateNote="open")


def test_a_void_keeps_the_invoice_and_takes_the_money_out(world: World) -> None:
    invoice = world.invoice(Line=[line(100, TaxCodeRef={"value": "TAX"})], PrivateNote="by hand")
    voided = world.save("Invoice", named(invoice), operation="void")
    assert voided["TotalAmt"] == voided["Balance"] == voided["TxnTaxDetail"]["TotalTax"] == 0
    assert {one["Amount"] for one in voided["Line"]} == {0}
    assert voided["PrivateNote"] == "Voided - by hand"
    assert voided["DocNumber"] == invoice["DocNumber"]


def test_a_deleted_invoice_is_gone_and_frees_its_number(world: World) -> None:
    invoice = world.invoice(10, DocNumber="7")
    gone = world.save("Invoice", named(invoice), operation="delete")
    assert gone == {"domain": "QBO", "status": "Deleted", "Id": invoice["Id"]}
    assert code_of(world.get(f"invoice/{invoice['Id']}")) == "610"
    assert world.invoice(10, DocNumber="7")["Id"] != invoice["Id"]


def test_an_invoice_closes_its_estimate_and_a_delete_opens_it_again(world: World) -> None:
    estimate = world.save("Estimate", {"CustomerRef": {"value": CUSTOMER}, "Line": [line(10)], "TxnStatus": "Accepted"})
    invoice = world.invoice(10, LinkedTxn=[{"TxnId": estimate["Id"], "TxnType": "Estimate"}])
    closed = world.read("Estimate", estimate["Id"])
    assert closed["TxnStatus"] == "Closed"
    assert closed["LinkedTxn"] == [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]
    world.save("Invoice", named(invoice), operation="delete")
    assert world.read("Estimate", estimate["Id"])["TxnStatus"] == "Accepted"


def test_a_foreign_customer_sets_currency_rate_and_home_amount(world: World) -> None:
    invoice = world.invoice(100, customer=EURO_CUSTOMER, ExchangeRate="1.25")
    assert invoice["CurrencyRef"] == {"value": "EUR", "name": "Euro"}
    assert invoice["HomeTotalAmt"] == 125
    assert world.read("Customer", EURO_CUSTOMER)["Balance"] == 100


def test_the_due_date_comes_from_the_term(world: World) -> None:
    term = world.query("select * from Term where Name = 'Net 30'")["Term"][0]
    invoice = world.invoice(10, TxnDate="2026-11-01", SalesTermRef={"value": term["Id"]})
    assert invoice["DueDate"] == "2026-12-01"


def test_sending_sets_status_address_and_delivery(world: World) -> None:
    invoice = world.invoice(10)
    answer = world.post(f"invoice/{invoice['Id']}/send", {}, sendTo="who@example.com")
    sent = answer.get_json()["Invoice"]
    assert (sent["EmailStatus"], sent["BillEmail"]["Address"]) == ("EmailSent", "who@example.com")
    assert sent["DeliveryInfo"]["DeliveryType"] == "Email"


def test_numbers_are_taken_as_text_too_and_ids_as_numbers(world: World) -> None:
    invoice = world.save("Invoice", {"CustomerRef": {"value": 3}, "Line": [{**line("12.50"), "LineNum": "1"}]})
    assert invoice["TotalAmt"] == Decimal("12.5")
    assert invoice["CustomerRef"]["value"] == CUSTOMER


def test_an_invoice_over_whole_amounts_can_be_changed_after_a_restart(world: World, tmp_path: Path) -> None:
    """In the file an amount without a fraction is a whole number."""
    invoice = world.invoice(10)
    world.close()
    again = World(tmp_path)
    changed = again.change("Invoice", invoice, PrivateNote="x")
    assert (changed["PrivateNote"], changed["TotalAmt"]) == ("x", 10)
