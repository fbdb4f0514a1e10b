"""An emulator's clock: real time plus an offset that only grows."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime


class SandboxClock:
    """Aware UTC time that runs with ``real`` (seconds since the epoch) and can only be advanced."""

    def __init__(self, real: Callable[[], float] = time.time, offset_seconds: float = 0.0) -> None:
        self._real = real
        self.offset_seconds = offset_seconds

    def seconds(self) -> float:
        return self._real() + self.offset_seconds

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds(), UTC)

    def real(self) -> datetime:
        """What every other clock says."""
        return datetime.fromtimestamp(self._real(), UTC)

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("The sandbox's clock only goes forward: advance_seconds must not be negative.")
        self.offset_seconds += seconds
