import pytest

from tests.unit.webhooks.receiving import Receivers


@pytest.fixture
def receivers() -> Receivers:
    return Receivers()
