"""What the simulated broker does, RabbitMQ does: one suite, on both."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker, NackError, UnroutableError

from config import names
from publishers import topology
from tests.services.rabbitmq import RabbitMQ
from tests.simulation.interleaved.broker import COUNT, DEATH, SimulatedBroker

PATIENCE_SECONDS = 10.0
LIMIT = 2

Connect = Callable[[], Any]


@pytest.fixture(params=["simulated", "rabbitmq"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Opens connections to a new broker, with our topology."""
    made: list[Any] = []
    if request.param == "simulated":
        open_one: Connect = SimulatedBroker().connect
    else:
        rabbitmq: RabbitMQ = request.getfixturevalue("rabbitmq")
        parameters = pika.URLParameters(rabbitmq.new_virtual_host())

        def open_one() -> Any:
            return pika.BlockingConnection(parameters)

    def kept() -> Any:
        made.append(open_one())
        return made[-1]

    topology.declare(kept().channel())
    yield kept
    for connection in made:
        if connection.is_open:
            connection.close()


def confirming(connect: Connect) -> Any:
    channel = connect().channel()
    channel.confirm_delivery()
    return channel


def publish(channel: Any, body: bytes, key: str = "quickbooks.9130", exchange: str = names.EVENTS_EXCHANGE) -> None:
    properties = pika.BasicProperties(delivery_mode=2, message_id=body.decode())
    channel.basic_publish(exchange, key, body, properties, mandatory=True)


def publish_all(channel: Any, bodies: list[bytes], queue: str) -> None:
    for body in bodies:
        publish(channel, body, queue, "")


def acknowledge_and_look(channel: Any, tag: int) -> None:
    """RabbitMQ does not answer an acknowledgement: what was wrong with it is met at the next call."""
    channel.basic_ack(tag)
    is_empty(channel)


def take(channel: Any, queue: str = names.INBOUND_QUEUE) -> tuple[int, Any, bytes]:
    """The next message; a quorum queue gives back what was not acknowledged when it comes to it."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        how, properties, body = channel.basic_get(queue)
        if how is not None:
            return how.delivery_tag, properties, body
    raise AssertionError(f"nothing came to {queue}")


def is_empty(channel: Any, queue: str = names.INBOUND_QUEUE) -> bool:
    return channel.basic_get(queue)[0] is None


def limited(channel: Any) -> str:
    """A queue like the recorder's, with another limit."""
    arguments = {**next(queue.arguments for queue in topology.QUEUES if queue.name == names.INBOUND_QUEUE)}
    channel.queue_declare("limited", durable=True, arguments=arguments | {"x-delivery-limit": LIMIT})
    return "limited"


def test_the_topology_is_declared_again_without_a_change(connect: Connect) -> None:
    topology.declare(connect().channel())
    assert topology.missing_queues(connect().channel, ChannelClosedByBroker) == []


def test_messages_come_in_the_order_in_which_they_were_published(connect: Connect) -> None:
    channel = confirming(connect)
    for body in (b"1", b"2", b"3"):
        publish(channel, body)
    assert [take(channel)[2] for _ in range(3)] == [b"1", b"2", b"3"]
    assert is_empty(channel)


def test_a_message_that_no_queue_takes_is_returned(connect: Connect) -> None:
    channel = confirming(connect)
    with pytest.raises(UnroutableError):
        publish(channel, b"1", "no.such.queue", "")


def test_an_exchange_that_is_not_there_ends_the_channel(connect: Connect) -> None:
    channel = confirming(connect)
    with pytest.raises(ChannelClosedByBroker) as closed:
        publish(channel, b"1", exchange="no such exchange")
    assert closed.value.reply_code == 404
    assert not channel.is_open


def test_a_queue_that_is_full_refuses(connect: Connect) -> None:
    channel = confirming(connect)
    arguments = {"x-queue-type": "quorum", "x-overflow": "reject-publish", "x-max-length": 1}
    channel.queue_declare("small", durable=True, arguments=arguments)
    # A quorum queue goes a little over its length before it refuses.
    fill = [b"1"] * 50
    with pytest.raises(NackError):
        publish_all(channel, fill, "small")


def test_what_was_not_acknowledged_comes_again_when_the_connection_is_lost(connect: Connect) -> None:
    connection = connect()
    channel = connection.channel()
    publish(channel, b"1")
    publish(channel, b"2")
    tag, properties, _ = take(channel)
    assert not (properties.headers or {}).get(COUNT)
    take(channel)
    channel.basic_ack(tag)
    connection.close()
    again = connect().channel()
    _, properties, body = take(again)
    assert (body, properties.headers[COUNT]) == (b"2", 1)
    assert is_empty(again)


def test_what_is_given_back_comes_again_with_its_count(connect: Connect) -> None:
    channel = confirming(connect)
    publish(channel, b"1")
    for count in (1, 2):
        tag, _, _ = take(channel)
        channel.basic_reject(tag, requeue=True)
        tag, properties, _ = take(channel)
        assert properties.headers[COUNT] == 2 * count - 1
        channel.basic_nack(tag, requeue=True)
    assert take(channel)[1].headers[COUNT] == 4


def test_what_is_given_back_too_often_is_dead(connect: Connect) -> None:
    channel = confirming(connect)
    queue = limited(channel)
    publish(channel, b"1", queue, "")
    for _ in range(LIMIT + 1):
        tag, _, _ = take(channel, queue)
        channel.basic_reject(tag, requeue=True)
    _, properties, body = take(channel, names.DEAD_QUEUE)
    death = properties.headers[DEATH][0]
    assert (body, death["reason"], death["queue"]) == (b"1", "delivery_limit", queue)
    assert is_empty(channel, queue)


def test_what_is_rejected_is_dead_at_once_and_says_where_it_came_from(connect: Connect) -> None:
    channel = confirming(connect)
    publish(channel, b"1", "ravetree.org_1")
    tag, _, _ = take(channel)
    channel.basic_reject(tag, requeue=False)
    _, properties, body = take(channel, names.DEAD_QUEUE)
    death = properties.headers[DEATH][0]
    assert (body, properties.message_id) == (b"1", "1")
    assert (death["reason"], death["queue"]) == ("rejected", names.INBOUND_QUEUE)
    assert (death["exchange"], death["routing-keys"]) == (names.EVENTS_EXCHANGE, ["ravetree.org_1"])


def test_acknowledging_many_settles_all_up_to_the_last(connect: Connect) -> None:
    connection = connect()
    channel = connection.channel()
    for body in (b"1", b"2", b"3"):
        publish(channel, body)
    tags = [take(channel)[0] for _ in range(3)]
    channel.basic_ack(tags[1], multiple=True)
    connection.close()
    again = connect().channel()
    assert take(again)[2] == b"3"
    assert is_empty(again)


def test_a_tag_that_nobody_has_ends_the_channel(connect: Connect) -> None:
    channel = confirming(connect)
    with pytest.raises(ChannelClosedByBroker) as closed:
        acknowledge_and_look(channel, 4711)
    assert closed.value.reply_code == 406


def test_a_queue_knows_how_many_wait(connect: Connect) -> None:
    channel = confirming(connect)
    publish(channel, b"1")
    publish(channel, b"2")
    take(channel)

    def waiting() -> int:
        found: int = connect().channel().queue_declare(names.INBOUND_QUEUE, passive=True).method.message_count
        return found

    until = time.monotonic() + PATIENCE_SECONDS
    while waiting() != 1 and time.monotonic() < until:
        """A quorum queue counts a moment later."""
    assert waiting() == 1
