"""The topology: all that at-least-once dead-lettering needs, declared in an order that works."""

from typing import Any

from config import names
from publishers import topology


def declared() -> dict[str, dict[str, Any]]:
    return {queue.name: queue.arguments for queue in topology.QUEUES}


def test_every_queue_is_a_quorum_queue_with_a_delivery_limit() -> None:
    assert set(declared()) == {"ravebooks.inbound", "ravebooks.reconcile", "ravebooks.dead"}
    for arguments in declared().values():
        assert arguments["x-queue-type"] == "quorum"
        assert arguments["x-delivery-limit"] > 0


def test_the_working_queues_dead_letter_at_least_once() -> None:
    """Any of the four left out makes it at-most-once, without a word from the broker."""
    for name in (names.INBOUND_QUEUE, names.RECONCILE_QUEUE):
        arguments = declared()[name]
        assert arguments["x-dead-letter-strategy"] == "at-least-once"
        assert arguments["x-overflow"] == "reject-publish"
        assert arguments["x-dead-letter-exchange"] == names.DEAD_EXCHANGE
        assert arguments["x-delivery-limit"] == names.DELIVERY_LIMIT
        assert "x-message-ttl" not in arguments


def test_the_dead_go_nowhere_else() -> None:
    assert "x-dead-letter-exchange" not in declared()[names.DEAD_QUEUE]


def test_everything_is_durable_and_declared_before_it_is_bound() -> None:
    known: set[str] = set()
    bound: dict[str, set[str]] = {}
    for method, arguments in topology.declarations():
        if method == "queue_bind":
            assert {arguments["queue"], arguments["exchange"]} <= known
            bound.setdefault(arguments["exchange"], set()).add(arguments["queue"])
        else:
            assert arguments["durable"] is True
            known.add(arguments.get("queue") or arguments["exchange"])
    assert bound == {names.EVENTS_EXCHANGE: {names.INBOUND_QUEUE}, names.DEAD_EXCHANGE: {names.DEAD_QUEUE}}


class Missing(Exception):
    """What a broker says of a queue that is not there."""


class Channel:
    """A channel of a broker that has lost one queue: the failed look closes it."""

    def __init__(self) -> None:
        self.closed = False

    def queue_declare(self, queue: str, passive: bool) -> None:
        assert passive
        assert not self.closed
        if queue == names.INBOUND_QUEUE:
            self.closed = True
            raise Missing


def test_queues_that_are_missing_at_a_reconnect_are_found() -> None:
    assert topology.missing_queues(Channel, Missing) == [names.INBOUND_QUEUE]
