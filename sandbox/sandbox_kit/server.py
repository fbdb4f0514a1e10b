"""A server on loopback, in threads of its own."""

from __future__ import annotations

import logging
import threading
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.server import create_server

HOST = "127.0.0.1"
THREADS = 16


class LoopbackServer:
    """Serves an application on 127.0.0.1; port 0 takes a free one, which a restart keeps."""

    def __init__(self, name: str, port: int = 0) -> None:
        self._name = name
        self._port = port
        self._server: Any = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port that is listened on; raises RuntimeError before :meth:`start`."""
        if self._server is None:
            raise RuntimeError(f"The {self._name} has not been started: call start() first.")
        return self._port

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self, app: Flask) -> None:
        """Serves; raises OSError when the port is taken."""
        # A queue of requests is what a load test makes on purpose.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self._server = create_server(app, host=HOST, port=self._port, threads=THREADS)
        self._port = int(self._server.effective_port)
        self._thread = threading.Thread(target=self._server.run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stops serving; a second call does nothing."""
        if self._thread is None:
            return
        # Sockets are closed by the thread that polls them, which then has nothing left to do.
        self._server.trigger.pull_trigger(lambda: wasyncore.close_all(self._server._map))
        self._thread.join()
        self._server.task_dispatcher.shutdown()
        self._thread = None
