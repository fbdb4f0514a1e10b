"""What a person is asked about a mark as paid: the words, the figures in them, and what each answer comes to."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from reconcile.invoices import InvoiceCase, plan, raises_mark
from reconcile.marks import Mark, Placeholder, let_go
from reconcile.model import NOTHING, Allocation, Answer, Plan, QuickBooksInvoice, QuickBooksPayment, Side
from tests.unit.reconcile.build import (
    DAY,
    MARKED_AT,
    amount,
    attention,
    paired_case,
    placeholder,
    quickbooks_invoice,
    ravetree_invoice,
    written,
)
from tests.unit.reconcile.test_mark_limits import MARKED, content_of, decided, held_by

CHANGED, NOT_COVERED, DIFFER, FELL = (
    "placeholder_changed",
    "mark_not_covered",
    "open_balances_differ",
    "share_fell_with_total",
)
TYPED = replace(placeholder(100), reference="CHK 7")
"""The placeholder after a bookkeeper has typed a reference into it."""
PAID = quickbooks_invoice(paid=100)


def marked(
    now: QuickBooksPayment = TYPED, *, was: QuickBooksPayment | None = None, remote: Any = PAID, **changes: Any
) -> InvoiceCase:
    """An invoice over a hundred, marked as paid, whose placeholder is `now` and was written as `was`."""
    return paired_case(
        changes.pop("invoice", MARKED),
        remote,
        was=changes.pop("was_here", None),
        placeholder=Placeholder(now, was or placeholder(100)),
        **changes,
    )


def said(case: InvoiceCase) -> tuple[str, str, str, tuple[str, ...]]:
    """Code, cause, remedy and decisions of what is asked."""
    made = plan(case)
    code = attention(made)[1]
    assert made.attention is not None
    return code, made.attention.cause, made.attention.remedy, tuple(made.attention.decisions)


# --- one that a bookkeeper changed -----------------------------------------------------------------


def test_an_edit_is_told_with_what_it_was_and_is_and_can_be_undone() -> None:
    assert said(marked()) == (
        CHANGED,
        "Invoice 1043 is marked as paid; its payment of 100.00 USD was edited in QuickBooks (now 100.00 USD of "
        "2026-11-20).",
        "Decide `payment` if it is the real money, or `restore` to undo the edit.",
        ("payment", "restore"),
    )
    restored = plan(decided(marked(), CHANGED, "restore"))
    assert written(restored) == (Side.QUICKBOOKS, "placeholder.update", "PH1", 7)
    content = content_of(restored)
    assert (content.amount, content.reference, content.date) == (amount(100), "", DAY)
    assert attention(plan(decided(marked(), "another_question", "restore")))[1] == CHANGED


@pytest.mark.parametrize(
    "changes",
    [
        # Credit that is applied with it, money on an invoice that it was not on, and a day that nobody may change.
        {"now": replace(TYPED, credit=amount(5))},
        {"now": replace(TYPED, allocations=(Allocation("Q8", amount(100)),))},
        {"books_closed": DAY},
    ],
)
def test_an_edit_that_we_cannot_undo_is_not_offered_to_be_undone(changes: dict[str, Any]) -> None:
    case = marked(**changes)
    code, _, remedy, decisions = said(case)
    assert (code, remedy, decisions) == (CHANGED, "Decide `payment` if it is the real money.", ("payment",))
    assert attention(plan(decided(case, CHANGED, "restore")))[1] == CHANGED
    assert plan(decided(case, CHANGED, "payment")) == Plan(remember=Answer(CHANGED, "payment", "PH1"))
    answered = replace(case, answers=(Answer(CHANGED, "payment", "PH1"),))
    assert plan(answered) == Plan(releases_placeholder=True)


def test_money_that_was_taken_off_its_invoice_is_told_as_that() -> None:
    off = replace(placeholder(100), allocations=(), unapplied=amount(100))
    assert said(marked(off, remote=quickbooks_invoice()))[1] == (
        "Invoice 1043 is marked as paid; its payment of 100.00 USD was taken off it in QuickBooks, where 100.00 USD of "
        "it are unapplied."
    )


@pytest.mark.parametrize(
    ("invoice", "words"),
    [
        (MARKED, "Invoice 1043 is marked as paid, and has ended"),
        (replace(MARKED, number="77"), "Invoice 77 is marked as paid, and has ended"),
        (replace(MARKED, status="void"), "Invoice 1043 is not marked as paid any more, and has ended"),
        (ravetree_invoice(), "Invoice 1043 is not marked as paid any more, and has ended"),
        (None, "Invoice 9 is not marked as paid any more, and has ended"),
    ],
)
def test_over_an_ended_invoice_it_is_told_whether_the_mark_still_stands(invoice: Any, words: str) -> None:
    made = let_go(marked(), invoice, "9")
    assert made is not None
    assert attention(made)[1] == CHANGED
    assert made.attention is not None
    assert made.attention.cause.startswith(words)


def test_what_stands_for_an_ended_invoice_goes_with_it() -> None:
    gone = let_go(marked(placeholder(100)), MARKED, "9")
    assert gone is not None
    assert written(gone)[1] == "placeholder.delete"
    assert let_go(marked(replace(TYPED, deposited=True)), MARKED, "9") is None
    closed = let_go(marked(placeholder(100), books_closed=DAY), MARKED, "9")
    assert closed is not None
    assert attention(closed)[1] == "placeholder_in_closed_period"


# --- what it does not cover ------------------------------------------------------------------------


def short(balance: str = "40", holder: int = 60, **changes: Any) -> InvoiceCase:
    """A placeholder of `holder` beside which `balance` is open in QuickBooks, and nothing changed in Ravetree."""
    remote = quickbooks_invoice(100, balance=amount(balance))
    mark = Mark(MARKED_AT, DAY, wanted=amount(100))
    return paired_case(MARKED, remote, placeholder=held_by(holder), mark=mark, **changes)


def test_what_a_placeholder_does_not_cover_is_entered_or_left_at_that_amount() -> None:
    assert said(short()) == (
        NOT_COVERED,
        "Invoice 1043 is marked as paid in Ravetree; 40.00 USD of it are open in QuickBooks.",
        "Decide `placeholder` to enter a payment for the rest, or `leave` it open.",
        ("placeholder", "leave"),
    )
    entered = plan(decided(short(), NOT_COVERED, "placeholder"))
    assert (written(entered)[1], content_of(entered).amount) == ("placeholder.update", amount(100))
    left = Answer(NOT_COVERED, "leave", amounts=("40.00",))
    assert plan(decided(short(), NOT_COVERED, "leave")) == Plan(remember=left)
    assert plan(short(answers=(left,))) == NOTHING
    assert attention(plan(short("30", 70, answers=(left,))))[1] == NOT_COVERED


def test_a_placeholder_is_raised_by_what_rose_in_ravetree_alone() -> None:
    risen = replace(MARKED, total=amount(110), balance=amount(110))
    remote = quickbooks_invoice(110, balance=amount(50))
    mark = Mark(MARKED_AT, DAY, wanted=amount(100))
    case = paired_case(risen, remote, was=risen, remote_was=quickbooks_invoice(110), placeholder=held_by(60), mark=mark)
    made = plan(case)
    assert (written(made)[1], content_of(made).amount) == ("placeholder.update", amount(70))
    # Where it was not kept what was wanted of it, all that Ravetree wants more counts as risen.
    unknown = plan(replace(case, mark=None))
    assert content_of(unknown).amount == amount(110)


def test_what_one_covers_exactly_is_raised_without_a_question() -> None:
    mark = Mark(MARKED_AT, DAY, wanted=amount(60))
    case = paired_case(MARKED, quickbooks_invoice(100, balance=amount(40)), placeholder=held_by(60), mark=mark)
    assert content_of(plan(case)).amount == amount(100)


# --- what is open differs --------------------------------------------------------------------------


def apart(remote: QuickBooksInvoice, **changes: Any) -> InvoiceCase:
    """A new mark over a hundred of Ravetree's where QuickBooks has something else open."""
    return paired_case(MARKED, remote, **changes)


@pytest.mark.parametrize(
    ("remote", "cause", "remedy", "amounts"),
    [
        (
            quickbooks_invoice(paid=30),
            "Invoice 1043 was marked as paid with 100.00 USD open in Ravetree and 70.00 USD in QuickBooks.",
            "Enter the missing payment on one side and press retry, or decide `leave`.",
            ("100.00", "70.00"),
        ),
        (
            quickbooks_invoice(100, balance=amount(75), deposit=amount(25)),
            "Invoice 1043 was marked as paid with 100.00 USD open in Ravetree and 75.00 USD in QuickBooks "
            "(a deposit of 25.00 USD stands on its form).",
            "Take the deposit off its form and press retry, or decide `leave`.",
            ("100.00", "75.00"),
        ),
        (
            quickbooks_invoice(80),
            "Invoice 1043 was marked as paid; 100.00 USD of 100.00 USD are open in Ravetree, 80.00 USD of 80.00 USD "
            "in QuickBooks.",
            "Set the total right on one side and press retry, or decide `leave`.",
            ("100.00", "80.00"),
        ),
    ],
)
def test_a_mark_over_what_is_open_otherwise_is_asked_about_and_left_at_these_amounts(
    remote: QuickBooksInvoice, cause: str, remedy: str, amounts: tuple[str, str]
) -> None:
    case = apart(remote)
    assert said(case) == (DIFFER, cause, remedy, ("leave",))
    left = plan(decided(case, DIFFER, "leave"))
    assert left.remember is not None
    assert (left.remember.code, left.remember.decision, left.remember.amounts) == (DIFFER, "leave", amounts)
    assert plan(replace(case, answers=(left.remember,))) == NOTHING
    other = replace(left.remember, amounts=(amounts[0], "1.00"))
    assert attention(plan(replace(case, answers=(other,))))[1] == DIFFER


def test_beside_a_placeholder_what_it_holds_counts_as_what_it_can_cover() -> None:
    risen = replace(MARKED, total=amount(100), balance=amount(100))
    remote = quickbooks_invoice(100, balance=amount(10))
    mark = Mark(MARKED_AT, DAY, wanted=amount(60))
    case = paired_case(risen, remote, placeholder=held_by(60), mark=mark)
    assert said(case)[1] == (
        "Invoice 1043 was marked as paid with 100.00 USD open in Ravetree and 70.00 USD in QuickBooks."
    )
    left = plan(decided(case, DIFFER, "leave")).remember
    assert left is not None
    assert left.amounts == ("100.00", "70.00")


# --- what fell with the total ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("remote", "words"),
    [
        (quickbooks_invoice(80, balance=Decimal(0)), "it was lowered to 80.00 USD in QuickBooks"),
        (
            quickbooks_invoice(100, balance=Decimal(0), deposit=amount(20)),
            "a deposit of 20.00 USD was typed on its form in QuickBooks",
        ),
    ],
)
def test_what_fell_off_a_placeholder_with_its_invoice_is_told_by_what_took_less(
    remote: QuickBooksInvoice, words: str
) -> None:
    fallen = replace(placeholder(100), allocations=(Allocation("Q1", amount(80)),), unapplied=amount(20))
    case = marked(fallen, remote=remote, remote_was=quickbooks_invoice(paid=100))
    code, cause, _, decisions = said(case)
    assert (code, decisions) == (FELL, ("quickbooks",))
    assert cause == f"Invoice 1043 is marked as paid; {words}, so that 20.00 USD of the mark's payment are unapplied."
    made = plan(decided(case, FELL, "quickbooks"))
    assert (written(made)[1], content_of(made).amount) == ("placeholder.update", amount(80))


# --- one that was removed, and one of a closed period ----------------------------------------------


def test_a_mark_in_a_closed_period_is_dated_today_or_left_at_that_amount() -> None:
    closed: dict[str, Any] = {"books_closed": MARKED_AT.date(), "today": MARKED_AT.date() + timedelta(days=9)}
    case = paired_case(MARKED, quickbooks_invoice(), **closed)
    assert said(case) == (
        "mark_in_closed_period",
        "Invoice 1043 was marked as paid on 2026-11-21, in a period that is closed in QuickBooks.",
        "Decide `today` to date its payment today, or `leave` it without one.",
        ("today", "leave"),
    )
    today = plan(decided(case, "mark_in_closed_period", "today"))
    assert content_of(today).date == closed["today"]
    left = plan(decided(case, "mark_in_closed_period", "leave")).remember
    assert left is not None
    assert left.amounts == ("100.00",)
    assert plan(replace(case, answers=(left,))) == NOTHING
    more = replace(left, amounts=("90.00",))
    assert attention(plan(replace(case, answers=(more,))))[1] == "mark_in_closed_period"
    shut = replace(case, today=MARKED_AT.date())
    assert said(shut)[2:] == (
        "Open the period in QuickBooks and press retry, or decide `leave` to leave it without a payment.",
        ("leave",),
    )
    assert attention(plan(decided(shut, "mark_in_closed_period", "today")))[1] == "mark_in_closed_period"


def test_the_note_of_a_placeholder_says_mark_it_stands_for() -> None:
    case = paired_case(MARKED, quickbooks_invoice())
    assert written(plan(case))[1] == "placeholder.create"
    assert content_of(plan(case)).marker.endswith("[Ravebooks placeholder R1]")


@pytest.mark.parametrize(
    ("invoice", "cause"),
    [
        (
            ravetree_invoice(),
            "Invoice 1043 is not marked as paid any more; 100.00 USD for it are deposited in QuickBooks.",
        ),
        (
            replace(MARKED, balance=amount(60)),
            "Invoice 1043 is marked as paid with 60.00 USD open; 100.00 USD for it are deposited in QuickBooks.",
        ),
    ],
)
def test_a_deposited_one_is_told_with_what_is_open_behind_the_mark(invoice: Any, cause: str) -> None:
    deposited = replace(placeholder(100), deposited=True)
    case = marked(deposited, was=deposited, invoice=invoice, was_here=invoice)
    assert said(case) == (
        "placeholder_deposited",
        cause,
        "Enter the payment of 100.00 USD in Ravetree, or correct the deposit.",
        (),
    )
    assert plan(marked(deposited, was=deposited)) == NOTHING


def test_a_mark_is_raised_by_what_rose_and_not_by_what_was_wanted_before() -> None:
    """The closing date matters only where something of it is raised."""
    mark = Mark(MARKED_AT, DAY, wanted=amount(100))
    short = paired_case(MARKED, quickbooks_invoice(100, balance=amount(40)), placeholder=held_by(60), mark=mark)
    assert not raises_mark(short)
    risen = replace(MARKED, total=amount(110), balance=amount(110))
    assert raises_mark(replace(short, ravetree=risen))
    assert not raises_mark(replace(short, ravetree=risen, placeholder=held_by(110)))
    assert not raises_mark(replace(short, ravetree=risen, placeholder=None))
    deposited = replace(placeholder(60), deposited=True)
    assert not raises_mark(replace(short, ravetree=risen, placeholder=Placeholder(deposited, deposited)))
