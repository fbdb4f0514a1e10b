"""What a migration moves, on a real PostgreSQL."""

from config.ports import SystemClock
from storage.database import Database
from tests.services.postgresql import PostgreSQL
from tests.unit.storage.test_migrations import check_that_duties_are_moved


def test_what_the_clock_asked_for_is_moved_and_can_be_moved_back(postgresql: PostgreSQL) -> None:
    database = Database(postgresql.new_database(), SystemClock())
    check_that_duties_are_moved(database)
    database.close()
