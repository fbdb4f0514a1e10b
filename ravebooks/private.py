"""The state folder: books, keys and credentials are for the owner alone."""

import os
from pathlib import Path

OWNER_ALONE = 0o077
"""What is taken away from everybody else."""


def keep(folder: Path) -> None:
    """Make `folder`; close it, what is in it and whatever this process and its children make from now on to others."""
    os.umask(OWNER_ALONE)
    folder.mkdir(parents=True, exist_ok=True)
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~OWNER_ALONE)
