"""One bash for a whole document, as the one of whoever follows it: what it sets in one line is there in the next."""

import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ran:
    """What became of a command."""

    status: int
    printed: str
    errors: str


class Shell:
    """A bash in `folder`, in a session of its own, with an environment of its own."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        self._process = subprocess.Popen(
            ["/bin/bash", "--norc", "--noprofile"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=folder,
            env=kept | {"HOME": str(folder), "USER": "kim", "NO_PROXY": "*"} | dict(environment),
            start_new_session=True,
        )

    def run(self, command: str) -> Ran:
        """Run one whole command to its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        files = {name: self._folder / f".{name}" for name in ("command", "printed", "errors")}
        files["command"].write_text(command + "\n")
        self._process.stdin.write("source ./.command </dev/null >./.printed 2>./.errors; echo $?\n")
        self._process.stdin.flush()
        status = self._process.stdout.readline()
        assert status, f"the shell ended with {command!r}"
        return Ran(int(status), files["printed"].read_text(), files["errors"].read_text())

    def close(self) -> None:
        """End the shell and all that it began."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
