"""A TCP proxy whose connections can be made to lead nowhere: they stay open, and nothing comes through any more."""

import contextlib
import socket
import struct
import threading
from collections import deque
from types import TracebackType
from typing import Self

from tests.services.ports import free_ports


class Proxy:
    """Forwards `port` of 127.0.0.1 to a target there, each connection to the next one that takes it."""

    def __init__(self, *targets: int) -> None:
        self._targets = deque(targets)
        self.port = free_ports(1)[0]
        self._server = socket.create_server(("127.0.0.1", self.port))
        self._links: list[_Link] = []
        self._takes, self._resets, self._delay = True, False, 0.0
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def black_hole(self, *, new_ones_too: bool = False) -> None:
        """From now on nothing comes through the connections that are open."""
        with self._lock:
            self._takes = not new_ones_too
            for link in self._links:
                link.dead.set()

    def shut(self) -> None:
        """Reset every connection, and each new one, until it is mended."""
        with self._lock:
            self._resets = True
            links, self._links = self._links, []
        for link in links:
            link.reset()

    def slow(self, seconds: float) -> None:
        """Whatever comes, in either direction, comes so much later."""
        with self._lock:
            self._delay = seconds
            for link in self._links:
                link.delay = seconds

    def mend(self) -> None:
        """New connections lead through, and at once; the dead ones stay dead."""
        self.slow(0.0)
        with self._lock:
            self._takes, self._resets = True, False

    def close(self) -> None:
        """Close everything."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        with self._lock:
            for link in self._links:
                link.close()

    def _connected(self) -> socket.socket | None:
        for _ in range(len(self._targets)):
            self._targets.rotate(-1)
            with contextlib.suppress(OSError):
                return socket.create_connection(("127.0.0.1", self._targets[0]))
        return None

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                server = self._connected()
                if server is None:
                    client.close()
                    continue
                with self._lock:
                    link = _Link(client, server, self._delay)
                    resets = self._resets
                    if not self._takes:
                        link.dead.set()
                    if not resets:
                        self._links.append(link)
                if resets:
                    link.reset()
                else:
                    link.start()


_RESETS = struct.pack("ii", 1, 0)
"""Lingering for no time at all: closing says RST, not FIN."""


class _Link:
    def __init__(self, client: socket.socket, server: socket.socket, delay: float) -> None:
        self._ends = (client, server)
        self.delay = delay
        self.dead = threading.Event()

    def start(self) -> None:
        client, server = self._ends
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.dead.wait(self.delay):
                    return
                sink.sendall(data)
        if not self.dead.is_set():
            self.close()

    def reset(self) -> None:
        """As a firewall or a router that was started anew does."""
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESETS)
        self.close()

    def close(self) -> None:
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
