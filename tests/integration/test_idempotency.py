"""A request under its key is done once, also when it comes many times at once, on both databases."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from config.keyring import KeyRing
from config.ports import SystemClock, SystemEntropy
from console.idempotency import KeyedRequests
from storage import idempotency, migrations
from storage.database import Database
from storage.idempotency import UNDER_WAY, KeyRefused
from storage.vault import Vault
from tests.services.postgresql import PostgreSQL
from tests.unit.ports import START

AT_ONCE = 6


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/books.db"
    else:
        server: PostgreSQL = request.getfixturevalue("postgresql")
        url = server.new_database()
    made = Database(url, SystemClock())
    migrations.upgrade(made)
    yield made
    made.close()


def test_sent_many_times_at_once_it_is_done_once(database: Database) -> None:
    known = KeyedRequests(database, SystemClock(), Vault(KeyRing({1: b"k" * 32}), SystemEntropy()))
    together = threading.Barrier(AT_ONCE)
    done: list[int] = []

    def send(number: int) -> str:
        def make() -> str:
            done.append(number)
            return str(number)

        together.wait(10)
        try:
            return known.answer("who", "/where", "key", "{}", make)[0]
        except KeyRefused:
            return "under way"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = set(pool.map(send, range(AT_ONCE)))
    (first,) = done
    assert answers <= {str(first), "under way"}
    assert known.answer("who", "/where", "key", "{}", lambda: "anew") == (str(first), True)


def test_one_that_took_too_long_ends_nobody_elses(database: Database) -> None:
    """After two minutes another one begins: the first one's failure, or its answer, is nobody's any more."""
    begun, later = START, START + UNDER_WAY

    def begin(moment: datetime) -> bytes | None:
        with database.transaction() as session:
            return idempotency.begin(session, "digest", "body", moment)

    assert (begin(begun), begin(later)) == (None, None)
    with database.transaction() as session:
        idempotency.release(session, "digest", begun)
        idempotency.keep(session, "digest", begun, b"the first one's")
    with pytest.raises(KeyRefused, match="being answered"):
        begin(later + timedelta(seconds=1))
    with database.transaction() as session:
        idempotency.keep(session, "digest", later, b"the second one's")
    assert begin(later + timedelta(seconds=2)) == b"the second one's"
