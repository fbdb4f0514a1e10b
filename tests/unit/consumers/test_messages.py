"""What is read from a message that anybody may have published."""

from typing import Any

from amqp.basic_message import Message as ContentMessage
from hypothesis import given
from hypothesis import strategies as st

from consumers.broker_connection import RawMessage, readable_frames
from consumers.dead_letters import REASONS, fingerprint, how_it_died, plain
from consumers.nudges import nudged_connection
from schemas import strict_json

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.text(st.characters(categories=["Cs"])),
    lambda values: st.lists(values) | st.dictionaries(st.text() | st.binary(), values),
    max_leaves=20,
)
DEATH = st.fixed_dictionaries({}, optional=dict.fromkeys(("reason", "queue", "routing-keys", "count"), VALUES))


@given(VALUES | st.dictionaries(st.just("x-death"), VALUES | st.lists(DEATH)))
def test_whatever_a_letter_says_of_its_death_is_text_that_every_database_takes(headers: Any) -> None:
    queue, routing_key, reason = how_it_died(headers)
    for text in (queue, routing_key):
        assert "\0" not in text
        text.encode()
    assert reason in REASONS | {"unknown"}


@given(st.dictionaries(st.text() | st.binary(), VALUES | st.floats()))
def test_whatever_its_headers_are_they_can_be_kept_and_read_again(headers: Any) -> None:
    kept = plain(headers)
    stored = strict_json.dumps(kept)
    assert strict_json.dumps(strict_json.loads(stored)) == stored


def test_what_looks_like_a_credential_in_a_header_is_not_kept() -> None:
    assert plain({"Authorization": "Bearer abcdefghijkl", "n": 1.5}) == {"Authorization": "[redacted]", "n": "1.5"}
    assert plain({"x": "y" * 20_000}) == {"left out": "they are too long"}


def test_letters_that_died_of_the_same_have_one_fingerprint() -> None:
    first, second = (fingerprint("q", "rejected", body) for body in (b'{"v": 1', b'{"v": 1, "id": "12345"'))
    assert first == second
    assert fingerprint("q", "rejected", b'{"v": 7}') != first
    assert fingerprint("q", "delivery_limit", b'{"v": 1') != first
    assert len(fingerprint("q" * 400, "rejected", b"")) == 200


def test_a_death_as_rabbitmq_writes_it_is_read() -> None:
    death = {"reason": "delivery_limit", "queue": "ravebooks.inbound", "routing-keys": ["quickbooks.1"], "count": 1}
    assert how_it_died({"x-death": [death, {"queue": "older"}]}) == (
        "ravebooks.inbound",
        "quickbooks.1",
        "delivery_limit",
    )


@given(st.binary())
def test_any_bytes_are_a_nudge_or_none(body: bytes) -> None:
    assert nudged_connection(body) is None


def test_a_nudge_names_its_connection() -> None:
    assert nudged_connection(b'{"connection": "con_1"}') == "con_1"


class Received:
    """The bare side of a connection that a frame handler knows."""

    bytes_recv = 0


def deliver(header: bytes, body: bytes) -> ContentMessage:
    """Hand the frames of one delivery to the handler."""
    found: list[ContentMessage] = []
    handler = readable_frames(Received(), lambda _channel, _method, _payload, message: found.append(message))
    handler((1, 1, b"\x00\x3c\x00\x3c" + b"\0" * 20))
    handler((2, 1, header))
    if body:
        handler((3, 1, body))
    return found[0]


@given(st.binary(max_size=100), st.integers(0, 2**16 - 1), st.binary(max_size=50))
def test_a_message_arrives_whole_whatever_its_properties_are(properties: bytes, flags: int, body: bytes) -> None:
    header = b"\x00\x3c\0\0" + len(body).to_bytes(8, "big") + flags.to_bytes(2, "big") + properties
    message = deliver(header, body)
    message.delivery_info = {}
    message.properties.setdefault("delivery_tag", 1)
    assert RawMessage(message).body == body


def test_what_py_amqp_cannot_read_comes_without_properties() -> None:
    """A content type that is not UTF-8 ended the connection, each time that the message was delivered."""
    header = b"\x00\x3c\0\0" + (2).to_bytes(8, "big") + b"\x80\0" + b"\x02\xff\xff"
    message = deliver(header, b"{}")
    assert (message.properties, message.body) == ({}, b"{}")
