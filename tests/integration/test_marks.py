"""Whose a broker is: marks on a real RabbitMQ."""

from urllib.parse import urlsplit

import pika
import pytest
import requests
from pika.adapters.blocking_connection import BlockingConnection

from publishers import marks, topology
from publishers.marks import OtherBroker
from publishers.messages import BrokerDown
from tests.services.proxy import Proxy
from tests.services.rabbitmq import RabbitMQ


@pytest.fixture
def url(rabbitmq: RabbitMQ) -> str:
    """Of a broker of this test's own: a mark stays."""
    return rabbitmq.new_virtual_host()


def test_a_broker_serves_one_environment(url: str) -> None:
    marks.claim(url, "production", new=False)
    marks.claim(url, "production", new=True)
    for new in (True, False):
        with pytest.raises(OtherBroker, match="belongs to QuickBooks' environment production, not to local"):
            marks.claim(url, "local", new=new)
    marks.claim(url, "production", new=False)


def test_the_sandbox_takes_no_broker_that_others_use(url: str) -> None:
    """An installation of an earlier version declared its queues, and left no mark."""
    with BlockingConnection(pika.URLParameters(url)) as connection:
        topology.declare(connection.channel())
    with pytest.raises(OtherBroker, match="did not make"):
        marks.claim(url, "local", new=True)
    marks.claim(url, "local", new=False)
    marks.claim(url, "local", new=True)


def test_a_user_without_rights_is_told_which(rabbitmq: RabbitMQ, url: str) -> None:
    """Whatever RabbitMQ refuses is one line with its remedy, not a traceback."""
    api = f"{rabbitmq.management_url}/api"
    requests.put(f"{api}/users/reader", json={"password": "reader", "tags": ""}, timeout=10).raise_for_status()
    rights = {"configure": "^$", "write": "^$", "read": ".*"}
    requests.put(f"{api}/permissions/{urlsplit(url).path[1:]}/reader", json=rights, timeout=10).raise_for_status()
    with pytest.raises(BrokerDown, match=r"refuses what it was asked \(403\)") as refused:
        marks.claim(url.replace("guest:guest", "reader:reader"), "local", new=False)
    assert "right to configure" in refused.value.remedy


def test_a_connection_that_is_lost_meanwhile_is_said_to_be(rabbitmq: RabbitMQ, url: str) -> None:
    def ask() -> None:
        with (
            Proxy(rabbitmq.port) as proxy,
            marks.short_questions(url.replace(f":{rabbitmq.port}/", f":{proxy.port}/")) as connection,
        ):
            proxy.close()
            connection.channel()

    with pytest.raises(BrokerDown, match="was lost"):
        ask()


def test_a_broker_that_is_away_is_said_to_be() -> None:
    with pytest.raises(BrokerDown, match="cannot be reached"):
        marks.claim("amqp://guest:guest@127.0.0.1:9/", "local", new=False)
