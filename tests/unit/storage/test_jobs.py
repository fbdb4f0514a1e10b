"""Jobs: each belongs to its connection."""

import pytest

from storage import jobs
from storage.database import Database
from tests.unit.ports import START
from tests.unit.storing import CONNECTION, add_connection


def test_the_jobs_of_a_connection_are_its_own(database: Database) -> None:
    add_connection(database)
    add_connection(database, "con_2", "org_2", "2")
    with database.transaction() as session:
        ours = jobs.begin(session, CONNECTION, jobs.BACKFILL, {}, "Kim", START)
        theirs = jobs.begin(session, "con_2", jobs.BACKFILL, {}, "Nora", START)
        assert [job.id for job in jobs.every(session, CONNECTION)] == [ours.id]
        assert [job.id for job in jobs.due(session, "con_2", START)] == [theirs.id]
        with pytest.raises(jobs.UnknownJob):
            jobs.get(session, CONNECTION, theirs.id)
