"""Where the servers come from: the machine, or the folder with a newer release that `SERVICES_ROOT` names."""

import os
from pathlib import Path

from tests.services.ports import ServiceError

ROOT = Path(os.environ["SERVICES_ROOT"]).resolve() if os.environ.get("SERVICES_ROOT") else None
_ENTER = """
root=$1 user=$2
shift 2
for each in dev proc sys tmp; do mount --rbind "/$each" "$root/$each"; done
exec chroot ${user:+--userspec="$user"} "$root" "$@"
"""
"""Mounts of a namespace of its own, which end with what runs in it."""


def seen(path: Path) -> Path:
    """A path of the servers' file system, as this process sees it."""
    return path if ROOT is None else ROOT / path.relative_to("/")


def command(*words: str | Path, account: tuple[int, int] | None = None) -> list[str | Path]:
    """What runs a server's binary, as a user and a group of the servers' file system: both are for root alone."""
    user = f"+{account[0]}:+{account[1]}" if account else ""
    if ROOT is not None:
        return ["unshare", "--mount", "sh", "-c", _ENTER, "sh", ROOT, user, *words]
    return ["chroot", f"--userspec={user}", "/", *words] if user else list(words)


def account_of(*names: str) -> tuple[int, int]:
    """User and group of the first of these accounts that there is."""
    lines = seen(Path("/etc/passwd")).read_text().splitlines()
    known = {fields[0]: (int(fields[2]), int(fields[3])) for fields in (line.split(":") for line in lines)}
    for name in names:
        if name in known:
            return known[name]
    raise ServiceError(f"There is no account {' or '.join(names)}.")
