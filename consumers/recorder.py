"""The recorder: deliveries become events and pending changes, in one transaction a batch."""

import time
from collections.abc import Iterable, Sequence

from config import telemetry, traces
from config.logging import logger
from config.ports import Clock
from consumers.wakeups import Nudger
from schemas.envelopes import Delivery
from storage import inbox
from storage.database import Database, again_when_contended

log = logger("recorder")


class Recorder:
    """Records deliveries, then wakes the connections they are about."""

    def __init__(self, database: Database, clock: Clock, nudger: Nudger) -> None:
        self._database = database
        self._clock = clock
        self._nudger = nudger

    def record(self, deliveries: Sequence[Delivery]) -> None:
        """Commit all of `deliveries`, or none. Raises `DatabaseDown`."""
        begun, began = time.perf_counter(), time.time_ns()
        recorded = self._store(deliveries)
        telemetry.record_seconds.observe(time.perf_counter() - begun)
        for delivery in deliveries:
            if delivery.traceparent:
                traces.note_passed("record", delivery.traceparent, began)
        for (source, outcome), count in recorded.outcomes.items():
            telemetry.events_recorded.labels(source, outcome).inc(count)
            if outcome in (inbox.UNUSABLE, inbox.UNKNOWN):
                log.warning("events kept aside", source=source, outcome=outcome, count=count)
        self._wake(recorded.connections)

    @again_when_contended
    def _store(self, deliveries: Sequence[Delivery]) -> inbox.Recorded:
        with self._database.transaction() as session:
            return inbox.record(session, deliveries, self._clock.now())

    def _wake(self, connections: Iterable[str]) -> None:
        named = sorted(connections)
        try:
            self._nudger.nudge(*named)
        except OSError as error:
            log.warning("nudges lost, the sweeper repeats them", connections=named, error=str(error))
