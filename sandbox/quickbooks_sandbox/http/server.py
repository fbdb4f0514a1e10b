"""The sandbox as a server on loopback."""

from __future__ import annotations

import logging
import random
import threading
from pathlib import Path
from typing import Any

from waitress.server import create_server

from quickbooks_sandbox.books.clock import SandboxClock
from quickbooks_sandbox.http.web import make_app
from quickbooks_sandbox.world.generator import Plan
from quickbooks_sandbox.world.services import Services

THREADS = 16


class QuickBooksSandbox:
    """QuickBooks Online on ``http://127.0.0.1:{port}``, its books in ``directory``.

    The same directory continues where an earlier sandbox stopped or was killed. Port 0 takes a free one.
    Companies that are new get the plan's business, by default none.
    """

    def __init__(
        self,
        directory: Path,
        port: int = 0,
        clock: SandboxClock | None = None,
        randomness: random.Random | None = None,
        companies: int = 1,
        plan: Plan | None = None,
    ) -> None:
        self._services = Services(Path(directory), clock, randomness, companies=companies, plan=plan)
        self._wanted_port = port
        self._server: Any = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    @property
    def port(self) -> int:
        """The port that is listened on; raises RuntimeError before :meth:`start`."""
        if self._server is None:
            raise RuntimeError("The QuickBooks sandbox has not been started.")
        return int(self._server.effective_port)

    def credentials(self) -> dict[str, str]:
        """What a client needs; the same as ``GET /sandbox/credentials``."""
        return self._services.credentials()

    def set_limits(self, enabled: bool) -> None:
        """Switch the request limits on or off; the same as ``POST /sandbox/limits``."""
        self._services.set_limits(enabled)

    def start(self) -> None:
        # A queue of requests is what a load test makes on purpose.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self._server = create_server(
            make_app(self._services), host="127.0.0.1", port=self._wanted_port, threads=THREADS
        )
        self._services.base_url = f"http://127.0.0.1:{self.port}"
        self._stopping.clear()
        self._thread = threading.Thread(target=self._serve, name="quickbooks-sandbox", daemon=True)
        self._thread.start()
        self._services.webhooks.start()

    def _serve(self) -> None:
        server = self._server
        while not self._stopping.is_set():
            server.asyncore.loop(timeout=1.0, map=server._map, use_poll=True, count=1)
        server.task_dispatcher.shutdown()
        server.asyncore.close_all(server._map)

    def stop(self) -> None:
        """Stop serving and close the books."""
        self._services.webhooks.stop()
        if self._thread is not None:
            self._stopping.set()
            self._server.pull_trigger()
            self._thread.join()
            self._thread = None
        self._services.close()
