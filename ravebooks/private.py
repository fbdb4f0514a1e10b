"""The state folder: books, keys and credentials are for the owner alone."""

import os
from pathlib import Path

from config.errors import RavebooksError

OWNER_ALONE = 0o077
"""What is taken away from everybody else."""


class FolderUnusable(RavebooksError):
    """The state folder cannot be made, entered, closed to others or written to."""

    remedy = "Mend that, or set RAVEBOOKS_STATE_DIR to a folder that belongs to the user who runs this."


def close_to_others() -> None:
    """Whatever this process and its children make from now on is for the owner alone."""
    os.umask(OWNER_ALONE)


def keep(folder: Path) -> None:
    """Make `folder`; close it and what is in it to others. Raises `FolderUnusable`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in (folder, *folder.rglob("*")):
            if not path.is_symlink():
                _close(path)
    except OSError as error:
        raise FolderUnusable(_sentence(folder, error)) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise FolderUnusable(f"the state folder {folder} cannot be written to")


def _close(path: Path) -> None:
    try:
        mode = path.stat().st_mode
        if mode & OWNER_ALONE:
            path.chmod(mode & ~OWNER_ALONE)
    except FileNotFoundError:
        # SQLite takes its -wal and -shm away with the last connection, and the sandbox may end meanwhile.
        return


def check(folder: Path) -> None:
    """Raise `FolderUnusable` unless `folder` can be read, or is not there. Makes nothing."""
    try:
        for _ in folder.iterdir():
            break
    except FileNotFoundError:
        return
    except OSError as error:
        raise FolderUnusable(_sentence(folder, error)) from error


def _sentence(folder: Path, error: OSError) -> str:
    where = "" if error.filename in (None, str(folder)) else f" ({error.filename})"
    return f"the state folder {folder} cannot be used: {error.strerror or type(error).__name__}{where}"
