"""The sweeper: finds what is due and nudges. It calls nobody outside."""

from datetime import timedelta

import sqlalchemy as sa

from config import telemetry
from config.logging import logger
from config.ports import Clock
from consumers.parity import Metric
from consumers.wakeups import Nudger
from storage import brakes, connections, journal, outbox, pending
from storage.database import Database
from storage.models import PendingChange

log = logger("sweeper")

ECHOES_KEPT = timedelta(days=1)
NUDGE_AGAIN = timedelta(seconds=5)
"""A connection that was nudged is left alone this long: its slice may be under way."""


class Sweeper:
    """One round at a time; harmless to run twice at once."""

    def __init__(self, database: Database, clock: Clock, nudger: Nudger, environment: str = "") -> None:
        self._database = database
        self._clock = clock
        self._nudger = nudger
        self._environment = environment
        self._parity = Metric()

    def sweep(self) -> int:
        """Nudge every connection with something due; returns how many."""
        now = self._clock.now()
        with self._database.transaction() as session:
            connections.begin_daily(session, now)
            due = set(pending.due_connections(session, now)) | set(journal.connections_with_unsettled(session, now))
            if brakes.pulled(session) is not None:
                due = set()
            nudged = []
            for connection_id in sorted(due):
                connection = connections.get(session, connection_id)
                if connection.state != connections.ACTIVE or connection.environment not in ("", self._environment):
                    continue
                if connection.nudged_at is None or connection.nudged_at <= now - NUDGE_AGAIN:
                    connection.nudged_at = now
                    nudged.append(connection_id)
            journal.forget_old_echoes(session, now - ECHOES_KEPT)
            telemetry.outbox_size.set(outbox.size(session))
            for state in pending.ATTENTION:
                count = session.execute(
                    sa.select(sa.func.count()).select_from(PendingChange).where(PendingChange.state == state)
                ).scalar_one()
                telemetry.parked.labels(state).set(count)
        self._parity.show(self._database)
        for connection_id in nudged:
            try:
                self._nudger.nudge(connection_id)
            except OSError as error:
                log.warning("nudge lost, the next round repeats it", connection=connection_id, error=str(error))
        return len(nudged)
