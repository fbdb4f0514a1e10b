"""The server's loop, turned by hand, with real sockets on loopback and a clock that is moved."""

import contextlib
import json
import re
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from flask import Flask, Response, request
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from config.tally import Tally
from ravebooks.serving.listening import listen, port_of
from ravebooks.serving.server import Engine, Lanes
from schemas.problems import MEDIA_TYPE, ProblemSchema
from tests.unit.ports import FakeClock
from webhooks.headers import HEADERS

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
MOST = 12
"""Connections, with the loop's own two descriptors."""


class Loop:
    """An engine that turns while somebody waits for something."""

    def __init__(self, clock: FakeClock, proxies: int = 0) -> None:
        app = Flask("tests")
        app.add_url_rule("/who", "who", view_func=lambda: request.remote_addr or "")
        app.add_url_rule("/healthz", "healthz", view_func=lambda: "well")
        self.begun, self.go_on = threading.Event(), threading.Event()
        app.add_url_rule("/late", "late", view_func=self._late)
        app.add_url_rule("/big", "big", view_func=lambda: Response(b"x" * 30_000_000))
        app.add_url_rule("/echo", "echo", view_func=lambda: request.get_data(), methods=["POST"])
        listening = listen("127.0.0.1", 0, "PORT")
        self.port = port_of(listening)
        self.clock = clock
        self.engine = Engine(
            app,
            listening,
            1_000_000,
            tally=Tally(clock),
            monotonic=clock.monotonic,
            most_connections=MOST,
            lanes=Lanes(1, 1),
            proxies=proxies,
        )

    def _late(self) -> str:
        self.begun.set()
        assert self.go_on.wait(10)
        return "at last"

    def turn(self, until: Callable[[], bool], what: str = "it did not happen") -> None:
        """Turn the loop until then; each turn ends when something happens, or after 2 ms.

        While a thread of the engine's has the loop's own business in its hands, thousands of turns take a moment.
        """
        gives_up = time.monotonic() + 30
        while time.monotonic() < gives_up:
            if until():
                return
            self.engine.asyncore.loop(timeout=0.002, map=self.engine._map, use_poll=True, count=1)
        raise AssertionError(what)

    def connect(self, receives: int = 0) -> socket.socket:
        """A client; `receives`: bytes that the kernel takes on its behalf, instead of megabytes."""
        before = set(self.engine._channels())
        client = socket.socket()
        if receives:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
        client.settimeout(5)
        client.connect(("127.0.0.1", self.port))
        self.turn(lambda: bool(set(self.engine._channels()) - before), "not accepted")
        return client

    def drip(self, client: socket.socket, data: bytes) -> None:
        """Send `data` a byte a second, turning the loop in between."""
        for byte in data:
            client.sendall(bytes([byte]))
            self.pass_time(1)

    def pass_time(self, seconds: int) -> None:
        """Let time pass, the loop turning."""
        for _ in range(seconds):
            self.clock.advance(1)
            self.settle()

    def settle(self) -> None:
        turns = iter(range(3))
        self.turn(lambda: next(turns, None) is None)

    def is_closed(self, client: socket.socket) -> bool:
        """Whether our side has closed it, without an answer."""
        client.setblocking(False)
        try:
            return client.recv(1) == b""
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True
        finally:
            client.settimeout(5)

    def answer(self, client: socket.socket, sent: bytes = GET) -> bytes:
        client.sendall(sent)
        client.setblocking(False)
        got = bytearray()

        def arrived() -> bool:
            try:
                got.extend(client.recv(65536))
            except BlockingIOError:
                return False
            head, found, body = bytes(got).partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            # Head and body may come one after the other.
            return bool(found) and len(body) >= (int(length[1]) if length else 0)

        self.turn(arrived, "no answer")
        client.settimeout(5)
        return bytes(got)


@pytest.fixture
def proxies() -> int:
    """How many a test trusts."""
    return 0


@pytest.fixture
def loop(clock: FakeClock, proxies: int) -> Iterator[Loop]:
    made = Loop(clock, proxies)
    yield made
    for channel in made.engine._channels():
        channel.handle_close()
    made.engine.task_dispatcher.shutdown()
    made.engine.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\n" + b"X: y\r\n" * 10,
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + b"a" * 10,
        b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nab",
    ],
    ids=["silence", "headers", "a body", "a chunk"],
)
def test_a_request_has_fifteen_seconds_to_arrive_a_byte_at_a_time_too(loop: Loop, sent: bytes) -> None:
    with closing(loop.connect()) as client:
        client.sendall(sent)
        loop.settle()
        loop.drip(client, b"a" * 14 if sent else b"")
        if not sent:
            loop.pass_time(14)
        assert not loop.is_closed(client)
        loop.pass_time(2)
        assert loop.is_closed(client)


def test_who_was_answered_keeps_the_connection_and_has_the_whole_time_again(loop: Loop) -> None:
    with closing(loop.connect()) as client:
        for idle in (0, 70, 70):
            loop.pass_time(idle)
            assert loop.answer(client).startswith(b"HTTP/1.1 200")
            loop.settle()
        client.sendall(GET[:10])
        loop.pass_time(14)
        assert loop.answer(client, GET[10:]).startswith(b"HTTP/1.1 200")
        loop.pass_time(75)
        assert not loop.is_closed(client)
        # The thread may have been seen at its last lines.
        loop.pass_time(5)
        assert loop.is_closed(client)


def test_who_does_not_take_the_answer_is_closed_and_frees_the_thread(loop: Loop) -> None:
    """waitress closes a connection when it could write: to one that takes nothing it never can."""
    with closing(loop.connect(receives=4096)) as client:
        client.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        (channel,) = loop.engine._channels()
        ours = channel.socket
        assert ours is not None
        loop.turn(lambda: channel.total_outbufs_len > 0 and not select.select([], [ours], [], 0.05)[1])
        loop.pass_time(59)
        assert loop.engine._channels()
        loop.pass_time(3)
        assert not loop.engine._channels()
    with closing(loop.connect()) as client:
        # In the same lane, which has one thread here.
        assert loop.answer(client, b"GET /other HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 404")


def test_a_full_house_turns_nobody_away(loop: Loop) -> None:
    """Who has been waited for the longest makes room."""
    slow = []
    for _ in range(3 * MOST):
        client = loop.connect()
        client.sendall(b"GET / HT")
        slow.append(client)
        loop.clock.advance(0.1)
    try:
        assert len(loop.engine._channels()) < MOST
        with closing(loop.connect()) as client:
            assert loop.answer(client).startswith(b"HTTP/1.1 200")
        assert loop.is_closed(slow[0])
        assert not loop.is_closed(slow[-1])
    finally:
        for client in slow:
            client.close()


def test_who_is_being_answered_is_not_closed_to_make_room(loop: Loop) -> None:
    """A webhook that was taken and then cut would be delivered again."""
    with closing(loop.connect()) as busy, contextlib.ExitStack() as others:
        busy.sendall(b"GET /late HTTP/1.1\r\nHost: x\r\n\r\n")
        loop.turn(loop.begun.is_set, "not begun")
        for _ in range(3 * MOST):
            others.enter_context(closing(loop.connect())).sendall(b"GET / HT")
            loop.clock.advance(0.1)
        loop.go_on.set()
        assert loop.answer(busy, b"").endswith(b"at last")


def test_what_is_refused_ends_the_connection_and_what_stands_behind_it_is_not_read(loop: Loop) -> None:
    both = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    with closing(loop.connect()) as client:
        assert loop.answer(client, both + GET).startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))
        loop.settle()
        rest = client.recv(65536) if not loop.is_closed(client) else b""
        assert b"HTTP/1." not in rest
        assert not loop.engine._channels()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", 431),
    ],
)
def test_what_the_server_itself_answers_has_the_headers_of_every_answer(loop: Loop, sent: bytes, status: int) -> None:
    with closing(loop.connect()) as client:
        head, _, body = loop.answer(client, sent).decode().partition("\r\n\r\n")
    assert f" {status} " in head.splitlines()[0]
    assert f"Content-Type: {MEDIA_TYPE}" in head
    assert re.search("^Request-Id: [0-9a-f]{16}\r?$", head, re.MULTILINE)
    problem = json.loads(body)
    assert ProblemSchema().validate(problem) == {}
    assert problem["status"] == status
    assert [line for line in (f"{name}: {value}" for name, value in HEADERS.items()) if line not in head] == []


def test_what_is_refused_is_counted_and_told_without_what_it_said(loop: Loop) -> None:
    counted = REGISTRY.get_sample_value("ravebooks_requests_refused_total", {"status": "400"}) or 0
    secret = b"GET /api/connections HTTP/1.1\r\nHost: x\r\nAuthorization: s3cret\rvalue\r\n\r\n"
    with capture_logs() as logs:
        for _ in range(20):
            with closing(loop.connect()) as client:
                assert loop.answer(client, secret).split()[1] == b"400"
    assert REGISTRY.get_sample_value("ravebooks_requests_refused_total", {"status": "400"}) == counted + 20
    assert [(line["event"], line["status"], line["times"]) for line in logs] == [("request refused", 400, 1)]
    assert logs[0]["why"] == "Bare CR or LF found in header line"
    assert "s3cret" not in str(logs)


def test_callers_that_hold_every_other_thread_hold_up_no_webhook(clock: FakeClock) -> None:
    class Waiting:
        """A channel whose request is to be answered."""

        def __init__(self, path: str) -> None:
            self.requests = [type("Request", (), {"path": path})]

    lanes = Lanes(0, 0)
    for path in ("/api/items", "/webhooks/quickbooks", "/healthz", "/readyz", "/connect/start", "/webhooksx"):
        lanes.add_task(Waiting(path))  # type: ignore[arg-type]
    assert [task.requests[0].path for task in lanes._quick.queue] == ["/webhooks/quickbooks", "/healthz", "/readyz"]
    assert len(lanes._others.queue) == 3


@pytest.mark.parametrize(("proxies", "address"), [(0, b"127.0.0.1"), (1, b"203.0.113.9"), (2, b"198.51.100.7")])
def test_who_asked_is_whom_as_many_proxies_as_are_trusted_say(loop: Loop, address: bytes) -> None:
    """Else whoever tries passwords names a new address each time, or a whole office shares the proxy's."""
    forwarded = b"X-Forwarded-For: 192.0.2.1, 198.51.100.7, 203.0.113.9\r\nX-Forwarded-Host: evil.example\r\n"
    with closing(loop.connect()) as client:
        answer = loop.answer(client, b"GET /who HTTP/1.1\r\nHost: x\r\n" + forwarded + b"\r\n")
    assert answer.partition(b"\r\n\r\n")[2] == address
