"""The disk that both emulators write to, and the copies of its tables."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox_kit.snapshots import TableSnapshots
from sandbox_kit.store import SqliteStore

SCHEMA = "CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT);"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "deep" / "books.sqlite3", SCHEMA)
    yield store
    store.close()


def write(store: SqliteStore, text: str) -> None:
    store.run("INSERT INTO notes (text) VALUES (?)", text)


def fail(store: SqliteStore, text: str) -> None:
    """A transaction that writes and then goes wrong."""
    with contextlib.suppress(ZeroDivisionError), store.transaction():
        write(store, text)
        raise ZeroDivisionError


def texts(store: SqliteStore) -> list[str]:
    return [row["text"] for row in store.rows("SELECT text FROM notes ORDER BY id")]


def test_a_transaction_is_all_or_nothing(store: SqliteStore) -> None:
    fail(store, "never")
    assert texts(store) == []


def test_a_transaction_inside_another_one_that_fails_takes_back_its_own_part_alone(store: SqliteStore) -> None:
    with store.transaction():
        write(store, "outer")
        fail(store, "inner")
        write(store, "later")
    assert texts(store) == ["outer", "later"]


def test_what_was_committed_is_there_for_the_next_process(store: SqliteStore, tmp_path: Path) -> None:
    write(store, "kept")
    store.keep_text("name", "value")
    # Opened beside the first one, which never closed: as after a kill.
    second = SqliteStore(tmp_path / "deep" / "books.sqlite3", SCHEMA)
    assert (texts(second), second.kept_text("name"), second.kept_text("other")) == (["kept"], "value", None)
    second.close()


def test_large_answers_come_in_chunks(store: SqliteStore) -> None:
    with store.transaction():
        for number in range(1200):
            write(store, str(number))
    chunks = list(store.chunks("SELECT text FROM notes ORDER BY id"))
    assert [len(rows) for rows in chunks] == [500, 500, 200]
    assert [row["text"] for rows in chunks for row in rows] == [str(number) for number in range(1200)]


def test_a_snapshot_is_taken_again_and_brought_back_by_its_name(store: SqliteStore) -> None:
    snapshots = TableSnapshots(store, ("notes",))
    write(store, "first")
    snapshots.take("a")
    write(store, "second")
    snapshots.take("b")
    store.run("DELETE FROM notes WHERE text = 'first'")
    snapshots.take("a")
    assert snapshots.names() == ["a", "b"]
    store.run("DELETE FROM notes")
    snapshots.bring_back("a")
    assert texts(store) == ["second"]
    with pytest.raises(ValueError, match=r"There is no snapshot 'c'; there are \['a', 'b'\]"):
        snapshots.check("c")


def test_a_column_that_came_later_stands_elsewhere_in_the_copy_and_is_brought_back(store: SqliteStore) -> None:
    snapshots = TableSnapshots(store, ("notes",))
    write(store, "old")
    snapshots.take("a")
    store.run("ALTER TABLE snapshot_notes ADD COLUMN author TEXT DEFAULT 'nobody'")
    store.run("ALTER TABLE notes ADD COLUMN author TEXT")
    store.run("DELETE FROM notes")
    snapshots.bring_back("a")
    assert [tuple(row) for row in store.rows("SELECT text, author FROM notes")] == [("old", "nobody")]
