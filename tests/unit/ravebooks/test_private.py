"""The state folder and what is in it are for the owner alone."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ravebooks import private


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
