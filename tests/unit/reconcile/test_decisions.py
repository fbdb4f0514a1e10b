"""What a person may decide is stored, posted and remembered under its own name."""

import pytest

from reconcile.decisions import Decision


@pytest.mark.parametrize("decision", list(Decision))
def test_a_decision_is_spelled_as_it_is_called(decision: Decision) -> None:
    assert decision.value == decision.name.lower()
