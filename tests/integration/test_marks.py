"""Whose a broker is: marks on a real RabbitMQ."""

from collections.abc import Iterator

import pika
import pytest
import requests
from pika.adapters.blocking_connection import BlockingConnection

from publishers import marks, topology
from publishers.marks import OtherBroker
from publishers.messages import BrokerDown
from tests.services.rabbitmq import RabbitMQ


@pytest.fixture
def broker() -> Iterator[RabbitMQ]:
    """A broker of this test's own: a mark stays."""
    with RabbitMQ() as server:
        yield server


def test_a_broker_serves_one_environment(broker: RabbitMQ) -> None:
    marks.claim(broker.url, "production", new=False)
    marks.claim(broker.url, "production", new=True)
    for new in (True, False):
        with pytest.raises(OtherBroker, match="belongs to QuickBooks' environment production, not to local"):
            marks.claim(broker.url, "local", new=new)
    marks.claim(broker.url, "production", new=False)


def test_the_sandbox_takes_no_broker_that_others_use(broker: RabbitMQ) -> None:
    """An installation of an earlier version declared its queues, and left no mark."""
    with BlockingConnection(pika.URLParameters(broker.url)) as connection:
        topology.declare(connection.channel())
    with pytest.raises(OtherBroker, match="did not make"):
        marks.claim(broker.url, "local", new=True)
    marks.claim(broker.url, "local", new=False)
    marks.claim(broker.url, "local", new=True)


def test_a_user_without_rights_is_told_which(broker: RabbitMQ) -> None:
    """Whatever RabbitMQ refuses is one line with its remedy, not a traceback."""
    api = f"{broker.management_url}/api"
    requests.put(f"{api}/users/reader", json={"password": "reader", "tags": ""}, timeout=10).raise_for_status()
    rights = {"configure": "^$", "write": "^$", "read": ".*"}
    requests.put(f"{api}/permissions/%2F/reader", json=rights, timeout=10).raise_for_status()
    with pytest.raises(BrokerDown, match=r"refuses what it was asked \(403\)") as refused:
        marks.claim(broker.url.replace("guest:guest", "reader:reader"), "local", new=False)
    assert "right to configure" in refused.value.remedy


def test_a_connection_that_is_lost_meanwhile_is_said_to_be(broker: RabbitMQ) -> None:
    def ask() -> None:
        with marks.short_questions(broker.url) as connection:
            broker.kill()
            connection.channel()

    with pytest.raises(BrokerDown, match="was lost"):
        ask()


def test_a_broker_that_is_away_is_said_to_be() -> None:
    with pytest.raises(BrokerDown, match="cannot be reached"):
        marks.claim("amqp://guest:guest@127.0.0.1:9/", "local", new=False)
