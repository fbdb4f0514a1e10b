"""What anybody can make happen as often as he likes: counted, and told in one line a source and minute."""

import threading
from dataclasses import dataclass
from typing import Any

from config.ports import Clock

WINDOW_SECONDS = 60.0
MOST_SOURCES = 200
OTHERS = "others"
"""Stands for every source beyond those that are told apart."""
_SCAN_SECONDS = 1.0


@dataclass
class _Source:
    log: Any
    words: dict[str, Any]
    untold: int
    next_line_at: float


class Tally:
    """One table for all threads of a process.

    The first time is told at once; what follows within a minute is told at its end as `times`, by the next call of
    `met` or `tell`. Somebody calls `tell` every second or so: else the last count waits for the next event.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sources: dict[tuple[str, str], _Source] = {}
        self._scan_at = 0.0

    def met(self, log: Any, event: str, source: str, **words: Any) -> None:
        """`event` has happened because of `source` (an address); `words` go into its line."""
        now = self._clock.monotonic()
        with self._lock:
            key = (event, source)
            if key not in self._sources and len(self._sources) >= MOST_SOURCES:
                key = (event, OTHERS)
            is_new = key not in self._sources
            if is_new:
                self._sources[key] = _Source(log, words, 0, now + WINDOW_SECONDS)
            else:
                self._sources[key].untold += 1
                self._sources[key].words = words
        if is_new:
            log.warning(event, remote=key[1], times=1, **words)
        self.tell()

    def tell(self, *, everything: bool = False) -> None:
        """Log what is due; `everything`, at the end of a process, also what is not yet."""
        now = self._clock.monotonic()
        with self._lock:
            if now < self._scan_at and not everything:
                return
            self._scan_at = now + _SCAN_SECONDS
            lines = self._due(now, everything)
        for (event, source), log, times, words in lines:
            log.warning(event, remote=source, times=times, **words)

    def _due(self, now: float, everything: bool) -> list[tuple[tuple[str, str], Any, int, dict[str, Any]]]:
        lines = []
        for key, source in list(self._sources.items()):
            if now < source.next_line_at and not everything:
                continue
            if source.untold:
                lines.append((key, source.log, source.untold, source.words))
                source.untold, source.next_line_at = 0, now + WINDOW_SECONDS
            else:
                # Nothing in a whole minute: it makes room.
                del self._sources[key]
        return lines
