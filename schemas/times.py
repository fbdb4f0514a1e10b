"""Instants and dates as the neighbours spell them. Compare instants, never strings."""

import re
from datetime import UTC, date, datetime
from typing import Any

from marshmallow import ValidationError, fields

_OFFSET_WITHOUT_COLON = re.compile(r"([+-]\d{2})(\d{2})$")
_FRACTION = re.compile(r"\.(\d{1,9})\d*")


def parse_instant(text: str) -> datetime:
    """An aware UTC datetime from RFC 3339, also with `-0700`, `Z` and up to nine decimals of a second.

    Raises `ValueError`. Nanoseconds are cut to microseconds.
    """
    spelled = _OFFSET_WITHOUT_COLON.sub(r"\1:\2", text.strip())
    spelled = _FRACTION.sub(lambda found: "." + found.group(1)[:6].ljust(6, "0"), spelled)
    moment = datetime.fromisoformat(spelled)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC")
    return moment.astimezone(UTC)


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
