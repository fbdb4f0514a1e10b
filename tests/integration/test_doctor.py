"""The doctor's look at a real broker."""

from collections.abc import Iterator

import pika
import pytest

from config import names
from config.settings import Settings
from publishers import topology
from ravebooks.bootstrap import Parts
from ravebooks.doctor import Symptom, examine
from tests.services.rabbitmq import RabbitMQ


@pytest.fixture
def url(rabbitmq: RabbitMQ) -> str:
    """Of a broker on which nobody has declared anything."""
    return rabbitmq.new_virtual_host()


@pytest.fixture
def channel(url: str) -> Iterator[pika.adapters.blocking_connection.BlockingChannel]:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        yield connection.channel()


def broker_finding(url: str, state_dir: str) -> Symptom:
    parts = Parts(
        Settings(
            state_dir=state_dir,
            broker_url=url,
            quickbooks_environment="local",
            quickbooks_discovery_url="http://127.0.0.1:1/",
        )
    )
    try:
        return next(finding for finding in examine(parts, None) if finding.name == "broker")
    finally:
        parts.close()


def test_queues_are_missing_then_right_then_declared_otherwise(
    url: str,
    channel: pika.adapters.blocking_connection.BlockingChannel,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = str(tmp_path_factory.mktemp("doctor"))
    missing = broker_finding(url, folder)
    assert "does not exist" in missing.sentence
    assert missing.remedy == "Run `ravebooks release`."

    topology.declare(channel)
    assert broker_finding(url, folder).ok

    channel.queue_delete(names.INBOUND_QUEUE)
    channel.queue_declare(names.INBOUND_QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
    otherwise = broker_finding(url, folder)
    assert not otherwise.ok
    assert f"the queue {names.INBOUND_QUEUE} was declared otherwise" in otherwise.sentence
