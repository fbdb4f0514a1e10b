"""What a person may decide is stored, posted and remembered under its own name; sides are spelled as people do."""

import pytest

from reconcile.decisions import Decision
from reconcile.model import Side


@pytest.mark.parametrize("decision", list(Decision))
def test_a_decision_is_spelled_as_it_is_called(decision: Decision) -> None:
    assert decision.value == decision.name.lower()


def test_a_side_is_spelled_as_people_write_it() -> None:
    assert [side.spelled for side in (Side.RAVETREE, Side.QUICKBOOKS)] == ["Ravetree", "QuickBooks"]
