"""What differs between the two records of a pair, by field, and why."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.compare import Cause, Difference, Links, compare_estimate, compare_invoice, compare_payment, in_old_copy
from reconcile.invoices import plan
from reconcile.model import ZERO, Gone, QuickBooksEstimate, QuickBooksInvoice, RavetreeEstimate, RavetreeInvoice
from reconcile.payment_facts import KnownInvoice, PaymentBase, PaymentCase
from reconcile.payments import plan as plan_payment
from tests.unit.reconcile.build import (
    CREATED,
    CUSTOMER,
    DAY,
    ITEMS,
    MARKED_AT,
    copied_payment,
    line,
    paired_case,
    quickbooks_invoice,
    quickbooks_line,
    ravetree_invoice,
    ravetree_payment,
)

LINKS = Links(customers={("client_1", "USD"): CUSTOMER}, items=ITEMS, line_ids={"l1": "1"})
BASE = (ravetree_invoice(), quickbooks_invoice())
INVOICE = KnownInvoice("R1", "Q1", "1043", "client_1", quickbooks_invoice())


def invoices(
    ours: RavetreeInvoice | Gone | None = None, theirs: QuickBooksInvoice | Gone | None = None, links: Links = LINKS
) -> dict[str, Difference]:
    """The differences by field, against a base on which both agreed."""
    found = compare_invoice(ours or BASE[0], theirs or BASE[1], BASE, links)
    assert len({difference.field for difference in found}) == len(found)
    return {difference.field: difference for difference in found}


def test_a_pair_that_agrees_has_no_differences() -> None:
    assert invoices() == {}


@pytest.mark.parametrize(
    ("field", "ours", "theirs", "shown"),
    [
        ("number", {"number": "1044"}, {"number": "1045"}, ("1044", "1045")),
        ("client", {}, {"customer_id": "C2"}, ("C1", "C2")),
        ("issue date", {}, {"issue_date": date(2026, 12, 1)}, ("2026-11-20", "2026-12-01")),
        ("due date", {"due_date": DAY}, {"due_date": date(2026, 12, 1)}, ("2026-11-20", "2026-12-01")),
        ("due date", {"due_date": DAY}, {"due_date": None}, ("2026-11-20", "")),
        ("memo", {"memo": "ours"}, {"memo": "theirs"}, ("ours", "theirs")),
        ("currency", {}, {"currency": "EUR"}, ("USD", "EUR")),
        ("discount", {}, {"discount": Decimal(5)}, ("0.00", "5.00")),
        ("tax", {}, {"tax_amount": Decimal("7.5")}, ("0.00", "7.50")),
        ("sent", {"sent": True}, {}, ("yes", "no")),
        ("sent", {}, {"emailed": True}, ("no", "yes")),
    ],
)
def test_each_field_is_compared(field: str, ours: Any, theirs: Any, shown: tuple[str, str]) -> None:
    found = invoices(replace(BASE[0], **ours), replace(BASE[1], **theirs))
    assert list(found) == [field]
    assert (found[field].ravetree, found[field].quickbooks) == shown
    assert ("Past due follows" in found[field].next) is (field == "due date")


@pytest.mark.parametrize(
    ("field", "change", "shown"),
    [
        ("line 1 description", {"description": "Other"}, ("Work", "Other")),
        ("line 1 quantity", {"quantity": Decimal("2.50")}, ("1", "2.5")),
        ("line 1 price", {"unit_price": Decimal(90)}, ("100", "90")),
        ("line 1 item", {"item_id": "I2"}, ("I1", "I2")),
        ("line 1 tax code", {"tax_code": "NON"}, ("TAX", "NON")),
    ],
)
def test_each_value_of_a_line_is_compared(field: str, change: Any, shown: tuple[str, str]) -> None:
    found = invoices(theirs=quickbooks_invoice(lines=(quickbooks_line(**change),)))
    assert list(found) == [field]
    assert (found[field].ravetree, found[field].quickbooks) == shown
    assert found[field].cause is Cause.DRIFT


def test_a_line_that_was_added_and_one_that_was_removed_are_named() -> None:
    extra = quickbooks_line(20, id="7", description="Rush")
    found = invoices(theirs=quickbooks_invoice(120, lines=(extra,)))
    assert (found["line 1"].ravetree, found["line 1"].quickbooks) == ("Work, 100.00", "")
    assert (found["line 1 in QuickBooks"].ravetree, found["line 1 in QuickBooks"].quickbooks) == ("", "Rush, 20.00")
    assert {found["line 1"].cause, found["line 1 in QuickBooks"].cause} == {Cause.DRIFT}


def test_a_line_that_was_removed_in_ravetree_goes_with_the_next_sync() -> None:
    two = (line(), line(50, id="l2"))
    base = (
        ravetree_invoice(150, lines=two),
        quickbooks_invoice(150, lines=(quickbooks_line(), quickbooks_line(50, id="2"))),
    )
    links = replace(LINKS, line_ids={"l1": "1", "l2": "2"})
    found = {one.field: one for one in compare_invoice(ravetree_invoice(100), base[1], base, links)}
    assert (found["line 2 in QuickBooks"].base, found["line 2 in QuickBooks"].cause) == ("Work, 50.00", Cause.WAITING)
    assert found["line 2 in QuickBooks"].cause is Cause.WAITING


def test_quantity_and_price_that_do_not_make_the_amount_were_never_sent() -> None:
    """QuickBooks takes no such line, so it has neither."""
    odd = line(100, quantity=Decimal(3), unit_price=Decimal("33.34"))
    bare = quickbooks_line(100, quantity=None, unit_price=None)
    ours, theirs = ravetree_invoice(lines=(odd,)), quickbooks_invoice(lines=(bare,))
    assert compare_invoice(ours, theirs, (ours, theirs), LINKS) == ()


def test_what_ravetree_does_not_own_or_say_is_no_difference() -> None:
    theirs = quickbooks_invoice(due_date=DAY, lines=(quickbooks_line(class_id="9", service_date=DAY),))
    assert invoices(theirs=theirs, links=replace(LINKS, items={}, customers={})) == {}


def test_past_due_is_no_status_of_its_own() -> None:
    assert invoices(replace(BASE[0], status="past_due")) == {}


# --- why it differs --------------------------------------------------------------------------------


def test_what_is_said_of_a_weighty_drift_is_what_the_rules_do() -> None:
    raised = quickbooks_invoice(150)
    found = invoices(theirs=raised)["total"]
    assert (found.cause, found.base) == (Cause.DRIFT, "100.00")
    assert "at the next edit in Ravetree its content is written, or a person is asked first" in found.next
    edited = replace(BASE[0], memo="please pay")
    attention = plan(paired_case(edited, raised)).attention
    assert attention is not None
    assert attention.code == "drift_before_overwrite"


def test_what_is_said_of_a_light_drift_is_what_the_rules_do() -> None:
    drifted = quickbooks_invoice(memo="theirs")
    assert invoices(theirs=drifted)["memo"].cause is Cause.DRIFT
    edited = replace(BASE[0], number="1044")
    assert {one.cause for one in invoices(edited, drifted).values()} == {Cause.DRIFT, Cause.WAITING}
    assert [write.action for write in plan(paired_case(edited, drifted)).writes] == ["invoice.update"]


def test_cents_that_nobody_changed_are_rounding_and_more_is_unexplained() -> None:
    for apart, cause in (("0.01", Cause.ROUNDED), ("5.00", Cause.UNEXPLAINED)):
        theirs = quickbooks_invoice(100 + Decimal(apart))  # type: ignore[arg-type]
        found = compare_invoice(BASE[0], theirs, (BASE[0], theirs), LINKS)
        assert {one.cause for one in found if one.field in ("total", "balance")} == {cause}


def test_a_mark_as_paid_explains_the_balance() -> None:
    found = invoices(replace(BASE[0], status="paid", marked_paid_at=MARKED_AT), quickbooks_invoice(paid=100))
    assert [(one.field, one.cause) for one in found.values()] == [("balance", Cause.MARKED)]


def test_a_mark_as_paid_that_quickbooks_does_not_have_yet_is_coming() -> None:
    found = invoices(replace(BASE[0], status="paid", marked_paid_at=MARKED_AT))
    assert {one.field: (one.ravetree, one.quickbooks) for one in found.values()} == {"status": ("paid", "open")}
    assert found["status"].cause is Cause.WAITING
    half = invoices(
        replace(ravetree_invoice(paid=60), status="paid", marked_paid_at=MARKED_AT), quickbooks_invoice(paid=40)
    )
    assert {one.cause for one in half.values()} == {Cause.WAITING}


def test_a_mark_as_sent_that_quickbooks_took_and_did_not_keep_is_its_own_matter() -> None:
    sent = replace(BASE[0], sent=True)
    assert compare_invoice(sent, BASE[1], (sent, BASE[1]), LINKS, sent_written=True) == ()
    (found,) = compare_invoice(BASE[0], replace(BASE[1], emailed=True), BASE, LINKS, sent_written=True)
    assert (found.field, found.ravetree, found.quickbooks, found.cause) == ("sent", "no", "yes", Cause.WAITING)


def test_a_balance_follows_from_payments_and_is_never_written() -> None:
    found = invoices(theirs=quickbooks_invoice(paid=40))
    assert set(found) == {"balance", "status"}
    assert {(one.owner, one.cause) for one in found.values()} == {("both", Cause.UNEXPLAINED)}
    assert "each of them is copied" in found["balance"].next


def test_an_old_copy_says_nothing_of_balances() -> None:
    found = in_old_copy(tuple(invoices(theirs=quickbooks_invoice(paid=40, memo="theirs")).values()))
    assert {one.field: one.cause for one in found} == {
        "memo": Cause.DRIFT,
        "balance": Cause.OLD_COPY,
        "status": Cause.OLD_COPY,
    }


# --- void and deleted ------------------------------------------------------------------------------

VOID_THERE = quickbooks_invoice(0, voided=True)


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        (BASE[0], Gone("Q1"), ("open", "deleted")),
        (BASE[0], VOID_THERE, ("open", "void")),
        (ravetree_invoice(paid=10), VOID_THERE, ("partially paid", "void")),
        (ravetree_invoice(status="void"), BASE[1], ("void", "open")),
        (ravetree_invoice(status="void"), quickbooks_invoice(paid=10), ("void", "partially paid")),
        (Gone("R1"), BASE[1], ("deleted", "open")),
    ],
)
def test_what_ended_on_one_side_is_one_difference(ours: Any, theirs: Any, said: tuple[str, str]) -> None:
    (found,) = invoices(ours, theirs).values()
    assert (found.field, found.cause, (found.ravetree, found.quickbooks)) == ("status", Cause.ENDED, said)


@pytest.mark.parametrize("ours", [Gone("R1"), ravetree_invoice(status="void")])
@pytest.mark.parametrize("theirs", [Gone("Q1"), VOID_THERE])
def test_what_ended_on_both_sides_agrees(ours: Any, theirs: Any) -> None:
    assert invoices(ours, theirs) == {}


# --- estimates -------------------------------------------------------------------------------------


def estimate(**changes: Any) -> RavetreeEstimate:
    made = RavetreeEstimate(
        "E1", 1, "9", "client_1", "sent", DAY, None, "USD", "", (line(),), (), False, ZERO, Decimal(100), CREATED
    )
    return replace(made, **changes)


def remote_estimate(**changes: Any) -> QuickBooksEstimate:
    made = QuickBooksEstimate(
        "QE1", 1, "9", CUSTOMER, "Pending", DAY, None, "USD", "", (quickbooks_line(),), ZERO, ZERO, Decimal(100)
    )
    return replace(made, **changes)


def test_an_estimates_status_is_compared_in_quickbooks_words() -> None:
    base = (estimate(), remote_estimate())
    assert compare_estimate(*base, base, LINKS) == ()
    (found,) = compare_estimate(estimate(status="accepted"), remote_estimate(), base, LINKS)
    assert (found.field, found.ravetree, found.quickbooks) == ("status", "Accepted", "Pending")


def test_an_estimate_that_became_an_invoice_is_closed_by_quickbooks_itself() -> None:
    base = (estimate(), remote_estimate())
    assert compare_estimate(estimate(), remote_estimate(status="Closed", invoice_ids=("1",)), base, LINKS) == ()


def test_a_changed_total_of_an_estimate_holds_nothing() -> None:
    base = (estimate(), remote_estimate())
    (found,) = (
        one for one in compare_estimate(estimate(), remote_estimate(total=ZERO), base, LINKS) if one.field == "total"
    )
    assert found.cause is Cause.DRIFT


def test_an_estimate_that_is_gone_in_ravetree_is_deleted_or_stays_closed() -> None:
    base = (estimate(), remote_estimate())
    (found,) = compare_estimate(Gone("E1"), remote_estimate(), base, LINKS)
    assert (found.ravetree, found.quickbooks, found.cause) == ("deleted", "Pending", Cause.ENDED)
    assert compare_estimate(Gone("E1"), remote_estimate(status="Closed", invoice_ids=("1",)), base, LINKS) == ()
    (there,) = compare_estimate(estimate(), Gone("QE1"), base, LINKS)
    assert (there.quickbooks, there.cause) == ("deleted", Cause.ENDED)
    assert (found.base, there.base) == ("in both books", "in both books")
    for ours, theirs in ((Gone("E1"), remote_estimate()), (estimate(), Gone("QE1"))):
        assert [one.base for one in compare_estimate(ours, theirs, None, LINKS)] == [""]


# --- payments --------------------------------------------------------------------------------------

PAID = (ravetree_payment(reference="CHK 1"), copied_payment(reference="CHK 1"))


def payments(ours: Any = None, theirs: Any = None) -> dict[str, Difference]:
    found = compare_payment(ours or PAID[0], theirs or PAID[1], PAID, (INVOICE,))
    return {difference.field: difference for difference in found}


def test_a_conflict_has_base_and_both_versions() -> None:
    found = payments(replace(PAID[0], reference="A"), replace(PAID[1], reference="B"))
    assert found["reference"] == Difference("reference", "A", "B", "CHK 1", "both", found["reference"].next, Cause.HELD)


def test_an_edit_on_one_side_is_coming() -> None:
    assert payments(replace(PAID[0], reference="A"))["reference"].cause is Cause.WAITING
    assert payments(theirs=replace(PAID[1], reference="B"))["reference"].cause is Cause.WAITING


def test_a_share_is_named_by_its_invoices_number() -> None:
    found = payments(theirs=copied_payment(40, ("Q1", 30), reference="CHK 1"))
    assert (found["on invoice 1043"].ravetree, found["on invoice 1043"].quickbooks) == ("40.00", "30.00")
    assert found["unapplied"].quickbooks == "10.00"


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        (Gone("RP1"), PAID[1], ("deleted", "received")),
        (PAID[0], Gone("QP1"), ("received", "deleted")),
        (Gone("RP1"), replace(PAID[1], reference="B"), ("deleted", "received")),
    ],
)
def test_a_payment_that_was_deleted_on_one_side(ours: Any, theirs: Any, said: tuple[str, str]) -> None:
    (found,) = payments(ours, theirs).values()
    assert (found.field, found.cause, (found.ravetree, found.quickbooks)) == ("status", Cause.ENDED, said)


SHARE = st.integers(0, 40).map(Decimal)
REFERENCE = st.sampled_from(["CHK 1", "A", "B"])


@given(mine=SHARE, other=SHARE, here=REFERENCE, there=REFERENCE)
def test_payments_differ_exactly_when_the_rules_do_something(
    mine: Decimal, other: Decimal, here: str, there: str
) -> None:
    """The comparison and the plan never tell a bookkeeper two stories."""
    ours = ravetree_payment(40, ("R1", mine), reference=here)  # type: ignore[arg-type]
    theirs = copied_payment(40, ("Q1", other), reference=there)  # type: ignore[arg-type]
    found = payments(ours, theirs)
    planned = plan_payment(PaymentCase(ours, theirs, PaymentBase(*PAID), (INVOICE,), payers=(CUSTOMER,)))
    assert bool(found) == bool(planned.writes or planned.attention)
    for one in found.values():
        assert (one.cause is Cause.HELD) == (planned.attention is not None)


@given(memo=st.sampled_from(["", "A", "B"]), total=st.sampled_from([100, 120]), there=st.sampled_from([100, 120, 150]))
def test_an_invoice_that_the_rules_would_write_differs(memo: str, total: int, there: int) -> None:
    ours, theirs = ravetree_invoice(total, memo=memo), quickbooks_invoice(there)
    planned = plan(paired_case(ours, theirs))
    found = invoices(ours, theirs)
    if planned.attention is not None:
        assert found


def test_a_payment_that_no_edit_explains_is_told_as_one_that_may_stand_twice_or_as_it_is() -> None:
    """Both stand as they were when they agreed, and are not the same."""

    def told(ours: Any, theirs: Any, label: str) -> tuple[Cause, str]:
        (found,) = (one for one in compare_payment(ours, theirs, (ours, theirs), (INVOICE,)) if one.field == label)
        return found.cause, found.next

    twice = "Nothing by itself: this payment may stand twice in QuickBooks."
    assert told(PAID[0], replace(PAID[1], amount=Decimal(50), unapplied=Decimal(10)), "amount") == (Cause.HELD, twice)
    shares = copied_payment(40, ("Q1", 30), reference="CHK 1")
    assert told(PAID[0], shares, "on invoice 1043") == (Cause.HELD, twice)
    assert told(PAID[0], replace(PAID[1], reference="B"), "reference") == (
        Cause.UNEXPLAINED,
        "Nothing: nobody changed the reference since both agreed.",
    )


def test_gross_prices_are_compared_with_what_quickbooks_keeps_of_them() -> None:
    def lines(gross: int | None) -> list[str]:
        ours = ravetree_invoice(120, lines=(line(120, description="Work"),), tax_inclusive=True)
        kept = None if gross is None else Decimal(gross)
        theirs = quickbooks_invoice(120, lines=(quickbooks_line(100, gross=kept),))
        return [one.field for one in compare_invoice(ours, theirs, (ours, theirs), LINKS)]

    assert lines(120) == lines(None) == []
    assert lines(110) == ["line 1 amount"]
