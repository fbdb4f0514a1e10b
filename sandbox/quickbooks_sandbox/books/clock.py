"""Intuit's ways to write a time, and the company's calendar."""

from __future__ import annotations

import random
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")


def meta_time(instant: datetime) -> str:
    """MetaData times: whole seconds at the company's US-Pacific offset, ``2026-11-20T06:13:20-08:00``."""
    return instant.astimezone(PACIFIC).replace(microsecond=0).isoformat()


def answer_time(instant: datetime) -> str:
    """The ``time`` of an answer's envelope: milliseconds at the US-Pacific offset."""
    return instant.astimezone(PACIFIC).isoformat(timespec="milliseconds")


def event_time(instant: datetime, randomness: random.Random) -> str:
    """A CloudEvent's ``time``: nine digits, UTC. The clock gives six, the last three are made up."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}{randomness.randrange(1000):03d}Z"


def company_date(instant: datetime) -> str:
    """Today where the company is: the default of TxnDate."""
    return instant.astimezone(PACIFIC).date().isoformat()


def add_days(day: str, days: int) -> str:
    try:
        return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
    except OverflowError:
        return date.max.isoformat()


def due_after(day: str, day_of_month: int, next_month_days: int) -> str:
    """The next such day of a month; when it comes sooner than ``next_month_days``, that of the month after."""
    start = date.fromisoformat(day)
    due = _in_month(start.year, start.month, day_of_month)
    if due < start or (due - start).days < next_month_days:
        due = _in_month(start.year + start.month // 12, start.month % 12 + 1, day_of_month)
    return due.isoformat()


def _in_month(year: int, month: int, day: int) -> date:
    if year > date.max.year:
        return date.max
    return date(year, month, min(day, monthrange(year, month)[1]))


def parse_instant(text: str) -> datetime:
    """An instant from a date or a date-time; without an offset it is the company's own time.

    Raises ValueError. A ``+`` that a client forgot to encode arrives as a space and is taken as meant.
    """
    text = text.strip()
    if len(text) > 11 and text[-6] == " ":
        text = f"{text[:-6]}+{text[-5:]}"
    instant = datetime.fromisoformat(text)
    return instant.replace(tzinfo=PACIFIC) if instant.tzinfo is None else instant
