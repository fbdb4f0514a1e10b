"""Runs both sandboxes in one process until it is told to end."""

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from sandbox.quickbooks import Plan, QuickBooksSandbox
from sandbox.ravetree import RavetreeSandbox

HOST = "127.0.0.1"
_PORTS_FILE = "ports.json"


def run(
    quickbooks_port: int, ravetree_port: int, directory: Path, companies: int = 1, plan: Plan | None = None
) -> None:
    """Serves QuickBooks and Ravetree, their books in `directory`, until SIGTERM or SIGINT.

    When both answer, prints one line of JSON with their credentials. Port 0 is the one used last time on this
    directory if it is still free, else any free one. QuickBooks gets that many companies, and those that are new
    the plan's business.
    """
    directory.mkdir(parents=True, exist_ok=True)
    ended = threading.Event()
    _end_on_signals(ended)
    last = _last_ports(directory)
    quickbooks = QuickBooksSandbox(
        directory / "quickbooks", quickbooks_port or last("quickbooks"), companies=companies, plan=plan
    )
    ravetree = RavetreeSandbox(directory / "ravetree", ravetree_port or last("ravetree"))
    quickbooks.start()
    try:
        ravetree.start()
        try:
            _keep_ports(directory, {"quickbooks": quickbooks.port, "ravetree": ravetree.port})
            _announce({"ready": True, "quickbooks": quickbooks.credentials(), "ravetree": ravetree.credentials()})
            ended.wait()
        finally:
            ravetree.stop()
    finally:
        quickbooks.stop()


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
    try:
        kept = json.loads((directory / _PORTS_FILE).read_text())
    except (OSError, ValueError):
        # The first run, or one that was killed while it wrote: any ports will do.
        kept = {}
    return lambda name: _if_free(kept.get(name, 0))


def _keep_ports(directory: Path, ports: dict[str, int]) -> None:
    (directory / _PORTS_FILE).write_text(json.dumps(ports))


def _if_free(port: int) -> int:
    with socket.socket() as probe:
        # As the server does: a connection of the last run that lingers does not make the port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return 0
    return port
