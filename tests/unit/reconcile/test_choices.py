"""What a question takes, as data."""

import pytest

from reconcile.choices import SAME, choices, understood
from reconcile.decisions import Decision


@pytest.mark.parametrize("decision", Decision)
def test_every_decision_says_what_it_writes(decision: Decision) -> None:
    (choice,) = choices("any_code", [decision])
    assert choice.decision == decision
    assert choice.does.endswith(".")
    assert len(choice.does) <= 120


def test_a_decision_says_what_it_writes_for_its_question() -> None:
    general, own = choices("any_code", ["leave"]), choices("several_payers", ["leave"])
    assert general[0].does != own[0].does


CHOSEN_DIFFERENTLY = (
    ("contact_unlinked", "link"),
    ("contact_unlinked", "two"),
    ("customer_gone", "link"),
    ("mark_not_covered", "leave"),
    ("mark_in_closed_period", "leave"),
    ("placeholder_removed", "leave"),
    ("removed_there_edited_here", "quickbooks"),
)


@pytest.mark.parametrize(("code", "decision"), CHOSEN_DIFFERENTLY)
def test_what_a_decision_writes_is_said_where_its_question_has_its_own_words(code: str, decision: str) -> None:
    assert choices(code, [decision])[0].does != choices("any_code", [decision])[0].does


def test_a_link_needs_a_target_and_one_of_several_does() -> None:
    found = choices("one_or_two_payments", ["one:target", "two", "link"])
    assert [(each.decision, each.needs_target) for each in found] == [("one", True), ("two", False), ("link", True)]
    assert [each.needs_target for each in choices("one_or_two_payments", ["one", "two"])] == [False, False]


@pytest.mark.parametrize("said", SAME)
def test_the_names_of_one_answer_are_understood_for_each_other(said: str) -> None:
    assert understood(said, ("one", "two")) == "one"
    assert understood("one", ("adopt",)) == "adopt"
    assert understood("adopt", ("link",)) == "adopt"
    assert understood(said, ("leave",)) == said


def test_another_answer_is_not_understood_for_one() -> None:
    assert understood("two", ("one",)) == "two"
