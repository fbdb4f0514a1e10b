"""A TCP proxy whose connections can be made to lead nowhere: they stay open, and nothing comes through any more."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

from tests.services.ports import free_ports


class Proxy:
    """Forwards `port` of 127.0.0.1 to `target` there."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.port = free_ports(1)[0]
        self._server = socket.create_server(("127.0.0.1", self.port))
        self._links: list[_Link] = []
        self._takes = True
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

    def mend(self) -> None:
        """New connections lead through; the dead ones stay dead."""
        with self._lock:
            self._takes = True

    def close(self) -> None:
        """Close everything."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        with self._lock:
            for link in self._links:
                link.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    client.close()
                    continue
                with self._lock:
                    link = _Link(client, server)
                    if not self._takes:
                        link.dead.set()
                    self._links.append(link)
                link.start()


class _Link:
    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self._ends = (client, server)
        self.dead = threading.Event()

    def start(self) -> None:
        client, server = self._ends
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.dead.is_set():
                    return
                sink.sendall(data)
        if not self.dead.is_set():
            self.close()

    def close(self) -> None:
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
