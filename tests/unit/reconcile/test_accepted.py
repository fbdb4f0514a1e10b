"""Payments and reports over a difference of totals that a person accepted."""

from decimal import Decimal
from typing import Any

import pytest

from reconcile.compare import Accepted, Cause, Links, compare_invoice, compare_payment
from reconcile.model import NOTHING, ZERO, PaymentContent, Side, TaxedTotal
from reconcile.payment_facts import KnownInvoice
from reconcile.payments import plan
from tests.unit.reconcile.build import (
    amount,
    attention,
    copied_payment,
    known,
    paired_payment_case,
    payment_case,
    quickbooks_invoice,
    quickbooks_payment,
    ravetree_invoice,
    ravetree_payment,
    the_write,
)


def less_there(balance: str = "99.99", open_here: str = "100") -> KnownInvoice:
    """An invoice over 100.00 that is 99.99 in QuickBooks, and somebody said that it may be."""
    remote = quickbooks_invoice("99.99", balance=amount(balance))
    return known(quickbooks=remote, open_here=amount(open_here), accepted=amount("-0.01"))


def more_there(balance: str = "100.01", open_here: str = "100") -> KnownInvoice:
    remote = quickbooks_invoice("100.01", balance=amount(balance))
    return known(quickbooks=remote, open_here=amount(open_here), accepted=amount("0.01"))


def content(case: Any, side: Side) -> PaymentContent:
    write = the_write(plan(case))
    assert write.side is side
    assert isinstance(write.content, PaymentContent)
    return write.content


def spelled(made: PaymentContent) -> tuple[Decimal, Decimal, Decimal]:
    return made.amount, made.unapplied, sum((a.amount for a in made.allocations), ZERO)


def test_a_receipt_of_ravetrees_total_is_applied_as_far_as_quickbooks_is_open() -> None:
    case = payment_case(ravetree=ravetree_payment(100), invoices=(less_there(),))
    assert spelled(content(case, Side.QUICKBOOKS)) == (amount(100), amount("0.01"), amount("99.99"))


def test_a_receipt_of_a_larger_total_in_quickbooks_is_applied_as_far_as_ravetree_is_open() -> None:
    case = payment_case(quickbooks=quickbooks_payment("100.01"), invoices=(more_there(),))
    assert spelled(content(case, Side.RAVETREE)) == (amount("100.01"), amount("0.01"), amount(100))


@pytest.mark.parametrize("share", ["100.02", "150"])
def test_more_than_the_accepted_difference_is_held(share: str) -> None:
    case = payment_case(ravetree=ravetree_payment(share), invoices=(less_there(),))
    assert attention(plan(case)) == ("held", "more_than_open")


@pytest.mark.parametrize(
    ("ours", "theirs", "invoice"),
    [
        (ravetree_payment(100), copied_payment(100, ("Q1", "99.99")), less_there("0", "0")),
        (ravetree_payment("100.01", ("R1", 100)), copied_payment("100.01"), more_there("0", "0")),
    ],
)
def test_a_payment_whose_cents_lie_unapplied_on_one_side_agrees(ours: Any, theirs: Any, invoice: KnownInvoice) -> None:
    case = paired_payment_case(ours, theirs, was=ours, remote_was=theirs, invoices=(invoice,))
    assert plan(case) == NOTHING
    assert compare_payment(ours, theirs, (ours, theirs), (invoice,)) == ()
    other = known(quickbooks=invoice.quickbooks, open_here=invoice.open_here)
    assert plan(paired_payment_case(ours, theirs, was=ours, remote_was=theirs, invoices=(other,))) != NOTHING


def test_an_edit_keeps_the_cents_unapplied() -> None:
    was, theirs = ravetree_payment(100), copied_payment(100, ("Q1", "99.99"))
    now = ravetree_payment(100, reference="R-1")
    case = paired_payment_case(now, theirs, was=was, remote_was=theirs, invoices=(less_there("0", "0"),))
    assert spelled(content(case, Side.QUICKBOOKS)) == (amount(100), amount("0.01"), amount("99.99"))


def test_a_report_says_who_accepted_it_until_it_is_another_one() -> None:
    ours, theirs = ravetree_invoice(), quickbooks_invoice("99.99")
    links = Links(accepted=Accepted(TaxedTotal(amount("-0.01"), ZERO), "Nothing: accepted by Kim on 2026-11-20."))
    found = compare_invoice(ours, theirs, (ours, theirs), links)
    assert {(one.field, one.cause) for one in found if one.field in ("total", "balance")} == {
        ("total", Cause.ACCEPTED),
        ("balance", Cause.ACCEPTED),
    }
    assert all("Kim" in one.next for one in found if one.cause is Cause.ACCEPTED)
    more = quickbooks_invoice("99.98")
    assert Cause.ACCEPTED not in {one.cause for one in compare_invoice(ours, more, (ours, more), links)}
