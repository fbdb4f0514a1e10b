"""Every pair of concurrent changes has one stated outcome: docs/concurrent-changes.md, whatever arrives first."""

from pathlib import Path

import pytest

from tests.simulation.concurrency.page import ELSE, HEAD, PAGE, in_order, page, title
from tests.simulation.concurrency.pairs import Kind
from tests.simulation.concurrency.playing import KINDS, ORDERS, play


@pytest.mark.thorough
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_pair_of_changes_ends_as_the_page_says(kind: Kind, order: str, tmp_path: Path) -> None:
    assert play(kind, ORDERS[order], tmp_path) == {names: in_order(cell, order) for names, cell in stated(kind).items()}


def stated(kind: Kind) -> dict[tuple[str, str], str]:
    """What the page says about one kind of record."""
    section = PAGE.read_text().partition(f"\n## {title(kind)}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.strip().splitlines()]
    columns = [cell.strip() for cell in rows[0][1:]]
    found: dict[tuple[str, str], str] = {}
    for row in rows[2:]:
        here = row[0].strip().strip("*")
        found |= {(here, there): cell.strip() for there, cell in zip(columns, row[1:], strict=True)}
    return found


def test_no_cell_is_missing() -> None:
    """A change that is added to the table has to be stated with every other."""
    tables = {kind.name: stated(kind) for kind in KINDS}
    for kind in KINDS:
        assert tables[kind.name].keys() == {(here, there) for here in kind.here for there in kind.there}
        assert all(tables[kind.name].values())
        assert {names for names, cell in tables[kind.name].items() if ELSE in cell} == kind.by_order
    assert PAGE.read_text() == page(tables)
    assert PAGE.read_text().startswith(HEAD)
