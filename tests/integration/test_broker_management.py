"""What the broker says of our queues by its management API, held against what it says over AMQP."""

from collections.abc import Iterator
from typing import Any

import pika
import pytest

from clients.broker_management import Management, QueueState
from clients.errors import Away
from config import names
from publishers import marks, topology
from tests.services.ports import wait_until
from tests.services.rabbitmq import RabbitMQ

QUEUES = [queue.name for queue in topology.QUEUES]
STATISTICS_SECONDS = 30
"""RabbitMQ gathers what its management API says every five."""


@pytest.fixture
def channel(virtual_host: str) -> Iterator[Any]:
    with pika.BlockingConnection(pika.URLParameters(virtual_host)) as connection:
        channel = connection.channel()
        topology.declare(channel)
        channel.confirm_delivery()
        yield channel


def inbound(management: Management) -> QueueState | None:
    found = [queue for queue in management.queues(QUEUES) if queue.name == names.INBOUND_QUEUE]
    return found[0] if found else None


def test_depths_consumers_and_what_came_again_are_as_they_are(
    rabbitmq: RabbitMQ, virtual_host: str, channel: Any
) -> None:
    management = Management(rabbitmq.management_url, virtual_host)
    channel.queue_declare("somebody else's", durable=True, arguments={"x-queue-type": "quorum"})
    for _ in range(5):
        channel.basic_publish(names.EVENTS_EXCHANGE, "quickbooks.1", b"{}", pika.BasicProperties(delivery_mode=2))
    (method, _, _) = channel.basic_get(names.INBOUND_QUEUE)
    channel.basic_nack(method.delivery_tag, requeue=True)
    channel.basic_qos(prefetch_count=2)
    channel.basic_consume(names.INBOUND_QUEUE, lambda *_: None)
    # Two are taken and not acknowledged, of the five that are still there.
    expected = {"depth": 5, "consumers": 1, "unacknowledged": 2}

    def agrees() -> bool:
        channel.connection.process_data_events(0)
        found = inbound(management)
        return found is not None and expected.items() <= vars(found).items() and bool(found.redelivered)

    wait_until(agrees, STATISTICS_SECONDS, "the management API says something else")
    assert [queue.name for queue in management.queues(QUEUES)] == sorted(QUEUES)
    # Over AMQP what is taken does not count as waiting.
    assert {name: (depth, consumers) for name, depth, consumers in marks.depths(virtual_host)}[names.INBOUND_QUEUE] == (
        3,
        1,
    )


def test_a_wrong_password_is_told_without_it(rabbitmq: RabbitMQ, virtual_host: str) -> None:
    wrong = rabbitmq.management_url.replace("guest:guest", "guest:s3cr3t")
    with pytest.raises(Away, match="HTTP 401") as caught:
        Management(wrong, virtual_host).queues(QUEUES)
    assert "s3cr3t" not in str(caught.value)
