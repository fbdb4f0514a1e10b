"""Real servers for the session, and a system on each back end."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from publishers import marks
from tests.integration.serving import Served, Web, served_by
from tests.integration.system import System
from tests.services.postgresql import PostgreSQL
from tests.services.rabbitmq import RabbitMQ

LONGEST = (
    "test_random_people.py",
    "test_day.py",
    "test_outages.py",
    "test_floods.py",
    "test_interrupted.py",
    "test_consuming.py",
    "test_publishing.py",
)
"""Measured, the longest first."""
BACK_ENDS = ("embedded", "postgresql and rabbitmq")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first: at the end no process waits for the other's long file."""
    order = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(LONGEST)))


@pytest.fixture(scope="session", autouse=True)
def no_settings_from_outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The developer's own settings stay out of the tests, those in a `.env` too."""
    for name in [name for name in os.environ if name.startswith("RAVEBOOKS_")]:
        del os.environ[name]
    with contextlib.chdir(tmp_path_factory.mktemp("cwd")):
        yield


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    with RabbitMQ() as server:
        # Some tests declare queues without a process that would mark the broker as the sandbox's.
        marks.claim(server.url, "local", new=True)
        yield server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    with PostgreSQL() as server:
        yield server


@pytest.fixture
def mortal_rabbitmq(rabbitmq: RabbitMQ) -> Iterator[RabbitMQ]:
    """The same one, for a test that stops or kills it: those after it find it running."""
    yield rabbitmq
    rabbitmq.start()


@pytest.fixture
def mortal_postgresql(postgresql: PostgreSQL) -> Iterator[PostgreSQL]:
    yield postgresql
    postgresql.start()


@pytest.fixture(scope="module")
def virtual_host(rabbitmq: RabbitMQ) -> str:
    """The url of a broker whose queues nobody else has."""
    url = rabbitmq.new_virtual_host()
    marks.claim(url, "local", new=True)
    return url


@pytest.fixture(scope="module")
def web(virtual_host: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """`ravebooks web` on such a broker."""
    made = Web(tmp_path_factory.mktemp("web"), virtual_host)
    made.start()
    yield made
    assert made.stop() == 0


def environment_of(back_end: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of a back end: nothing for the embedded default."""
    if back_end == "embedded":
        return {}
    rabbitmq: RabbitMQ = request.getfixturevalue("rabbitmq")
    postgresql: PostgreSQL = request.getfixturevalue("postgresql")
    return {"RAVEBOOKS_BROKER_URL": rabbitmq.url, "RAVEBOOKS_DATABASE_URL": postgresql.new_database()}


@pytest.fixture(scope="module", params=BACK_ENDS)
def system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A running system on each back end."""
    made = System(Path(tmp_path_factory.mktemp("up")), environment_of(request.param, request))
    made.start()
    yield made
    assert made.stop() == 0


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    made = System(Path(tmp_path_factory.mktemp("up")))
    made.start()
    yield made
    assert made.stop() == 0


@pytest.fixture(params=["up", "web"])
def served(request: pytest.FixtureRequest) -> Served:
    """Each of the two commands that the world reaches."""
    if request.param == "web":
        web: Web = request.getfixturevalue("web")
        return web.served()
    return served_by(request.getfixturevalue("up"))
