"""Times of our own that a clock which ran ahead left behind: none lies further ahead than its longest interval.

Two processes whose clocks differ a little are both right: a look that was just planned for tomorrow, put right by a
process a second behind, would be made at once, and again and again; change data capture is metered.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from config.ports import CLOCKS_DIFFER
from storage import connections
from storage.models import Connection, Job, Operation, PendingChange, PlannedDuty, SyncState

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Longest:
    """How far ahead a due time of one column may lie, in the rows that `of` says."""

    column: InstrumentedAttribute[Any]
    ahead: timedelta
    of: Sequence[sa.ColumnElement[bool]] = ()


def longest(duties: Mapping[str, timedelta], uncertain: timedelta) -> tuple[Longest, ...]:
    """Each column of due times with its longest interval, some of which are settings; of `duties` by their names."""
    return (
        *(Longest(PlannedDuty.due_at, max(every, HOUR), (PlannedDuty.duty == name,)) for name, every in duties.items()),
        Longest(Connection.retry_at, connections.LONGEST_STALL),
        Longest(Connection.verify_since, HOUR),
        Longest(PendingChange.due_at, 2 * HOUR),
        Longest(SyncState.due_at, MINUTE),
        Longest(Operation.retry_at, max(uncertain, HOUR)),
        Longest(Job.due_at, HOUR),
    )


PAST = (Connection.read_at, Connection.nudged_at)
"""When something was done last: never in the future."""


def put_right(session: Session, now: datetime, columns: Iterable[Longest]) -> int:
    """Make due at once what lies too far ahead; returns how many times were wrong."""
    latest = now + CLOCKS_DIFFER
    wrong = [
        sa.update(each.column.class_).where(each.column > latest + each.ahead, *each.of).values({each.column.key: now})
        for each in columns
    ]
    wrong += [sa.update(column.class_).where(column > now).values({column.key: None}) for column in PAST]
    return sum(_changed(session, update) for update in wrong)


def _changed(session: Session, update: sa.Update) -> int:
    result = session.execute(update.execution_options(synchronize_session=False))
    return int(result.rowcount)  # type: ignore[attr-defined]  # an UPDATE's result counts rows
