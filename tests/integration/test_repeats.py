"""A request under its key is done once, also when it comes many times at once, on both databases."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.keyring import KeyRing
from config.ports import SystemClock, SystemEntropy
from console.repeats import Repeats
from storage import migrations
from storage.database import Database
from storage.repeats import KeyRefused
from storage.vault import Vault
from tests.services.postgresql import PostgreSQL

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
    repeats = Repeats(database, SystemClock(), Vault(KeyRing({1: b"k" * 32}), SystemEntropy()))
    together = threading.Barrier(AT_ONCE)
    done: list[int] = []

    def send(number: int) -> str:
        def make() -> str:
            done.append(number)
            return str(number)

        together.wait(10)
        try:
            return repeats.answer("who", "/where", "key", "{}", make)[0]
        except KeyRefused:
            return "under way"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = set(pool.map(send, range(AT_ONCE)))
    (first,) = done
    assert answers <= {str(first), "under way"}
    assert repeats.answer("who", "/where", "key", "{}", lambda: "anew") == (str(first), True)
