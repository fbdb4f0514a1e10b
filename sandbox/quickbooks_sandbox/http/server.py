"""The sandbox as a server on loopback."""

from __future__ import annotations

import random
from pathlib import Path

from quickbooks_sandbox.http.web import make_app
from quickbooks_sandbox.world.generator import Plan
from quickbooks_sandbox.world.services import Services
from sandbox_kit.clock import SandboxClock
from sandbox_kit.server import LoopbackServer


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
        self._server = LoopbackServer("QuickBooks sandbox", port)

    @property
    def port(self) -> int:
        """The port that is listened on; raises RuntimeError before :meth:`start`."""
        return self._server.port

    def credentials(self) -> dict[str, str]:
        """What a client needs; the same as ``GET /sandbox/credentials``."""
        return self._services.credentials()

    def set_limits(self, enabled: bool) -> None:
        """Switch the request limits on or off; the same as ``POST /sandbox/limits``."""
        self._services.set_limits(enabled)

    def start(self) -> None:
        """Serve; returns when requests are answered."""
        self._server.start(make_app(self._services))
        self._services.base_url = self._server.url
        self._services.webhooks.start()

    def stop(self) -> None:
        """Stop serving and close the books."""
        self._services.webhooks.stop()
        self._server.stop()
        self._services.close()
