"""Pacing: stay inside QuickBooks' limits for each company: 10 requests a second, 500 a minute, 40 batches a minute."""

import threading
from collections import defaultdict, deque

from config.ports import Clock

PER_SECOND = 10
PER_MINUTE = 500
BATCHES_PER_MINUTE = 40


class Pacer:
    """Delays calls so that no limit is crossed, and remembers who has been told to wait."""

    def __init__(self, clock: Clock, per_second: int = PER_SECOND, per_minute: int = PER_MINUTE) -> None:
        self._clock = clock
        self._limits: tuple[tuple[int, float], ...] = ((per_second, 1.0), (per_minute, 60.0))
        self._calls: defaultdict[str, deque[float]] = defaultdict(deque)
        self._batches: defaultdict[str, deque[float]] = defaultdict(deque)
        self._closed_until: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, realm: str, *, batch: bool = False) -> None:
        """Wait for a free place and take it; a batch is a request too."""
        while (delay := self._try(realm, batch)) > 0:
            self._clock.sleep(delay)

    def _try(self, realm: str, batch: bool) -> float:
        with self._lock:
            windows = [(self._calls[realm], self._limits)]
            if batch:
                windows.append((self._batches[realm], ((BATCHES_PER_MINUTE, 60.0),)))
            now = self._clock.monotonic()
            for calls, limits in windows:
                while calls and now - calls[0] >= 60.0:
                    calls.popleft()
                for count, span in limits:
                    if len(calls) >= count and now - calls[-count] < span:
                        return span - (now - calls[-count])
            for calls, _ in windows:
                calls.append(now)
            return 0.0

    def close(self, realm: str, seconds: float) -> None:
        """QuickBooks said 429: nobody calls for this company until then."""
        with self._lock:
            self._closed_until[realm] = self._clock.monotonic() + seconds

    def closed_for(self, realm: str) -> float:
        """Seconds until calls for this company may begin again."""
        with self._lock:
            return max(0.0, self._closed_until.get(realm, 0.0) - self._clock.monotonic())
