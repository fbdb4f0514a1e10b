"""How long a client is waited for: the whole of a request, or of an answer, has a deadline, however it drips."""

from dataclasses import dataclass
from enum import StrEnum


class Awaited(StrEnum):
    """What a connection's client has to do next."""

    NOTHING = "nothing"
    """It is our turn: its request is being answered."""
    REQUEST = "request"
    """It has connected, or begun a request, and has not sent all of it."""
    NEXT = "next request"
    """It has been answered and keeps the connection."""
    ANSWER = "answer"
    """It has not taken all of an answer."""


@dataclass(frozen=True)
class Patience:
    """Seconds that each may take in all."""

    request: float = 15.0
    """QuickBooks and Ravetree give a delivery up after 3 and 10 s."""
    next_request: float = 75.0
    """Longer than the 60 s for which load balancers keep a connection: else they send into one that is closing."""
    answer: float = 60.0

    def of(self, awaited: Awaited) -> float:
        """The seconds for it; endless while it is our turn."""
        return {
            Awaited.REQUEST: self.request,
            Awaited.NEXT: self.next_request,
            Awaited.ANSWER: self.answer,
        }.get(awaited, float("inf"))


class Waiting:
    """What one client is waited for, and since when."""

    def __init__(self, now: float) -> None:
        self.awaited = Awaited.REQUEST
        self.since = now
        self._answered = 0

    def see(self, awaited: Awaited, answered: int, now: float) -> None:
        """Look again: only another state, or another request (so many were answered), begins a new wait."""
        if (awaited, answered) != (self.awaited, self._answered):
            self.awaited, self._answered, self.since = awaited, answered, now

    def is_over(self, patience: Patience, now: float) -> bool:
        """Whether the client has had its time."""
        return now - self.since > patience.of(self.awaited)
