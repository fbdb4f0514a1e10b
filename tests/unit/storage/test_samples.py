"""Samples: added up or the highest kept, rolled up, and bounded."""

from datetime import timedelta

import sqlalchemy as sa

from storage import samples
from storage.database import Database
from storage.models import Sample
from storage.samples import MINUTE, QUARTER
from tests.unit.ports import START


def test_counts_add_up_whoever_tells_them_and_of_depths_the_highest_stays(database: Database) -> None:
    for figures in ({"count.write": 2, "depth.due": 5}, {"count.write": 3, "depth.due": 4}):
        with database.transaction() as session:
            samples.add(session, START, figures)
    with database.transaction() as session:
        samples.add(session, START + timedelta(minutes=1), {"count.write": 7, "depth.due": 1})
    with database.reading() as session:
        names = ["count.write", "depth.due", "depth.none"]
        minutes = samples.series(session, names, MINUTE, START - timedelta(hours=1))
        quarters = samples.series(session, names, QUARTER, START - timedelta(hours=1))
        summed = samples.summed(session, START - timedelta(hours=1))
    assert [value for _, value in minutes["count.write"]] == [5, 7]
    assert [value for _, value in minutes["depth.due"]] == [5, 1]
    assert minutes["depth.none"] == []
    assert [value for _, value in quarters["count.write"]] == [12]
    assert [value for _, value in quarters["depth.due"]] == [5]
    assert summed == {"count.write": 12}


def test_however_long_it_runs_the_rows_are_bounded(database: Database) -> None:
    for number in range(4 * 24 * 5):
        now = START + timedelta(minutes=15 * number)
        with database.transaction() as session:
            samples.add(session, now, {"depth.due": number})
            samples.forget_old(session, now)
    with database.reading() as session:
        rows = dict(session.execute(sa.select(Sample.seconds, sa.func.count()).group_by(Sample.seconds)).all())
    assert rows == {MINUTE: 8, QUARTER: 4 * 24 * 2}
