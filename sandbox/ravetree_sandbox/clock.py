"""The clock of one organisation, whose offset is kept with its books."""

from collections.abc import Callable
from datetime import UTC, datetime

from ravetree_sandbox.store import Store
from ravetree_sandbox.values import format_time
from sandbox_kit import clock

Clock = Callable[[], datetime]
_OFFSET = "clock_offset"


def real_time() -> datetime:
    return datetime.now(UTC)


class SandboxClock(clock.SandboxClock):
    def __init__(self, real: Clock, store: Store) -> None:
        super().__init__(lambda: real().timestamp(), float(store.setting(_OFFSET, "0")))
        self._store = store

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self._store.keep_setting(_OFFSET, str(self.offset_seconds))

    def now(self) -> datetime:
        """The sandbox's time, in whole milliseconds: as fine as it is written."""
        now = super().now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def stamp(self) -> str:
        return format_time(self.now())
