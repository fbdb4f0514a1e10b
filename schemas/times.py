"""Instants and dates as the neighbours spell them. Compare instants, never strings."""

import math
from datetime import UTC, date, datetime
from typing import Any

from marshmallow import ValidationError, fields

from schemas.structs import DoesNotFit

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
"""Between these lies what a neighbour may call a time: arithmetic on it then never leaves what a datetime holds."""


def parse_instant(text: str) -> datetime:
    """An aware UTC datetime from RFC 3339, also with `-0700`, `Z` and up to nine decimals of a second.

    Raises `ValueError`, also for a time outside of this century. Nanoseconds are cut to microseconds.
    """
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC")
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is no time of this century") from None
    if not is_of_this_century(moment):
        raise ValueError(f"{text!r} is no time of this century")
    return moment


def is_of_this_century(moment: datetime) -> bool:
    """Whether arithmetic on a neighbour's instant is safe."""
    return EARLIEST <= moment < LATEST


def instant(text: str, field: str) -> datetime:
    """The instant that an event's `field` spells. Raises `DoesNotFit`, which names the field."""
    try:
        return parse_instant(text)
    except (ValueError, OverflowError):
        raise DoesNotFit(f"its {field} is not a time with an offset from UTC") from None


def seconds_of(value: Any, default: float, most: float) -> float:
    """A neighbour's number of seconds, between 0 and `most`; `default` for what is none."""
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        return default
    return default if math.isnan(seconds) else min(max(seconds, 0.0), most)


def spell_instant(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Instant(fields.Field[datetime]):
    """An instant in any of the spellings of `parse_instant`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_kwargs: Any) -> datetime:
        try:
            return parse_instant(value)
        except (TypeError, ValueError, AttributeError, OverflowError):
            raise ValidationError("Not a time with an offset from UTC.") from None

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **_kwargs: Any) -> str | None:
        return None if value is None else spell_instant(value)


class Day(fields.Field[date]):
    """A date, `YYYY-MM-DD`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_kwargs: Any) -> date:
        try:
            return date.fromisoformat(str(value)[:10])
        except ValueError:
            raise ValidationError("Not a date.") from None
