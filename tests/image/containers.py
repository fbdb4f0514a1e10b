"""The image's processes without a container engine: its file system, its user, its environment and its command."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.integration.installed import Installed
from tests.integration.system import Procfile, healthy
from tests.services.ports import free_ports

ROOT = Path(__file__).parents[2]
ENTER = """
root=$1 user=$2 folder=$3; shift 3
mount --bind "$root" "$root"
mount -t tmpfs tmpfs "$root/tmp"
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -o remount,bind,ro "$root"
exec /usr/sbin/chroot --userspec="$user" "$root" /usr/bin/env -C "$folder" "$@"
"""
"""In a mount namespace of its own: what an engine does for `--read-only --tmpfs /tmp`."""

ROOM = 4 * 1024**3
"""What building takes, and room for the servers beside it."""


def roomy() -> str:
    """Where to build: in memory if there is room, and it takes devices and programs; a disk takes minutes more."""
    memory = "/dev/shm"  # noqa: S108 - a new folder in it
    if Path(memory).is_dir():
        found = os.statvfs(memory)
        if found.f_bavail * found.f_frsize > ROOM and not found.f_flag & (os.ST_NODEV | os.ST_NOEXEC):
            return memory
    return "/var/tmp"  # noqa: S108 - a new folder in it


@dataclass(frozen=True)
class Image:
    """What was built: a folder with its files, and what it says about itself."""

    files: Path
    said: dict[str, Any]

    @classmethod
    def build(cls, folder: Path) -> "Image":
        done = subprocess.run([ROOT / "ops" / "build-image", folder], capture_output=True, text=True)  # noqa: S603
        assert done.returncode == 0, done.stderr
        said = json.loads((folder / "image.json").read_text())["Docker"]["config"]
        return cls(Path(done.stdout.strip().splitlines()[-1]), said)

    @property
    def environment(self) -> dict[str, str]:
        return dict(each.split("=", 1) for each in self.said["Env"])

    def command(self, *words: str) -> list[str]:
        """`words` as the image's user, where only /tmp is written to."""
        into = ["/usr/bin/unshare", "--mount", "/bin/bash", "-euc", ENTER, "enter", str(self.files)]
        return [*into, self.said["User"], self.said["WorkingDir"], *words]

    def run(self, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return subprocess.run(  # noqa: S603 - the image's own
            self.command(*words), env=self.environment | environment, capture_output=True, text=True, timeout=60
        )

    def is_healthy(self, **environment: str) -> bool:
        """What an engine finds by the image's own health check."""
        first, *asked = self.said["Healthcheck"]["Test"]
        assert first == "CMD"
        return self.run(*asked, **environment).returncode == 0


class Containers(Procfile):
    """The Procfile's processes out of the image."""

    def __init__(self, folder: Path, environment: dict[str, str], image: Image) -> None:
        super().__init__(folder, environment)
        self.image = image

    def spawn(self, name: str, more: Mapping[str, str], log: IO[bytes]) -> "subprocess.Popen[bytes]":
        """Nothing of the caller's environment reaches it."""
        command = self.image.command(*self.image.said["Entrypoint"], name)
        environment = self.image.environment | dict(more)
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)  # noqa: S603


class Contained(Installed):
    """Web, worker and sweeper out of the image, on servers and a sandbox of the machine."""

    def __init__(self, folder: Path, image: Image) -> None:
        self.image = image
        super().__init__(folder, lambda where, environment: Containers(where, environment, image))
        # The machine's folders are not there.
        del self.environment["RAVEBOOKS_STATE_DIR"]
        (self.health,) = free_ports(1)
        self.told = {
            "web": {"RAVEBOOKS_PORT": str(self.ports["web"])} | self._tells(self.health),
            "worker": self._tells(self.ports["worker"]),
            "sweeper": self._tells(self.ports["sweeper"]),
        }

    @staticmethod
    def _tells(port: int) -> dict[str, str]:
        return dict.fromkeys(("RAVEBOOKS_OPERATIONS_PORT", "RAVEBOOKS_HEALTH_PORT"), str(port))

    def run(self, name: str) -> None:
        self.processes.run(name, **self.environment, **self.told.get(name, {}))

    def is_up(self) -> bool:
        return healthy(f"http://127.0.0.1:{self.health}")

    def user_of(self, name: str) -> tuple[int, int]:
        """Whose the process is."""
        status = os.stat(f"/proc/{self.processes.pid(name)}")  # noqa: PTH116 - no path of files
        return status.st_uid, status.st_gid
