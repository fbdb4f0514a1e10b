"""Every scenario of the demo, on the embedded default and on PostgreSQL with RabbitMQ, through real processes."""

import pytest

from ravebooks.demo.day import RECORDS, WorkingDay
from tests.integration.system import PATIENCE, System

ORDER = [step.__name__ for step in WorkingDay(None, None, lambda *_: None).steps()]  # type: ignore[arg-type]  # only named


@pytest.fixture(scope="module")
def day(system: System) -> WorkingDay:
    return WorkingDay(system.ravetree, system.quickbooks, lambda *_: None, PATIENCE)


@pytest.mark.parametrize("step", ORDER)
def test_step(day: WorkingDay, step: str) -> None:
    """Each step waits until both sides show it, and fails when they do not in time."""
    {each.__name__: each for each in day.steps()}[step]()


def test_at_the_end_of_the_day_both_books_say_the_same(system: System) -> None:
    report = system.compared()
    assert [(row.kind, row.name, row.differences) for row in report.differing] == []
    assert len(report.rows) == RECORDS


def test_nothing_is_parked_and_nothing_unexpected_was_logged(system: System) -> None:
    assert '"event": "unexpected error"' not in system.log()
    assert '"outcome": "parked"' not in system.log()
