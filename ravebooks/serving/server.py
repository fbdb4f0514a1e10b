"""The HTTP server: waitress reads whole requests before a thread is taken; here nobody keeps it waiting for ever."""

import logging
import resource
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, cast

from flask import Flask
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher

from config import telemetry
from config.logging import logger
from config.ports import Clock, Entropy, SystemEntropy
from config.repeats import Repeats
from config.tally import Tally
from ravebooks.serving.listening import port_of
from ravebooks.serving.patience import Awaited, Patience, Waiting
from ravebooks.serving.strict import StrictParser
from schemas.problems import MEDIA_TYPE
from webhooks import problems, request_ids
from webhooks.headers import HEADERS

QUICK_THREADS = 16
"""For webhooks, health and metrics, which wait for nobody outside."""
OTHER_THREADS = 16
"""For the API and the consent, whose calls may wait: for a neighbour, for the database, for what a person asked for."""
QUICK_PATHS = ("/webhooks/", "/healthz", "/readyz", "/metrics")

MOST_CONNECTIONS = 1000
SPARE_FILES = 100
"""File descriptors for database, broker, neighbours and bodies that went to disk."""
HEADER_LIMIT = 64 * 1024
BODY_IN_MEMORY = 64 * 1024
"""What is more of a body that is being received goes to disk: a thousand slow ones do not fill the memory."""
ACCEPTED_IN_A_TURN = 64
"""A turn asks every connection what it waits for: one client a turn would be slow in a full house."""
ROUND_SECONDS = 1.0
ANSWER_SECONDS = 3.0
"""For requests that are being answered when the server ends."""

log = logger("server")


class Lanes:
    """Two pools of threads: however many calls of the API wait, webhooks and health have threads of their own."""

    def __init__(self, quick: int = QUICK_THREADS, others: int = OTHER_THREADS) -> None:
        # waitress' types name another class than its channels, and whole seconds.
        self._quick: Any = ThreadedTaskDispatcher()
        self._others: Any = ThreadedTaskDispatcher()
        self._quick.set_thread_count(quick)
        self._others.set_thread_count(others)

    def add_task(self, channel: "Channel") -> None:
        """Answer the first request of `channel` in a thread of its lane."""
        # One that could not be read has no path; refusing it takes no time.
        path = getattr(channel.requests[0], "path", QUICK_PATHS[0])
        (self._quick if path.startswith(QUICK_PATHS) else self._others).add_task(channel)

    def shutdown(self, cancel_pending: bool = True, timeout: float = ANSWER_SECONDS) -> None:
        """End the threads, those that are answering within `timeout` seconds; drop what has no thread yet."""
        deadline = time.monotonic() + timeout
        for pool in (self._quick, self._others):
            pool.set_thread_count(0)
        for pool in (self._quick, self._others):
            pool.shutdown(cancel_pending, max(0.0, deadline - time.monotonic()))


class Refusal(ErrorTask):
    """What the server itself answers to what it could not read: a problem, with the headers of every answer."""

    def execute(self) -> None:
        """Called by waitress."""
        # waitress' types name another class than its requests, and its server.
        request: Any = self.request
        error = request.error
        # What waitress quotes may be a secret.
        problem = problems.of_status(error.code, f"{_unquoted(error.body)}.")
        body = problem.as_json().encode()
        self.status = f"{problem.status} {problem.title}"
        self.response_headers = [*self.response_headers, ("Content-Type", MEDIA_TYPE)]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)

    def build_response_header(self) -> bytes:
        """Called by waitress."""
        # What it would have brought of its own could not be read either.
        server: Any = self.channel.server
        name = server.entropy.token(request_ids.SIZE)
        self.response_headers = [*self.response_headers, *HEADERS.items(), (request_ids.HEADER, name)]
        return super().build_response_header()


class Channel(HTTPChannel):
    """One connection, which knows what its client is waited for."""

    parser_class = StrictParser
    error_task_class = Refusal
    server: "Engine"

    def __init__(self, server: "Engine", *args: Any, **kwargs: Any) -> None:
        self.answered = 0
        self.waiting = Waiting(server.monotonic())
        self._is_closed = False
        super().__init__(server, *args, **kwargs)

    def readable(self) -> bool:
        """Whether to wait for what the client sends."""
        return not self._is_closed and bool(super().readable())

    def writable(self) -> bool:
        """Whether to wait until the client takes what there is for it."""
        return not self._is_closed and bool(super().writable())

    def handle_close(self) -> None:
        """Close; also called in the middle of a turn, which must not poll a descriptor that the next client gets."""
        self._is_closed = True
        super().handle_close()

    def service(self) -> None:
        """Answer one request, in a thread of its lane."""
        self.answered += 1
        error: Any = self.requests[0].error
        if error is not None:
            self.server.note_refusal(self, error.code, error.body)
        super().service()

    def look(self, now: float) -> None:
        """See whose turn it is."""
        self.waiting.see(self._awaited(), self.answered, now)

    def _awaited(self) -> Awaited:
        if self.total_outbufs_len:
            return Awaited.ANSWER
        if self.requests:
            return Awaited.NOTHING
        # A fresh connection is one whose first request has begun: silence is no way to stay longer.
        return Awaited.REQUEST if self.request is not None or not self.answered else Awaited.NEXT


class Engine(TcpWSGIServer):
    """The loop that accepts, reads and writes, in one thread; looks at every connection once a second."""

    channel_class = Channel
    _map: dict[int, Any]
    task_dispatcher: Any

    def __init__(
        self,
        app: Flask,
        listening: socket.socket,
        body_limit: int,
        *,
        tally: Tally,
        monotonic: Callable[[], float] = time.monotonic,
        patience: Patience = Patience(),  # noqa: B008 - a frozen value
        most_connections: int = MOST_CONNECTIONS,
        lanes: Lanes | None = None,
        proxies: int = 0,
    ) -> None:
        self.monotonic = monotonic
        self.entropy: Entropy = SystemEntropy()
        self._patience = patience
        self._tally = tally
        self._next_round = 0.0
        self.on_round: Callable[[], object] = lambda: None
        sockinfo = (listening.family, listening.type, listening.proto, listening.getsockname())
        super().__init__(
            app,
            map={},
            _sock=listening,
            dispatcher=cast(Any, lanes or Lanes()),
            adj=Adjustments(
                sockets=[listening],
                # A little over the receivers' own limit, which answers in JSON.
                max_request_body_size=body_limit * 2,
                max_request_header_size=HEADER_LIMIT,
                inbuf_overflow=BODY_IN_MEMORY,
                connection_limit=most_connections,
                # select() knows no more than 1024 file descriptors.
                asyncore_use_poll=True,
                clear_untrusted_proxy_headers=True,
                # Nothing but who asked is taken from what proxies add: our own address is in the settings.
                **(_trusting(proxies) if proxies else {}),
                ident=None,
            ),
            bind_socket=False,
            sockinfo=sockinfo,
        )

    def readable(self) -> bool:
        """Whether to accept; called in every turn of the loop."""
        now = self.monotonic()
        if now >= self._next_round:
            self._next_round = now + ROUND_SECONDS
            self._round(now)
        return bool(self.accepting and (len(self._map) < self.adj.connection_limit or self._make_room(now)))

    def handle_accept(self) -> None:
        """Take the clients that wait at the door."""
        for _ in range(ACCEPTED_IN_A_TURN):
            before = len(self._map)
            super().handle_accept()
            if len(self._map) == before or len(self._map) >= self.adj.connection_limit:
                return

    def _round(self, now: float) -> None:
        for channel in self._channels():
            channel.look(now)
            if channel.waiting.is_over(self._patience, now):
                self._close_channel(channel, channel.waiting.awaited)
        self._tally.tell()
        self.on_round()

    def _make_room(self, now: float) -> bool:
        """Close a tenth of the connections, those whose clients are waited for the longest: nobody is turned away."""
        for channel in self._channels():
            channel.look(now)
        awaited = [c for c in self._channels() if c.waiting.awaited is not Awaited.NOTHING]
        awaited.sort(key=lambda channel: channel.waiting.since)
        for channel in awaited[: max(1, self.adj.connection_limit // 10)]:
            self._close_channel(channel, "room")
        return bool(awaited)

    def _channels(self) -> list[Channel]:
        channels: Any = self.active_channels
        return list(channels.values())

    def _close_channel(self, channel: Channel, why: str) -> None:
        telemetry.connections_closed.labels(why).inc()
        if why != Awaited.NEXT:
            self._tally.met(log, "connection closed", str(channel.addr[0]), waited_for=why)
        # At once: waitress would wait until the client takes what is left, which is what this one does not.
        channel.handle_close()

    def note_refusal(self, channel: Channel, status: int, why: str) -> None:
        """Say what could not be read: a proxy that writes requests in another way would else be refused in silence."""
        telemetry.requests_refused.labels(str(status)).inc()
        # What waitress quotes may be a secret.
        self._tally.met(log, "request refused", str(channel.addr[0]), status=status, why=_unquoted(why))

    def stop_accepting(self) -> None:
        """Leave new connections to others who listen on the same port."""
        self.accepting = False


class Server:
    """A WSGI application on a listening socket, in a thread."""

    def __init__(
        self,
        app: Flask,
        listening: socket.socket,
        body_limit: int,
        clock: Clock,
        tally: Tally,
        name: str = "web",
        proxies: int = 0,
    ) -> None:
        # Errors only: its warnings say what clients did.
        logging.getLogger("waitress").setLevel(logging.ERROR)
        self.port = port_of(listening)
        self._clock = clock
        self.name = name
        self._stopping = threading.Event()
        self._engine = Engine(
            app,
            listening,
            body_limit,
            tally=tally,
            monotonic=clock.monotonic,
            most_connections=_most_connections(),
            proxies=proxies,
        )
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self, on_round: Callable[[], object]) -> None:
        """Serve in the background; `on_round` is called every second as long as the loop turns."""
        self._engine.on_round = on_round
        self._thread.start()

    def _run(self) -> None:
        repeats = Repeats(self.name, log, self._clock)
        while not self._stopping.is_set():
            try:
                self._engine.run()
            except Exception as error:  # noqa: BLE001 - the thread's outermost border
                if self._stopping.is_set():
                    # Closing the listening socket ends the loop this way.
                    log.debug("server ended", error=str(error))
                    return
                self._stopping.wait(repeats.met(error))

    def stop(self, seconds: float) -> None:
        """Finish what is being answered, for `seconds` at most, then close."""
        self._engine.stop_accepting()
        # The listening socket goes last: closing it takes the pipe away by which answers wake the loop.
        self._engine.task_dispatcher.shutdown(timeout=min(seconds, ANSWER_SECONDS))
        self._stopping.set()
        self._engine.close()


def _trusting(proxies: int) -> dict[str, Any]:
    """Who asked is who the outermost of so many proxies, counted from us, says that it was."""
    return {
        "trusted_proxy": "*",
        "trusted_proxy_count": proxies,
        "trusted_proxy_headers": {"x-forwarded-for"},
    }


def _unquoted(text: str) -> str:
    """A sentence of waitress' without what it quotes of the request."""
    return text.partition('"')[0].strip().rstrip(".")


def _most_connections() -> int:
    """As many as file descriptors allow, which is tried to be raised first; a soft limit of 1024 is usual."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS * 2 + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    # Two for each: a body that is received may lie in a file.
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, (soft - SPARE_FILES) // 2)
