"""What QuickBooks keeps of a text: to the last character that it takes, and not one more."""

import pytest

from reconcile.limits import DESCRIPTION_LIMIT, MAIL_LIMIT, description_parts, mail_addresses

SHORT = "a@example.com"


@pytest.mark.parametrize(("over", "kept"), [(0, 2), (1, 1)])
def test_addresses_are_taken_to_the_last_character_that_fits(over: int, kept: int) -> None:
    """The comma between them counts."""
    rest = MAIL_LIMIT - len(SHORT) - len(",") + over
    long = f"{'b' * (rest - len('@example.com'))}@example.com"
    found = mail_addresses(f"{SHORT}; {long}")
    assert (found.text.split(","), len(found.notices)) == ([SHORT, long][:kept], 2 - kept)


@pytest.mark.parametrize("wrong", ["nobody", ".a@example.com", "a..b@example.com", "a.@example.com", "a@b@example.com"])
def test_an_address_of_a_form_that_quickbooks_refuses_is_left_out_and_said(wrong: str) -> None:
    found = mail_addresses(f"{wrong}, {SHORT}")
    assert (found.text, len(found.notices)) == (SHORT, 1)


@pytest.mark.parametrize(
    ("length", "parts"),
    [
        (0, [0]),
        (1, [1]),
        (DESCRIPTION_LIMIT, [DESCRIPTION_LIMIT]),
        (DESCRIPTION_LIMIT + 1, [DESCRIPTION_LIMIT, 1]),
        (2 * DESCRIPTION_LIMIT, [DESCRIPTION_LIMIT, DESCRIPTION_LIMIT]),
    ],
)
def test_a_description_is_cut_into_pieces_that_quickbooks_takes(length: int, parts: list[int]) -> None:
    text = "".join(chr(97 + place % 26) for place in range(length))
    found = list(description_parts(text))
    assert ("".join(found), [len(part) for part in found]) == (text, parts)
