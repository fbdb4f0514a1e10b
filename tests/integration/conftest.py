"""Real servers for the session, and a system on each back end."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from publishers import marks
from tests.integration.system import System
from tests.services.postgresql import PostgreSQL
from tests.services.rabbitmq import RabbitMQ

BACK_ENDS = ("embedded", "postgresql and rabbitmq")


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
