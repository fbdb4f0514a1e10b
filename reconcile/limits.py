"""What QuickBooks keeps of a text, and the notice where that is not all of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MEMO_LIMIT = 1000
MAIL_LIMIT = 100
PHONE_LIMIT = 30
COMPANY_LIMIT = 100
DESCRIPTION_LIMIT = 4000
ADDRESS_LIMIT = 255
ADDRESS_LIMITS = {"line1": 500, "line2": 500, "postal_code": 30}

_ADDRESS = re.compile(r"[^@\s,;<>()\"\\]+@[^@\s,;<>()\"\\.]+(\.[^@\s,;<>()\"\\.]+)+")


@dataclass(frozen=True)
class Kept:
    """A text as QuickBooks takes it, with a notice where it is not the whole of it."""

    text: str
    notices: tuple[str, ...] = ()


def shortened(text: str, limit: int, what: str) -> Kept:
    """The beginning of a text. `what` names it at the beginning of the notice: `The memo`."""
    if len(text) <= limit:
        return Kept(text)
    return Kept(text[:limit], (f"{what} has {len(text):,} characters; QuickBooks keeps the first {limit:,}.",))


def addresses_of(text: str) -> tuple[str, ...]:
    """The e-mail addresses in a text, as people separate them: by comma, semicolon or space."""
    return tuple(found for found in re.split(r"[;,\s]+", text) if found)


def mail_addresses(text: str) -> Kept:
    """Whole addresses, separated by commas, as many as fit; what cannot be one is left out."""
    kept: list[str] = []
    notices = []
    for address in addresses_of(text):
        if _ADDRESS.fullmatch(address) is None or address.startswith(".") or ".." in address or ".@" in address:
            notices.append(f"The e-mail address {address:.60} is left out: QuickBooks takes none of this form.")
        elif len(",".join([*kept, address])) > MAIL_LIMIT:
            notices.append(
                f"The e-mail address {address:.60} is left out: QuickBooks takes {MAIL_LIMIT} characters of them."
            )
        else:
            kept.append(address)
    return Kept(",".join(kept), tuple(notices))


def description_parts(text: str) -> Iterator[str]:
    """A line's description in pieces that QuickBooks takes: the first is the line's own, the others go below it."""
    yield text[:DESCRIPTION_LIMIT]
    for start in range(DESCRIPTION_LIMIT, len(text), DESCRIPTION_LIMIT):
        yield text[start : start + DESCRIPTION_LIMIT]
