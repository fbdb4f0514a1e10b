"""Connections to RabbitMQ through kombu that neither hang nor stumble over what they receive."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import kombu.message
from amqp.basic_message import Message as ContentMessage
from amqp.method_framing import frame_handler
from kombu.connection import Connection
from kombu.exceptions import KombuError
from kombu.transport import pyamqp

HEARTBEAT_SECONDS = 8
"""The broker sends one each half of it; a connection that is silent for twice as long is dead."""
CONNECT_SECONDS = 3
CONFIRM_SECONDS = 3.0
ANSWER_SECONDS = 10.0
"""A call waits so long for its answer, and a write for the network: by itself py-amqp waits for ever."""
CLOSE_SECONDS = 1.0

ERRORS: tuple[type[BaseException], ...] = (
    *pyamqp.Transport.connection_errors,
    *pyamqp.Transport.channel_errors,
    OSError,
    KombuError,
)
"""What a connection fails with."""

_CONTENT_HEADER = 2
_PROPERTIES = slice(12)
"""Class, weight and body size come before the properties."""


def connect(
    url: str, heartbeat: int = HEARTBEAT_SECONDS, answer: float = ANSWER_SECONDS, *, confirms: bool = True
) -> Connection:
    """A connection that confirms what it publishes, and whose every call ends in `answer` seconds.

    With `heartbeat` 0 it may stay idle: nobody has to call `heartbeat_check`. Raises one of `ERRORS`.
    """
    connection = Connection(
        url,
        heartbeat=heartbeat,
        connect_timeout=CONNECT_SECONDS,
        ssl=_encryption(url),
        transport_options={
            "confirm_publish": confirms,
            "confirm_timeout": CONFIRM_SECONDS,
            "frame_handler": readable_frames,
        },
    )
    connection.connect()
    connection.connection.sock.settimeout(answer)
    return connection


def _encryption(url: str) -> dict[str, Any] | bool:
    """How an `amqps` connection is encrypted: by itself py-amqp takes any name that a known authority vouches for."""
    parts = urlsplit(url)
    return {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": parts.hostname} if parts.scheme == "amqps" else False


@contextmanager
def closing(connection: Connection) -> Iterator[Connection]:
    """Close `connection` after the block: in order, or at once when an error says that it may be dead."""
    try:
        yield connection
    except BaseException:
        drop(connection)
        raise
    if connection.connection.sock is not None:
        connection.connection.sock.settimeout(CLOSE_SECONDS)
    connection.release()


def drop(connection: Connection) -> None:
    """Close the socket and say nothing to the broker: a dead one would never answer."""
    connection.collect(CLOSE_SECONDS)


def raw_channel(connection: Connection) -> Any:
    """A channel on which messages come as they are: kombu and py-amqp decode nothing."""
    channel = connection.channel()
    channel.auto_decode = False
    channel.Message = RawMessage
    return channel


class RawMessage(pyamqp.Message):
    """A message as it came.

    kombu decompresses the body when a header says so, and fails while it receives: whoever publishes would
    stop the loop that consumes.
    """

    def __init__(self, raw: Any, channel: Any = None, **_kwargs: Any) -> None:
        kombu.message.Message.__init__(
            self,
            # One without a body has an empty text.
            body=raw.body or b"",
            channel=channel,
            delivery_tag=raw.delivery_tag,
            content_type=raw.properties.get("content_type"),
            content_encoding=raw.properties.get("content_encoding"),
            delivery_info=raw.delivery_info,
            properties=raw.properties,
        )
        self.headers = raw.properties.get("application_headers") or {}


def readable_frames(connection: Any, callback: Callable[..., Any]) -> Callable[[Any], Any]:
    """py-amqp's frame handler for any properties: a message whose own cannot be read comes without them.

    A name that is not UTF-8, or a header with a time that no calendar has, ends the connection otherwise, each
    time that the message is delivered.
    """
    on_frame = frame_handler(connection, callback)

    def read(frame: tuple[int, int, bytes]) -> Any:
        kind, channel, payload = frame
        if kind == _CONTENT_HEADER and not _is_readable(payload):
            payload = payload[_PROPERTIES] + b"\0\0"
        return on_frame((kind, channel, payload))

    return read


def _is_readable(payload: bytes) -> bool:
    try:
        ContentMessage().inbound_header(payload)
    except Exception:  # noqa: BLE001 - whatever it is, the message is taken without its properties
        return False
    return True
