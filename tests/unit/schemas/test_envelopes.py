"""Deliveries as they travel on the queue."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.model import Side
from schemas import strict_json
from schemas.envelopes import Delivery, Envelope, UndecodableMessage, decode, encode, unusable

TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - as Hypothesis wants
DATA = st.dictionaries(st.text(), st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(), max_size=3)
ENVELOPES = st.builds(
    Envelope,
    id=st.text(),
    type=st.text(),
    subject=st.text(),
    time=st.none() | TIMES,
    legacy=st.booleans(),
    data=DATA,
    reason=st.text(),
)
DELIVERIES = st.builds(
    Delivery,
    id=st.text(),
    source=st.sampled_from(Side),
    account=st.text(),
    received_at=TIMES,
    events=st.lists(ENVELOPES, max_size=3).map(tuple),
)


@given(DELIVERIES)
def test_a_delivery_survives_its_message(delivery: Delivery) -> None:
    assert decode(encode(delivery)) == delivery


@given(DELIVERIES)
def test_the_same_delivery_always_has_the_same_bytes(delivery: Delivery) -> None:
    assert encode(decode(encode(delivery))) == encode(delivery)


WITHOUT_DATA = st.lists(ENVELOPES.map(lambda each: msgspec.structs.replace(each, data={})), max_size=3).map(tuple)


@given(
    DELIVERIES | st.builds(lambda each, events: msgspec.structs.replace(each, events=events), DELIVERIES, WITHOUT_DATA)
)
def test_a_message_is_our_own_json_whoever_writes_it(delivery: Delivery) -> None:
    body = encode(delivery)
    assert body == strict_json.dumps(strict_json.loads(body)).encode()


def test_every_sign_is_spelled_as_our_own_json_spells_it() -> None:
    for sign in map(chr, range(0x250)):
        body = encode(Delivery("d", Side.RAVETREE, sign, datetime(2026, 1, 1, tzinfo=UTC), (Envelope(sign, sign, ""),)))
        assert body == strict_json.dumps(strict_json.loads(body)).encode()
        assert strict_json.dumps(sign).encode() in body


def test_half_a_surrogate_pair_travels_in_any_field() -> None:
    delivery = Delivery("d", Side.RAVETREE, "a", datetime(2026, 1, 1, tzinfo=UTC), (Envelope("e\ud800", "x", "s"),))
    assert decode(encode(delivery)) == delivery


NONSENSE: list[Any] = [
    b"",
    b"{",
    b"[]",
    b"7",
    b"null",
    b"\xff",
    b'{"v":1}',
    b'{"v":2,"id":"d","source":"ravetree","account":"a","received_at":"2026-11-20T14:13:20Z","events":[]}',
    b'{"v":1,"id":"d","source":"xero","account":"a","received_at":"2026-11-20T14:13:20Z","events":[]}',
    b'{"v":1,"id":"d","source":"ravetree","account":"a","received_at":"2026-11-20T14:13:20Z","events":[7]}',
    b'{"v":1,"id":"d","source":"ravetree","account":"a","received_at":"2026-11-20T14:13:20","events":[]}',
]


@pytest.mark.parametrize("body", NONSENSE)
def test_what_nobody_of_ours_published_is_undecodable(body: bytes) -> None:
    with pytest.raises(UndecodableMessage):
        decode(body)


@given(st.binary(max_size=200))
def test_random_bytes_are_undecodable(body: bytes) -> None:
    with pytest.raises(UndecodableMessage):
        decode(body)


def test_the_same_unusable_thing_has_the_same_id() -> None:
    first, second, other = unusable({"a": 1, "b": 2}, "x"), unusable({"b": 2, "a": 1}, "y"), unusable({"a": 1}, "x")
    assert first.id == second.id != other.id
    assert len(unusable({}, "x" * 9999).reason) <= 500
