"""What is published, and how a broker can fail to take it."""

from dataclasses import dataclass

from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

from config.errors import RavebooksError

CONNECTION_ERRORS = (AMQPError, AMQPConnectorException, OSError)
"""What pika raises where a broker is away. The second one, of a broker that hangs, is no error of AMQP to pika."""


class BrokerError(RavebooksError):
    """The broker did not take a message."""

    remedy = "Nothing to do: the message waits in the outbox and the relay publishes it."


class BrokerDown(BrokerError):
    """The broker is known to be out of reach."""


class NotConfirmed(BrokerError):
    """The broker did not confirm in time: the message may be there or not."""


class Unroutable(BrokerError):
    """No queue takes the message, or the broker refused it."""


@dataclass(frozen=True)
class Message:
    """One message for the events exchange, with the trace that it belongs to, where there is one."""

    id: str
    routing_key: str
    body: bytes
    traceparent: str = ""
