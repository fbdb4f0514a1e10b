"""Worlds are opened on copies of one beginning: each must be as if it had been made for its test alone."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from tests.simulation.people import People
from tests.simulation.world import START, Prepare, World, _beginning, as_connected, as_paired, as_settled

Books = dict[str, list[str]]


def books(directory: Path) -> Books:
    """Every row of every database below, as SQL.

    A migration names constraints in any order: there are no tables here, and nothing of what SQLite knows of indexes.
    """
    found = {}
    for path in (path for path in directory.rglob("*") if path.suffix in {".db", ".sqlite3"}):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            rows = [line for line in connection.iterdump() if line.startswith("INSERT") and "sqlite_stat" not in line]
        found[str(path.relative_to(directory))] = rows
    assert len(found) == 3
    return found


def played(directory: Path, prepare: Prepare) -> tuple[Books, Books]:
    """What is in the books before and after some people have worked in a world."""
    world = World(directory, prepare=prepare)
    try:
        before = books(directory)
        people = People(world, seed=1)
        for _ in range(6):
            people.act()
            people.time_passes()
        world.settle()
    finally:
        world.close()
    return before, books(directory)


@pytest.mark.parametrize("prepare", [as_connected, as_settled])
def test_a_world_on_a_copy_is_as_one_that_was_made_for_its_test(prepare: Prepare, tmp_path: Path) -> None:
    """The same rows with the same ids, times and tokens, at first and after work: whoever had a copy before."""
    first, second = (played(tmp_path / name, prepare) for name in ("first", "second"))
    _beginning.cache_clear()
    anew = played(tmp_path / "anew", prepare)
    assert first == second == anew
    assert first[0] != first[1]


def test_the_beginnings_differ_in_what_has_happened(tmp_path: Path) -> None:
    connected, settled = _beginning(1, as_connected), _beginning(1, as_settled)
    connected.write(tmp_path / "connected")
    settled.write(tmp_path / "settled")
    assert 'INSERT INTO "pairs"' not in str(books(tmp_path / "connected"))
    assert 'INSERT INTO "pairs"' in str(books(tmp_path / "settled"))
    assert connected.moment <= settled.moment
    assert connected.moment >= START


def test_what_a_world_has_begun_with_is_its_own_and_stands_in_its_books(tmp_path: Path) -> None:
    for name in ("first", "second"):
        world = World(tmp_path / name, prepare=as_paired)
        try:
            assert world.quickbooks.invoice(world.begun_with["number"]) is not None
            assert world.begun_with["memo"] == ""
            world.begun_with["memo"] = "spoiled"
        finally:
            world.close()


def test_a_seed_makes_a_world_of_its_own(tmp_path: Path) -> None:
    one, other = World(tmp_path / "one", seed=1), World(tmp_path / "other", seed=2)
    try:
        assert one.connection_id != other.connection_id
        assert one.quickbooks.credentials["realm_id"] != other.quickbooks.credentials["realm_id"]
    finally:
        one.close()
        other.close()
