"""What stays true of invoices, estimates, payments and contacts."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ravetree_sandbox.testing import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as world:
        yield world


def invoice_of(world: World, *lines: dict[str, Any], **fields: Any) -> Any:
    return world.ok("POST", "/sandbox/app/invoices", {"client_id": world.client_id(), "lines": lines, **fields})


def test_a_form_is_prefilled(world: World) -> None:
    invoice = world.ok("POST", "/sandbox/app/invoices", {"client_id": world.client_id("EUR")})
    assert (invoice["number"], invoice["currency"], invoice["status"]) == ("1001", "EUR", "draft")
    assert (invoice["issue_date"], invoice["due_date"]) == ("2026-11-20", "2026-12-20")
    assert (invoice["lines"], invoice["total"], invoice["balance"]) == ([], "0.00", "0.00")


def test_numbers_follow_each_other_and_are_unique(world: World) -> None:
    assert world.invoice(number="1002")["number"] == "1002"
    taken = world.invoice()
    assert taken["number"] == "1001"
    assert world.invoice()["number"] == "1003"
    body = {"client_id": world.client_id(), "number": "1001"}
    error = world.refused(422, "POST", "/sandbox/app/invoices", body)
    assert (error["field"], error["existing_id"]) == ("number", taken["id"])


def test_line_amounts_are_rounded_half_up(world: World) -> None:
    invoice = invoice_of(
        world,
        {"type": "time", "quantity": "1.5", "unit_price": "33.35"},
        {"type": "expense", "amount": "10.00", "quantity": 3},
    )
    assert [line["amount"] for line in invoice["lines"]] == ["50.03", "10.00"]
    assert invoice["lines"][1]["unit_price"] == "3.333333"
    assert invoice["total"] == "60.03"
    wrong = {"type": "time", "quantity": "2", "unit_price": "1.00", "amount": "3.00"}
    body = {"client_id": world.client_id(), "lines": [wrong]}
    assert world.refused(422, "POST", "/sandbox/app/invoices", body)["field"] == "lines.0.amount"


def test_currencies_have_their_own_decimals(world: World) -> None:
    invoice = invoice_of(world, {"type": "time", "quantity": "3", "unit_price": "33.5"}, currency="JPY")
    assert (invoice["lines"][0]["amount"], invoice["total"], invoice["balance"]) == ("101", "101", "101")


@pytest.mark.parametrize(
    ("fields", "tax", "total"),
    [
        ({}, "16.00", "216.00"),
        ({"discount": {"percent": "10"}}, "14.40", "194.40"),
        ({"discount": {"amount": "20.00", "before_tax": False}}, "16.00", "196.00"),
        ({"tax_inclusive": True}, "14.81", "200.00"),
        ({"tax_amount": "15.99"}, "15.99", "215.99"),
    ],
)
def test_totals(world: World, fields: dict[str, Any], tax: str, total: str) -> None:
    line = {"type": "time", "unit_price": "200.00", "tax_rate": "standard"}
    invoice = invoice_of(world, line, **fields)
    assert (invoice["subtotal"], invoice["tax_amount"], invoice["total"]) == ("200.00", tax, total)


def test_a_patch_keeps_lines_it_names_and_drops_the_rest(world: World) -> None:
    first = {"type": "time", "description": "Design", "quantity": "2", "unit_price": "50.00"}
    invoice = invoice_of(world, first, {"type": "other", "unit_price": "5.00"})
    kept = invoice["lines"][0]["id"]
    path = f"/sandbox/app/invoices/{invoice['id']}"
    lines = [{"id": kept, "quantity": "3"}, {"type": "retainer", "unit_price": "7.00"}]
    changed = world.ok("PATCH", path, {"lines": lines})
    assert changed["lines"][0] == {**invoice["lines"][0], "quantity": "3", "amount": "150.00"}
    assert changed["lines"][1]["id"] not in {line["id"] for line in invoice["lines"]}
    assert (changed["total"], changed["version"]) == ("157.00", 2)
    assert world.events()[-1]["data"]["changed"] == ["lines"]
    gone = {"lines": [{"id": invoice["lines"][1]["id"]}]}
    assert world.refused(422, "PATCH", path, gone)["field"] == "lines.0.id"


def test_unknown_types_and_rates_are_refused(world: World) -> None:
    for line, field in (
        ({"type": "magic", "unit_price": "1.00"}, "lines.0.type"),
        ({"type": "time", "unit_price": "1.00", "tax_rate": "moon"}, "lines.0.tax_rate"),
        ({"type": "time"}, "lines.0.unit_price"),
    ):
        body = {"client_id": world.client_id(), "lines": [line]}
        assert world.refused(422, "POST", "/sandbox/app/invoices", body)["field"] == field


def test_status_follows_from_payments(world: World) -> None:
    invoice = world.invoice("100.00", status="sent")
    payment = world.pay("40.00", (invoice["id"], "40.00"))
    partly = world.get_invoice(invoice["id"])
    assert (partly["status"], partly["balance"], partly["version"]) == ("partially_paid", "60.00", 2)
    rest = world.pay("60.00", (invoice["id"], "60.00"))
    assert world.get_invoice(invoice["id"])["status"] == "paid"
    world.ok("DELETE", f"/v1/payments/{payment['id']}")
    world.ok("PATCH", f"/v1/payments/{rest['id']}", {"voided": True})
    back = world.get_invoice(invoice["id"])
    assert (back["status"], back["balance"], back["sent_at"]) == ("sent", "100.00", invoice["sent_at"])


def test_an_invoice_becomes_past_due_on_its_day(world: World) -> None:
    invoice = world.invoice(status="sent")
    draft = world.invoice()
    world.advance(days=30)
    assert world.get_invoice(invoice["id"])["status"] == "sent"
    world.advance(days=1)
    assert world.get_invoice(invoice["id"])["status"] == "past_due"
    assert world.get_invoice(draft["id"])["status"] == "draft"
    world.pay("100.00", (invoice["id"], "100.00"))
    assert world.get_invoice(invoice["id"])["status"] == "paid"


def test_no_allocation_goes_beyond_what_is_open(world: World) -> None:
    invoice = world.invoice("50.00")
    body = world.payment_of("60.00", (invoice["id"], "50.01"))
    assert world.refused(422, "POST", "/v1/payments", body)["field"] == "allocations"
    assert world.ok("GET", "/v1/payments") == []
    assert world.get_invoice(invoice["id"])["balance"] == "50.00"


def test_a_total_may_fall_below_what_is_paid(world: World) -> None:
    """A user can do that, and whoever syncs has to notice; the payment can still be made smaller."""
    invoice = world.invoice("50.00")
    payment = world.pay("50.00", (invoice["id"], "50.00"))
    lowered = world.ok("PATCH", f"/sandbox/app/invoices/{invoice['id']}", {"lines": []})
    assert lowered["balance"] == "-50.00"
    smaller = [{"invoice_id": invoice["id"], "amount": "20.00"}]
    path = f"/v1/payments/{payment['id']}"
    assert world.ok("PATCH", path, {"allocations": smaller})["unapplied"] == "30.00"
    larger = [{"invoice_id": invoice["id"], "amount": "21.00"}]
    world.refused(422, "PATCH", path, {"allocations": larger})


def test_sums_of_a_payment_add_up(world: World) -> None:
    invoice = world.invoice("100.00")
    paid = world.pay("50.00", (invoice["id"], "60.00"), credit_amount="20.00")
    assert paid["unapplied"] == "10.00"
    for wrong, field in (
        ({"unapplied": "5.00"}, "unapplied"),
        ({"amount": "30.00"}, "allocations"),
        ({"amount": "-1.00"}, "amount"),
        ({"allocations": [{"invoice_id": invoice["id"], "amount": "0.00"}]}, "allocations.0.amount"),
        ({"currency": "EUR"}, "currency"),
        ({"method": "barter"}, "method"),
        ({"client_id": "con_0"}, "client_id"),
        ({"allocations": [{"invoice_id": "inv_0", "amount": "1.00"}]}, "allocations.0.invoice_id"),
    ):
        assert world.refused(422, "PATCH", f"/v1/payments/{paid['id']}", wrong)["field"] == field


def test_one_payment_covers_invoices_of_several_clients(world: World) -> None:
    mine, other = world.invoice("10.00"), world.invoice("20.00", client_id="con_1004")
    world.pay("30.00", (mine["id"], "10.00"), (other["id"], "20.00"))
    assert [world.get_invoice(row["id"])["status"] for row in (mine, other)] == ["paid", "paid"]


def test_void_is_final_and_takes_no_payment(world: World) -> None:
    invoice = world.invoice("10.00")
    path = f"/sandbox/app/invoices/{invoice['id']}"
    payment = world.pay("10.00", (invoice["id"], "10.00"))
    for side in (path, f"/v1/invoices/{invoice['id']}"):
        world.refused(422, "PATCH", side, {"status": "void"})
    world.refused(422, "DELETE", path)
    world.ok("PATCH", f"/v1/payments/{payment['id']}", {"allocations": []})
    assert world.ok("PATCH", path, {"status": "void"})["status"] == "void"
    again = {"allocations": [{"invoice_id": invoice["id"], "amount": "1.00"}]}
    world.refused(422, "PATCH", f"/v1/payments/{payment['id']}", again)
    for change in ({"status": "sent"}, {"memo": "x"}, {"marked_paid": True}):
        world.refused(422, "PATCH", path, change)


@pytest.mark.parametrize("unmark", [{"status": "sent"}, {"marked_paid": False}])
def test_marked_as_paid_by_hand_and_back(world: World, unmark: dict[str, Any]) -> None:
    invoice = world.invoice("10.00", status="sent")
    path = f"/sandbox/app/invoices/{invoice['id']}"
    marked = world.ok("PATCH", path, {"status": "paid"})
    assert (marked["status"], marked["balance"], marked["marked_paid_by"]) == ("paid", "10.00", "usr_1")
    assert marked["marked_paid_at"] == "2026-11-20T14:13:20.000Z"
    back = world.ok("PATCH", path, unmark)
    assert (back["status"], back["marked_paid_at"], back["marked_paid_by"]) == ("sent", None, None)


def test_a_status_that_follows_from_payments_cannot_be_set(world: World) -> None:
    path = f"/sandbox/app/invoices/{world.invoice()['id']}"
    for status in ("partially_paid", "past_due", "settled"):
        assert world.refused(422, "PATCH", path, {"status": status})["field"] == "status"


def test_the_integrations_sent_does_not_unmark(world: World) -> None:
    invoice = world.invoice(status="paid")
    sent = world.ok("PATCH", f"/v1/invoices/{invoice['id']}", {"status": "sent"})
    assert (sent["status"], sent["sent_at"] is not None) == ("paid", True)


def test_currency_stays_while_there_are_payments(world: World) -> None:
    invoice = world.invoice("10.00")
    world.pay("1.00", (invoice["id"], "1.00"))
    path = f"/sandbox/app/invoices/{invoice['id']}"
    assert world.refused(422, "PATCH", path, {"currency": "EUR"})["field"] == "currency"


def test_estimates_have_the_status_a_user_sets(world: World) -> None:
    body = {"client_id": world.client_id(), "lines": [{"type": "time", "unit_price": "9.00"}]}
    estimate = world.ok("POST", "/sandbox/app/estimates", {**body, "expires_on": "2026-12-31"})
    assert (estimate["status"], estimate["total"]) == ("draft", "9.00")
    path = f"/sandbox/app/estimates/{estimate['id']}"
    assert world.ok("PATCH", path, {"status": "accepted"})["sent_at"] is not None
    world.invoice(estimate_id=estimate["id"])
    assert world.ok("GET", f"/v1/estimates/{estimate['id']}")["status"] == "invoiced"
    assert world.ok("DELETE", path)["deleted"] is True
    world.refused(422, "POST", "/sandbox/app/invoices", {**body, "estimate_id": estimate["id"]})


def test_contacts_bill_merge_and_stay_while_used(world: World) -> None:
    account = world.client_id()
    path = f"/sandbox/app/contacts/{account}"
    assert world.refused(422, "PATCH", path, {"bill_to_contact_id": account})["field"] == "bill_to_contact_id"
    world.invoice()
    world.refused(422, "DELETE", path)
    merged = world.ok("PATCH", path, {"merged_into": "con_1004"})
    assert (merged["merged_into"], merged["active"]) == ("con_1004", False)
    world.refused(422, "PATCH", path, {"merged_into": account})
    world.refused(422, "PATCH", f"/v1/contacts/{account}", {"merged_into": "con_1004"})
    assert world.ok("DELETE", "/sandbox/app/contacts/con_1007")["deleted"] is True


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["pay", "edit", "void", "delete", "lines", "mark"]),
        st.integers(0, 3),
        st.integers(1, 90),
    ),
    max_size=12,
)


@settings(max_examples=20, deadline=None)
@given(ACTS)
def test_no_sequence_of_requests_breaks_the_sums(acts: list[tuple[str, int, int]]) -> None:
    with TemporaryDirectory() as directory, World(Path(directory)) as world:
        invoices = [world.invoice("50.00")["id"] for _ in range(2)]
        for act, which, amount in acts:
            _act(world, act, invoices[which % 2], which, f"{amount}.00")
        _check_sums(world)


def _act(world: World, act: str, invoice: str, which: int, amount: str) -> None:
    payments = world.ok("GET", "/v1/payments")
    payment = f"/v1/payments/{payments[which % len(payments)]['id']}" if payments else "/v1/payments/none"
    allocations = [{"invoice_id": invoice, "amount": amount}]
    lines = [{"type": "other", "unit_price": amount}]
    {
        "pay": lambda: world.call("POST", "/v1/payments", world.payment_of(amount, (invoice, amount))),
        "edit": lambda: world.call("PATCH", payment, {"allocations": allocations}),
        "void": lambda: world.call("PATCH", payment, {"voided": which % 2 == 0}),
        "delete": lambda: world.call("DELETE", payment),
        "lines": lambda: world.call("PATCH", f"/sandbox/app/invoices/{invoice}", {"lines": lines}),
        "mark": lambda: world.call("PATCH", f"/sandbox/app/invoices/{invoice}", {"status": "paid"}),
    }[act]()


def _check_sums(world: World) -> None:
    payments = world.ok("GET", "/v1/payments")
    for payment in payments:
        allocated = sum(Decimal(row["amount"]) for row in payment["allocations"])
        assert allocated == Decimal(payment["amount"]) - Decimal(payment["unapplied"])
    for invoice in world.ok("GET", "/v1/invoices"):
        applied = sum(
            Decimal(row["amount"])
            for payment in payments
            for row in payment["allocations"]
            if row["invoice_id"] == invoice["id"] and not payment["voided"]
        )
        assert Decimal(invoice["balance"]) == Decimal(invoice["total"]) - applied
