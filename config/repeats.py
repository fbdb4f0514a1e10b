"""What an outermost loop does about an unexpected error: it counts it, logs it once in full, and waits."""

import traceback
from dataclasses import dataclass
from typing import Any

from config import telemetry
from config.foreign import described
from config.ports import Clock, SystemClock

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 60.0
FORGOTTEN_SECONDS = 600.0
"""An error that was not met for so long is told in full again."""


@dataclass
class _Known:
    times: int
    lines: int
    met_at: float
    next_line_at: float


class Repeats:
    """The unexpected errors of one loop; an error is the same when its type and the line that raised it are.

    The first of a kind is logged with its traceback, those that follow as one line with their count, at intervals
    of 1 s, doubling to 60 s. The waits after failures in a row are of the same lengths.
    """

    def __init__(self, loop: str, log: Any, clock: Clock | None = None) -> None:
        self._loop = loop
        self._log = log
        self._clock = clock or SystemClock()
        self._in_a_row = 0
        self._known: dict[tuple[str, ...], _Known] = {}

    def met(self, error: BaseException, **words: Any) -> float:
        """Count and log `error`, with `words` beside it; returns the seconds to wait before the next round."""
        telemetry.loop_errors.labels(self._loop).inc()
        self._say(error, words)
        self._in_a_row += 1
        return _step(self._in_a_row)

    def over(self) -> None:
        """A round went well: the next failure waits a second again."""
        self._in_a_row = 0

    def _say(self, error: BaseException, words: dict[str, Any]) -> None:
        now = self._clock.monotonic()
        self._known = {key: k for key, k in self._known.items() if now - k.met_at < FORGOTTEN_SECONDS}
        known = self._known.get(_key(error))
        if known is None:
            self._known[_key(error)] = _Known(1, 1, now, now + FIRST_SECONDS)
            self._log.error("unexpected error", loop=self._loop, exc_info=error, **words)
            return
        known.times += 1
        known.met_at = now
        if now >= known.next_line_at:
            known.lines += 1
            known.next_line_at = now + _step(known.lines)
            self._log.error(
                "unexpected error again",
                loop=self._loop,
                error=described(error)[:500],
                times=known.times,
                **words,
            )


def _step(number: int) -> float:
    return min(LONGEST_SECONDS, FIRST_SECONDS * (1 << min(number - 1, 10)))


def _key(error: BaseException) -> tuple[str, ...]:
    frames = traceback.extract_tb(error.__traceback__)
    return (type(error).__name__, *(f"{frame.filename}:{frame.lineno}" for frame in frames[-1:]))
