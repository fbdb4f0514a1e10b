"""The payment rows of the rules' table: each test is one of its claims."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.markers import marked_payment, payment_marker
from reconcile.model import (
    NOTHING,
    ZERO,
    Adopt,
    Allocation,
    Answer,
    Gone,
    Kind,
    PaymentContent,
    Plan,
    QuickBooksPayment,
    RavetreePayment,
    Record,
    Side,
)
from reconcile.payment_facts import KnownInvoice, PaymentCase, quickbooks_facts, ravetree_facts
from reconcile.payments import plan
from reconcile.receipts import same_receipt
from tests.unit.reconcile.build import (
    CUSTOMER,
    DAY,
    SWITCHED_ON,
    amount,
    attention,
    copied_payment,
    known,
    paired_payment_case,
    payment_case,
    placeholder,
    quickbooks_invoice,
    quickbooks_payment,
    ravetree_payment,
    the_write,
    voided_payment,
    written,
)

TWO_INVOICES = (known(), known("R2", "Q2"))


def content_of(case: PaymentCase) -> PaymentContent:
    content = the_write(plan(case)).content
    assert isinstance(content, PaymentContent)
    return content


def shares_of(content: PaymentContent) -> dict[str, Decimal]:
    return {a.invoice_id: a.amount for a in content.allocations}


def adds_up(content: PaymentContent) -> bool:
    """Ravetree's rule for every payment."""
    return sum(shares_of(content).values(), ZERO) == content.amount + content.credit - content.unapplied


# --- new in QuickBooks ---------------------------------------------------------------------------


def test_a_payment_entered_in_quickbooks_is_copied_to_ravetree() -> None:
    case = payment_case(quickbooks=quickbooks_payment(40, reference="CHK 7"))
    assert written(plan(case)) == (Side.RAVETREE, "payment.create", None, None)
    content = content_of(case)
    assert (content.amount, content.date, content.reference, content.marker) == (amount(40), DAY, "CHK 7", "")
    assert shares_of(content) == {"R1": amount(40)}


def test_the_client_is_the_invoices_not_the_payers() -> None:
    """A merge re-points the payment's customer, and a parent may pay for its child."""
    case = payment_case(quickbooks=quickbooks_payment(customer_id="the parent"))
    assert content_of(case).party_id == "client_1"
    over_two = quickbooks_payment(100, ("Q1", 60), ("Q2", 40), customer_id="the parent")
    of_two_clients = (known(), known("R2", "Q2", client_id="client_2"))
    assert content_of(payment_case(quickbooks=over_two, invoices=of_two_clients)).party_id == "client_1"


def test_one_payment_over_two_invoices_is_one_payment_with_two_allocations() -> None:
    payment = quickbooks_payment(100, ("Q1", 60), ("Q2", 40))
    content = content_of(payment_case(quickbooks=payment, invoices=TWO_INVOICES))
    assert shares_of(content) == {"R1": amount(60), "R2": amount(40)}
    assert content.amount == amount(100)


def test_ravetree_sees_only_the_allocations_that_it_knows() -> None:
    payment = quickbooks_payment(100, ("Q1", 60), ("elsewhere", 40))
    content = content_of(payment_case(quickbooks=payment))
    assert (content.amount, content.unapplied) == (amount(60), ZERO)
    assert shares_of(content) == {"R1": amount(60)}


def test_money_on_a_journal_entry_is_none_of_ravetrees() -> None:
    """It is applied, so it is not in the unapplied amount, and yet no invoice has it."""
    payment = quickbooks_payment(100, ("Q1", 60), unapplied=ZERO)
    content = content_of(payment_case(quickbooks=payment))
    assert content.amount == amount(60)
    assert adds_up(content)


def test_unapplied_money_is_copied_as_such() -> None:
    content = content_of(payment_case(quickbooks=quickbooks_payment(100, ("Q1", 60))))
    assert (content.amount, content.unapplied) == (amount(100), amount(40))


def test_a_credit_memo_applied_with_the_payment_is_credit_and_not_money() -> None:
    payment = quickbooks_payment(70, ("Q1", 100), credit=amount(30), unapplied=ZERO)
    content = content_of(payment_case(quickbooks=payment))
    assert (content.amount, content.credit, content.unapplied) == (amount(70), amount(30), ZERO)
    assert adds_up(content)


@pytest.mark.parametrize(
    ("payment", "why"),
    [
        (quickbooks_payment(0, ("Q1", 0), credit=amount(30)), "links a credit to no known invoice"),
        (placeholder(), "placeholder for an invoice marked as paid"),
        (quickbooks_payment(40, ("elsewhere", 40)), None),
        (voided_payment(), ""),
    ],
)
def test_what_is_no_payment_to_copy_is_ignored(payment: QuickBooksPayment, why: str | None) -> None:
    if why is None:
        assert plan(payment_case(quickbooks=payment, invoices=())) == Plan(ignored="over no known invoice")
    else:
        assert plan(payment_case(quickbooks=payment)) == Plan(ignored=why)


def test_our_own_payment_that_lost_its_pair_is_adopted_and_never_copied_back() -> None:
    """As after a restore from backup."""
    case = payment_case(quickbooks=copied_payment(), marked_twin=ravetree_payment())
    assert plan(case) == Plan(adopt=Adopt("RP1", "QP1"))


def test_a_marker_of_a_payment_that_is_gone_from_ravetree_copies_the_money() -> None:
    case = payment_case(quickbooks=copied_payment(), marked_twin=Gone("RP1"))
    assert the_write(plan(case)).action == "payment.create"


# --- new in Ravetree -----------------------------------------------------------------------------


def test_a_payment_entered_in_ravetree_is_created_in_quickbooks_with_our_note() -> None:
    case = payment_case(ravetree=ravetree_payment(40, reference="wire 12"))
    assert written(plan(case)) == (Side.QUICKBOOKS, "payment.create", None, None)
    content = content_of(case)
    assert (content.party_id, content.amount, content.reference) == (CUSTOMER, amount(40), "wire 12")
    assert shares_of(content) == {"Q1": amount(40)}
    assert marked_payment(content.marker) == "RP1"


def test_a_long_reference_is_cut_to_what_quickbooks_keeps() -> None:
    assert content_of(payment_case(ravetree=ravetree_payment(reference="x" * 30))).reference == "x" * 21


def test_unapplied_money_of_a_linked_client_is_copied() -> None:
    payment = ravetree_payment(50, allocations=(), unapplied=amount(50))
    case = payment_case(ravetree=payment, invoices=(), client_customer_id="C9", since=SWITCHED_ON)
    content = content_of(case)
    assert (content.party_id, content.amount, content.unapplied, content.allocations) == (
        "C9",
        amount(50),
        amount(50),
        (),
    )


def test_a_payment_over_unknown_invoices_only_is_ignored() -> None:
    assert plan(payment_case(ravetree=ravetree_payment(), invoices=())).ignored == "over no known invoice"


def test_an_advance_moves_nothing_while_invoices_are_switched_off_unless_somebody_asks_for_it() -> None:
    advance = ravetree_payment(50, allocations=(), unapplied=amount(50), created_at=SWITCHED_ON)
    case = payment_case(ravetree=advance, invoices=(), client_customer_id="C1", since=None)
    assert plan(case).ignored == "older than the switch-on"
    assert content_of(replace(case, requested=True)).unapplied == 50


def test_an_advance_waits_for_its_client_and_an_older_one_for_a_person() -> None:
    advance = ravetree_payment(50, allocations=(), unapplied=amount(50), created_at=SWITCHED_ON)
    case = payment_case(ravetree=advance, invoices=(), since=SWITCHED_ON)
    made = plan(case)
    assert (made.waits_for, made.waits_because) == (
        Record(Side.RAVETREE, Kind.CONTACT, "client_1"),
        "Waits until its client is in QuickBooks.",
    )
    assert content_of(replace(case, client_customer_id="C1")).unapplied == 50
    later = replace(case, client_customer_id="C1", since=SWITCHED_ON + timedelta(days=1))
    assert plan(later).ignored == "older than the switch-on"
    assert plan(replace(later, requested=True)).writes


def test_a_payment_waits_for_an_invoice_that_is_on_its_way() -> None:
    coming = Record(Side.RAVETREE, Kind.INVOICE, "R2")
    assert plan(payment_case(ravetree=ravetree_payment(), coming=(coming,))) == Plan(waits_for=coming)


def test_credit_applied_in_ravetree_alone_is_asked_for_in_quickbooks() -> None:
    payment = ravetree_payment(0, ("R1", 30), credit_amount=amount(30), unapplied=ZERO)
    asked = plan(payment_case(ravetree=payment)).attention
    assert asked is not None
    assert (asked.state, asked.code) == ("parked", "credit_only_in_ravetree")


def test_credit_applied_in_quickbooks_is_credit_in_ravetree_and_no_money() -> None:
    link = quickbooks_payment(0, ("Q1", 30), credit=amount(30), unapplied=ZERO)
    (write,) = plan(payment_case(quickbooks=link)).writes
    content = write.content
    assert isinstance(content, PaymentContent)
    assert (content.amount, content.credit, content.unapplied) == (ZERO, amount(30), ZERO)
    assert adds_up(content)


def test_the_same_credit_on_both_sides_is_tied_without_a_question() -> None:
    ours = ravetree_payment(0, ("R1", 30), credit_amount=amount(30), unapplied=ZERO)
    link = quickbooks_payment(0, ("Q1", 30), credit=amount(30), unapplied=ZERO)
    assert plan(payment_case(quickbooks=link, twins=(ours,))).adopt == Adopt("RP1", "QP1")
    assert plan(payment_case(ravetree=ours, twins=(link,))).adopt == Adopt("RP1", "QP1")


def test_more_than_is_open_in_quickbooks_is_held_before_writing() -> None:
    nearly_paid = known(quickbooks=quickbooks_invoice(paid=90))
    case = payment_case(ravetree=ravetree_payment(40), invoices=(nearly_paid,))
    assert attention(plan(case)) == ("held", "more_than_open")


@pytest.mark.parametrize("open_here", ["39.99", "40"])
def test_more_than_is_open_in_ravetree_is_held_before_writing(open_here: str) -> None:
    case = payment_case(quickbooks=quickbooks_payment(40), invoices=(known(open_here=amount(open_here)),))
    if open_here == "40":
        assert plan(case).writes
    else:
        assert attention(plan(case)) == ("held", "more_than_open")


def test_a_deposit_on_the_form_is_named_where_no_more_is_open() -> None:
    there = known(quickbooks=quickbooks_invoice(paid=70, deposit=amount(70)))
    asked = plan(payment_case(ravetree=ravetree_payment(40), invoices=(there,))).attention
    assert asked is not None
    assert "(a deposit of 70.00 USD stands on its form)" in asked.cause


def test_who_can_pay_all_of_its_invoices_pays() -> None:
    both = ravetree_payment(100, ("R1", 60), ("R2", 40))
    case = payment_case(ravetree=both, invoices=TWO_INVOICES, client_customer_id="C9", payers=("the parent",))
    assert content_of(case).party_id == "the parent"
    assert content_of(replace(case, payers=("the parent", "C9"))).party_id == "C9"
    assert attention(plan(replace(case, payers=()))) == ("held", "several_payers")


# --- part of it on an invoice that QuickBooks lacks ------------------------------------------------

OLDER_TOO = ravetree_payment(170, ("R1", 140), ("older", 30))


def test_what_is_on_an_older_invoice_is_unapplied_in_quickbooks() -> None:
    there = known(quickbooks=quickbooks_invoice(140))
    content = content_of(payment_case(ravetree=OLDER_TOO, invoices=(there,)))
    assert (content.amount, content.unapplied, shares_of(content)) == (amount(170), amount(30), {"Q1": amount(140)})
    copy = copied_payment(170, ("Q1", 140))
    case = paired_payment_case(OLDER_TOO, copy, was=OLDER_TOO, remote_was=copy, invoices=(there,))
    assert plan(case) == NOTHING


@pytest.mark.parametrize("open_there", [30, 20])
def test_the_share_of_an_older_invoice_follows_when_that_comes_as_far_as_it_is_open(open_there: int) -> None:
    copy = copied_payment(170, ("Q1", 140))
    comes = known("older", "Q2", quickbooks=quickbooks_invoice(open_there, id="Q2"))
    case = paired_payment_case(OLDER_TOO, copy, was=OLDER_TOO, remote_was=copy, invoices=(known(), comes))
    if open_there == 30:
        content = content_of(case)
        assert (shares_of(content), content.unapplied) == ({"Q1": amount(140), "Q2": amount(30)}, ZERO)
    else:
        assert attention(plan(case)) == ("held", "more_than_open")


def test_what_was_spent_before_its_invoice_came_is_never_taken_off_there() -> None:
    copy = copied_payment(170, ("Q1", 140))
    spent = copied_payment(170, ("Q1", 140), ("elsewhere", 30))
    comes = known("older", "Q2", quickbooks=quickbooks_invoice(30, id="Q2"))
    before = paired_payment_case(OLDER_TOO, spent, was=OLDER_TOO, remote_was=copy)
    assert plan(replace(before, elsewhere="invoice X-1")).notices == (
        "QuickBooks has applied 30.00 USD of it to invoice X-1.",
    )
    assert attention(plan(replace(before, invoices=(known(), comes)))) == ("held", "spent_elsewhere")


def test_exactly_what_is_open_is_written() -> None:
    half_paid = known(quickbooks=quickbooks_invoice(paid=60))
    assert plan(payment_case(ravetree=ravetree_payment(40), invoices=(half_paid,))).writes


@pytest.mark.parametrize("gone", [{"ravetree": Gone("RP1")}, {"quickbooks": Gone("QP1")}, {}])
def test_an_unpaired_payment_that_is_gone_needs_nothing(gone: dict[str, Any]) -> None:
    assert plan(payment_case(**gone)) == NOTHING
    assert plan(payment_case(ravetree=ravetree_payment(voided=True))) == NOTHING


# --- a real payment and the placeholder ------------------------------------------------------------


def with_placeholder(payment: QuickBooksPayment, open_: int = 0) -> KnownInvoice:
    return known(quickbooks=quickbooks_invoice(paid=100), placeholder=payment, marked_open=amount(open_))


def test_a_real_payment_of_the_placeholders_amount_takes_its_place() -> None:
    case = payment_case(ravetree=ravetree_payment(100), invoices=(with_placeholder(placeholder()),))
    assert written(plan(case)) == (Side.QUICKBOOKS, "payment.take_placeholder", "PH1", 7)
    assert marked_payment(content_of(case).marker) == "RP1"


def test_a_partial_payment_lets_the_invoice_reduce_its_placeholder_first() -> None:
    case = payment_case(ravetree=ravetree_payment(30), invoices=(with_placeholder(placeholder(), 70),))
    invoice = Record(Side.RAVETREE, Kind.INVOICE, "R1")
    assert plan(case) == Plan(look_at=(invoice,), waits_for=invoice)


def test_a_partial_payment_is_written_once_the_placeholder_has_made_room() -> None:
    invoice = known(quickbooks=quickbooks_invoice(paid=70), placeholder=placeholder(70), marked_open=amount(70))
    case = payment_case(ravetree=ravetree_payment(30), invoices=(invoice,))
    assert the_write(plan(case)).action == "payment.create"


def test_a_deposited_placeholder_is_the_real_money_paired_and_never_added_to() -> None:
    deposited = with_placeholder(placeholder(deposited=True))
    case = payment_case(ravetree=ravetree_payment(100), invoices=(deposited,))
    assert plan(case) == Plan(adopt=Adopt("RP1", "PH1"))


def test_a_deposited_placeholder_of_another_amount_is_held() -> None:
    deposited = with_placeholder(placeholder(deposited=True))
    case = payment_case(ravetree=ravetree_payment(90), invoices=(deposited,))
    assert attention(plan(case)) == ("held", "placeholder_deposited")


def test_a_payment_waits_while_a_person_is_asked_what_the_placeholder_is() -> None:
    changed = replace(with_placeholder(placeholder()), placeholder_changed=True)
    found = plan(payment_case(ravetree=ravetree_payment(100), invoices=(changed,)))
    assert (found.writes, found.waits_for) == ((), Record(Side.RAVETREE, Kind.INVOICE, "R1"))
    assert found.waits_because == "Waits for the question what the payment for the mark as paid is."


def test_a_placeholder_in_a_closed_period_is_asked_about_once_by_its_invoice() -> None:
    case = payment_case(ravetree=ravetree_payment(100), invoices=(with_placeholder(placeholder()),), books_closed=DAY)
    made = plan(case)
    assert (made.writes, made.waits_for) == ((), Record(Side.RAVETREE, Kind.INVOICE, "R1"))


@pytest.mark.parametrize("customer", ["C9", None])
def test_a_deposited_payment_of_another_client_is_asked_about_whether_quickbooks_has_that_or_not(
    customer: str | None,
) -> None:
    now = replace(ravetree_payment(), client_id="RC9")
    case = paired_payment_case(
        now, replace(copied_payment(), deposited=True), client_customer_id=customer, client_below_payer=False
    )
    assert attention(plan(case)) == ("held", "client_of_payment_changed")


def test_a_payment_over_two_invoices_does_not_take_one_invoices_placeholder() -> None:
    first, second = with_placeholder(placeholder(60)), known("R2", "Q2")
    payment = ravetree_payment(60, ("R1", 40), ("R2", 20))
    made = plan(payment_case(ravetree=payment, invoices=(first, second)))
    assert made.waits_for == Record(Side.RAVETREE, Kind.INVOICE, "R1")


# --- the same receipt on both sides ----------------------------------------------------------------


def test_a_receipt_that_may_stand_on_both_sides_is_asked_about_once() -> None:
    case = payment_case(ravetree=ravetree_payment(), twins=(quickbooks_payment(),))
    made = plan(case)
    assert attention(made) == ("held", "one_or_two_payments")
    assert made.attention is not None
    assert "one or two?" in made.attention.cause
    said = replace(case, decision="two", decided_on="one_or_two_payments")
    assert plan(said).remember == Answer("one_or_two_payments", "two", "QP1")
    assert plan(replace(said, decision="one")).remember == Answer("one_or_two_payments", "one", "QP1")
    assert plan(replace(said, decided_on="more_than_open")).attention == made.attention
    theirs = plan(payment_case(quickbooks=quickbooks_payment(), twins=(ravetree_payment(),)))
    asking = Record(Side.RAVETREE, Kind.PAYMENT, "RP1")
    assert (theirs.waits_for, theirs.look_at, theirs.attention) == (asking, (asking,), None)


@pytest.mark.parametrize(
    ("theirs", "same"),
    [
        (quickbooks_payment(), True),
        (quickbooks_payment(date=DAY + timedelta(days=7)), True),
        (quickbooks_payment(date=DAY - timedelta(days=7)), True),
        (quickbooks_payment(date=DAY + timedelta(days=8)), False),
        (quickbooks_payment("40.01"), False),
        (quickbooks_payment(currency="EUR"), False),
        (quickbooks_payment(40, ("Q2", 40)), False),
        (quickbooks_payment(40, ("Q1", 20), ("Q2", 20)), True),
        (voided_payment(), False),
    ],
)
def test_the_same_receipt_is_one_amount_on_one_invoice_within_seven_days(theirs: QuickBooksPayment, same: bool) -> None:
    assert same_receipt(ravetree_payment(), theirs, TWO_INVOICES) is same


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        ({}, {"amount": 90, "unapplied": 40}, True),
        ({}, {"amount": 90, "unapplied": 39}, False),
        ({}, {"amount": 40, "unapplied": 10}, True),
        ({}, {"amount": 40, "unapplied": 0}, False),
        ({"reference": "CHK 7"}, {"amount": 90, "unapplied": 50, "reference": "CHK 7"}, True),
        ({"reference": "CHK 7"}, {"amount": 90, "unapplied": 30, "reference": "CHK 7"}, False),
        ({"reference": "CH7"}, {"amount": 90, "unapplied": 50, "reference": "CH7"}, False),
        ({"reference": "CASH"}, {"amount": 90, "unapplied": 50, "reference": "CASH"}, False),
        ({}, {"amount": 40, "unapplied": 40, "currency": "EUR"}, False),
        ({}, {"amount": 40, "unapplied": 40, "date": DAY + timedelta(days=8)}, False),
    ],
)
def test_money_that_lies_unapplied_may_be_the_receipt(ours: dict[str, Any], theirs: dict[str, Any], same: bool) -> None:
    lies = quickbooks_payment(0, **{"allocations": (), **theirs})
    assert same_receipt(ravetree_payment(**ours), lies, TWO_INVOICES, same_payer=True) is same
    assert not same_receipt(ravetree_payment(**ours), lies, TWO_INVOICES), "another customer's is another's"


@pytest.mark.parametrize(
    ("copy", "closed", "decisions"),
    [
        ({}, None, ("one", "two")),
        ({}, DAY - timedelta(days=1), ("one", "two")),
        ({}, DAY, ("two",)),
        ({"deposited": True}, None, ("two",)),
    ],
)
def test_one_is_not_offered_where_our_copy_cannot_go(
    copy: dict[str, Any], closed: date | None, decisions: tuple[str, ...]
) -> None:
    lies = quickbooks_payment(40, id="QP9", allocations=(), unapplied=amount(40))
    case = paired_payment_case(
        ravetree_payment(45), copied_payment(**copy), twins=(lies,), books_closed=closed, payers=(CUSTOMER,)
    )
    asked = plan(case).attention
    assert asked is not None
    assert (asked.code, asked.decisions) == ("one_or_two_payments", decisions)
    assert ("delete QuickBooks' payment Id QP1 by hand" in asked.remedy) == ("one" not in decisions)


def test_a_voided_payment_is_nobodys_twin() -> None:
    assert not same_receipt(ravetree_payment(voided=True), quickbooks_payment(), TWO_INVOICES)


def test_a_projects_money_that_is_on_more_than_invoices_is_applied_by_a_person() -> None:
    lies = quickbooks_payment(40, id="QP9", allocations=(), unapplied=amount(40))
    case = payment_case(ravetree=ravetree_payment(), twins=(lies,), below=frozenset({"QP9"}))
    asked = plan(case).attention
    assert asked is not None
    assert (asked.decisions, "it moves to the invoice's customer" in asked.remedy) == (("one", "two"), True)
    asked = plan(replace(case, twins=(replace(lies, others=("Expense",)),))).attention
    assert asked is not None
    assert (asked.decisions, "apply payment Id QP9 in QuickBooks by hand" in asked.remedy) == (("two",), True)


def test_two_is_said_of_one_that_is_named_or_of_all() -> None:
    lie = tuple(quickbooks_payment(40, id=name, allocations=(), unapplied=amount(40)) for name in ("QP8", "QP9"))
    case = payment_case(ravetree=ravetree_payment(), twins=lie, decision="two", decided_on="one_or_two_payments")
    said = plan(case)
    assert [said.remember, *said.and_remember] == [
        Answer("one_or_two_payments", "two", name) for name in ("QP8", "QP9")
    ]
    named = plan(replace(case, decision_target="QP9"))
    assert (named.remember, named.and_remember) == (Answer("one_or_two_payments", "two", "QP9"), ())
    assert attention(plan(replace(case, decision="one"))) == ("held", "one_or_two_payments"), "it needs a target"


# --- paired --------------------------------------------------------------------------------------


def test_a_pair_that_agrees_needs_nothing() -> None:
    assert plan(paired_payment_case()) == NOTHING


@pytest.mark.parametrize(
    ("value", "changes"), [(45, {}), (40, {"date": date(2026, 11, 21)}), (40, {"reference": "CHK 8"})]
)
def test_an_edit_on_either_side_goes_to_the_other(value: int, changes: dict[str, Any]) -> None:
    ours = paired_payment_case(ravetree_payment(value, version=3, **changes))
    assert written(plan(ours)) == (Side.QUICKBOOKS, "payment.update", "QP1", 7)
    theirs = paired_payment_case(remote=copied_payment(value, sync_token=8, **changes))
    assert written(plan(theirs)) == (Side.RAVETREE, "payment.update", "RP1", 2)


@pytest.mark.parametrize(
    "case",
    [
        paired_payment_case(ravetree_payment(40, ("R1", 25))),
        paired_payment_case(remote=copied_payment(40, ("Q1", 25))),
    ],
)
def test_a_changed_allocation_is_an_edit(case: PaymentCase) -> None:
    content = content_of(case)
    assert set(shares_of(content).values()) == {amount(25)}
    assert content.unapplied == amount(15)


def test_both_edited_differently_is_a_conflict_with_both_versions() -> None:
    made = plan(paired_payment_case(ravetree_payment(45), copied_payment(50)))
    assert attention(made) == ("held", "edited_on_both_sides")
    assert made.attention is not None
    assert "45.00 USD" in made.attention.cause
    assert "50.00 USD" in made.attention.cause


def test_both_edited_to_the_same_agree_again() -> None:
    assert plan(paired_payment_case(ravetree_payment(45), copied_payment(45))) == NOTHING


def test_an_edit_over_an_invoice_on_its_way_waits_for_it() -> None:
    coming = Record(Side.RAVETREE, Kind.INVOICE, "R2")
    case = paired_payment_case(ravetree_payment(40, ("R1", 30), ("R2", 10)), coming=(coming,))
    assert plan(case) == Plan(waits_for=coming)


def test_foreign_lines_are_sent_back_as_they_were() -> None:
    was = copied_payment(100, ("Q1", 60), ("elsewhere", 40))
    case = paired_payment_case(ravetree_payment(55), was, was=ravetree_payment(60), remote_was=was)
    content = content_of(case)
    assert shares_of(content) == {"Q1": amount(55), "elsewhere": amount(40)}
    assert (content.amount, content.unapplied) == (amount(95), ZERO)


def test_money_on_a_journal_entry_stays_when_the_rest_is_edited() -> None:
    was = copied_payment(100, ("Q1", 60), unapplied=ZERO)
    case = paired_payment_case(ravetree_payment(55), was, was=ravetree_payment(60), remote_was=was)
    assert content_of(case).amount == amount(95)


def test_an_edit_does_not_turn_credit_on_a_foreign_invoice_into_money() -> None:
    was = copied_payment(10, ("Q1", 10), ("elsewhere", 60), credit=amount(60), unapplied=ZERO)
    ours = ravetree_payment(0, ("R1", 10), credit_amount=amount(10), unapplied=ZERO)
    case = paired_payment_case(replace(ours, reference="new"), was, was=ours, remote_was=was)
    assert content_of(case).amount == amount(10)


def test_a_note_written_in_quickbooks_is_kept() -> None:
    remote = quickbooks_payment(note="Thank you! " + payment_marker("RP1"))
    case = paired_payment_case(ravetree_payment(45), remote, remote_was=remote)
    assert content_of(case).marker == remote.note


def test_the_payer_in_quickbooks_stays_the_payer() -> None:
    remote = copied_payment(customer_id="the parent")
    case = paired_payment_case(ravetree_payment(45), remote, remote_was=remote)
    assert content_of(case).party_id == "the parent"


@pytest.mark.parametrize("removed", [Gone("RP1"), ravetree_payment(voided=True)])
def test_a_deletion_in_ravetree_is_copied(removed: Any) -> None:
    assert written(plan(paired_payment_case(removed))) == (Side.QUICKBOOKS, "payment.delete", "QP1", 7)


@pytest.mark.parametrize("removed", [Gone("QP1"), voided_payment()])
def test_a_deletion_or_a_void_in_quickbooks_is_copied(removed: Any) -> None:
    assert written(plan(paired_payment_case(remote=removed))) == (Side.RAVETREE, "payment.delete", "RP1", 2)


LINKED = {"credit": amount(10), "unapplied": ZERO}


@pytest.mark.parametrize(
    ("theirs", "closed", "where"),
    [
        (copied_payment(deposited=True), None, "deposited"),
        (copied_payment(), DAY, "in a closed period"),
        (copied_payment(50, ("Q1", 30), ("elsewhere", 30), **LINKED), None, "applied to other records too"),
        (copied_payment(50, ("Q1", 40), others=("Expense",)), None, "applied to other records too"),
    ],
)
def test_what_cannot_be_taken_out_of_quickbooks_by_itself_is_asked_about(
    theirs: QuickBooksPayment, closed: date | None, where: str
) -> None:
    case = paired_payment_case(Gone("RP1"), theirs, remote_was=theirs, books_closed=closed)
    assert attention(plan(case)) == ("held", "removed_here_shared_there")
    assert f"it is {where} (Id QP1)" in str(plan(case).attention)
    left = plan(replace(case, decision="leave")).remember
    assert left is not None
    assert plan(replace(case, answers=(left,))).ignored == "left as it is in QuickBooks"


def test_another_client_is_another_customer_unless_who_pays_is_above_it() -> None:
    moved = ravetree_payment(client_id="client_2")
    case = paired_payment_case(moved, client_customer_id="C2", client_below_payer=False, payers=(CUSTOMER, "C2"))
    assert written(plan(case))[:2] == (Side.QUICKBOOKS, "payment.update")
    assert content_of(case).party_id == "C2"
    assert plan(replace(case, client_below_payer=True)) == NOTHING


@pytest.mark.parametrize(
    ("payers", "there", "payer"),
    [
        # Whoever pays goes on paying: as one of those who can, or where nothing is added to what it pays.
        ((CUSTOMER, "C2"), "Q1", CUSTOMER),
        ((CUSTOMER, "C2"), "Q8", CUSTOMER),
        (("C2",), "Q1", CUSTOMER),
        (("C2",), "Q8", "C2"),
        (("C3",), "Q8", "C3"),
    ],
)
def test_who_pays_goes_on_paying_where_it_can(payers: tuple[str, ...], there: str, payer: str) -> None:
    theirs = quickbooks_payment(40, (there, 40), note=copied_payment().note)
    invoices = (known(), known("R8", "Q8"))
    was = ravetree_payment(40, ("R1" if there == "Q1" else "R8", 40))
    now = replace(ravetree_payment(reference="CHK 7"), allocations=ravetree_payment(40, ("R1", 40)).allocations)
    case = paired_payment_case(
        now, theirs, was=was, remote_was=theirs, invoices=invoices, payers=payers, client_customer_id="C2"
    )
    assert content_of(case).party_id == payer


def test_a_new_payment_bears_the_currency_of_ravetrees() -> None:
    remote = quickbooks_invoice(currency="EUR")
    case = payment_case(ravetree=ravetree_payment(currency="EUR"), invoices=(known(quickbooks=remote),))
    assert (content_of(case).currency, content_of(case).amount) == ("EUR", amount(40))


@pytest.mark.parametrize(
    "theirs",
    [
        copied_payment(deposited=True),
        copied_payment(100, ("Q1", 40), ("elsewhere", 60)),
        copied_payment(currency="EUR"),
    ],
    ids=["deposited", "applied elsewhere", "another currency"],
)
def test_another_client_of_what_cannot_move_is_asked_about(theirs: QuickBooksPayment) -> None:
    moved = ravetree_payment(client_id="client_2")
    case = paired_payment_case(
        moved, theirs, remote_was=theirs, client_customer_id="C2", client_below_payer=False, payers=("C2",)
    )
    assert attention(plan(case)) == ("held", "client_of_payment_changed")


def test_removed_on_both_sides_agrees() -> None:
    assert plan(paired_payment_case(Gone("RP1"), Gone("QP1"))) == NOTHING


def test_removed_here_and_edited_there_is_held() -> None:
    assert attention(plan(paired_payment_case(Gone("RP1"), copied_payment(50)))) == (
        "held",
        "removed_here_edited_there",
    )
    assert attention(plan(paired_payment_case(ravetree_payment(50), Gone("QP1")))) == (
        "held",
        "removed_there_edited_here",
    )


def test_an_answer_that_applied_the_money_otherwise_is_a_possible_double_payment() -> None:
    """QuickBooks takes a payment on a paid invoice and leaves it unapplied."""
    answer = copied_payment(40, allocations=(), unapplied=amount(40))
    case = paired_payment_case(remote=answer, remote_was=answer, known_then=frozenset({"Q1"}))
    assert attention(plan(case)) == ("held", "possible_double_payment")
    # An invoice that was not in both books then is no such case: its share is copied.
    assert the_write(plan(replace(case, known_then=frozenset()))).action == "payment.update"


@pytest.mark.parametrize(
    "side", [{"quickbooks": quickbooks_payment(50)}, {"ravetree": ravetree_payment(50)}], ids=["theirs", "ours"]
)
def test_money_on_an_invoice_that_has_another_currency_on_each_side_waits_for_it(side: dict[str, Any]) -> None:
    case = payment_case(invoices=(known(other_currency_here=True),), **side)
    found, record = plan(case), Record(Side.RAVETREE, Kind.INVOICE, "R1")
    assert (found.writes, found.waits_for, found.look_at) == ((), record, (record,))
    assert plan(replace(case, invoices=(known(),))).writes


def test_a_paired_record_that_cannot_be_found_is_gone() -> None:
    case = replace(paired_payment_case(), ravetree=None)
    assert the_write(plan(case)).action == "payment.delete"


# --- money adds up, whatever was entered -----------------------------------------------------------

CENTS = st.integers(0, 10_000).map(lambda cents: Decimal(cents) / 100)
NAMES = ("1", "2", "3")


@st.composite
def quickbooks_payments(draw: st.DrawFn) -> QuickBooksPayment:
    """Consistent ones: UnappliedAmt = TotalAmt − (what is applied − credit), with some on a journal entry."""
    shares = [(f"Q{n}", draw(CENTS)) for n in NAMES if draw(st.booleans())]
    credit, journal, unapplied = draw(CENTS), draw(CENTS), draw(CENTS)
    applied = sum((part for _, part in shares), ZERO) + journal
    money = max(ZERO, applied + unapplied - credit)
    return copied_payment(
        0,
        allocations=tuple(Allocation(name, part) for name, part in shares),
        amount=money,
        credit=credit,
        unapplied=money + credit - applied,
    )


@st.composite
def ravetree_payments(draw: st.DrawFn) -> RavetreePayment:
    """Consistent ones: Σ allocations = amount + credit − unapplied."""
    shares = [(f"R{n}", draw(CENTS)) for n in NAMES if draw(st.booleans())]
    credit, unapplied = draw(CENTS), draw(CENTS)
    applied = sum((part for _, part in shares), ZERO)
    money = max(ZERO, applied + unapplied - credit)
    return ravetree_payment(
        0,
        allocations=tuple(Allocation(name, part) for name, part in shares),
        amount=money,
        credit_amount=credit,
        unapplied=money + credit - applied,
    )


KNOWN = st.lists(st.sampled_from(NAMES), unique=True, min_size=1).map(
    lambda names: tuple(known(f"R{n}", f"Q{n}", quickbooks=quickbooks_invoice(10_000, id=f"Q{n}")) for n in names)
)


@given(quickbooks_payments(), KNOWN)
def test_every_payment_planned_for_ravetree_adds_up(payment: QuickBooksPayment, invoices: Any) -> None:
    made = plan(payment_case(quickbooks=payment, invoices=invoices))
    for write in made.writes:
        assert isinstance(write.content, PaymentContent)
        assert adds_up(write.content)
        assert write.content.amount <= payment.amount
        assert write.content.credit >= 0


@given(quickbooks_payments(), quickbooks_payments(), ravetree_payments(), KNOWN)
def test_every_update_planned_for_ravetree_adds_up(
    was: QuickBooksPayment, now: QuickBooksPayment, ours: RavetreePayment, invoices: Any
) -> None:
    made = plan(paired_payment_case(ours, now, was=ours, remote_was=was, invoices=invoices))
    for write in made.writes:
        assert isinstance(write.content, PaymentContent)
        if write.side is Side.QUICKBOOKS:
            # Nobody edited anything there: an invoice that Ravetree's payment names has got its partner since.
            assert quickbooks_facts(now, invoices) == quickbooks_facts(was, invoices)
        else:
            assert adds_up(write.content)


@given(quickbooks_payments(), KNOWN)
def test_what_was_copied_to_ravetree_says_the_same_there(payment: QuickBooksPayment, invoices: Any) -> None:
    """Else the pair would be written to and fro for ever."""
    made = plan(payment_case(quickbooks=payment, invoices=invoices))
    for write in made.writes:
        assert isinstance(write.content, PaymentContent)
        copy = ravetree_payment(
            0,
            amount=write.content.amount,
            credit_amount=write.content.credit,
            unapplied=write.content.unapplied,
            allocations=write.content.allocations,
        )
        case = paired_payment_case(copy, payment, was=copy, remote_was=payment, invoices=invoices)
        assert plan(case) == NOTHING


@given(ravetree_payments(), quickbooks_payments(), KNOWN)
def test_an_edit_in_ravetree_leaves_what_quickbooks_has_elsewhere(
    ours: RavetreePayment, theirs: QuickBooksPayment, invoices: Any
) -> None:
    made = plan(paired_payment_case(ours, theirs, was=replace(ours, version=1), remote_was=theirs, invoices=invoices))
    mine, other = ravetree_facts(ours, invoices), quickbooks_facts(theirs, invoices)
    # Something is copied though nobody edited anything only where an invoice can have got its partner since, or
    # QuickBooks has applied by itself what was unapplied.
    by_itself = other.unapplied < mine.unapplied and (mine.amount, mine.credit) == (other.amount, other.credit)
    assert not made.writes or {*mine.allocations} != {*other.allocations} or by_itself
    edited = replace(ours, reference="edited")
    case = paired_payment_case(edited, theirs, was=ours, remote_was=theirs, invoices=invoices)
    content = content_of(case)
    theirs_now = replace(
        theirs,
        amount=content.amount,
        allocations=content.allocations,
        unapplied=content.unapplied,
        reference=content.reference,
    )
    known_ids = {invoice.quickbooks_id for invoice in invoices}
    kept = [a for a in theirs.allocations if a.invoice_id not in known_ids]
    assert [a for a in theirs_now.allocations if a.invoice_id not in known_ids] == kept
    facts, wanted = quickbooks_facts(theirs, invoices), ravetree_facts(edited, invoices)
    assert content.amount - theirs.amount == wanted.amount - facts.amount


# --- what only one side can say ----------------------------------------------------------------------


def test_a_longer_reference_stays_whole_when_quickbooks_changes_something_else() -> None:
    whole = "WIRE 2026-11-05 ACME HOLDING 4711"
    before = copied_payment(reference=whole[:21])
    case = paired_payment_case(
        ravetree_payment(reference=whole),
        copied_payment(reference=whole[:21], date=date(2026, 11, 6)),
        was=ravetree_payment(reference=whole),
        remote_was=before,
    )
    assert content(plan(case)).reference == whole


def test_a_reference_that_was_edited_in_quickbooks_is_taken_over_though_the_other_was_longer() -> None:
    whole = "WIRE 2026-11-05 ACME HOLDING 4711"
    case = paired_payment_case(
        ravetree_payment(reference=whole),
        copied_payment(reference="CHK 12"),
        was=ravetree_payment(reference=whole),
        remote_was=copied_payment(reference=whole[:21]),
    )
    assert content(plan(case)).reference == "CHK 12"


def test_a_payment_that_came_from_quickbooks_is_never_called_a_copy_of_ravetrees() -> None:
    theirs = quickbooks_payment(40)
    case = paired_payment_case(ravetree_payment(reference="CHK 9"), theirs, was=ravetree_payment(), remote_was=theirs)
    assert content(plan(case)).marker == ""


def content(found: Plan) -> PaymentContent:
    (write,) = found.writes
    assert isinstance(write.content, PaymentContent)
    return write.content


def test_a_copy_that_made_room_for_a_receipt_that_is_gone_by_now_takes_nothing_with_it() -> None:
    """Ravetree's payment is no longer in QuickBooks because of us: it is written anew."""
    case = replace(paired_payment_case(remote_was=copied_payment()), quickbooks=Gone("QP1"), one_id="QP9")
    assert plan(case) == Plan(unpair=True)
    assert plan(replace(case, one=voided_payment(id="QP9"))) == Plan(unpair=True)
    # What a bookkeeper deletes after the two were paired is gone for good.
    assert written(plan(replace(case, one_id="QP1")))[:2] == (Side.RAVETREE, "payment.delete")


def test_what_was_taken_out_of_a_payment_leaves_the_rest_to_the_bookkeeper() -> None:
    rest = copied_payment(25, ("Q8", 25))
    case = replace(paired_payment_case(Gone("RP1"), remote_was=rest), quickbooks=replace(rest, reference="THEIRS"))
    assert plan(case) == Plan(ignored="what is left of it in QuickBooks is a bookkeeper's")
