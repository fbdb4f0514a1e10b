"""Instants as the neighbours spell them."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from schemas.times import Day, Instant, parse_instant, seconds_of, spell_instant

MOMENT = datetime(2026, 11, 20, 14, 13, 20, tzinfo=UTC)
FINE = MOMENT.replace(microsecond=123456)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-20T14:13:20Z", MOMENT),
        ("2026-11-20T14:13:20.000Z", MOMENT),
        ("2026-11-20T14:13:20+00:00", MOMENT),
        ("2026-11-20T07:13:20-0700", MOMENT),
        ("2026-11-20T07:13:20-07:00", MOMENT),
        ("2026-11-20T06:13:20.000-08:00", MOMENT),
        (" 2026-11-20T14:13:20Z\n", MOMENT),
        ("2026-11-20T14:13:20.123456Z", FINE),
        ("2026-11-20T14:13:20.123456789Z", FINE),
        ("2026-11-20T07:13:20.1234569-0700", FINE),
        ("2026-11-20T14:13:20.1Z", MOMENT.replace(microsecond=100000)),
    ],
)
def test_every_spelling_means_its_instant(text: str, meant: datetime) -> None:
    parsed = parse_instant(text)
    assert parsed == meant
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize("text", ["", "now", "2026-11-20", "2026-11-20T14:13:20", "2026-13-20T14:13:20Z", "\ud800"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says, nobody reads it
        parse_instant(text)
    with pytest.raises(ValidationError):
        Instant().deserialize(text)


@pytest.mark.parametrize("value", [7, None, [], {}, True, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_nothing_but_a_refusal_comes_of_another_value(value: Any) -> None:
    with pytest.raises(ValidationError):
        Instant().deserialize(value)


@given(
    st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30)),  # noqa: DTZ001 - Hypothesis wants naive bounds
    st.integers(-14 * 60, 14 * 60),
)
def test_an_instant_survives_its_spelling(naive: datetime, minutes: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_instant(spell_instant(moment)) == moment
    assert parse_instant(moment.isoformat()) == moment
    assert spell_instant(moment).endswith("Z")


@pytest.mark.parametrize(("value", "text"), [("2026-11-20", "2026-11-20"), ("2026-11-20T00:00:00-08:00", "2026-11-20")])
def test_a_day_is_what_stands_first(value: str, text: str) -> None:
    assert Day().deserialize(value).isoformat() == text


@pytest.mark.parametrize("value", ["", "20.11.2026", 7, []])
def test_what_is_no_day_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        Day().deserialize(value)


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "1999-12-31T23:59:59Z",
        "2100-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999Z",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_a_time_of_another_century_is_no_time(text: str) -> None:
    """Arithmetic on it could leave what a datetime holds, and stop whoever does it."""
    with pytest.raises(ValueError, match="century"):
        parse_instant(text)


@given(st.text() | st.floats() | st.integers() | st.none() | st.sampled_from(["1e400", "nan", "-inf", "5", " 7 "]))
def test_a_number_of_seconds_is_always_one_that_can_be_waited(value: object) -> None:
    assert 0 <= seconds_of(value, 60.0, 3600.0) <= 3600


@pytest.mark.parametrize(
    ("said", "seconds"), [(None, 60), ("x", 60), ("nan", 60), ("-1", 0), ("1e9", 3600), ("inf", 3600), ("5", 5)]
)
def test_what_is_no_number_of_seconds_is_the_default(said: str | None, seconds: float) -> None:
    assert seconds_of(said, 60.0, 3600.0) == seconds
