"""Signs of life: each process says every few seconds that it is here, and tells what it has counted since."""

from collections.abc import Callable

from config import telemetry
from config.ports import Clock
from config.telemetry import Progress
from storage import processes, samples
from storage.database import Database
from storage.processes import Sign

EVERY = 10.0
"""Seconds between two signs."""
AWAY_AFTER = 20.0
"""Seconds after which a broker that is not reached is said to be away."""


class Signs:
    """The signs of one process. `connected` says whether its publisher reaches the broker; None without one."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        progress: Progress,
        name: str,
        role: str,
        connected: Callable[[], bool | None] = lambda: None,
        totals: Callable[[], dict[str, float]] = telemetry.totals,
    ) -> None:
        self._database = database
        self._clock = clock
        self._progress = progress
        self._name = name
        self._role = role
        self._connected = connected
        self._totals = totals
        self._told = totals()
        self._started = clock.now()
        self._reached = clock.monotonic()

    def give(self) -> int:
        """Say that this process is here, and keep what it has counted since the last time; returns how many figures."""
        totals = self._totals()
        grown = {
            f"{samples.COUNTED}{name}": value - self._told.get(name, 0.0)
            for name, value in totals.items()
            if value > self._told.get(name, 0.0)
        }
        broker = self._broker()
        stuck = ", ".join(self._progress.stuck())
        now = self._clock.now()
        with self._database.transaction() as session:
            sign = Sign(self._name, self._role, telemetry.VERSION, self._started, stuck, broker)
            processes.note(session, sign, now)
            samples.add(session, now, grown)
        self._told = totals
        return len(grown)

    def _broker(self) -> str:
        """Whether it is reached. One that is late once, or that nobody has connected to yet, is not out of reach."""
        reaches = self._connected()
        if reaches is None:
            return ""
        if reaches:
            self._reached = self._clock.monotonic()
        return "no" if self._clock.monotonic() - self._reached >= AWAY_AFTER else "yes"

    def end(self) -> None:
        """Tell what is left, and that nobody is to miss this process."""
        self.give()
        with self._database.transaction() as session:
            processes.ended(session, self._name)
