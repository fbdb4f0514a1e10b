"""Runs emulators in one process until it is told to end."""

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from sandbox_kit.server import HOST

_PORTS_FILE = "ports.json"


class Emulator(Protocol):
    """One side of the world, served on loopback; its credentials and its port are known once it was started."""

    @property
    def port(self) -> int: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def credentials(self) -> dict[str, str]: ...


Make = Callable[[Path, int], Emulator]
"""Opens an emulator's books in a folder, to be served at a port; 0 is any free one."""


def run(directory: Path, emulators: Mapping[str, tuple[Make, int]]) -> None:
    """Serves the emulators, each named and with the port asked for, until SIGTERM or SIGINT.

    The books of each are below `directory` under its name. When all answer, prints one line of JSON with their
    credentials. Port 0 is the one used last time on this directory if it is still free, else any free one.
    """
    directory.mkdir(parents=True, exist_ok=True)
    ended = threading.Event()
    _end_on_signals(ended)
    last = _last_ports(directory)
    made = {name: make(directory / name, port or last(name)) for name, (make, port) in emulators.items()}
    with ExitStack() as running:
        for emulator in made.values():
            emulator.start()
            running.callback(emulator.stop)
        _keep_ports(directory, {name: emulator.port for name, emulator in made.items()})
        _announce({"ready": True} | {name: emulator.credentials() for name, emulator in made.items()})
        ended.wait()


def _end_on_signals(ended: threading.Event) -> None:
    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)


def _announce(ready: dict[str, Any]) -> None:
    if sys.stdout is None:
        # Started without a standard output: its number may by now be one of our own files.
        return
    try:
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
    except (OSError, ValueError):
        # Nobody listens any more. Give the interpreter somewhere to flush what is left when it ends.
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 1)


def _last_ports(directory: Path) -> Callable[[str], int]:
    kept = _kept_ports(directory)
    return lambda name: _if_free(kept.get(name, 0))


def _kept_ports(directory: Path) -> dict[str, int]:
    try:
        kept: dict[str, int] = json.loads((directory / _PORTS_FILE).read_text())
    except (OSError, ValueError):
        # The first run, or one that was killed while it wrote: any ports will do.
        return {}
    return kept


def _keep_ports(directory: Path, ports: dict[str, int]) -> None:
    (directory / _PORTS_FILE).write_text(json.dumps(_kept_ports(directory) | ports))


def _if_free(port: int) -> int:
    with socket.socket() as probe:
        # As the server does: a connection of the last run that lingers does not make the port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return 0
    return port
