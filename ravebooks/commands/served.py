"""Where browsers reach this installation: as it is set, or as the `ravebooks up` of the state folder noted it."""

import fcntl
from pathlib import Path

from config.errors import RavebooksError
from config.settings import Settings

LOCK_FILE = "lock"
URL_FILE = "url"


class NotServed(RavebooksError):
    """Nobody would answer a link to this installation."""

    remedy = "Start `ravebooks up`; or set RAVEBOOKS_PUBLIC_URL to what it is for `ravebooks web`."


def note(state_dir: Path, url: str) -> None:
    """Say where the process that holds the folder's lock is reached."""
    (state_dir / URL_FILE).write_text(url)


def forget(state_dir: Path) -> None:
    """What a process before noted says nothing about the one that begins."""
    (state_dir / URL_FILE).unlink(missing_ok=True)


def address(settings: Settings) -> str:
    """The address that links begin with. Raises `NotServed` when none is set and no `ravebooks up` runs."""
    if settings.public_url:
        return settings.public_url
    state_dir = Path(settings.state_dir)
    try:
        url = (state_dir / URL_FILE).read_text()
    except FileNotFoundError:
        url = ""
    if not url or not _is_locked(state_dir):
        raise NotServed(f"RAVEBOOKS_PUBLIC_URL is not set, and no `ravebooks up` runs on {state_dir}")
    return url


def _is_locked(state_dir: Path) -> bool:
    try:
        with (state_dir / LOCK_FILE).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
