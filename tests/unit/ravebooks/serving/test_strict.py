"""What two readers could read differently is refused, however it is cut into packets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waitress.adjustments import Adjustments

from ravebooks.serving.strict import StrictParser

POST = b"POST /webhooks/quickbooks HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
NEXT = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"

REFUSED = {
    "a length and an encoding": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "one length twice": POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde",
    "lengths in a list": POST + b"Content-Length: 5, 5\r\n\r\nabcde",
    "a length with a sign": POST + b"Content-Length: +5\r\n\r\nabcde",
    "a negative length": POST + b"Content-Length: -5\r\n\r\n",
    "an empty length": POST + b"Content-Length:\r\n\r\n",
    "a length that is no integer of anybody's": POST + b"Content-Length: " + b"1" * 5000 + b"\r\n\r\n",
    "a misspelt length": POST + b"Content_Length: 5\r\n\r\nabcde",
    "another encoding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "an encoding twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "an encoding in two headers": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no encoding": POST + b"Transfer-Encoding: \r\n\r\n0\r\n\r\n",
    "identity": POST + b"Transfer-Encoding: identity\r\nContent-Length: 1\r\n\r\na",
    "capitals": POST + b"Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n",
    "an encoding of HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an encoding of HTTP/1.2": b"POST / HTTP/1.2\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a blank before the colon": POST + b"Content-Length : 5\r\n\r\nabcde",
    "a folded header": POST + b"X: a\r\n Content-Length: 5\r\n\r\nabcde",
    "a header that begins folded": b"POST / HTTP/1.1\r\n Host: x\r\n\r\n",
    "a bare line feed": POST + b"X: a\nContent-Length: 5\r\n\r\nabcde",
    "a bare carriage return": POST + b"X: a\rContent-Length: 5\r\n\r\nabcde",
    "a NUL": POST + b"X: a\x00b\r\n\r\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "two blanks": b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a blank behind the version": b"GET / HTTP/1.1 \r\nHost: x\r\n\r\n",
    "a tab": b"GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "a whole address": b"GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "a fragment": b"GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n",
    "an address that is not ASCII": "GET /é HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    "a line break in the path": b"GET /x%0a%7B%22event%22:%22FORGED%22%7D HTTP/1.1\r\nHost: x\r\n\r\n",
    "a NUL in the path": b"GET /x%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a blank line in front": b"\r\n" + NEXT,
    "a line feed in front": b"\n" + NEXT,
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a chunk of no size": CHUNKED + b"zz\r\n\r\n",
    "a size with a sign": CHUNKED + b"+5\r\nabcde\r\n0\r\n\r\n",
    "a size with 0x": CHUNKED + b"0x5\r\nabcde\r\n0\r\n\r\n",
    "an endless size": CHUNKED + b"0" * 100 + b"5\r\nabcde\r\n0\r\n\r\n",
    "a size without an end": CHUNKED + b"1" * 100,
    "a size of more than 32 bits": CHUNKED + b"100000005\r\nabcde\r\n0\r\n\r\n",
    "a size with a line feed only": CHUNKED + b"5\nabcde\r\n0\r\n\r\n",
    "a size with a line feed more": CHUNKED + b"5\n\r\nabcde\r\n0\r\n\r\n",
    "a size with a blank": CHUNKED + b"5 \r\nabcde\r\n0\r\n\r\n",
    "an extension": CHUNKED + b"5;a=b\r\nabcde\r\n0\r\n\r\n",
    "an empty line for a size": CHUNKED + b"\r\n5\r\nabcde\r\n0\r\n\r\n",
    "a chunk that is longer than it says": CHUNKED + b"4\r\nabcde\r\n0\r\n\r\n",
    "a chunk that ends with a line feed": CHUNKED + b"5\r\nabcde\n0\r\n\r\n",
    "a trailer": CHUNKED + b"5\r\nabcde\r\n0\r\nX: y\r\n\r\n",
}
TAKEN = {
    "a length": (POST + b"Content-Length: 5\r\n\r\nabcde", b"abcde"),
    "nothing": (POST + b"Content-Length: 0\r\n\r\n", b""),
    "chunks": (CHUNKED + b"5\r\nabcde\r\n00A\r\n0123\r\n6789\r\n0\r\n\r\n", b"abcde0123\r\n6789"),
    "no chunks": (CHUNKED + b"0\r\n\r\n", b""),
    "HTTP/1.0": (b"POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\na", b"a"),
    "an address with a query": (b"GET /a%20b?c=%0a&d=/? HTTP/1.1\r\nHost: x\r\n\r\n", b""),
}


def read(data: bytes, packet: int = 8192) -> tuple[StrictParser, bytes]:
    """The first request of `data`, which comes in packets of that size, and what is behind it."""
    parser = StrictParser(Adjustments(max_request_body_size=10_000))
    at = 0
    while at < len(data) and not parser.completed:
        at += parser.received(data[at : at + packet])
    return parser, data[at:]


@pytest.mark.parametrize("packet", [1, 3, 8192])
@pytest.mark.parametrize("what", REFUSED)
def test_what_can_be_read_in_two_ways_is_a_400(what: str, packet: int) -> None:
    parser, _ = read(REFUSED[what], packet)
    assert parser.completed, "it waits for more"
    assert parser.error is not None
    assert parser.error.code == 400


@pytest.mark.parametrize("packet", [1, 3, 8192])
@pytest.mark.parametrize("what", TAKEN)
def test_what_every_reader_reads_alike_is_taken_and_ends_where_it_ends(what: str, packet: int) -> None:
    data, body = TAKEN[what]
    parser, rest = read(data + NEXT, packet)
    assert parser.completed
    assert parser.error is None
    assert parser.get_body_stream().read() == body
    assert rest == NEXT


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=8), st.integers(1, 50))
def test_any_body_comes_out_of_its_chunks_as_it_went_in(parts: list[bytes], packet: int) -> None:
    sent = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    parser, rest = read(CHUNKED + sent + NEXT, packet)
    assert parser.error is None
    assert parser.get_body_stream().read() == b"".join(parts)
    assert rest == NEXT


@pytest.mark.parametrize(
    "data", [CHUNKED + b"%x\r\n" % 20_000 + b"a" * 20_000, POST + b"Content-Length: 20000\r\n\r\n"]
)
def test_a_body_beyond_the_limit_is_a_413(data: bytes) -> None:
    parser, _ = read(data)
    assert parser.error is not None
    assert parser.error.code == 413


def test_endless_headers_are_a_431() -> None:
    parser = StrictParser(Adjustments(max_request_header_size=1000))
    parser.received(POST + b"X: " + b"a" * 2000)
    assert parser.error is not None
    assert parser.error.code == 431
