"""A process that dies at any boundary of input and output, and is started again: both books end as if it had not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ravebooks.commands import demo
from tests.chaos.accounting import PROPERTY, Accounts
from tests.chaos.mortal import Cause, Day, Mortal
from tests.chaos.points import POINTS, Point
from tests.integration.conftest import postgresql, rabbitmq
from tests.services.postgresql import PostgreSQL
from tests.services.rabbitmq import RabbitMQ

PATIENCE = 40.0
"""Seconds that something may take to arrive, deaths and the sender's repetitions included."""

__all__ = ["postgresql", "rabbitmq"]


class Installations:
    """One of several processes and one of a single one, each on a virtual host and a database of its own.

    What a point that failed leaves behind is nobody else's: the next one gets a new one.
    """

    def __init__(self, folder: Callable[[], Path], servers: Callable[[], tuple[RabbitMQ, PostgreSQL]]) -> None:
        self._folder, self._servers = folder, servers
        self._kept: dict[bool, Mortal] = {}

    @contextmanager
    def of(self, point: Point) -> Iterator[Mortal]:
        """The one whose process dies at this point."""
        is_embedded = point.boundary.process == "up"
        installed = self._kept.pop(is_embedded, None) or self._new(is_embedded)
        try:
            yield installed
        except BaseException:
            installed.close()
            raise
        self._kept[is_embedded] = installed

    def _new(self, is_embedded: bool) -> Mortal:
        if is_embedded:
            made = Mortal(self._folder(), "", "")
        else:
            broker, database = self._servers()
            made = Mortal(self._folder(), broker.new_virtual_host(), database.new_database())
        try:
            made.start()
        except BaseException:
            made.close()
            raise
        return made

    def close(self) -> None:
        for each in self._kept.values():
            each.close()


@pytest.fixture(scope="session")
def installations(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installations]:
    made = Installations(
        lambda: tmp_path_factory.mktemp("mortal"),
        lambda: (request.getfixturevalue("rabbitmq"), request.getfixturevalue("postgresql")),
    )
    yield made
    made.close()


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_a_process_that_dies_there_loses_nothing_and_does_nothing_twice(
    point: Point, installations: Installations, record_property: Callable[[str, object], None]
) -> None:
    with installations.of(point) as installed:
        accounts = Accounts(installed.ravetree, installed.quickbooks, installed.database_url)
        cause, day = Cause(installed, point), Day(installed, PATIENCE)
        with installed.dying(point) as platform:
            cause.begin()
            day.begin()
            cause.until_death(platform, day)
            cause.end()
            day.go_on()
            platform.await_deaths()
            report = demo.settled(installed.ravetree, installed.quickbooks, PATIENCE)
            cause.await_told()
        account = accounts.close_with(str(point), len(platform.deaths), platform.deaths[-1], len(cause.poison))
        record_property(PROPERTY, account.told())
        assert [(row.kind, row.name, row.differences) for row in report.differing] == []
        account.check(parked=len(cause.poison))
        cause.discard()
