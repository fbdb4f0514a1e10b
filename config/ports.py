"""Where the outside enters: time and chance. `ravebooks.bootstrap` fills these, a simulation fills them otherwise.

HTTP enters through `clients.http`, the broker through `publishers.publisher`, the database through
`storage.database`: each beside the code that needs it.
"""

import random
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

CLOCKS_DIFFER = timedelta(minutes=10)
"""What one process has just set lies a little ahead for another, whose time was taken earlier or on another machine."""


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from some fixed point, never going back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let time pass: only for the short waits inside one call to a neighbour."""
        ...


class Entropy(Protocol):
    """Makes chance: identifiers that nobody can guess, and jitter."""

    def token(self, size: int) -> str:
        """`size` random bytes as lower-case hex."""
        ...

    def nonce(self, size: int) -> bytes:
        """`size` random bytes."""
        ...

    def uniform(self, low: float, high: float) -> float:
        """A number between `low` and `high`."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class SystemEntropy:
    """The operating system's random source."""

    def token(self, size: int) -> str:
        return secrets.token_hex(size)

    def nonce(self, size: int) -> bytes:
        return secrets.token_bytes(size)

    def uniform(self, low: float, high: float) -> float:
        return random.SystemRandom().uniform(low, high)
