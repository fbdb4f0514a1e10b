"""What is done every so many seconds, by whoever comes by more often."""

from config.ports import Clock


class Every:
    """Says when it is due; the first time that is at once."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._last = float("-inf")

    def is_due(self) -> bool:
        """Whether it is, and then it counts as done."""
        now = self._clock.monotonic()
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True
