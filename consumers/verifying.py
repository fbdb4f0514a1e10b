"""After a restore: both books are read before anything is written.

A database from a backup does not know what was written after it. Until change data capture has brought all of that,
nothing is made; what Ravetree made before this moment is then looked for in QuickBooks, by our marker or its number,
before it is made there. In Ravetree our `external_id` is unique.
"""

from datetime import datetime, timedelta

from clients.errors import NeighbourError, NotAuthorised, NotSent, Throttled
from clients.quickbooks.faults import TokenExpired
from config.logging import logger
from consumers import catching_up
from consumers.workbench import Workbench
from storage import connections

BACK = timedelta(days=1)
"""How far before the last look Ravetree's records are looked at again."""

log = logger("verify")


def verify(bench: Workbench, events_due: datetime, changes_due: datetime) -> None:
    """Read what changed since the backup on both sides, and let the work go on."""
    since = bench.connection.cdc_watermark - BACK
    with bench.neighbours.quickbooks.because("verify"):
        try:
            catching_up.look_at_changes(bench, changes_due)
        except (NotAuthorised, NotSent, Throttled, TokenExpired):
            raise
        except NeighbourError as error:
            log.warning("change data capture does not answer, everything is asked for", error=str(error))
            catching_up.look_at_changes(bench, changes_due, in_full=True)
    try:
        catching_up.look_at_events(bench, events_due)
    except (NotAuthorised, NotSent, Throttled):
        raise
    except NeighbourError as error:
        # Its lists say the same, a little later.
        log.warning("Ravetree's log does not answer, its lists are read", error=str(error))
    catching_up.look_at_everything(bench, since)
    with bench.database.transaction() as session:
        connections.verified(session, bench.id, bench.now())
    log.info("verified", since=since.isoformat())
