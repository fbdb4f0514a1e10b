"""The estimate behind an invoice: linked where QuickBooks takes it, asked about where others have invoiced it."""

from dataclasses import replace
from typing import Any

import pytest

from reconcile.invoiced_estimates import INVOICED
from reconcile.invoices import InvoiceBase, InvoiceCase, plan
from reconcile.model import SENTENCE_LIMIT, ZERO, Answer, InvoiceContent, QuickBooksEstimate
from tests.unit.reconcile.build import CUSTOMER, DAY, amount, invoice_case, quickbooks_invoice, ravetree_invoice

ESTIMATE = QuickBooksEstimate(
    "E7", 1, "2001", CUSTOMER, "Accepted", DAY, None, "USD", "", (), ZERO, ZERO, amount(100), ("77", "78")
)
OTHERS = tuple(quickbooks_invoice(id=name, number=f"QB-{name}") for name in ("77", "78"))


def case(**changes: Any) -> InvoiceCase:
    return invoice_case(**{"estimate": ESTIMATE} | changes)


def link_written(**changes: Any) -> str | None:
    (write,) = plan(case(**changes)).writes
    assert isinstance(write.content, InvoiceContent)
    return write.content.estimate_id


def test_the_invoice_of_an_estimate_is_linked_to_it() -> None:
    assert link_written() == "E7"


def test_what_others_have_invoiced_of_it_is_asked_about_with_each_by_name() -> None:
    attention = plan(case(estimate_invoices=OTHERS)).attention
    assert attention is not None
    assert (attention.state, attention.code, attention.decisions) == ("held", INVOICED, ("link", "two"))
    assert all(f"QB-{name}" in attention.cause and f"(Id {name})" in attention.cause for name in ("77", "78"))


@pytest.mark.parametrize(
    ("other", "changes"),
    [
        ({}, "lines"),
        ({"number": "QB-1"}, "number, lines"),
        ({"issue_date": DAY.replace(day=1)}, "date, lines"),
        ({"total": amount(90)}, "total, lines"),
        ({"customer_id": "another"}, "customer, lines"),
    ],
)
def test_what_a_link_would_change_in_them_is_said(other: Any, changes: str) -> None:
    attention = plan(case(estimate_invoices=(quickbooks_invoice(id="77", **other),))).attention
    assert attention is not None
    assert changes in attention.remedy
    assert f", {changes}" not in attention.remedy


@pytest.mark.parametrize("count", range(1, 9))
def test_the_question_is_read_at_one_glance(count: int) -> None:
    others = tuple(quickbooks_invoice(id=str(place), number=f"QB-{place}") for place in range(count))
    attention = plan(case(estimate_invoices=others)).attention
    assert attention is not None
    assert len(f"{attention.cause} {attention.remedy}") <= SENTENCE_LIMIT
    named = sum(f"(Id {place})" in attention.cause for place in range(count))
    assert named == count or f"and {count - named} more" in attention.cause


def test_two_is_remembered_until_there_is_another_one() -> None:
    said = plan(case(estimate_invoices=OTHERS, decision="two", decided_on=INVOICED)).remember
    assert said == Answer(INVOICED, "two", amounts=("77", "78"))
    assert link_written(estimate_invoices=OTHERS, answers=(said,)) is None
    more = (*OTHERS, quickbooks_invoice(id="79"))
    assert plan(case(estimate_invoices=more, answers=(said,))).attention is not None


def test_an_answer_to_another_question_says_nothing_of_this_one() -> None:
    decided = case(estimate_invoices=OTHERS, decision="two", decided_on="one_or_two_payments")
    assert plan(decided).attention is not None


def test_a_link_to_another_customers_estimate_is_left_out_with_a_notice() -> None:
    estimate = replace(ESTIMATE, customer_id="another")
    assert link_written(estimate=estimate) is None
    there = replace(case(estimate=estimate), quickbooks=quickbooks_invoice(), base=_base())
    assert plan(there).notices == ("It is not linked to estimate 2001 in QuickBooks, which is another customer's.",)
    assert plan(replace(there, estimate=ESTIMATE)).notices == ()


@pytest.mark.parametrize(
    ("remote", "asked"),
    [
        ({}, False),
        ({"total": amount(90), "balance": amount(90)}, True),
        ({"customer_id": "another"}, True),
        ({"balance": amount(60)}, True),
        ({"number": "QB-1"}, False),
    ],
)
def test_what_a_person_tied_is_asked_about_where_it_would_change_in_weight(remote: Any, asked: bool) -> None:
    there = quickbooks_invoice(**remote)
    tied = InvoiceBase(ravetree_invoice(lines=()), there, {})
    ours = ravetree_invoice(estimate_id="est_1")
    found = plan(replace(case(ravetree=ours), quickbooks=there, base=tied))
    assert (found.attention is not None) == asked
    assert found.attention is None or found.attention.code == "drift_before_overwrite"
    (write,) = plan(replace(case(ravetree=ours, decision="overwrite"), quickbooks=there, base=tied)).writes
    assert write.action == "invoice.update"


def _base() -> InvoiceBase:
    return InvoiceBase(ravetree_invoice(), quickbooks_invoice(), {"l1": "1"})


def test_as_many_are_named_as_there_is_room_for() -> None:
    others = tuple(quickbooks_invoice(id=str(place), number=f"QB-{place}") for place in range(9))
    attention = plan(case(estimate_invoices=others)).attention
    assert attention is not None
    named = sum(f"(Id {place})" in attention.cause for place in range(9))
    another = f"; QB-{named} of 2026-11-20, 100.00 (Id {named})"
    assert len(f"{attention.cause} {attention.remedy}") + len(another) > SENTENCE_LIMIT
