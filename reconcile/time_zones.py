"""In which time zone an instant becomes a date. Dates that either side says are left as they are."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

LONGEST_NAME = 64


def is_time_zone(name: str) -> bool:
    """Whether this is the IANA name of a time zone, as `Europe/London`."""
    if not 0 < len(name) <= LONGEST_NAME:
        return False
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # A path is no name either, nor is a region by itself.
        return False
    return True


def day_in(time_zone: str, moment: datetime) -> date:
    """The date of an aware instant in a time zone; while the zone is not known (`""`), in UTC."""
    return moment.astimezone(ZoneInfo(time_zone) if time_zone else UTC).date()
