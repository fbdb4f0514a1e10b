"""The publisher on a real broker: confirms, a paused broker, missing queues, the outbox and its relay."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pika
import pytest

from config import names
from config.ports import SystemClock
from publishers.confirms import ConfirmedPublisher
from publishers.deliveries import BrokerPublisher, Relay, message_for
from publishers.messages import BrokerDown, Message, NotConfirmed, Unroutable
from publishers.publisher import NothingTakesIt
from reconcile.model import Side
from schemas import envelopes
from schemas.envelopes import Delivery, Envelope
from storage import migrations, outbox
from storage.database import Database
from tests.services.ports import wait_until
from tests.services.rabbitmq import RabbitMQ

CONFIRM_SECONDS = 1.0


def delivery(name: str) -> Delivery:
    envelope = Envelope("evt-" + name, "invoice.updated", "12")
    return Delivery(name, Side.QUICKBOOKS, "9130", datetime(2026, 11, 20, tzinfo=UTC), (envelope,))


@pytest.fixture
def publisher(rabbitmq: RabbitMQ) -> Iterator[ConfirmedPublisher]:
    made = ConfirmedPublisher(rabbitmq.url)
    made.start()
    wait_until(lambda: made.connected, 20, "the publisher did not connect")
    drain(rabbitmq.url)
    yield made
    made.stop()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path}/outbox.db", SystemClock())
    migrations.upgrade(made)
    yield made
    made.close()


def drain(url: str) -> list[bytes]:
    """Everything that is in the inbound queue."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    found = []
    while (answer := channel.basic_get(names.INBOUND_QUEUE, auto_ack=True))[0] is not None:
        found.append(answer[2])
    connection.close()
    return found


def waiting(database: Database) -> int:
    with database.transaction() as session:
        return outbox.size(session)


def test_many_messages_are_confirmed_pipelined_and_are_all_there(
    publisher: ConfirmedPublisher, rabbitmq: RabbitMQ
) -> None:
    futures = [publisher.send(message_for(delivery(str(number)))) for number in range(500)]
    for future in futures:
        publisher.confirm(future, 10)
    found = [envelopes.decode(body).id for body in drain(rabbitmq.url)]
    assert sorted(found, key=int) == [str(number) for number in range(500)]


def test_a_message_that_no_queue_takes_is_an_error_not_a_silence(
    publisher: ConfirmedPublisher, rabbitmq: RabbitMQ
) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq.url))
    channel = connection.channel()
    channel.queue_unbind(names.INBOUND_QUEUE, names.EVENTS_EXCHANGE, "#")
    try:
        with pytest.raises(Unroutable):
            publisher.confirm(publisher.send(Message("lost", "quickbooks.1", b"{}")), 5)
    finally:
        channel.queue_bind(names.INBOUND_QUEUE, names.EVENTS_EXCHANGE, "#")
        connection.close()


def test_a_paused_broker_costs_one_deadline_and_then_nothing(
    publisher: ConfirmedPublisher, rabbitmq: RabbitMQ, database: Database
) -> None:
    accepting = BrokerPublisher(publisher, database, SystemClock(), CONFIRM_SECONDS)
    rabbitmq.pause()
    try:
        begun = time.monotonic()
        accepting.publish([delivery("first")])
        assert time.monotonic() - begun < CONFIRM_SECONDS + 1
        begun = time.monotonic()
        for number in range(20):
            accepting.publish([delivery(f"later-{number}")])
        assert time.monotonic() - begun < CONFIRM_SECONDS, "a broker that is known not to answer is not waited for"
    finally:
        rabbitmq.resume()
    assert waiting(database) == 21
    wait_until(lambda: publisher.connected, 30, "the publisher did not come back")
    relay = Relay(publisher, database, SystemClock())
    wait_until(lambda: relay.relay() == 0 and waiting(database) == 0, 20, "the outbox was not relayed")
    found = {envelopes.decode(body).id for body in drain(rabbitmq.url)}
    assert found == {"first", *(f"later-{number}" for number in range(20))}


@contextmanager
def refusing(rabbitmq: RabbitMQ, routing_key: str) -> Iterator[None]:
    """A queue that is full takes part: the broker refuses what would go there too."""
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq.url))
    channel = connection.channel()
    limits = {"x-max-length": 1, "x-overflow": "reject-publish"}
    channel.queue_declare("full", arguments=limits)
    channel.basic_publish("", "full", b"the only one that has room")
    channel.queue_bind("full", names.EVENTS_EXCHANGE, routing_key)
    try:
        yield
    finally:
        channel.queue_delete("full")
        connection.close()


def test_a_message_that_the_broker_refuses_is_not_confirmed(
    publisher: ConfirmedPublisher, rabbitmq: RabbitMQ, database: Database
) -> None:
    with refusing(rabbitmq, "#"):
        with pytest.raises(Unroutable):
            publisher.confirm(publisher.send(message_for(delivery("refused"))), 5)
        BrokerPublisher(publisher, database, SystemClock(), CONFIRM_SECONDS).publish([delivery("kept")])
    assert waiting(database) == 1


def test_what_the_broker_refuses_stays_in_the_outbox(
    publisher: ConfirmedPublisher, rabbitmq: RabbitMQ, database: Database
) -> None:
    """The others of its round go; what may not have arrived is published again: its id is the same."""
    with database.transaction() as session:
        rows = [outbox.Kept(name, f"quickbooks.{name}", envelopes.encode(delivery(name)).decode()) for name in "abc"]
        outbox.add(session, rows, datetime(2026, 11, 20, tzinfo=UTC))
    relay = Relay(publisher, database, SystemClock())
    with refusing(rabbitmq, "quickbooks.b"):
        assert relay.relay() == 1
        with database.transaction() as session:
            assert [row.message_id for row in outbox.oldest(session, 10)] == ["b", "c"]
    drain(rabbitmq.url)
    assert relay.relay() == 2
    assert (waiting(database), [envelopes.decode(body).id for body in drain(rabbitmq.url)]) == (0, ["b", "c"])


def test_every_delivery_of_a_call_goes_into_the_outbox(database: Database) -> None:
    publisher = ConfirmedPublisher("amqp://guest:guest@127.0.0.1:1/")
    accepting = BrokerPublisher(publisher, database, SystemClock(), CONFIRM_SECONDS)
    accepting.publish([delivery(name) for name in ("a", "b", "c")])
    publisher.stop()
    with database.transaction() as session:
        assert [envelopes.decode(row.body.encode()).id for row in outbox.oldest(session, 10)] == ["a", "b", "c"]


def test_what_was_in_flight_when_the_broker_died_is_not_confirmed(mortal_rabbitmq: RabbitMQ) -> None:
    """It may be there or not: only a confirm says so."""
    publisher = ConfirmedPublisher(mortal_rabbitmq.url)
    publisher.start()
    wait_until(lambda: publisher.connected, 20, "the publisher did not connect")
    mortal_rabbitmq.pause()
    future = publisher.send(message_for(delivery("x")))
    mortal_rabbitmq.kill()
    with pytest.raises(BrokerDown):
        publisher.confirm(future, 20)
    publisher.stop()


def test_a_broker_known_to_be_down_is_refused_at_once_and_found_again_by_itself(
    mortal_rabbitmq: RabbitMQ, database: Database
) -> None:
    url = mortal_rabbitmq.new_virtual_host()
    publisher = ConfirmedPublisher(url)
    publisher.start()
    wait_until(lambda: publisher.connected, 20, "the publisher did not connect")
    mortal_rabbitmq.kill()
    wait_until(lambda: not publisher.connected, 20, "the publisher did not notice")
    with pytest.raises(BrokerDown):
        publisher.send(message_for(delivery("x")))
    BrokerPublisher(publisher, database, SystemClock(), CONFIRM_SECONDS).publish([delivery("kept")])
    assert waiting(database) == 1
    mortal_rabbitmq.start()
    wait_until(lambda: publisher.connected, 30, "the publisher did not come back")
    wait_until(lambda: Relay(publisher, database, SystemClock()).relay() == 1, 20, "the outbox was not relayed")
    assert [envelopes.decode(body).id for body in drain(url)] == ["kept"]
    publisher.stop()


def test_missing_queues_are_declared_and_reported(publisher: ConfirmedPublisher, rabbitmq: RabbitMQ) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq.url))
    connection.channel().queue_delete(names.RECONCILE_QUEUE)
    connection.close()
    reported: list[bool] = []
    other = ConfirmedPublisher(rabbitmq.url, lambda: reported.append(True))
    other.start()
    wait_until(lambda: other.connected, 20, "the publisher did not connect")
    other.stop()
    assert reported == [True]


def test_with_neither_broker_nor_database_the_sender_keeps_it(database: Database, tmp_path: Path) -> None:
    publisher = ConfirmedPublisher("amqp://guest:guest@127.0.0.1:1/")
    nowhere = Database("postgresql+psycopg://nobody@127.0.0.1:1/none", SystemClock())
    with pytest.raises(NothingTakesIt):
        BrokerPublisher(publisher, nowhere, SystemClock(), CONFIRM_SECONDS).publish([delivery("x")])
    publisher.stop()
    nowhere.close()


def test_a_confirm_that_does_not_come_in_time_says_so(publisher: ConfirmedPublisher, rabbitmq: RabbitMQ) -> None:
    rabbitmq.pause()
    try:
        future = publisher.send(message_for(delivery("late")))
        with pytest.raises(NotConfirmed):
            publisher.confirm(future, 0.2)
        assert not publisher.connected
    finally:
        rabbitmq.resume()
    wait_until(lambda: publisher.connected, 30, "a late confirm makes the broker known again")
