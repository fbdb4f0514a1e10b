"""Whose a broker is: an exchange, named after QuickBooks' environment, that every process looks for before it works."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pika
from pika.adapters.blocking_connection import BlockingConnection
from pika.exceptions import ChannelClosedByBroker

from config.errors import RavebooksError
from config.settings import ENVIRONMENTS
from publishers import topology
from publishers.messages import CONNECTION_ERRORS, BrokerDown

CALL_SECONDS = 5.0
PAGE_SECONDS = 1.0
"""A page waits for it."""
NOT_FOUND = 404


class OtherBroker(RavebooksError):
    """The broker carries the messages of another installation."""

    remedy = (
        "Name a broker or a virtual host of its own with RAVEBOOKS_BROKER_URL, "
        "or correct RAVEBOOKS_QUICKBOOKS_ENVIRONMENT."
    )


def depths(url: str) -> list[tuple[str, int, int]]:
    """Our queues with how many messages wait and how many consume. Raises `BrokerDown`, within a moment."""
    found = []
    with short_questions(url, PAGE_SECONDS) as connection:
        channel = connection.channel()
        for queue in topology.QUEUES:
            said = channel.queue_declare(queue.name, passive=True).method
            found.append((queue.name, said.message_count, said.consumer_count))
    return found


def parameters(url: str, seconds: float = CALL_SECONDS) -> pika.URLParameters:
    """How to connect for a few short questions."""
    made = pika.URLParameters(url)
    made.socket_timeout = made.stack_timeout = seconds
    made.blocked_connection_timeout = seconds
    made.connection_attempts = 1
    return made


def claim(url: str, environment: str, *, new: bool) -> None:
    """Mark the broker as `environment`'s. Raises `OtherBroker` where it is another's, `BrokerDown` if nobody is there.

    With `new` it must carry this mark already, or nothing of ours at all.
    """
    with short_questions(url) as connection:
        check(connection, environment)
        if new and not _is_there(connection, _mark(environment)) and _is_there(connection, topology.EXCHANGES[0][0]):
            raise OtherBroker("this broker carries the messages of an installation that the sandbox did not make")
        connection.channel().exchange_declare(_mark(environment), "fanout", durable=True, internal=True)


@contextmanager
def short_questions(url: str, seconds: float = CALL_SECONDS) -> Iterator[BlockingConnection]:
    """A connection for a few of them; whatever fails on the way is `BrokerDown`, with its cause."""
    try:
        connection = BlockingConnection(parameters(url, seconds))
    except CONNECTION_ERRORS as error:
        raise BrokerDown(
            f"RabbitMQ cannot be reached ({type(error).__name__})",
            remedy="Start RabbitMQ, or correct RAVEBOOKS_BROKER_URL.",
        ) from None
    try:
        yield connection
    except ChannelClosedByBroker as error:
        raise BrokerDown(
            f"RabbitMQ refuses what it was asked ({error.reply_code})",
            remedy="Give the user of RAVEBOOKS_BROKER_URL the right to configure, write and read `ravebooks.*`.",
        ) from None
    except CONNECTION_ERRORS as error:
        raise BrokerDown(
            f"the connection to RabbitMQ was lost ({type(error).__name__})",
            remedy="Look at RabbitMQ's log; then try again.",
        ) from None
    finally:
        with suppress(*CONNECTION_ERRORS):
            if connection.is_open:
                connection.close()


def check(connection: BlockingConnection, environment: str) -> None:
    """Raise `OtherBroker` if the broker is marked as another environment's. Changes nothing."""
    for other in ENVIRONMENTS:
        if other != environment and _is_there(connection, _mark(other)):
            raise OtherBroker(f"this broker belongs to QuickBooks' environment {other}, not to {environment}")


def _mark(environment: str) -> str:
    return f"ravebooks.environment.{environment}"


def _is_there(connection: BlockingConnection, exchange: str) -> bool:
    channel = connection.channel()
    try:
        channel.exchange_declare(exchange, passive=True)
    except ChannelClosedByBroker as error:
        if error.reply_code != NOT_FOUND:
            raise
        return False
    channel.close()
    return True
