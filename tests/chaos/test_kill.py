"""`kill -9` of the `up` process in the middle of the working day, again and again: the day ends the same."""

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ravebooks.demo.day import RECORDS, WorkingDay
from tests.chaos.accounting import PROPERTY, Accounts
from tests.integration.conftest import BACK_ENDS, environment_of, postgresql, rabbitmq
from tests.integration.system import System

KILLS = 20
SEED = 20261122
LONGEST_LIFE = 3.0
"""Seconds that a process lives at most before it is killed: the day takes about thirty."""

PATIENCE = 180.0

__all__ = ["postgresql", "rabbitmq"]


class Killer(threading.Thread):
    """Kills the process at seeded points and starts it again at once."""

    def __init__(self, system: System, kills: int, seed: int) -> None:
        super().__init__(daemon=True)
        self._system = system
        self._lives = [random.Random(seed + number).uniform(0.05, LONGEST_LIFE) for number in range(kills)]
        self._ended = threading.Event()
        self.killed = 0
        self.last_at = 0.0
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            for life in self._lives:
                if self._ended.wait(life):
                    return
                self._system.kill()
                self.last_at = time.time()
                self._system.start()
                self.killed += 1
        except BaseException as error:
            self.error = error
            raise

    def end(self) -> None:
        self._ended.set()
        self.join()


@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_the_day_survives_twenty_kills(
    back_end: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    # A killed process leaves its lease behind; on PostgreSQL the next one waits until it ends.
    environment = {"RAVEBOOKS_LEASE_SECONDS": "3", "RAVEBOOKS_HTTP_SECONDS": "2.5", "RAVEBOOKS_UNCERTAIN_SECONDS": "1"}
    system = System(tmp_path, environment_of(back_end, request) | environment)
    system.start()
    accounts = Accounts(system.ravetree, system.quickbooks, system.database_url())
    killer = Killer(system, KILLS, SEED)
    killer.start()
    try:
        for step in WorkingDay(system.ravetree, system.quickbooks, lambda *_: None, PATIENCE).steps():
            step()
    finally:
        killer.join(PATIENCE)
        killer.end()
    assert killer.error is None
    assert killer.killed == KILLS
    report = system.compared()
    account = accounts.close_with(f"kill -9 at any moment, {back_end}", killer.killed, killer.last_at)
    record_property(PROPERTY, account.told())
    account.check()
    assert [(row.kind, row.name, row.differences) for row in report.differing] == []
    assert len(report.rows) == RECORDS
    assert system.stop() == 0
