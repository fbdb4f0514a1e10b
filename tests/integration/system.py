"""A running product as its users have it: processes on ports, killed and started again at will."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import requests

from ravebooks.commands import demo
from ravebooks.demo.compare import DemoReport
from ravebooks.demo.sides import QuickBooksSide, RavetreeSide
from ravebooks.local.sandbox_process import World, find_or_start
from tests.services.ports import free_ports, wait_until

PATIENCE = 90.0


@dataclass
class System:
    """`ravebooks up --sandbox` on a state folder; `environment` says on which back end."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        # Two that start at once would both find the usual port free.
        self.environment.setdefault("RAVEBOOKS_PORT", str(free_ports(1)[0]))
        self.process, self.ready = demo.start(self.folder, self.environment)

    def kill(self) -> None:
        """As a power cut does; the sandbox is the world and lives on."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def stop(self) -> int:
        demo.stop(self.process)
        return self.process.returncode

    @property
    def ravetree(self) -> RavetreeSide:
        return RavetreeSide(self.ready["ravetree"])

    @property
    def quickbooks(self) -> QuickBooksSide:
        return QuickBooksSide(self.ready["quickbooks"])

    def api_token(self) -> str:
        """The token of the JSON API, as `up` made it."""
        return str(json.loads((self.folder / "keys.json").read_text())["api_token"])

    def database_url(self) -> str:
        """Where its books are."""
        return self.environment.get("RAVEBOOKS_DATABASE_URL") or f"sqlite:///{self.folder}/ravebooks.db"

    def compared(self) -> DemoReport:
        """Both books from outside, once they are quiet."""
        return demo.settled(self.ravetree, self.quickbooks, PATIENCE)

    def log(self) -> str:
        return (self.folder / "up.log").read_text(errors="replace")


class Procfile:
    """The Procfile's processes, each on its own, against the sandbox."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.world: World = find_or_start(folder)
        self._environment = os.environ | environment
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def running(self) -> Mapping[str, "subprocess.Popen[bytes]"]:
        """The processes by their names."""
        return self._running

    def run(self, name: str, **more: str) -> None:
        """Start one process of this name."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = self.spawn(name, more, log)

    def spawn(self, name: str, more: Mapping[str, str], log: IO[bytes]) -> "subprocess.Popen[bytes]":
        """The process, in a session of its own."""
        return subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "ravebooks", name],
            stdout=log,
            stderr=log,
            env={**self._environment, **more},
            start_new_session=True,
        )

    def pid(self, name: str) -> int:
        return self._running[name].pid

    def end(self, name: str, number: int = signal.SIGTERM) -> int:
        """End it and wait."""
        process = self._running.pop(name)
        if number:
            os.killpg(process.pid, number)
        return process.wait(60)

    def close(self) -> None:
        for name in list(self._running):
            self.end(name)
        self.world.stop()

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")


def until(look: Any, seconds: float = PATIENCE, what: str = "it did not happen") -> None:
    """Wait until `look` gives something true."""
    wait_until(lambda: bool(look()), seconds, what)


def healthy(url: str) -> bool:
    """Whether somebody answers there."""
    try:
        return requests.get(f"{url}/healthz", timeout=2).ok
    except requests.RequestException:
        return False
