"""A running system as a world in which random people can work: real processes, real time, real deliveries."""

import time
from datetime import UTC, datetime
from typing import Any

import requests

from config.ports import SystemClock
from ravebooks.demo.compare import DemoReport, compare
from reconcile.model import Record
from storage import pairs
from storage.database import Database
from tests.integration.system import System, until
from tests.simulation.world import AnyWorld, Letter

QUIET_SECONDS = 4.0


class RealClock:
    """Time passes by itself."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def advance(self, _seconds: float) -> None:
        """Nobody can move it."""


class RunningWorld(AnyWorld):
    """A system that runs: the sandboxes deliver by themselves, and we look through the same doors as everybody."""

    def __init__(self, system: System) -> None:
        self.ravetree, self.quickbooks = system.ravetree, system.quickbooks
        self.connection_id = system.ready["connection"]
        self.clock = RealClock()
        self._url = system.ready["url"]
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {system.api_token()}"
        self._database = Database(system.database_url(), SystemClock())

    def close(self) -> None:
        self._session.close()
        self._database.close()

    def collect(self) -> list[Letter]:
        return []

    def deliver(self, letter: Letter) -> Any:
        raise AssertionError("the sandboxes deliver by themselves")

    def work(self) -> bool:
        return False

    def settle(self) -> None:
        """Wait until nothing has been due, uncertain or still to be delivered for a while."""
        quiet_since: list[float] = []

        def quiet() -> bool:
            work = self.connection()["work"]
            if work["due"] or work["uncertain"] or work["jobs"]:
                quiet_since.clear()
            elif not quiet_since:
                quiet_since.append(time.monotonic())
            return bool(quiet_since) and time.monotonic() - quiet_since[0] >= QUIET_SECONDS

        until(quiet, 120, "the system is not quiet")

    def api(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._session.request(method, f"{self._url}{path}", json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def connection(self) -> dict[str, Any]:
        found: dict[str, Any] = self.api("GET", f"/api/connections/{self.connection_id}")
        return found

    def attention(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api("GET", f"/api/connections/{self.connection_id}/attention")["data"]
        return found

    def names(self, record: Record) -> list[Record]:
        with self._database.transaction() as session:
            return pairs.names(session, self.connection_id, record)

    def parity(self) -> dict[str, Any]:
        made: dict[str, Any] = self.api("POST", f"/api/connections/{self.connection_id}/parity", {})
        return made

    def compare(self) -> DemoReport:
        return compare(self.ravetree, self.quickbooks)
