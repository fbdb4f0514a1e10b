"""Money beside a mark as paid: which share of it is applied, and what the placeholder keeps."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from reconcile.invoices import InvoiceCase, plan
from reconcile.marks import Mark, Placeholder, put_back
from reconcile.model import NOTHING, ZERO, Answer, Gone, PaymentContent, Plan, Side
from tests.unit.reconcile.build import (
    CUSTOMER,
    DAY,
    MARKED_AT,
    amount,
    attention,
    paired_case,
    placeholder,
    quickbooks_invoice,
    quickbooks_payment,
    ravetree_invoice,
    the_write,
    written,
)

BESIDE, CREDIT = "unapplied_money_beside_mark", "credit_beside_mark"
MARKED = ravetree_invoice(status="paid", marked_paid_at=MARKED_AT)
FREE = quickbooks_payment(100, allocations=(), unapplied=amount(100), id="P9")
"""A hundred that the customer has unapplied."""


def decided(case: InvoiceCase, code: str, decision: str, target: str = "") -> InvoiceCase:
    """The case after a person has answered the question `code` just now."""
    return replace(case, decision=decision, decided_on=code, decision_target=target)


def one(share: str, payment: str = "P9") -> Answer:
    """What a person said: so much of that payment is what the mark stands for."""
    return Answer(BESIDE, "one", payment, (share,))


def held_by(value: str | int) -> Placeholder:
    return Placeholder(placeholder(value), placeholder(value))


def marked_case(**changes: Any) -> InvoiceCase:
    """An invoice over a hundred that is marked as paid, and open in QuickBooks."""
    return paired_case(MARKED, **({"unapplied": (FREE,)} | changes))


def content_of(made: Plan) -> PaymentContent:
    content = the_write(made).content
    assert isinstance(content, PaymentContent)
    return content


@pytest.mark.parametrize(
    ("case", "share"),
    [
        (marked_case(), "100.00"),
        (marked_case(unapplied=(replace(FREE, unapplied=amount(25)),)), "25.00"),
        (marked_case(unapplied=(replace(FREE, unapplied=amount(250)),)), "100.00"),
        (marked_case(remote=quickbooks_invoice(paid=100), placeholder=held_by(100)), "100.00"),
        (
            marked_case(
                remote=quickbooks_invoice(paid=100),
                placeholder=held_by(100),
                unapplied=(replace(FREE, unapplied=amount(60)),),
            ),
            "60.00",
        ),
    ],
)
def test_one_means_as_much_of_it_as_the_mark_stands_for(case: InvoiceCase, share: str) -> None:
    asked = plan(case).attention
    assert asked is not None
    assert (asked.code, asked.decisions, asked.several) == (BESIDE, ("one", "two"), False)
    assert plan(decided(case, BESIDE, "one")) == Plan(remember=one(share))
    assert plan(decided(case, BESIDE, "two")) == Plan(remember=Answer(BESIDE, "two", "P9"))
    assert attention(plan(decided(case, "another_question", "one")))[1] == BESIDE


def test_of_several_payments_one_has_to_be_named() -> None:
    case = marked_case(unapplied=(FREE, replace(FREE, id="P8", unapplied=amount(30))))
    asked = plan(case).attention
    assert asked is not None
    assert asked.several
    assert plan(decided(case, BESIDE, "one")).remember is None
    assert plan(decided(case, BESIDE, "one", "P8")).remember == one("30.00", "P8")
    two = plan(decided(case, BESIDE, "two"))
    assert {each.other for each in (two.remember, *two.and_remember) if each is not None} == {"P8", "P9"}
    only = plan(decided(case, BESIDE, "two", "P8"))
    assert (only.remember, only.and_remember) == (Answer(BESIDE, "two", "P8"), ())
    answered = replace(case, answers=(Answer(BESIDE, "two", "P9"),))
    assert plan(decided(answered, BESIDE, "one")).remember == one("30.00", "P8")


@pytest.mark.parametrize("holder", [None, 100])
def test_the_mark_goes_first_where_a_payment_is_to_be_applied_by_hand_and_a_placeholder_has_its_room(
    holder: int | None,
) -> None:
    covered: dict[str, Any] = {"remote": quickbooks_invoice(paid=100), "placeholder": held_by(100)}
    case = marked_case(unapplied=(replace(FREE, deposited=True),), **(covered if holder else {}))
    asked = plan(case).attention
    assert asked is not None
    by_hand = "apply Id P9 in QuickBooks by hand"
    assert asked.remedy.startswith(f"If it is for it, {'take the mark away and ' if holder else ''}{by_hand}")


def test_of_several_payments_another_may_be_the_one_where_the_first_cannot() -> None:
    tied = replace(FREE, deposited=True)
    case = marked_case(unapplied=(tied, replace(FREE, id="P8", unapplied=amount(30))))
    asked = plan(case).attention
    assert asked is not None
    assert (asked.decisions, asked.several) == (("one", "two"), True)
    assert plan(decided(case, BESIDE, "one", "P9")).remember is None
    assert plan(decided(case, BESIDE, "one", "P8")).remember == one("30.00", "P8")


@pytest.mark.parametrize(
    ("payment", "below", "decisions"),
    [
        (replace(FREE, deposited=True), frozenset[str](), ("two",)),
        (replace(FREE, others=("JournalEntry",)), frozenset({"P9"}), ("two",)),
        (FREE, frozenset({"P9"}), ("one", "two")),
    ],
)
def test_one_is_no_answer_where_only_a_person_can_apply_it(
    payment: Any, below: frozenset[str], decisions: tuple[str, ...]
) -> None:
    case = marked_case(unapplied=(payment,), below=below)
    asked = plan(case).attention
    assert asked is not None
    assert asked.decisions == decisions
    assert (plan(decided(case, BESIDE, "one")).remember is not None) is ("one" in decisions)


@pytest.mark.parametrize(
    ("balance", "free", "said", "share"),
    [
        ("100", "100", "100.00", "100"),
        ("100", "100", "40.00", "40"),
        ("100", "30", "40.00", "30"),
        # It has no room, and there is no placeholder that could make it: the mark is planned as without it.
        ("39.99", "100", "40.00", None),
        ("100", "0", "40.00", None),
    ],
)
def test_what_is_one_is_applied_where_it_fits(balance: str, free: str, said: str, share: str | None) -> None:
    payment = replace(FREE, unapplied=amount(free), allocations=quickbooks_payment(7, ("Q8", 7)).allocations)
    remote = quickbooks_invoice(100, balance=amount(balance))
    made = plan(marked_case(remote=remote, unapplied=(payment,), answers=(one(said),)))
    if share is None:
        assert not any(write.action == "money.apply" for write in made.writes)
        return
    assert written(made) == (Side.QUICKBOOKS, "money.apply", "P9", 7)
    content = content_of(made)
    assert {each.invoice_id: each.amount for each in content.allocations} == {"Q1": amount(share), "Q8": amount(7)}
    assert content.unapplied == amount(free) - amount(share)
    assert content.party_id == CUSTOMER


def test_what_is_one_adds_to_what_the_payment_has_on_the_invoice() -> None:
    payment = quickbooks_payment(100, ("Q1", 60), id="P9")
    made = plan(marked_case(remote=quickbooks_invoice(paid=60), unapplied=(payment,), answers=(one("40.00"),)))
    assert [each.amount for each in content_of(made).allocations] == [amount(100)]


def test_what_is_one_of_a_project_moves_to_the_customer_who_is_invoiced() -> None:
    payment = replace(FREE, customer_id="the project")
    case = marked_case(unapplied=(payment,), answers=(one("40.00"),))
    assert content_of(plan(case)).party_id == "the project"
    assert content_of(plan(replace(case, below=frozenset({"P9"})))).party_id == CUSTOMER


@pytest.mark.parametrize(
    ("balance", "holder", "said", "outcome"),
    [
        ("0", 100, "40.00", ("placeholder.update", "60")),
        ("10", 90, "40.00", ("placeholder.update", "60")),
        ("0", 100, "100.00", ("placeholder.delete", None)),
        ("40", 60, "40.00", ("money.apply", "100")),
        ("39.99", 60, "40.00", ("placeholder.update", "59.99")),
    ],
)
def test_the_placeholder_makes_as_much_room_as_is_missing(
    balance: str, holder: int, said: str, outcome: tuple[str, str | None]
) -> None:
    remote = quickbooks_invoice(100, balance=amount(balance))
    made = plan(marked_case(remote=remote, placeholder=held_by(holder), answers=(one(said),)))
    write = the_write(made)
    content = write.content
    assert (write.action, amount(outcome[1]) if outcome[1] else None) == (
        outcome[0],
        content.amount if isinstance(content, PaymentContent) else None,
    )


def test_other_answers_apply_nothing() -> None:
    two, gone = Answer(BESIDE, "two", "P9"), one("40.00", "gone")
    assert written(plan(marked_case(answers=(two, gone))))[1] == "placeholder.create"
    made = plan(marked_case(answers=(gone, two, one("30.00", "P8")), unapplied=(FREE, replace(FREE, id="P8"))))
    assert (written(made)[1:3], content_of(made).unapplied) == (("money.apply", "P8"), amount(70))


def test_credit_that_is_left_is_asked_about_before_a_placeholder_is_made() -> None:
    case = marked_case(unapplied=(), credit_left=amount("0.01"))
    assert attention(plan(case)) == ("held", CREDIT)
    assert written(plan(decided(case, CREDIT, "placeholder")))[1] == "placeholder.create"
    assert written(plan(replace(case, credit_left=ZERO)))[1] == "placeholder.create"
    covered = replace(case, quickbooks=quickbooks_invoice(paid=100), placeholder=held_by(100))
    assert plan(covered) == NOTHING


@pytest.mark.parametrize(("balance", "asked"), [("0", False), ("0.01", True)])
def test_what_a_placeholder_does_not_cover_is_asked_about_where_it_is_open(balance: str, asked: bool) -> None:
    remote = quickbooks_invoice(100, balance=amount(balance))
    mark = Mark(MARKED_AT, DAY, wanted=amount(100))
    found = plan(marked_case(remote=remote, unapplied=(), placeholder=held_by(60), mark=mark))
    if asked:
        assert attention(found) == ("held", "mark_not_covered")
    else:
        assert found == NOTHING


def test_a_placeholder_that_was_removed_is_made_again_for_another_mark_or_if_a_person_says_so() -> None:
    case = marked_case(unapplied=(), placeholder=Placeholder(Gone("PH1")), mark=Mark(MARKED_AT, DAY))
    assert attention(plan(case)) == ("held", "placeholder_removed")
    again = plan(decided(case, "placeholder_removed", "placeholder"))
    assert again == Plan(releases_placeholder=True, forgets_mark=True)
    set_again = replace(case, mark=Mark(MARKED_AT - timedelta(days=1), DAY))
    assert plan(set_again) == Plan(releases_placeholder=True)


# --- before an edit is written ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "outcome", "value"),
    [
        ({"memo": "anew"}, "invoice.update", None),
        ({"memo": "anew", "balance": amount(60)}, "placeholder.update", "60"),
        ({"memo": "anew", "balance": amount("99.99")}, "placeholder.update", "99.99"),
        ({"memo": "anew", "marked_paid_at": None}, "placeholder.delete", None),
        # The money for a mark is the customer's who was invoiced then.
        ({"client_id": "client_2"}, "placeholder.delete", None),
        ({"currency": "EUR"}, "placeholder.delete", None),
    ],
)
def test_a_placeholder_makes_room_before_the_edit_that_leaves_it_none(
    edit: dict[str, Any], outcome: str, value: str | None
) -> None:
    made = plan(
        paired_case(replace(MARKED, **edit), quickbooks_invoice(paid=100), was=MARKED, placeholder=held_by(100))
    )
    assert written(made)[1] == outcome
    assert value is None or content_of(made).amount == amount(value)


def test_a_placeholder_that_a_bookkeeper_changed_makes_no_room_unasked() -> None:
    changed = Placeholder(replace(placeholder(100), reference="CHK 7"), placeholder(100))
    edited, remote = replace(MARKED, memo="anew", balance=amount(60)), quickbooks_invoice(paid=100)
    assert attention(plan(paired_case(edited, remote, was=MARKED, placeholder=changed)))[1] == "placeholder_changed"


# --- a placeholder that made room for a write that was refused ---------------------------------------


@pytest.mark.parametrize(
    ("invoice", "holder", "balance", "outcome"),
    [
        (MARKED, None, "100", ("placeholder.create", None, "100")),
        (MARKED, 60, "40", ("placeholder.update", "PH1", "100")),
        (MARKED, 100, "0", None),
        (ravetree_invoice(), 60, "40", None),
    ],
)
def test_the_placeholder_is_put_back_over_what_it_left_open(
    invoice: Any, holder: int | None, balance: str, outcome: tuple[str, str | None, str] | None
) -> None:
    remote = quickbooks_invoice(100, balance=amount(balance))
    case = paired_case(invoice, remote, placeholder=None if holder is None else held_by(holder))
    made = put_back(case, invoice, remote)
    if outcome is None:
        assert made == NOTHING
        return
    action, record_id, value = outcome
    assert written(made)[1:3] == (action, record_id)
    assert content_of(made).amount == amount(value)


@pytest.mark.parametrize(
    ("mark", "day"),
    [
        (Mark(MARKED_AT, DAY - timedelta(days=9), moving=True), DAY - timedelta(days=9)),
        (Mark(MARKED_AT), MARKED_AT.date()),
        (None, MARKED_AT.date()),
    ],
)
def test_what_is_put_back_bears_the_day_that_it_had(mark: Mark | None, day: date) -> None:
    remote = quickbooks_invoice()
    assert content_of(put_back(paired_case(MARKED, remote, mark=mark), MARKED, remote)).date == day
