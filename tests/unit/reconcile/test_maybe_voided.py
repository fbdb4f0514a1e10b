"""Void in QuickBooks: no flag says so, only what is left of an invoice that came to something."""

from typing import Any

import pytest

from reconcile.compare import Links, compare_invoice
from reconcile.invoices import MAYBE_VOIDED, plan
from reconcile.model import Answer, Plan
from tests.unit.reconcile.build import attention, paired_case, quickbooks_invoice, ravetree_invoice, written

NOTHING_LEFT = quickbooks_invoice(0, voided=True)
ZERO_INVOICE = ravetree_invoice(0)
LEFT = Answer(MAYBE_VOIDED, "leave")


def zero_case(**changes: Any) -> Any:
    return paired_case(ZERO_INVOICE, NOTHING_LEFT, was=ZERO_INVOICE, remote_was=quickbooks_invoice(0), **changes)


def test_what_came_to_something_and_is_nothing_now_is_void() -> None:
    assert written(plan(paired_case(remote=NOTHING_LEFT)))[1] == "invoice.void"


def test_lines_that_a_discount_took_away_came_to_something() -> None:
    before = quickbooks_invoice(100, total=NOTHING_LEFT.total, balance=NOTHING_LEFT.balance)
    case = paired_case(ZERO_INVOICE, NOTHING_LEFT, was=ZERO_INVOICE, remote_was=before)
    assert written(plan(case))[1] == "invoice.void"


def test_an_invoice_of_nothing_is_asked_about_unless_an_event_told_of_its_void() -> None:
    assert attention(plan(zero_case())) == ("held", MAYBE_VOIDED)
    assert written(plan(zero_case(void_told=True)))[1] == "invoice.void"


@pytest.mark.parametrize("decided_on", [MAYBE_VOIDED, ""])
def test_a_person_says_what_it_is(decided_on: str) -> None:
    assert plan(zero_case(decision="leave", decided_on=decided_on)) == Plan(remember=LEFT)
    assert written(plan(zero_case(decision="quickbooks", decided_on=decided_on)))[1] == "invoice.void"


def test_an_answer_to_another_question_says_nothing_of_this_one() -> None:
    assert attention(plan(zero_case(decision="leave", decided_on="total_differs"))) == ("held", MAYBE_VOIDED)


def test_what_is_left_is_asked_once_until_an_event_tells_of_a_void() -> None:
    assert plan(zero_case(answers=(LEFT,))).is_at_rest
    assert written(plan(zero_case(answers=(LEFT,), void_told=True)))[1] == "invoice.void"


def test_it_differs_in_nothing_as_long_as_nobody_knows() -> None:
    base = (ZERO_INVOICE, quickbooks_invoice(0))
    assert compare_invoice(ZERO_INVOICE, NOTHING_LEFT, base, Links(line_ids={"l1": "1"})) == ()
    (ended,) = compare_invoice(ravetree_invoice(), NOTHING_LEFT, (ravetree_invoice(), quickbooks_invoice()), Links())
    assert (ended.field, ended.quickbooks) == ("status", "void")
