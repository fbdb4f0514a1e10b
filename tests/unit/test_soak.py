"""A soak that could not fail would prove nothing."""

from typing import Any

import pytest

from tests.bench.soak import Load, Sample, judge

MEGABYTES = 1024 * 1024


def samples(**changes: Any) -> list[Sample]:
    """Ninety samples of a product that stays as it is, but for what `changes` say of a moment."""
    found = []
    for at in range(90):
        level: dict[str, Any] = {
            "memory": 100 * MEGABYTES,
            "handles": 20,
            "processor": 0.02 * at,
            "events": 3 * at,
            "pending_changes": at % 4,
        }
        now = level | {name: value(at) for name, value in changes.items()}
        rows = {name: now[name] for name in ("events", "pending_changes")}
        found.append(
            Sample(at, at, {"worker": now["memory"]}, {"worker": now["handles"]}, {"worker": now["processor"]}, rows)
        )
    return found


def not_level(taken: list[Sample], late: float = 0.2) -> set[str]:
    load = Load(arrived=[(at, late if at > 60 else 0.2) for at in range(90)])
    return {one.what for one in judge(load, taken) if not one.is_level}


def test_what_stays_as_it_is_is_level() -> None:
    assert not_level(samples()) == set()


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("memory", lambda at: (100 + at // 5) * MEGABYTES, "worker: resident memory, MB"),
        ("handles", lambda at: 20 + at // 10, "worker: file handles"),
        ("processor", lambda at: at * at / 1000, "worker: processor time a change, ms"),
        ("events", lambda at: 3 * at + at * at // 20, "events: rows a change"),
        ("pending_changes", lambda at: at, "pending_changes: most rows"),
    ],
)
def test_what_grows_is_not(name: str, value: Any, what: str) -> None:
    assert not_level(samples(**{name: value})) == {what}


def test_edits_that_take_longer_and_longer_are_not() -> None:
    assert not_level(samples(), late=0.9) == {f"edit to QuickBooks, p{percent}, ms" for percent in (50, 95)}
