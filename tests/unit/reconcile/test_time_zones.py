"""In which time zone an instant becomes a date."""

from datetime import UTC, date, datetime

import pytest

from reconcile.time_zones import day_in, is_time_zone

LATE = datetime(2026, 11, 1, 3, 30, tzinfo=UTC)
"""The first of November in London, still October in New York."""


@pytest.mark.parametrize(
    ("time_zone", "day"),
    [
        ("America/New_York", date(2026, 10, 31)),
        ("Europe/London", date(2026, 11, 1)),
        ("UTC", date(2026, 11, 1)),
        ("", date(2026, 11, 1)),
    ],
)
def test_an_instant_has_the_date_of_its_time_zone(time_zone: str, day: date) -> None:
    assert day_in(time_zone, LATE) == day


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "America", "../etc/passwd", "/etc/localtime", "x" * 65, "A\0B"])
def test_what_names_no_time_zone_is_none(name: str) -> None:
    assert not is_time_zone(name)


@pytest.mark.parametrize("name", ["America/Los_Angeles", "Europe/London", "UTC"])
def test_what_names_one_is_one(name: str) -> None:
    assert is_time_zone(name)
