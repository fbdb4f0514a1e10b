"""Counts the metered reads of one connection, and warns before its budget is spent."""

from config import telemetry
from config.logging import logger
from config.ports import Clock
from storage import reads
from storage.database import Database

log = logger("metering")


class ReadMeter:
    """Told of each read by the client that made it."""

    def __init__(self, database: Database, clock: Clock, connection_id: str) -> None:
        self._database = database
        self._clock = clock
        self._connection_id = connection_id

    def __call__(self, cause: str) -> None:
        """Count one read. A read that cannot be counted was made all the same, so that `DatabaseDown` goes on."""
        telemetry.metered_reads.labels(cause).inc()
        with self._database.transaction() as session:
            warn = reads.count(session, self._connection_id, cause, self._clock.now())
        if warn:
            log.warning(
                "the budget of reads is nearly spent",
                connection=self._connection_id,
                remedy="Raise the connection's reads_budget, or see in its usage what reads so much.",
            )
