"""The ports as tests fill them: a clock that stands still until it is moved, and chance under a seed."""

from datetime import UTC, datetime, timedelta
from random import Random

START = datetime(2026, 11, 20, 14, 13, 20, tzinfo=UTC)


class FakeClock:
    """Stands still; sleeping moves it on and is remembered."""

    def __init__(self, now: datetime = START) -> None:
        self.begin_again(now)

    def begin_again(self, now: datetime = START) -> None:
        """Stand where a new one stands."""
        self._now = now
        self._monotonic = 1000.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        # No sleep is so short that time stands still.
        self.advance(max(seconds, 1e-6))

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds


class SeededEntropy:
    """The same chance each time."""

    def __init__(self, seed: int = 1) -> None:
        self._random = Random(seed)

    def token(self, size: int) -> str:
        return self._random.randbytes(size).hex()

    def nonce(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)
