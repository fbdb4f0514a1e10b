"""One invoice brought into agreement."""

import pytest

from reconcile.model import Kind
from tests.unit.sync.world import CUSTOMER, World, lines, ours


def test_a_new_invoice_is_made_in_quickbooks(world: World) -> None:
    invoice = world.invoice(world.client(), "100.00", "50.00")
    world.settle()
    (made,) = world.quickbooks.every("Invoice")
    assert (made["DocNumber"], made["TotalAmt"], made["CustomerRef"]["value"]) == (invoice["number"], 150, CUSTOMER)
    assert world.pairs("invoice") == {invoice["id"]: made["Id"]}
    assert world.written() == ["invoice.create"]
    assert world.pending() == []
    assert world.state(ours(Kind.INVOICE, invoice))["state"] == "synced"


def test_an_edit_is_written_with_the_lines_that_stay_under_their_ids(world: World) -> None:
    invoice, before = world.paired("100.00", "50.00")
    kept = world.ravetree.row("invoices", invoice["id"])["lines"][0]
    world.ravetree.change("invoices", invoice["id"], {"memo": "Thanks", "lines": [kept, *lines("70.00")]})
    world.settle()
    after = world.quickbooks.numbered(invoice["number"])
    assert (after["TotalAmt"], after["CustomerMemo"]) == (170, {"value": "Thanks"})
    assert after["Line"][0]["Id"] == before["Line"][0]["Id"]
    assert world.written() == ["invoice.create", "invoice.update"]


def test_void_in_ravetree_is_void_in_quickbooks(world: World) -> None:
    invoice, _ = world.paired()
    world.ravetree.change("invoices", invoice["id"], {"status": "void"})
    world.settle()
    assert world.quickbooks.numbered(invoice["number"])["PrivateNote"] == "Voided"
    assert world.written()[-1] == "invoice.void"


@pytest.mark.parametrize(("policy", "action"), [("void", "invoice.void"), ("delete", "invoice.delete")])
def test_what_is_deleted_in_ravetree_ends_as_the_policy_says(world: World, policy: str, action: str) -> None:
    invoice, _ = world.paired()
    world.set(delete_policy=policy)
    world.ravetree.delete("invoices", invoice["id"])
    world.settle()
    assert world.written()[-1] == action
    assert [raw.get("PrivateNote") for raw in world.quickbooks.every("Invoice")] == ["Voided"] * (policy == "void")


def test_void_in_quickbooks_is_void_in_ravetree(world: World) -> None:
    invoice, made = world.paired()
    world.quickbooks.save("Invoice", {"Id": made["Id"]}, "void")
    world.settle()
    assert world.ravetree.row("invoices", invoice["id"])["status"] == "void"


def test_what_quickbooks_has_deleted_waits_for_a_person_and_is_made_anew(world: World) -> None:
    invoice, made = world.paired()
    world.quickbooks.save("Invoice", {"Id": made["Id"]}, "delete")
    world.settle()
    record = ours(Kind.INVOICE, invoice)
    assert world.attention(record).code == "deleted_in_quickbooks"
    assert world.decide(record, "push")
    world.settle()
    assert world.quickbooks.numbered(invoice["number"])["Id"] != made["Id"]
    assert world.codes() == {}


def test_a_mail_on_either_side_marks_the_other_as_sent(world: World) -> None:
    first, made = world.paired()
    world.quickbooks.save("Invoice", {"Id": made["Id"], "EmailStatus": "EmailSent"})
    world.settle()
    assert world.ravetree.row("invoices", first["id"])["status"] == "sent"
    second = world.invoice(world.aster(), "10.00")
    world.settle()
    world.ravetree.change("invoices", second["id"], {"status": "sent"})
    world.settle()
    assert world.quickbooks.numbered(second["number"])["EmailStatus"] == "EmailSent"
    assert world.written().count("invoice.mark_sent") == 2


def test_an_edit_in_quickbooks_is_asked_about_before_it_is_overwritten(world: World) -> None:
    invoice, made = world.paired()
    line = made["Line"][0] | {"Amount": 500}
    world.quickbooks.save("Invoice", {"Id": made["Id"], "Line": [line]})
    world.settle()
    world.ravetree.change("invoices", invoice["id"], {"memo": "Soon"})
    world.settle()
    record = ours(Kind.INVOICE, invoice)
    assert world.attention(record).code == "drift_before_overwrite"
    assert world.quickbooks.numbered(invoice["number"])["TotalAmt"] == 500
    world.decide(record, "overwrite")
    world.settle()
    assert world.quickbooks.numbered(invoice["number"])["TotalAmt"] == 100
    assert world.codes() == {}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"lines": []}, "invoice_without_lines"),
        ({"lines": lines("30.00")}, "total_below_paid"),
        ({"lines": [lines("100.00")[0] | {"type": "travel"}]}, "line_type_not_mapped"),
        ({"lines": [lines("100.00")[0] | {"taxable": True, "tax_rate": "vat"}]}, "tax_rate_not_mapped"),
        ({"number": "1" * 25}, "number_too_long"),
    ],
)
def test_what_cannot_be_written_waits_for_a_person(world: World, changes: dict[str, object], code: str) -> None:
    invoice, made = world.paired()
    world.pay({made["Id"]: "40"})
    world.settle()
    if code == "tax_rate_not_mapped":
        world.set(country="GB")
    world.ravetree.change("invoices", invoice["id"], changes)
    world.settle()
    row = world.attention(ours(Kind.INVOICE, invoice))
    assert (row.code, bool(row.remedy)) == (code, True)
    assert world.state(ours(Kind.INVOICE, invoice))["remedy"] == row.remedy
    assert world.quickbooks.numbered(invoice["number"])["TotalAmt"] == 100


def test_a_mark_as_paid_is_a_payment_that_comes_and_goes_with_it(world: World) -> None:
    invoice, made = world.paired()
    world.ravetree.mark_as_paid(invoice["id"])
    world.settle()
    (payment,) = world.quickbooks.every("Payment")
    assert (payment["TotalAmt"], world.quickbooks.row("Invoice", made["Id"])["Balance"]) == (100, 0)
    assert world.pairs("placeholder") == {invoice["id"]: payment["Id"]}
    world.ravetree.change("invoices", invoice["id"], {"lines": lines("120.00")})
    world.settle()
    assert world.quickbooks.row("Payment", payment["Id"])["TotalAmt"] == 120
    world.ravetree.change("invoices", invoice["id"], {"marked_paid_at": None})
    world.settle()
    assert (world.quickbooks.every("Payment"), world.pairs("placeholder")) == ([], {})
    assert world.written()[1:] == [
        "placeholder.create",
        "invoice.update",
        "placeholder.update",
        "placeholder.delete",
    ]


def test_unapplied_money_is_asked_about_before_a_placeholder_is_made(world: World) -> None:
    invoice, made = world.paired()
    money = {"CustomerRef": made["CustomerRef"], "TotalAmt": 100, "TxnDate": "2026-11-20", "Line": []}
    world.quickbooks.save("Payment", money)
    world.ravetree.mark_as_paid(invoice["id"])
    world.settle()
    record = ours(Kind.INVOICE, invoice)
    assert world.attention(record).code == "unapplied_money_beside_mark"
    world.decide(record, "two")
    world.settle()
    assert len(world.quickbooks.every("Payment")) == 2


def test_a_placeholder_that_a_bookkeeper_deleted_is_asked_about(world: World) -> None:
    invoice, _ = world.paired()
    world.ravetree.mark_as_paid(invoice["id"])
    world.settle()
    world.quickbooks.save("Payment", {"Id": world.pairs("placeholder")[invoice["id"]]}, "delete")
    world.settle()
    assert world.attention(ours(Kind.INVOICE, invoice)).code == "placeholder_removed"


def test_a_draft_waits_for_being_sent_where_that_is_the_policy(world: World) -> None:
    world.set(draft_policy="sent")
    invoice = world.invoice(world.client(), "10.00")
    world.settle()
    assert world.quickbooks.every("Invoice") == []
    world.ravetree.change("invoices", invoice["id"], {"status": "sent"})
    world.settle()
    assert world.quickbooks.numbered(invoice["number"])["EmailStatus"] == "EmailSent"


def test_what_is_older_than_the_switch_on_comes_by_the_button_with_its_payments(world: World) -> None:
    invoice = world.invoice(world.client(), "10.00", created_at="2026-01-01T00:00:00.000Z")
    world.receive({invoice["id"]: "4.00"})
    world.settle()
    assert world.quickbooks.every("Invoice") == []
    world.press(ours(Kind.INVOICE, invoice))
    world.settle()
    assert world.quickbooks.numbered(invoice["number"])["Balance"] == 6
    assert world.written() == ["invoice.create", "payment.create"]


def test_one_that_is_switched_off_waits_for_the_switch(world: World) -> None:
    invoice, _ = world.paired()
    world.set(invoices_since=None)
    world.ravetree.change("invoices", invoice["id"], {"memo": "Later"})
    world.settle()
    (row,) = world.pending()
    assert (row.state, row.waits_for) == ("waiting", "ravetree:invoice:switch-on")
    assert world.state(ours(Kind.INVOICE, invoice))["state"] == "paused"


def test_an_invoice_made_in_quickbooks_is_left_alone(world: World) -> None:
    body = {"CustomerRef": {"value": CUSTOMER}, "TxnDate": "2026-11-20", "Line": []}
    world.quickbooks.save("Invoice", body)
    world.settle()
    assert (world.pairs("invoice"), world.pending(), world.written()) == ({}, [], [])


def test_an_invoice_of_an_estimate_closes_it(world: World) -> None:
    estimate = world.estimate(world.client(), "10.00")
    invoice = world.invoice(world.aster(), "10.00", estimate_id=estimate["id"])
    world.settle()
    there = world.quickbooks.numbered(estimate["number"], "Estimate")
    assert there["TxnStatus"] == "Closed"
    assert there["LinkedTxn"] == [{"TxnId": world.pairs("invoice")[invoice["id"]], "TxnType": "Invoice"}]
    assert world.pending() == []


def test_somebody_elses_edit_meanwhile_is_read_and_planned_anew(world: World) -> None:
    invoice, made = world.paired()
    world.quickbooks.save("Invoice", {"Id": made["Id"], "ShipMethodRef": {"value": "UPS"}})
    world.miss()
    world.ravetree.change("invoices", invoice["id"], {"memo": "Fast"})
    world.settle()
    there = world.quickbooks.numbered(invoice["number"])
    assert (there["CustomerMemo"]["value"], there["ShipMethodRef"]) == ("Fast", {"value": "UPS"})
    assert world.written("refused") == ["invoice.update"]
    assert world.pending() == []


def test_an_inactive_item_is_named(world: World) -> None:
    world.quickbooks.row("Item", "2").update(Active=False, Name="Hours (deleted)")
    invoice = world.invoice(world.client(), "10.00")
    world.settle()
    row = world.attention(ours(Kind.INVOICE, invoice))
    assert (row.code, "the item Hours, to which" in row.cause) == ("item_inactive", True)


def test_money_beside_a_mark_that_was_edited_unheard_is_read_again_before_it_is_applied(world: World) -> None:
    invoice, made = world.paired()
    world.ravetree.mark_as_paid(invoice["id"])
    world.settle()
    lying = world.quickbooks.save(
        "Payment", {"CustomerRef": made["CustomerRef"], "TotalAmt": 40, "TxnDate": "2026-11-20", "Line": []}
    )
    world.settle()
    record = ours(Kind.INVOICE, invoice)
    assert world.attention(record).code == "unapplied_money_beside_mark"
    world.quickbooks.save("Payment", {"Id": lying["Id"], "PrivateNote": "edited"})
    world.miss()
    world.decide(record, "one")
    world.settle()
    found = {row["Id"]: (row["TotalAmt"], row["UnappliedAmt"]) for row in world.quickbooks.every("Payment")}
    assert found.pop(lying["Id"]) == (40, 0)
    assert list(found.values()) == [(60, 0)], "the placeholder stands for the rest"
    assert world.codes() == {}


@pytest.mark.parametrize(("decision", "received"), [("payment", 1), ("restore", 0)])
def test_a_placeholder_that_was_edited_is_asked_about(world: World, decision: str, received: int) -> None:
    invoice, _ = world.paired()
    world.ravetree.mark_as_paid(invoice["id"])
    world.settle()
    holder = world.pairs("placeholder")[invoice["id"]]
    world.quickbooks.save("Payment", {"Id": holder, "PaymentRefNum": "CHQ 5"})
    world.settle()
    record = ours(Kind.INVOICE, invoice)
    assert world.attention(record).code == "placeholder_changed"
    world.decide(record, decision)
    world.settle()
    assert len(world.ravetree.every("payments")) == received
    (there,) = world.quickbooks.every("Payment")
    assert (there["Id"], there["PaymentRefNum"]) == (holder, "CHQ 5" if received else "")
    assert world.codes() == {}
