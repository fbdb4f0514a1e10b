"""Borders of the loops: what fails within one stops nothing beside it."""

from collections.abc import Iterator
from contextlib import contextmanager

from clients.errors import NotSent, Throttled
from clients.quickbooks.faults import TokenExpired
from config import telemetry
from config.errors import RavebooksError, Stop
from config.logging import logger

log = logger("reconciler")


@contextmanager
def own_border(look: str) -> Iterator[list[str]]:
    """What cannot be read of a log stops no record; its cause is put on the list."""
    met: list[str] = []
    try:
        yield met
    except (NotSent, Throttled, TokenExpired, Stop):
        raise
    except Exception as error:  # a log's own border
        telemetry.loop_errors.labels("catching up").inc()
        known = isinstance(error, RavebooksError)
        met.append(str(error) if known else f"unexpected: {type(error).__name__}")
        log.error(
            "a look at a log failed",
            error=met[0],
            look=look,
            remedy=getattr(error, "remedy", ""),
            fault=getattr(error, "code", ""),
            exc_info=not known,
        )
