"""Numbers that are taken: what is said, and which others are given."""

import pytest

from reconcile.documents import NUMBER_LIMIT
from reconcile.model import SENTENCE_LIMIT, Likeness
from reconcile.numbers import NOTE_LIMIT, Holder, freed_note, freed_number, temporary_number, told


@pytest.mark.parametrize(
    ("likeness", "named"),
    [(Likeness.SAME, "`adopt`"), (Likeness.CUSTOMER, "`link` with target 123456"), (Likeness.VOID, "`free`")],
)
def test_what_can_be_decided_is_named(likeness: Likeness, named: str) -> None:
    cause, remedy = told(Holder("invoice", "123456", "1,250.00 USD, 2026-11-20", likeness, "1043-V"), "1043")
    assert named in remedy
    assert len(f"Invoice 1043: {cause}. {remedy}") <= SENTENCE_LIMIT


def test_where_nothing_can_be_decided_none_is_named() -> None:
    _, remedy = told(Holder("invoice", "12", "5.00 USD, 2026-11-20", Likeness.NONE), "1043")
    assert "`" not in remedy


def test_that_a_number_is_used_again_is_said() -> None:
    cause, remedy = told(Holder("invoice", "12", "0.00 USD, 2026-11-20", Likeness.VOID, "1043-V"), "1043")
    assert "our own void invoice" in cause
    assert "1043 is used again, and the void one becomes 1043-V" in remedy


@pytest.mark.parametrize(
    ("number", "taken", "freed"),
    [
        ("1043", set(), "1043-V"),
        ("1043", {"1043-V"}, "1043-V2"),
        ("1043", {"1043-V", "1043-V2"}, "1043-V3"),
        ("9" * 19, set(), "9" * 19 + "-V"),
        ("9" * 19, {"9" * 19 + "-V"}, ""),
        ("9" * 20, set(), ""),
    ],
)
def test_a_void_one_gets_the_next_number_that_has_room(number: str, taken: set[str], freed: str) -> None:
    assert freed_number(number, taken.__contains__) == freed


@pytest.mark.parametrize("note", ["Voided", "Voided - " + "x" * NOTE_LIMIT])
def test_its_note_still_says_that_it_is_void_and_which_number_it_had(note: str) -> None:
    said = freed_note(note, "1043")
    assert (said.startswith("Voided"), said.endswith("(its number was 1043)")) == (True, True)
    assert len(said) <= NOTE_LIMIT


def test_temporary_numbers_differ_and_have_room() -> None:
    assert temporary_number(1) != temporary_number(2)
    assert len(temporary_number(10**9)) <= NUMBER_LIMIT
