"""A broker that takes connections and says nothing."""

import socket
from collections.abc import Iterator

import pytest

from config import telemetry
from publishers import connection, marks
from publishers.confirms import ConfirmedPublisher
from publishers.messages import BrokerDown, Message


@pytest.fixture
def silent() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"amqp://guest:guest@127.0.0.1:{server.getsockname()[1]}/%2F"


def test_whoever_asks_it_something_is_told_that_it_is_down(silent: str) -> None:
    with pytest.raises(BrokerDown, match="cannot be reached"), marks.short_questions(silent, 0.2):
        pass


def test_the_publisher_takes_it_for_away_and_not_for_a_fault_of_ours(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SOCKET_SECONDS", 0.1)
    faults = telemetry.loop_errors.labels("publisher")._value
    before, publisher = faults.get(), ConfirmedPublisher(silent)
    try:
        with pytest.raises(BrokerDown):
            publisher.send(Message("m", "quickbooks.1", b"{}"), first_wait=10)
    finally:
        publisher.stop()
    assert faults.get() == before
