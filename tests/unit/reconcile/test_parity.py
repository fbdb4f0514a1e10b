"""Every difference between the books has a cause, and what has none is said to be unexplained."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.compare import Cause, Difference
from reconcile.parity import ORDER, Compared, Figures, Sums, Waiting, explain, missing, report


def difference(
    field: str = "balance", cause: Cause = Cause.UNEXPLAINED, ours: str = "100.00", theirs: str = "60.00"
) -> Difference:
    return Difference(field, ours, theirs, "", "both", "Nothing.", cause)


def figures(total: str = "100", balance: str = "100", **changes: Any) -> Figures:
    made = Figures("1043", "open", Decimal(total), Decimal(balance), Decimal(balance))
    return replace(made, **changes)


def pair(*differences: Difference, **changes: Any) -> Compared:
    made = Compared(
        "invoice", "R1", "Q1", "Bright Harbor", "USD", figures(), figures(balance="60"), differences=differences
    )
    return replace(made, **changes)


def cause(*differences: Difference, **changes: Any) -> Cause | None:
    row = explain(pair(*differences, **changes))
    return None if row is None else row.cause


def test_every_cause_has_its_place_in_the_order() -> None:
    assert set(ORDER) == set(Cause)


def test_a_pair_without_differences_is_no_row() -> None:
    assert explain(pair()) is None


@pytest.mark.parametrize("field", ["memo", "line 1 amount", "due date", "sent"])
def test_what_a_report_does_not_compare_is_no_row(field: str) -> None:
    assert explain(pair(difference(field, Cause.DRIFT))) is None


@pytest.mark.parametrize("field", ["number", "total", "balance", "status", "amount", "unapplied", "reference"])
def test_what_a_report_compares_is_a_row(field: str) -> None:
    assert cause(difference(field, Cause.DRIFT)) is Cause.DRIFT


def test_nothing_known_is_unexplained() -> None:
    assert cause(difference()) is Cause.UNEXPLAINED


@pytest.mark.parametrize(
    ("state", "found"),
    [("due", Cause.WAITING), ("waiting", Cause.WAITING), ("held", Cause.HELD), ("parked", Cause.PARKED)],
)
def test_what_is_under_way_explains_its_pair(state: str, found: Cause) -> None:
    row = explain(pair(difference("total"), own=Waiting(state, "It fell below what is paid.", "Correct it.")))
    assert row is not None
    assert row.cause is found
    assert "It fell below what is paid." in row.text
    assert (row.remedy == "Correct it.") == (found is not Cause.WAITING)


def test_a_held_payment_explains_the_balance_and_not_the_total() -> None:
    held = (Waiting("held", "One payment or two?", "Say so."),)
    row = explain(pair(difference("balance"), payments=held))
    assert row is not None
    assert (row.cause, row.text, row.remedy) == (Cause.HELD, "A payment on it: One payment or two?", "Say so.")
    assert cause(difference("total"), payments=held) is Cause.UNEXPLAINED


def test_credit_explains_a_balance_to_the_cent_only() -> None:
    assert cause(difference(), credit=Decimal(40)) is Cause.CREDIT
    assert cause(difference(), credit=Decimal("39.99")) is Cause.UNEXPLAINED
    assert (
        cause(difference(), ravetree=figures(balance="60"), quickbooks=figures(), credit=Decimal(-40)) is Cause.CREDIT
    )


@pytest.mark.parametrize(("credit", "side"), [(40, "QuickBooks"), (-40, "Ravetree")])
def test_credit_is_told_with_its_amount_and_where_it_is_applied(credit: int, side: str) -> None:
    balances = {"ravetree": figures(), "quickbooks": figures(balance="60")}
    if credit < 0:
        balances = {"ravetree": figures(balance="60"), "quickbooks": figures()}
    row = explain(pair(difference(), credit=Decimal(credit), **balances))
    assert row is not None
    assert row.text == f"Credit of 40.00 USD is applied in {side} alone."


def test_a_mark_as_paid_is_said_even_while_something_is_under_way() -> None:
    assert cause(difference(cause=Cause.MARKED), own=Waiting("due")) is Cause.MARKED


def test_a_change_that_nothing_is_under_way_for_is_unexplained() -> None:
    """The next sync would write it, but nobody told that there is one."""
    row = explain(pair(difference("total", Cause.WAITING)))
    assert row is not None
    assert row.cause is Cause.UNEXPLAINED
    assert "no event told of it yet" in row.text


@pytest.mark.parametrize("kept", [Cause.DRIFT, Cause.ROUNDED, Cause.ENDED, Cause.OLD_COPY])
def test_what_the_records_show_by_themselves_is_kept(kept: Cause) -> None:
    assert cause(difference("total", kept)) is kept


def test_the_worst_of_several_causes_is_the_pairs() -> None:
    row = explain(pair(difference("total", Cause.DRIFT), difference("number")))
    assert row is not None
    assert row.cause is Cause.UNEXPLAINED
    assert [one.cause for one in row.differences] == [Cause.DRIFT, Cause.UNEXPLAINED]


def test_a_record_without_a_partner_is_a_row() -> None:
    row = explain(missing(pair(quickbooks=None, quickbooks_id="")))
    assert row is not None
    assert (row.differences[0].ravetree, row.differences[0].quickbooks) == ("open", "missing")
    assert row.cause is Cause.UNEXPLAINED


def test_sums_are_of_invoices_by_currency() -> None:
    euros = pair(currency="EUR", ravetree=figures("10", "10"), quickbooks=None)
    payment = pair(kind="payment")
    found = report([pair(), pair(), euros, payment])
    assert found.sums == {
        "EUR": Sums(Decimal(10), Decimal(0), Decimal(10), Decimal(0)),
        "USD": Sums(Decimal(200), Decimal(200), Decimal(200), Decimal(120)),
    }


@given(
    st.lists(
        st.builds(
            lambda field, kept, own, credit: pair(
                difference(field, kept), own=own, credit=Decimal(credit), payments=(own,) if own else ()
            ),
            st.sampled_from(["number", "total", "balance", "status", "memo"]),
            st.sampled_from(list(Cause)),
            st.sampled_from([None, Waiting("due"), Waiting("held", "why", "do")]),
            st.integers(-50, 50),
        ),
        max_size=8,
    )
)
def test_counts_add_up_and_every_row_has_a_cause_a_text_and_a_remedy(pairs: list[Compared]) -> None:
    found = report(pairs)
    assert found.compared == len(pairs)
    assert found.equal + sum(found.causes.values()) == len(pairs)
    assert all(row.text and row.remedy for row in found.rows)
