"""What `sync` relies on of a company of QuickBooks."""

from datetime import timedelta

import pytest

from clients.quickbooks import faults
from clients.quickbooks.company import Written
from schemas import strict_json
from schemas.times import parse_instant
from tests.unit.contracts.sides import CUSTOMER, CompanySide, identity, invoice_body


def test_a_document_comes_back_whole(company: CompanySide) -> None:
    made = company.invoice("77")
    assert (made["TotalAmt"], made["Balance"], made["DocNumber"], made["SyncToken"]) == (100, 100, "77", "0")
    sales = [line for line in made["Line"] if line["DetailType"] == "SalesItemLineDetail"]
    assert len(made["Line"]) == 2
    assert sales[0]["Id"]
    assert company.company.query("Invoice", "DocNumber in ('77', '78')")[0]["Id"] == made["Id"]


def test_a_key_that_was_answered_is_answered_the_same(company: CompanySide) -> None:
    first = company.write("invoice", invoice_body("77"), "a" * 32)
    second = company.write("invoice", invoice_body("77"), "a" * 32)
    assert first["Id"] == second["Id"]
    assert len(company.company.query("Invoice")) == 1


def test_a_sparse_update_keeps_the_rest_and_moves_the_version(company: CompanySide) -> None:
    made = company.invoice("77", CustomerMemo={"value": "Thanks"})
    after = company.write("invoice", identity(made) | {"sparse": True, "DueDate": "2026-12-31"})
    assert (after["SyncToken"], after["CustomerMemo"]["value"], after["DueDate"]) == ("1", "Thanks", "2026-12-31")
    with pytest.raises(faults.StaleSyncToken):
        company.write("invoice", identity(made) | {"sparse": True, "DueDate": "2026-12-30"})


def test_a_number_is_given_once(company: CompanySide) -> None:
    made = company.invoice("77")
    with pytest.raises(faults.DuplicateNumber) as met:
        company.invoice("77", 5)
    assert met.value.taken_by == made["Id"]


def test_a_name_is_given_once(company: CompanySide) -> None:
    company.write("customer", {"DisplayName": "Bright Harbor"})
    with pytest.raises(faults.DuplicateName):
        company.write("customer", {"DisplayName": "Bright Harbor"})


def test_what_refers_to_nothing_is_refused(company: CompanySide) -> None:
    body = invoice_body("77")
    body["Line"][0]["SalesItemLineDetail"]["ItemRef"]["value"] = "99999"
    with pytest.raises((faults.StaleReference, faults.NotFoundOrInactive)):
        company.write("invoice", body)


def test_a_payment_settles_and_what_takes_it_off_opens_again(company: CompanySide) -> None:
    invoice = company.invoice("77")
    payment = company.pay(invoice, 40)
    assert payment["UnappliedAmt"] == 0
    settled = company.read("Invoice", invoice)
    assert settled is not None
    assert settled["Balance"] == 60
    assert {"TxnId": payment["Id"], "TxnType": "Payment"} in settled["LinkedTxn"]
    line = payment["Line"][0] | {"Amount": 70}
    payment = company.write("payment", identity(payment) | {"sparse": True, "TotalAmt": 70, "Line": [line]})
    assert (company.read("Invoice", invoice) or {})["Balance"] == 30
    gone = company.write("payment?operation=delete", identity(payment))
    assert (gone["Id"], gone["status"]) == (payment["Id"], "Deleted")
    assert (company.read("Invoice", invoice) or {})["Balance"] == 100
    assert company.read("Payment", payment) is None


def test_void_is_nothing_with_a_note_and_takes_no_payments(company: CompanySide) -> None:
    invoice = company.invoice("77")
    payment = company.pay(invoice, 40)
    with pytest.raises(faults.BusinessRule):
        company.write("invoice?operation=void", identity(company.read("Invoice", invoice) or {}))
    company.write("payment?operation=delete", identity(payment))
    void = company.write("invoice?operation=void", identity(company.read("Invoice", invoice) or {}))
    assert (void["TotalAmt"], void["Balance"], void["PrivateNote"][:6]) == (0, 0, "Voided")


def test_each_item_of_a_batch_has_its_own_answer(company: CompanySide) -> None:
    company.invoice("78")
    items = [
        {"bId": str(place), "operation": "create", "Invoice": invoice_body(number)}
        for place, number in enumerate(("77", "78"), 1)
    ]
    answers = company.company.batch(strict_json.dumps({"BatchItemRequest": items}), "b" * 32)
    assert isinstance(answers["1"], Written)
    assert isinstance(answers["2"], faults.DuplicateNumber)


def test_changes_tell_of_all_and_of_deletions(company: CompanySide) -> None:
    kept, gone = company.invoice("77"), company.invoice("78")
    company.write("invoice?operation=delete", identity(gone))
    since = parse_instant(kept["MetaData"]["LastUpdatedTime"]) - timedelta(seconds=1)
    found = company.company.changes(["Invoice", "Payment"], since)
    assert {raw["Id"]: raw.get("status", "") for raw in found.objects["Invoice"]} == {
        kept["Id"]: "",
        gone["Id"]: "Deleted",
    }
    assert (found.objects["Payment"], found.complete, found.time is not None) == ([], True, True)


def test_an_inactive_customer_is_found_by_its_id_only(company: CompanySide) -> None:
    made = company.write("customer", {"DisplayName": "Bright Harbor"})
    company.write("customer", identity(made) | {"sparse": True, "Active": False})
    ids = [raw["Id"] for raw in company.company.query("Customer")]
    assert (made["Id"] in ids, CUSTOMER in ids) == (False, True)
    found = company.read("Customer", made)
    assert found is not None
    assert found["Active"] is False


def test_settings_are_there(company: CompanySide) -> None:
    assert {"SalesFormsPrefs", "CurrencyPrefs"} <= company.company.get("preferences").keys()
