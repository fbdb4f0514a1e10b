"""What a neighbour's answer means: a branch a cause, the same for both neighbours where the cause is the same."""

from config.errors import RavebooksError, Stop


class NeighbourError(RavebooksError):
    """A neighbour refused or failed. `code` is its own, `trace` finds the call in its support."""

    def __init__(
        self, message: str, *, remedy: str | None = None, code: str = "", detail: str = "", trace: str = ""
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.code = code
        self.detail = detail
        self.trace = trace


class Away(NeighbourError):
    """The neighbour as a whole is out of reach for now: other requests would meet the same."""

    remedy = "Nothing to do: it goes on by itself when the neighbour is back."


class NotSent(Away):
    """The neighbour could not be reached: nothing was sent."""

    remedy = "Nothing to do: it is tried again by itself."


class OutcomeUnknown(Away):
    """The neighbour failed, or did not answer in time: the write may or may not have happened."""

    remedy = "Nothing to do: it is sent again under the same key, which changes nothing if it had happened."


class Failed(OutcomeUnknown):
    """The neighbour answered that it failed: it is there, and it may have failed at this request alone."""


class Redirected(Failed):
    """The answer points elsewhere. It is not followed: tokens and books go to the addresses that were set alone."""

    remedy = "Look at what answers at that address: a proxy in between, or an address that was set wrongly."


class Throttled(Away):
    """Too many requests: wait, then repeat."""

    remedy = "Nothing to do: it goes on when the neighbour takes requests again."

    def __init__(self, message: str, *, wait_seconds: float, code: str = "", trace: str = "") -> None:
        super().__init__(message, code=code, trace=trace)
        self.wait_seconds = wait_seconds


class NotAuthorised(NeighbourError, Stop):
    """The neighbour no longer lets us in: the connection is paused until somebody connects it again."""

    remedy = "Connect again."


class Moved(NeighbourError):
    """The record changed since we read it: read it again and plan anew."""

    remedy = "Nothing to do: it is read again and planned anew."


class Missing(NeighbourError):
    """The record is not there, or is inactive."""

    remedy = "Restore the record, or choose another one."


class Refused(NeighbourError):
    """The neighbour will not do it as it is: a person has to act."""

    remedy = "Correct the record, then press retry."
