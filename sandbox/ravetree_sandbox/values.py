"""Money and times as the contract writes them."""

import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Json = dict[str, Any]

# ISO 4217 currencies whose minor unit is not the hundredth.
_NO_MINOR_UNIT = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()  # noqa: SIM905 - a list reads worse
)
_THOUSANDTHS = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-]00:00)")


def minor_units(currency: str) -> int:
    """The number of decimals of a currency's amounts: 2 for USD, 0 for JPY, 3 for KWD."""
    if currency in _NO_MINOR_UNIT:
        return 0
    return 3 if currency in _THOUSANDTHS else 2


def round_money(amount: Decimal, currency: str) -> Decimal:
    """`amount` rounded half up to the minor unit of `currency`."""
    return amount.quantize(Decimal(1).scaleb(-minor_units(currency)), ROUND_HALF_UP)


def format_time(moment: datetime) -> str:
    """An aware time as RFC 3339 in UTC, with milliseconds, so that equal lengths sort as they should."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """An RFC 3339 UTC time; raises `ValueError` for anything else."""
    if not _TIME.fullmatch(text):
        raise ValueError(f"{text!r} is not an RFC 3339 time in UTC such as 2026-11-20T14:13:20Z")
    return datetime.fromisoformat(text.upper().replace("Z", "+00:00"))


def parse_date(text: str) -> date:
    """A calendar date, `YYYY-MM-DD`; raises `ValueError` for anything else."""
    if not _DATE.fullmatch(text):
        raise ValueError(f"{text!r} is not a date such as 2026-11-20")
    return date.fromisoformat(text)
