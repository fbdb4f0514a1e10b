"""QuickBooks' faults as an error tree. Source: section 3 of the QuickBooks reference, "Faults"."""

import re
from typing import Any

from clients.errors import (
    Away,
    Failed,
    Missing,
    Moved,
    NeighbourError,
    NotAuthorised,
    Refused,
    Throttled,
)
from config.redaction import redact_text
from reconcile.model import Likeness

THROTTLE_SECONDS = 60.0
"""QuickBooks promises no Retry-After; its limits are by the minute."""


class TokenExpired(Away):
    """The access token has expired: refresh it and repeat once."""

    remedy = "Nothing to do: the token is refreshed."


class AccessRevoked(NotAuthorised):
    """The app or the user may no longer use the company."""

    remedy = "Connect QuickBooks again as a company administrator."


class SubscriptionLapsed(NotAuthorised):
    """The company's QuickBooks subscription has ended."""

    remedy = "Renew the QuickBooks subscription, then press resume."


class StaleSyncToken(Moved):
    """Somebody changed the object since our copy."""


class CannotLink(Moved):
    """The transactions cannot be linked as they are now."""


class NotFoundOrInactive(Missing):
    """The object was deleted, or it is an inactive entry of a list."""

    remedy = "Make the entry active again in QuickBooks, or map another one; then press retry."


class WrongRequest(Refused):
    """QuickBooks does not understand our request: a defect of ours."""

    remedy = "Report it with the operation id: this is a fault of Ravebooks."


class StaleReference(Refused):
    """Something that we refer to (an item, an account, a tax code) no longer exists."""

    remedy = "Map the line type to an active QuickBooks item, then press retry."


class BusinessRule(Refused):
    """QuickBooks' own rules forbid it; its words say which."""

    remedy = "Do what QuickBooks asks for, then press retry."


class DuplicateNumber(Refused):
    """Another transaction has this number: `taken_by` is its id, as far as QuickBooks, or whoever looked, told it."""

    remedy = "Give one of the two another number, then press retry."

    def __init__(
        self, message: str, *, taken_by: str | None = None, likeness: Likeness = Likeness.NONE, **kwargs: Any
    ) -> None:
        super().__init__(message, **kwargs)
        found = re.search(r"TxnId=(\d+)", self.detail)
        self.taken_by = taken_by or (found.group(1) if found else None)
        self.likeness = likeness


class BooksClosed(Refused):
    """The date lies in a closed period."""

    remedy = "Open the period in QuickBooks, then press retry; what is not there yet may get a later date instead."


class DuplicateName(Refused):
    """A customer, vendor or employee has this name already."""

    remedy = "Rename one of them, then press retry."


class DepositedPayment(Refused):
    """The payment is part of a deposit and locked."""

    remedy = "Remove the payment from its deposit in QuickBooks, then press retry."


_BY_CODE: dict[str, tuple[type[NeighbourError], str]] = {
    "3200": (TokenExpired, "QuickBooks' access token has expired"),
    "120": (AccessRevoked, "QuickBooks no longer lets Ravebooks into this company"),
    "3100": (AccessRevoked, "QuickBooks no longer lets Ravebooks into this company"),
    "6190": (SubscriptionLapsed, "the company's QuickBooks subscription has ended"),
    "5010": (StaleSyncToken, "it was changed in QuickBooks meanwhile"),
    "610": (NotFoundOrInactive, "QuickBooks says that something it needs is deleted or inactive"),
    "620": (CannotLink, "QuickBooks cannot link it to that transaction as it is now"),
    "2500": (StaleReference, "it refers to an entry that no longer exists in QuickBooks"),
    "6000": (BusinessRule, "a business rule of QuickBooks forbids it"),
    "6140": (DuplicateNumber, "its number is taken in QuickBooks"),
    "6210": (BooksClosed, "its date lies in a period that is closed in QuickBooks"),
    "6240": (DuplicateName, "its name is taken by another customer, vendor or employee in QuickBooks"),
    "6540": (DepositedPayment, "the payment is deposited in QuickBooks and locked"),
    "10000": (Failed, "QuickBooks failed; whether it happened is not known yet"),
}
_OUR_DEFECTS = frozenset({"2010", "2020", "2030", "2050", "2170"})
_SHOWS_DETAIL = (BusinessRule,)


def _first_error(body: Any) -> tuple[dict[str, Any], bool]:
    """The first error of either envelope; the flag says that it is the gateway's, in lower case."""
    fault = body.get("Fault") or body.get("fault") if isinstance(body, dict) else None
    errors = (fault.get("Error") or fault.get("error") or []) if isinstance(fault, dict) else []
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    return first, isinstance(body, dict) and "fault" in body


def has_fault(body: Any) -> bool:
    """Whether an answer carries a fault: HTTP 200 can."""
    return isinstance(body, dict) and ("Fault" in body or "fault" in body)


def status_of(body: Any) -> int:
    """The status that this fault would have by itself: an item of a batch has none. `SystemFault` is a failure."""
    fault = body.get("Fault") or body.get("fault") if isinstance(body, dict) else None
    return 500 if isinstance(fault, dict) and fault.get("type") == "SystemFault" else 400


def error_from(status: int, body: Any, trace: str = "") -> NeighbourError:
    """The error that a failed answer stands for."""
    first, _ = _first_error(body)
    code = str(first.get("code", ""))
    detail = redact_text(str(first.get("Detail") or first.get("detail") or "")[:4000])[:1000]
    if status == 429 or code == "3001":
        return Throttled(
            "QuickBooks takes no more requests for a minute",
            wait_seconds=THROTTLE_SECONDS,
            code=code,
            trace=trace,
        )
    if status == 401:
        return TokenExpired("QuickBooks' access token has expired", code=code or "3200", detail=detail, trace=trace)
    if status == 403 and code not in _BY_CODE:
        return AccessRevoked(_BY_CODE["3100"][1], code=code, detail=detail, trace=trace)
    if code in _OUR_DEFECTS:
        return WrongRequest("QuickBooks did not understand the request", code=code, detail=detail, trace=trace)
    if code in _BY_CODE:
        kind, sentence = _BY_CODE[code]
        if kind in _SHOWS_DETAIL and detail:
            sentence = f"QuickBooks refuses: {_sentence(detail)}"
        return kind(sentence, code=code, detail=detail, trace=trace)
    if status >= 500 or not first:
        return Failed(f"QuickBooks failed with HTTP {status}", code=code, detail=detail, trace=trace)
    return BusinessRule(
        f"QuickBooks refuses: {_sentence(detail or str(first.get('Message', '')))}",
        code=code,
        detail=detail,
        trace=trace,
    )


_CODES = re.compile(r"^[\w ]*\bError:\s*|\(?\b(?:[Ee]rror )?[Cc]ode:?\s*\d+\)?")
"""What a bookkeeper can do nothing with: names of errors, and their numbers."""


def _sentence(detail: str) -> str:
    """Intuit's words without its code prefixes, short enough for a line."""
    text = _CODES.sub("", detail.split(" : ")[-1]).strip().rstrip(".")
    return text if len(text) <= 120 else text[:117] + "…"
