"""The publisher's thread, whatever happens in it: it goes on, and whoever waits for it is told."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pika
import pika.exceptions
import pytest

from config.ports import SystemClock
from config.telemetry import Progress
from publishers import confirms, topology
from publishers import connection as publishing
from publishers.confirms import ConfirmedPublisher
from publishers.messages import BrokerDown, Message, NotConfirmed
from storage.database import DatabaseDown
from tests.services.ports import wait_until
from tests.services.proxy import Proxy
from tests.services.rabbitmq import RabbitMQ
from tests.unit.ports import FakeClock

MESSAGE = Message("m", "quickbooks.1", b"{}")


@pytest.fixture
def proxy(rabbitmq: RabbitMQ) -> Iterator[Proxy]:
    with Proxy(rabbitmq.port) as made:
        yield made


@pytest.fixture
def publisher(rabbitmq: RabbitMQ, proxy: Proxy) -> Iterator[ConfirmedPublisher]:
    made = ConfirmedPublisher(rabbitmq.url.replace(f":{rabbitmq.port}/", f":{proxy.port}/"))
    made.start()
    connected(made)
    yield made
    made.stop()


def connected(publisher: ConfirmedPublisher) -> None:
    wait_until(lambda: publisher.connected, 20, "the publisher did not connect")


def test_a_future_that_its_caller_has_ended_ends_nothing_else(publisher: ConfirmedPublisher) -> None:
    for _ in range(3):
        publisher.send(MESSAGE).cancel()
    publisher.confirm(publisher.send(MESSAGE), 5)
    assert publisher.connected


def test_an_error_in_a_callback_costs_the_connection_and_not_the_thread(
    publisher: ConfirmedPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_frame: object) -> None:
        raise ValueError("a defect")

    publisher.confirm(publisher.send(MESSAGE), 5)
    assert publisher._connection
    monkeypatch.setattr(publisher._connection._channel.callbacks, "process", lambda *_arguments, **_more: fail(None))
    with pytest.raises((BrokerDown, NotConfirmed)):
        publisher.confirm(publisher.send(MESSAGE), 5)
    connected(publisher)
    publisher.confirm(publisher.send(MESSAGE), 5)


def test_an_error_while_a_connection_is_given_up_does_not_end_the_thread(
    publisher: ConfirmedPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = publisher._lost
    failures = [ValueError("a defect")]

    def fail_once() -> None:
        lost()
        if failures:
            raise failures.pop()

    monkeypatch.setattr(publisher, "_lost", fail_once)
    assert publisher._connection
    publisher._connection.in_thread(publisher._connection.close)
    wait_until(lambda: not failures, 10, "the connection was not given up")
    connected(publisher)
    publisher.confirm(publisher.send(MESSAGE), 5)


def test_a_silent_broker_is_suspected_for_seconds_and_then_tried_anew(
    publisher: ConfirmedPublisher, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer never came through the dead connection, and nothing was published until a restart."""
    monkeypatch.setattr(publishing, "SUSPECT_SECONDS", 0.5)
    monkeypatch.setattr(publishing, "WATCH_SECONDS", 0.1)
    proxy.black_hole()
    with pytest.raises(NotConfirmed):
        publisher.confirm(publisher.send(MESSAGE), 0.5)
    assert not publisher.connected
    begun = time.monotonic()
    connected(publisher)
    assert time.monotonic() - begun < 5
    publisher.confirm(publisher.send(MESSAGE), 5)


def test_a_broker_that_confirms_nothing_is_suspected_long_before_its_time_is_up(
    publisher: ConfirmedPublisher, proxy: Proxy
) -> None:
    """Each of those that waited for a hanging broker waited for the whole second."""
    proxy.black_hole()
    begun = time.monotonic()
    with pytest.raises(NotConfirmed):
        publisher.confirm(publisher.send(MESSAGE), 60, 0.1)
    assert time.monotonic() - begun < 30
    with pytest.raises(BrokerDown):
        publisher.send(MESSAGE)


def test_a_broker_that_confirms_other_messages_is_waited_for(publisher: ConfirmedPublisher, proxy: Proxy) -> None:
    proxy.black_hole()
    future = publisher.send(MESSAGE)
    begun = time.monotonic()
    publisher._reach.answered_at = begun + 0.3
    with pytest.raises(NotConfirmed):
        publisher.confirm(future, 60, 0.1)
    assert 0.4 <= time.monotonic() - begun < 30


def test_the_thread_is_woken_once_for_all_that_waits_for_it(
    publisher: ConfirmedPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = publisher._connection
    assert connection
    wake, calls = connection.in_thread, list[Callable[[], None]]()

    def keep(call: Callable[[], None]) -> bool:
        calls.append(call)
        return True

    monkeypatch.setattr(connection, "in_thread", keep)
    futures = [publisher.send(Message(str(number), "quickbooks.1", b"{}")) for number in range(20)]
    assert len(calls) == 1
    wake(calls.pop())
    for future in futures:
        publisher.confirm(future, 10)
    assert publisher.send(MESSAGE)
    assert len(calls) == 1


def test_what_a_connection_did_not_come_to_is_told_at_its_end(
    publisher: ConfirmedPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its callers waited for a confirm that could not come."""
    connection = publisher._connection
    assert connection
    wake = connection.in_thread
    monkeypatch.setattr(connection, "in_thread", lambda _call: True)
    future = publisher.send(MESSAGE)
    wake(connection.close)
    assert isinstance(future.exception(10), BrokerDown)
    late = Future[None]()
    assert not connection.handed.add(MESSAGE, late)


def test_the_thread_shows_that_it_lives(rabbitmq: RabbitMQ) -> None:
    clock = FakeClock()
    progress = Progress(clock)
    publisher = ConfirmedPublisher(rabbitmq.url, progress=progress)
    assert progress.stuck() == []
    publisher.start()
    connected(publisher)
    clock.advance(confirms.STUCK_SECONDS + 1)
    wait_until(lambda: "publisher" not in progress.stuck(), 5, "the thread showed no progress")
    publisher.stop()
    clock.advance(confirms.STUCK_SECONDS + 1)
    assert "publisher" in progress.stuck()


def test_queues_that_were_missing_are_told_also_where_the_broker_is_lost_once_they_are_declared(
    rabbitmq: RabbitMQ, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy broker ends a connection now and then that declares a quorum queue; the next one finds the queue there."""
    lost, told, declare = list[bool](), list[str](), topology.declare

    def declare_and_lose(channel: Any) -> None:
        declare(channel)
        if not lost:
            lost.append(True)
            raise pika.exceptions.ConnectionClosedByBroker(541, "INTERNAL_ERROR")

    monkeypatch.setattr(topology, "declare", declare_and_lose)
    publisher = ConfirmedPublisher(rabbitmq.new_virtual_host(), lambda: told.append("told"), Progress(SystemClock()))
    publisher.start()
    connected(publisher)
    wait_until(lambda: told == ["told"], 10, "nobody was told")
    publisher.stop()
    assert lost


def test_queues_that_were_missing_are_told_once_the_database_is_back(rabbitmq: RabbitMQ) -> None:
    told: list[str] = []

    def tell() -> None:
        told.append("asked")
        if len(told) < 2:
            raise DatabaseDown("it is away")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(confirms, "TELL_AGAIN_SECONDS", 0.1)
        publisher = ConfirmedPublisher(rabbitmq.new_virtual_host(), tell, Progress(SystemClock()))
        publisher.start()
        connected(publisher)
        wait_until(lambda: len(told) == 2, 10, "nobody was told")
        publisher.stop()
