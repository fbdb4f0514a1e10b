"""What private servers share: a process that is started, stopped, killed, paused and resumed."""

import shutil
import signal
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.services.ports import ServiceError, wait_until
from tests.services.processes import alive, family, send, stands_still

START_SECONDS = 60
STOP_SECONDS = 30


class Server(ABC):
    """A server in a temporary directory of its own, on ports that stay the same when it is started again."""

    name: str
    stop_signal = signal.SIGTERM

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix=f"ravebooks-{self.name.lower()}-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._paused = False

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of the process that all its others come from."""
        if self._process is None:
            raise ServiceError(f"{self.name} does not run.")
        return self._process.pid

    def start(self) -> None:
        """Starts, or starts again on the same port with the same data; returns when it takes connections."""
        if self.running:
            return
        self._prepare()
        with (self.directory / "output.log").open("ab") as output:
            self._process = self._spawn(output.fileno())
        try:
            wait_until(self._ready, START_SECONDS, f"{self.name} did not start")
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Stops in an orderly way."""
        if self._process is None:
            return
        self.resume()
        if self.running:
            self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._reap()

    def kill(self) -> None:
        """kill -9 of the server and everything it started; returns when all of it is gone."""
        if self._process is None:
            return
        # Stopped first, so that it starts nothing more while its family is counted.
        send([self._process.pid], signal.SIGSTOP)
        pids = family(self._process.pid)
        send(pids, signal.SIGKILL)
        self._reap()
        wait_until(lambda: not any(map(alive, pids)), STOP_SECONDS, f"{self.name} did not die")

    def pause(self) -> None:
        """The server hangs: connections stay open and, once this returns, nothing answers."""
        if self._process is not None:
            # The server itself first: what it starts afterwards would go on.
            send([self._process.pid], signal.SIGSTOP)
            pids = family(self._process.pid)
            send(pids, signal.SIGSTOP)
            self._paused = True
            wait_until(lambda: all(map(stands_still, pids)), STOP_SECONDS, f"{self.name} did not stand still")

    def resume(self) -> None:
        if self._paused and self._process is not None:
            self._paused = False
            send(family(self._process.pid), signal.SIGCONT)

    def remove(self) -> None:
        """Ends the server, in no order since its data go too, and removes its directory."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _prepare(self) -> None:  # noqa: B027 - not every server has something to prepare
        """Called before every start."""

    @abstractmethod
    def _spawn(self, output: int) -> subprocess.Popen[bytes]:
        """Start the process, its output going to this file descriptor."""

    @abstractmethod
    def _is_ready(self) -> bool:
        """Whether it takes connections."""

    def _ready(self) -> bool:
        if not self.running:
            raise ServiceError(f"{self.name} ended while it started: {self._last_output()}")
        return self._is_ready()

    def _reap(self) -> None:
        self._paused = False
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _last_output(self) -> str:
        log = self.directory / "output.log"
        return log.read_text(errors="replace")[-2000:] if log.exists() else "no output"


@contextmanager
def together(*servers: Server) -> Iterator[None]:
    """Several servers, started at once: each waits for most of its start."""
    try:
        with ThreadPoolExecutor(len(servers)) as pool:
            for started in [pool.submit(server.start) for server in servers]:
                started.result()
        yield
    finally:
        for server in servers:
            server.remove()
