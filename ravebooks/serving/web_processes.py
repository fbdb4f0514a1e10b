"""`ravebooks web` as several processes: gunicorn starts them, watches them and ends them; HTTP is our server's alone.

This module is what runs in the process above them. It loads the program for those below, and keeps no metrics: those of
a process that receives nothing would be added to the others'.
"""

import gc
import os
import select
import shutil
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from gunicorn.app.base import BaseApplication
from gunicorn.workers.base import Worker

from config import environment
from config.names import METRICS_FOLDER_VARIABLE
from config.settings import Settings
from ravebooks.loading import collecting_nothing, ending_quietly

GRACEFUL_SECONDS = 9
"""Of the ten that an operator waits: a process has 8 to drain, and is killed then."""
WATCH_SECONDS = 1.0
SILENT_SECONDS = 30
"""A process that has not said for so long that it gets on is killed, and another one started."""


def replace_this_process(listening: Sequence[socket.socket]) -> NoReturn:
    """Become the process above the others. Metrics are told how to add up before anything makes one."""
    for each in listening:
        each.set_inheritable(True)
    arguments = [sys.executable, "-m", __name__, *(str(each.fileno()) for each in listening)]
    folder = tempfile.mkdtemp(prefix="ravebooks-metrics-")
    os.execve(sys.executable, arguments, os.environ | {METRICS_FOLDER_VARIABLE: folder})  # noqa: S606 - this very interpreter


class WebWorker(Worker):  # type: ignore[misc] # gunicorn publishes no types
    """One process: serves until it is told to end, or the process above it has gone."""

    def run(self) -> None:
        """Called by gunicorn when the application is there."""
        process = self.wsgi
        process.receive(*(listener.sock for listener in self.sockets))
        while self.alive and self.ppid == os.getppid():
            if process.serving:
                self.notify()
            # Signals wake this up: gunicorn writes their numbers here.
            if select.select(self.PIPE[:1], [], [], WATCH_SECONDS)[0]:
                os.read(self.PIPE[0], 64)
        process.drain()

    def handle_quit(self, sig: int, frame: Any) -> None:
        """Ctrl-C is for all processes: drain, as when the one above says so."""
        self.handle_exit(sig, frame)


class Web(BaseApplication):  # type: ignore[misc] # gunicorn publishes no types
    """What gunicorn runs."""

    def __init__(self, descriptors: Sequence[str], processes: int) -> None:
        self._descriptors = descriptors
        self._processes = processes
        super().__init__()

    def load_config(self) -> None:
        """Tell gunicorn what to do."""
        for name, value in {
            "bind": [f"fd://{descriptor}" for descriptor in self._descriptors],
            "workers": self._processes,
            "worker_class": WebWorker,
            "timeout": SILENT_SECONDS,
            "graceful_timeout": GRACEFUL_SECONDS,
            "control_socket_disable": True,
            "loglevel": "warning",
            "logger_class": "config.gunicorn_logs.Logger",
            "child_exit": _forget,
            "on_exit": _clean_up,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The process below, in which gunicorn calls this."""
        from ravebooks.commands.processes import web_process  # brings the metrics

        return web_process()


def _load() -> None:
    """What the processes below are made of, once for all of them: each begins at once, and they share its memory.

    What it declares as this process's own metrics goes again; a process below declares them anew when it uses one.
    """
    with ending_quietly(), collecting_nothing():
        import ravebooks.commands.processes  # noqa: F401 - for those below

    for path in Path(os.environ[METRICS_FOLDER_VARIABLE]).glob(f"*_{os.getpid()}.db"):
        path.unlink()
    gc.freeze()


def _forget(_arbiter: Any, worker: Worker) -> None:
    """What a process had counted stays; what it had measured goes with it."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def _clean_up(_arbiter: Any) -> None:
    shutil.rmtree(os.environ[METRICS_FOLDER_VARIABLE], ignore_errors=True)


if __name__ == "__main__":
    _load()
    Web(sys.argv[1:], Settings.from_environment(environment.read()).web_processes).run()
