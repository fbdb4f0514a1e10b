"""Samples: figures of the installation by the minute, rolled up into quarters of an hour, and forgotten after two days.

Counts of what happened are added up by whoever has some to tell; of a depth or an age the highest is kept.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage.database import insert
from storage.models import Sample

MINUTE, QUARTER = 60, 900
KEPT = {MINUTE: timedelta(hours=2), QUARTER: timedelta(days=2)}
"""How long samples of each length stay."""
COUNTED = "count."
"""How the names of counts begin; everything else is a depth or an age."""

Figures = Mapping[str, float]
Series = dict[str, list[tuple[datetime, float]]]


def begins(moment: datetime, seconds: int) -> datetime:
    """When the stretch of `seconds` began that `moment` lies in."""
    return datetime.fromtimestamp(moment.timestamp() // seconds * seconds, UTC)


def add(session: Session, now: datetime, figures: Figures) -> None:
    """Keep figures of this moment, in its minute and in its quarter of an hour: a row each is changed or added."""
    rows = [
        {"seconds": seconds, "at": begins(now, seconds), "name": name, "value": float(value)}
        for seconds in (MINUTE, QUARTER)
        for name, value in sorted(figures.items())
    ]
    if not rows:
        return
    new = insert(session, Sample)
    both = new.excluded.value
    merged = sa.case(
        (Sample.name.startswith(COUNTED), Sample.value + both),
        (Sample.value < both, both),
        else_=Sample.value,
    )
    session.execute(new.on_conflict_do_update(index_elements=["seconds", "at", "name"], set_={"value": merged}), rows)


def forget_old(session: Session, now: datetime) -> None:
    """Samples stay as long as `KEPT` says."""
    for seconds, kept in KEPT.items():
        session.execute(sa.delete(Sample).where(Sample.seconds == seconds, Sample.at < now - kept))


def series(session: Session, names: Collection[str], seconds: int, since: datetime) -> Series:
    """The samples of some names, oldest first; a name of which there are none has an empty list."""
    found: Series = {name: [] for name in names}
    query = (
        sa.select(Sample.name, Sample.at, Sample.value)
        .where(Sample.seconds == seconds, Sample.at >= since, Sample.name.in_(list(names)))
        .order_by(Sample.at)
    )
    for row in session.execute(query):
        found[row.name].append((row.at, row.value))
    return found


def summed(session: Session, since: datetime, beginning: str = COUNTED) -> dict[str, float]:
    """The counts of all minutes since a moment, by name."""
    query = (
        sa.select(Sample.name, sa.func.sum(Sample.value).label("total"))
        .where(Sample.seconds == MINUTE, Sample.at >= since, Sample.name.startswith(beginning))
        .group_by(Sample.name)
    )
    return {row.name: float(row.total) for row in session.execute(query)}
