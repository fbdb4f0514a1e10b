"""The sandbox as a process of its own, which outlives a killed `up`: it is the world."""

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from config.errors import RavebooksError
from ravebooks import private

FILE = "sandbox.json"
STOP_SECONDS = 2.0
"""`up` has ended its own work by then; a sandbox that takes longer ends by itself."""


class SandboxFailed(RavebooksError):
    """The sandbox did not start."""

    remedy = "Run `ravebooks sandbox` by itself and read what it says."


class SandboxMissing(RavebooksError):
    """The sandbox is a distribution of its own, which production does without."""

    remedy = "Run `make setup` in the checkout, or `pip install ./sandbox` there."


@dataclass(frozen=True)
class World:
    """A running sandbox: both sides' credentials and its process; `child` if it was started from here."""

    quickbooks: dict[str, str]
    ravetree: dict[str, str]
    pid: int
    child: "subprocess.Popen[bytes] | None" = None

    @property
    def quickbooks_root(self) -> str:
        return self.quickbooks["api_url"].removesuffix("/v3")

    @property
    def ravetree_root(self) -> str:
        return self.ravetree["api_url"].removesuffix("/v1")

    def stop(self) -> None:
        """End the process, and wait for it if it is our child."""
        try:
            os.kill(self.pid, signal.SIGTERM)
        except ProcessLookupError:
            return
        if self.child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(STOP_SECONDS)


def find_or_start(state_dir: Path) -> World:
    """The sandbox of this state folder: the running one if it answers, else a new one on the same books."""
    return _find(state_dir) or _start(state_dir)


def command(directory: Path) -> list[str]:
    """What starts both sandboxes on the books in `directory`; raises `SandboxMissing`."""
    if importlib.util.find_spec("sandbox_commands") is None:
        raise SandboxMissing("the sandbox is not installed here")
    return [sys.executable, "-m", "sandbox_commands.both", "--directory", str(directory)]


def kept(state_dir: Path) -> World | None:
    """The sandbox that ran last in this state folder, whether it answers or not."""
    try:
        said: dict[str, Any] = json.loads((state_dir / FILE).read_text())
        return World(said["quickbooks"], said["ravetree"], said["pid"])
    except (OSError, ValueError, KeyError):
        return None


def answers(world: World) -> bool:
    """Whether both of its sides are there."""
    try:
        for root in (world.quickbooks_root, world.ravetree_root):
            requests.get(f"{root}/sandbox/credentials", timeout=3).raise_for_status()
    except requests.RequestException:
        return False
    return True


def _find(state_dir: Path) -> World | None:
    world = kept(state_dir)
    return world if world is not None and answers(world) else None


def _start(state_dir: Path) -> World:
    books = state_dir / "sandbox"
    starting = command(books)
    private.keep(books)
    process = None
    try:
        with (state_dir / "sandbox.log").open("ab") as log, _without_interruption():
            process = subprocess.Popen(  # noqa: S603 - our own command
                starting,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        said = _what_it_says(process)
    except BaseException:
        # Also Ctrl-C: nobody would know of it any more.
        if process is not None:
            process.kill()
            process.wait()
        raise
    world = World(said["quickbooks"], said["ravetree"], process.pid, process)
    (state_dir / FILE).write_text(
        json.dumps({"quickbooks": said["quickbooks"], "ravetree": said["ravetree"], "pid": process.pid})
    )
    return world


@contextlib.contextmanager
def _without_interruption() -> Iterator[None]:
    """Being told to end counts when the block has ended: in the midst of a start its process would be lost."""
    met: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda number, _frame: met.append(number)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if met:
        raise KeyboardInterrupt


def _what_it_says(process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    line = b""
    if process.stdout is not None:
        with process.stdout:
            line = process.stdout.readline()
    try:
        said: dict[str, Any] = json.loads(line)
    except ValueError:
        raise SandboxFailed(f"the sandbox said {line[:200]!r} instead of its credentials") from None
    return said
