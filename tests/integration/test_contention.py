"""Two transactions that wait for each other: the database ends one, and that one is done again."""

import threading
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from config.ports import SystemClock
from storage.database import Database, again_when_contended
from tests.services.postgresql import PostgreSQL


def test_of_two_that_wait_for_each_other_both_get_on(postgresql: PostgreSQL) -> None:
    database = Database(postgresql.new_database(), SystemClock())
    with database.transaction() as session:
        session.execute(sa.text("CREATE TABLE balances (id int PRIMARY KEY, amount int)"))
        session.execute(sa.text("INSERT INTO balances VALUES (1, 0), (2, 0)"))
    both_have_one = threading.Barrier(2)
    attempts: list[int] = []

    @again_when_contended
    def add(first: int, second: int) -> None:
        attempts.append(first)
        with database.transaction() as session:
            session.execute(sa.text("UPDATE balances SET amount = amount + 1 WHERE id = :id"), {"id": first})
            if attempts.count(first) == 1:
                both_have_one.wait(timeout=10)
            session.execute(sa.text("UPDATE balances SET amount = amount + 1 WHERE id = :id"), {"id": second})

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(add, 1, 2), threads.submit(add, 2, 1)]:
            done.result(timeout=20)

    with database.reading() as session:
        amounts = session.execute(sa.text("SELECT amount FROM balances ORDER BY id")).scalars().all()
    assert list(amounts) == [2, 2]
    # Who is done again may meet the other one once more, where that is slow to get on.
    assert len(attempts) > 2
    database.close()
