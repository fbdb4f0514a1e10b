"""After a restore: both books are read before anything is written.

A database from a backup does not know what was written after it. Until change data capture has brought all of that,
nothing is made; what Ravetree made before this moment is then looked for in QuickBooks, by our marker or its number,
before it is made there. In Ravetree our `external_id` is unique.
"""

from datetime import timedelta

from clients.errors import NotAuthorised, NotSent, Throttled
from clients.quickbooks.faults import TokenExpired
from config.errors import RavebooksError
from config.logging import logger
from storage import connections, duties
from storage.database import StorageError
from sync import catching_up
from sync.books import Books
from sync.duties import CHANGES, EVENTS, Duty
from sync.lease import Timings
from sync.restored import RestoreFound

BACK = timedelta(days=1)
"""How far before the last look Ravetree's records are looked at again."""

_STOPS = (NotAuthorised, NotSent, Throttled, TokenExpired, RestoreFound, StorageError)
"""What another way of asking would meet too."""

log = logger("verify")


def verify(books: Books, timings: Timings) -> None:
    """Read what changed since the backup on both sides, and let the work go on."""
    since, begun = books.connection.cdc_watermark - BACK, books.now()
    with books.reading() as session:
        planned = duties.planned(session, books.id)

    def plan_next(duty: Duty) -> None:
        with books.writing() as session:
            due_at = begun + duty.every(timings)
            duties.plan_next(session, books.id, duty.name, planned.get(duty.name), due_at)

    with books.neighbours.quickbooks.because("verify"):
        try:
            catching_up.look_at_changes(books)
        except _STOPS:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it answers instead: queries say the same
            _say("change data capture cannot be read, everything is asked for", error)
            catching_up.look_at_changes(books, in_full=True)
        plan_next(CHANGES)
    try:
        catching_up.look_at_events(books)
        plan_next(EVENTS)
    except _STOPS:
        raise
    except Exception as error:  # noqa: BLE001 - its lists say the same, a little later
        _say("Ravetree's log cannot be read, its lists are", error)
    catching_up.look_at_everything(books, since)
    with books.writing() as session:
        connections.verified(session, books.id, books.now())
    log.info("verified", since=since.isoformat())


def _say(what: str, error: Exception) -> None:
    known = isinstance(error, RavebooksError)
    log.warning(what, error=str(error) if known else type(error).__name__, exc_info=not known)
