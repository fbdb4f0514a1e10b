"""The state folder and what is in it are for the owner alone."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from config.ports import SystemClock
from ravebooks import private
from ravebooks.private import FolderUnusable
from storage.database import Database


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """As loose as many machines have it; put back afterwards."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_and_new_files_are_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "var"
    private.close_to_others()
    private.keep(folder)
    (folder / "ravebooks.db").write_text("books")
    assert (mode(folder), mode(folder / "ravebooks.db")) == (0o700, 0o600)


def test_what_an_earlier_version_left_open_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    (folder / "sandbox").mkdir(parents=True)
    (folder / "sandbox" / "books.db").write_text("books")
    (tmp_path / "elsewhere").write_text("not ours")
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    private.keep(folder)
    assert [mode(folder / name) for name in ("", "sandbox", "sandbox/books.db")] == [0o700, 0o700, 0o600]
    assert mode(tmp_path / "elsewhere") == 0o644


@pytest.mark.parametrize(
    ("folder", "cause"),
    [
        ("file", "File exists"),
        ("file/below", "Not a directory"),
        # Nobody makes a folder there, and nobody closes one: not even root.
        ("/proc/ravebooks", "No such file or directory"),
        ("/proc/self/task", "Operation not permitted"),
    ],
)
def test_a_folder_that_cannot_be_used_says_why(tmp_path: Path, folder: str, cause: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderUnusable, match=cause) as caught:
        private.keep(tmp_path / folder)
    assert str(tmp_path / folder) in str(caught.value)
    assert "RAVEBOOKS_STATE_DIR" in caught.value.remedy


def test_whoever_only_looks_makes_nothing_and_says_why_it_cannot(tmp_path: Path) -> None:
    private.check(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderUnusable, match="Not a directory"):
        private.check(tmp_path / "file")


def test_a_file_that_goes_away_meanwhile_is_no_error(tmp_path: Path) -> None:
    private._close(tmp_path / "ravebooks.db-wal")


def test_what_sqlite_puts_beside_its_file_is_closed_too(tmp_path: Path) -> None:
    private.close_to_others()
    private.keep(tmp_path / "var")
    database = Database(f"sqlite:///{tmp_path}/var/ravebooks.db", SystemClock())
    with database.transaction() as session:
        session.execute(sa.text("CREATE TABLE books (id INTEGER)"))
        modes = {path.name: mode(path) for path in (tmp_path / "var").iterdir()}
    database.close()
    assert modes == dict.fromkeys(("ravebooks.db", "ravebooks.db-wal", "ravebooks.db-shm"), 0o600)
