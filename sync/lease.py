"""Who works on a connection: one thread of this process, under one lease among all processes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from config.ports import Clock
from storage import leases
from storage.leases import HeldLease
from storage.unit import UnitOfWork


@dataclass(frozen=True)
class Timings:
    """How long things may take, in seconds."""

    lease: float
    http: float
    slice: float
    uncertain: float
    read_window: float
    echo_confirm: float
    cdc: float
    events: float


class Claims:
    """Which connections this process works on. Its reconcilers share one owner of leases, so that one of them can
    go on at once with a lease that another could not give back while the database was away.
    """

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self._claimed: set[str] = set()
        self._lock = threading.Lock()

    @contextmanager
    def claim(self, connection_id: str) -> Iterator[bool]:
        """Whether nobody else here works on it; if so, nobody else does until the end of the block."""
        with self._lock:
            free = connection_id not in self._claimed
            if free:
                self._claimed.add(connection_id)
        try:
            yield free
        finally:
            if free:
                with self._lock:
                    self._claimed.discard(connection_id)


class LeaseHolder:
    """The lease during a slice, renewed before a call that could outlast it.

    How much of it is left is told by our own clock since it was taken; that it is ours still is told by the
    database, in the transaction of each write.
    """

    def __init__(self, unit: UnitOfWork, lease: HeldLease, timings: Timings, clock: Clock) -> None:
        self._unit = unit
        self._timings = timings
        self._clock = clock
        self._taken_at = clock.monotonic()
        self.lease = lease

    def for_a_call(self) -> HeldLease:
        """The lease, with at least the time of one call left on it. Raises `LeaseLost`."""
        left = self._taken_at + self._timings.lease - self._clock.monotonic()
        if left <= self._timings.http:
            begun = self._clock.monotonic()
            try:
                with self._unit.writing() as session:
                    self.lease = leases.renew(self._unit.database, session, self.lease, self._timings.lease)
            finally:
                self._unit.commit()
            self._taken_at = begun
        return self.lease
