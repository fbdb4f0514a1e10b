"""The planted defects in tests/mutants do not rot: each fits the code as it is and names tests that are there."""

import pytest

from tests.mutants import patches
from tests.mutants.patches import ROOT, Mutant

MUTANTS = patches.every()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_defect_applies_to_the_code_as_it_is(mutant: Mutant) -> None:
    """When the code moved on: plant the same defect again, and keep it with `git diff` under the same header."""
    assert patches.apply(mutant, ROOT, check=True) == ""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_tests_that_a_planted_defect_names_are_there(mutant: Mutant) -> None:
    for test in mutant.tests:
        file, _, function = test.partition("::")
        assert f"\ndef {function.partition('[')[0]}(" in (ROOT / file).read_text(), test


def test_few_defects_are_said_to_be_harmless() -> None:
    assert len(MUTANTS) >= 25
    assert len([mutant.name for mutant in MUTANTS if mutant.harmless]) <= 3
