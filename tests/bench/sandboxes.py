"""A simulated world whose neighbours answer from a process of their own, so that their time is not counted.

What they were asked and what they answered is kept: whoever only sends the same requests gets the same answers.
"""

from __future__ import annotations

import multiprocessing
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any

import requests

from ravebooks import apps
from tests.simulation.world import Chance, Letter, World

Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Exchange:
    """One request and its answer."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    answer: Answer


class OverTheNetwork(requests.adapters.HTTPAdapter):
    """Sends whatever it is to the port behind which both sandboxes are."""

    def __init__(self, port: int) -> None:
        super().__init__(pool_connections=4, pool_maxsize=16)
        self._port = port

    def send(self, request: requests.PreparedRequest, *arguments: Any, **more: Any) -> requests.Response:
        """Send it, with the sandbox's own name in it."""
        scheme, _, rest = str(request.url).partition("://")
        request.headers["Host"], _, path = rest.partition("/")
        request.url = f"{scheme}://127.0.0.1:{self._port}/{path}"
        return super().send(request, *arguments, **more)


class ApartWorld(World):
    """A world whose sandboxes can be put into a process of their own."""

    port = 0

    def put_apart(self) -> None:
        """From now on the neighbours answer over the network; their clock is ours, as often as they are told it."""
        self._there, there = multiprocessing.Pipe()
        context = multiprocessing.get_context("fork")
        self._process = context.Process(target=_Apart(self, there).run, daemon=True)
        self._process.start()
        self.port = self._there.recv()
        self.quickbooks, self.ravetree = self._sides()
        # Its sessions are opened anew.
        self.parts = self._make_parts(self._chance)
        self.web = apps.web(self.parts).test_client()
        self.reconciler = self.parts.consuming.reconciler()

    def _open(self, moment: datetime, chance: Chance) -> None:
        self._chance = chance.ours
        super()._open(moment, chance)

    def adapter(self) -> Any:
        """The network: within this process, or the real one once the sandboxes are apart."""
        return OverTheNetwork(self.port) if self.port else super().adapter()

    def collect(self) -> list[Letter]:
        """What both sides have posted since the last time."""
        found: list[Letter] = self._ask("collect") if self.port else super().collect()
        return found

    def tape(self) -> list[Exchange]:
        """What was asked since the last time, and answered."""
        found: list[Exchange] = self._ask("tape")
        return found

    def play(self, tape: Sequence[Exchange]) -> None:
        """Whoever asks next is answered from this tape."""
        self._ask("play", list(tape))

    def _ask(self, what: str, *more: Any) -> Any:
        self._there.send((what, self.clock.moment, *more))
        return self._there.recv()

    def close(self) -> None:
        """End the other process too."""
        if self.port:
            self._ask("end")
            self._process.join(10)
            self.port = 0
        super().close()


class _Apart:
    """The other process: the sandboxes of a world, behind a port."""

    def __init__(self, world: ApartWorld, here: Connection) -> None:
        self._world = world
        self._here = here
        self._lock = threading.Lock()
        self._tape: list[Exchange] = []
        self._playing: deque[Answer] = deque()

    def run(self) -> None:
        """Answer until the end is asked for."""
        server = _Server(("127.0.0.1", 0), _Handler)
        server.answer = self._answer
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self._here.send(server.server_address[1])
        while True:
            what, moment, *more = self._here.recv()
            with self._lock:
                self._world.clock.moment = moment
                self._here.send(self._done(what, *more))
            if what == "end":
                return

    def _done(self, what: str, *more: Any) -> Any:
        if what == "collect":
            return World.collect(self._world)
        if what == "play":
            self._playing = deque(exchange.answer for exchange in more[0])
        tape, self._tape = self._tape, []
        return tape

    def _answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
        with self._lock:
            if self._playing:
                return self._playing.popleft()
            request = requests.Request(method, url, headers, data=body).prepare()
            answer = self._world._route(request)
            self._tape.append(Exchange(method, url, headers, body, answer))
            return answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = dict(self.headers.items())
        status, said, data = self.server.answer(self.command, f"http://{headers['Host']}{self.path}", headers, body)
        self.send_response(status)
        for name, value in said.items():
            if name.lower() not in ("content-length", "date", "server", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - names of the library

    def log_message(self, *_arguments: Any) -> None:
        """Each request would be a line."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    answer: Callable[[str, str, dict[str, str], bytes], Answer]
