from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.clients.neighbours import QuickBooks, Ravetree
from tests.unit.ports import FakeClock


@pytest.fixture
def quickbooks(tmp_path: Path, clock: FakeClock) -> Iterator[QuickBooks]:
    made = QuickBooks(tmp_path / "quickbooks", clock)
    yield made
    made.close()


@pytest.fixture
def ravetree(tmp_path: Path, clock: FakeClock) -> Iterator[Ravetree]:
    made = Ravetree(tmp_path / "ravetree", clock)
    yield made
    made.close()
