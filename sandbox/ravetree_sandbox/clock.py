"""The sandbox's clock: real time plus an offset that can be advanced and is kept."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ravetree_sandbox.store import Store
from ravetree_sandbox.values import format_time

Clock = Callable[[], datetime]


def real_time() -> datetime:
    return datetime.now(UTC)


class SandboxClock:
    def __init__(self, real: Clock, store: Store) -> None:
        self._store = store
        self.real = real

    @property
    def offset_seconds(self) -> float:
        return float(self._store.setting("clock_offset", "0"))

    def advance(self, seconds: float) -> None:
        with self._store.transaction():
            self._store.keep_setting("clock_offset", str(self.offset_seconds + seconds))

    def now(self) -> datetime:
        """The sandbox's time, in whole milliseconds: as fine as it is written."""
        now = self.real() + timedelta(seconds=self.offset_seconds)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def stamp(self) -> str:
        return format_time(self.now())
