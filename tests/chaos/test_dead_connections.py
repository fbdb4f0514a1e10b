"""Connections that lead nowhere, servers that hang, a disk without room: real seconds, whole processes."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.integration.installed import Installed
from tests.integration.system import until
from tests.services.proxy import Proxy

BACK_SECONDS = 30.0
END_SECONDS = 10.0
ROOM_SECONDS = 10.0
BOOKS = 12 * 1024 * 1024
"""Bytes of the disk that fills up."""


def say(*words: object) -> None:
    """What was measured, for whoever looks (`TESTS=-s`)."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")


class Proxied(Installed):
    """The processes reach broker and database through proxies only."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.to_broker, self.to_database = Proxy(self.broker.port), Proxy(self.database.port)
        for name, server, proxy in (
            ("RAVEBOOKS_BROKER_URL", self.broker, self.to_broker),
            ("RAVEBOOKS_DATABASE_URL", self.database, self.to_database),
        ):
            self.environment[name] = self.environment[name].replace(f":{server.port}/", f":{proxy.port}/")

    def close(self) -> None:
        super().close()
        self.to_broker.close()
        self.to_database.close()

    def health(self, name: str) -> requests.Response:
        return requests.get(f"http://127.0.0.1:{self.ports[name]}/healthz", timeout=5)


class Watch:
    """Asks a process for its health, each quarter of a second, and remembers when it was red."""

    def __init__(self, installed: Proxied, name: str) -> None:
        self._installed, self._name = installed, name
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.begun = time.monotonic()
        self.red: list[tuple[float, list[str]]] = []

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(0.25):
            with contextlib.suppress(requests.RequestException):
                answer = self._installed.health(self._name)
                if answer.status_code == 503:
                    self.red.append((time.monotonic() - self.begun, answer.json()["stuck"]))

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begun


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Proxied]:
    made = Proxied(tmp_path)
    try:
        made.start()
        made.arrives(made.invoice())
        yield made
    finally:
        made.broker.resume()
        made.database.resume()
        made.close()


def test_consumers_on_dead_connections_to_the_broker_are_red_and_back_in_thirty_seconds(installed: Proxied) -> None:
    installed.to_broker.black_hole()
    with Watch(installed, "worker") as watch:
        invoice = installed.invoice()
        until(lambda: installed.quickbooks.invoice(invoice["number"]), BACK_SECONDS, "the invoice did not arrive")
        say(f"across after {watch.seconds:.1f} s")
        until(lambda: installed.health("worker").ok, BACK_SECONDS - watch.seconds, "the worker stayed red")
        say(f"green after {watch.seconds:.1f} s; red: {watch.red[:1]} … {watch.red[-1:]}")
    assert {name for _, stuck in watch.red for name in stuck} >= {"recorder: connection", "nudges: connection"}
    invoice = installed.invoice()
    installed.arrives(invoice)
    assert installed.dead() == []


def test_workers_on_dead_connections_to_the_database_are_back_in_thirty_seconds(installed: Proxied) -> None:
    invoice = installed.invoice()
    installed.to_database.black_hole()
    begun = time.monotonic()
    until(lambda: installed.quickbooks.invoice(invoice["number"]), BACK_SECONDS, "the first did not arrive")
    say(f"across after {time.monotonic() - begun:.1f} s")
    later = installed.invoice()
    until(lambda: installed.quickbooks.invoice(later["number"]), BACK_SECONDS + 10, "the second did not arrive")
    say(f"the second after {time.monotonic() - begun:.1f} s")
    assert installed.dead() == []


@pytest.mark.parametrize("hanging", ["broker", "database", "both"])
def test_every_process_ends_in_ten_seconds_whatever_hangs(installed: Proxied, hanging: str) -> None:
    if hanging in ("broker", "both"):
        installed.broker.pause()
    if hanging in ("database", "both"):
        installed.database.pause()
    installed.post_event()
    threading.Event().wait(3)
    took = {}
    for name in ("web", "worker", "sweeper"):
        begun = time.monotonic()
        code = installed.processes.end(name)
        took[name] = time.monotonic() - begun
        assert code == 0, installed.processes.log(name)[-2000:]
    say(hanging, {name: f"{seconds:.1f} s" for name, seconds in took.items()})
    assert max(took.values()) < END_SECONDS, took


# --- a disk without room ---------------------------------------------------------------------------


class Cramped:
    """`ravebooks up --sandbox` whose books are on a small disk of their own, in a mount namespace of its own."""

    def __init__(self, folder: Path) -> None:
        books = folder / "books"
        books.mkdir()
        script = f'mount -t tmpfs -o size={BOOKS} books "$1" && shift && exec "$@"'
        command = ["unshare", "--mount", "--map-root-user", "sh", "-c", script, "sh", str(books)]
        with (folder / "up.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [*command, sys.executable, "-m", "ravebooks", "up", "--sandbox"],
                stdout=subprocess.PIPE,
                stderr=log,
                env=os.environ
                | {"RAVEBOOKS_STATE_DIR": str(folder), "RAVEBOOKS_DATABASE_URL": f"sqlite:///{books}/books.db"},
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, (folder / "up.log").read_text()[-3000:]
        self.url = json.loads(line)["url"]
        self._filler = Path(f"/proc/{self._process.pid}/root{books}/filler")

    def fill(self) -> None:
        """Take all room."""
        with self._filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * 4096)

    def make_room(self) -> None:
        self._filler.unlink()

    def ready(self) -> requests.Response:
        return requests.get(f"{self.url}/readyz", timeout=10)

    def end(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(20)
        finally:
            if self._process.stdout is not None:
                self._process.stdout.close()


def test_a_full_disk_is_told_and_left_behind_in_ten_seconds(tmp_path: Path) -> None:
    cramped = Cramped(tmp_path)
    try:
        assert cramped.ready().status_code == 200
        cramped.fill()
        until(lambda: cramped.ready().status_code == 503, 20, "a full disk was called ready")
        assert "disk" in cramped.ready().json()["parts"]["database"]
        say(cramped.ready().json())
        threading.Event().wait(5)
        cramped.make_room()
        begun = time.monotonic()
        until(lambda: cramped.ready().status_code == 200, ROOM_SECONDS, "it did not go on")
        say(f"ready {time.monotonic() - begun:.1f} s after there was room")
    finally:
        assert cramped.end() == 0
