"""Web, workers and sweeper on a private RabbitMQ and PostgreSQL, with many accounts whose neighbours answer at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.bench.books import TOKEN_KEYS, Book, install, spelled
from tests.bench.neighbours import WEBHOOK_KEYS
from tests.integration.system import healthy
from tests.services.ports import free_ports, wait_until
from tests.services.postgresql import PostgreSQL
from tests.services.processes import family, processor_seconds
from tests.services.rabbitmq import RabbitMQ

GIVEN_UP = 240.0
"""Seconds after which what is not written is lost."""


@dataclass(frozen=True)
class Edit:
    """One edit: whose it was, when its event was posted and when it was written, in seconds of one clock."""

    account: str
    posted: float
    written: float

    @property
    def took(self) -> float:
        """Seconds from the one to the other."""
        return self.written - self.posted


class Running:
    """An installation with an account for each number of invoices."""

    def __init__(self, invoices: Sequence[int]) -> None:
        self._invoices = invoices
        self._folder = tempfile.TemporaryDirectory()
        self._processes: dict[str, subprocess.Popen[Any]] = {}
        self._broker, self._database = RabbitMQ(), PostgreSQL()
        self.books: list[Book] = []

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_raised: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def _start(self) -> None:
        self._broker.start()
        self._database.start()
        database = self._database.new_database()
        self.books = install(database, self._invoices)
        books = Path(self._folder.name) / "books.json"
        books.write_text(spelled(self.books))
        port = free_ports(1)[0]
        url = f"http://127.0.0.1:{port}"
        with (Path(self._folder.name) / "neighbours.log").open("wb") as log:
            self._neighbours = self._processes["neighbours"] = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-W", "ignore", "-m", "tests.bench.neighbours", str(books), url],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._environment = self._settings(database, url, self._answer()["port"])
        command = [sys.executable, "-m", "ravebooks", "release"]
        subprocess.run(command, env=self._environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
        self._run("web", RAVEBOOKS_PORT=str(port))
        self._run("sweeper", RAVEBOOKS_HEALTH_PORT="0")
        wait_until(lambda: healthy(url), 60, "web did not answer")

    def _settings(self, database: str, url: str, neighbours: int) -> dict[str, str]:
        there = f"http://127.0.0.1:{neighbours}"
        values = {
            "STATE_DIR": self._folder.name,
            "DATABASE_URL": database,
            "BROKER_URL": self._broker.url,
            "PUBLIC_URL": url,
            "SECRET_KEY": "s" * 32,
            "API_TOKEN": "bench-api-token-of-the-bench",
            "TOKEN_KEYS": TOKEN_KEYS,
            "RAVETREE_WEBHOOK_KEYS": WEBHOOK_KEYS,
            "QUICKBOOKS_ENVIRONMENT": "local",
            "QUICKBOOKS_CLIENT_ID": "bench",
            "QUICKBOOKS_CLIENT_SECRET": "bench",
            "QUICKBOOKS_API_URL": f"{there}/v3",
            "QUICKBOOKS_DISCOVERY_URL": f"{there}/discovery",
            "QUICKBOOKS_VERIFIER_TOKENS": "bench",
            "RAVETREE_API_URL": f"{there}/v1",
            "CDC_SECONDS": "86400",
        }
        return os.environ | {f"RAVEBOOKS_{name}": value for name, value in values.items()}

    def _run(self, name: str, place: str = "", **more: str) -> None:
        with (Path(self._folder.name) / f"{name}{place}.log").open("wb") as log:
            self._processes[name + place] = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", "ravebooks", name],
                env=self._environment | more,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    # --- what is done with it --------------------------------------------------------------------

    def begin_workers(self, count: int) -> None:
        """Start so many worker processes, and wait until each works."""
        ports = free_ports(count)
        for place, port in enumerate(ports):
            self._run("worker", str(place), RAVEBOOKS_HEALTH_PORT=str(port))
        for port in ports:
            wait_until(partial(healthy, f"http://127.0.0.1:{port}"), 60, "a worker did not start")

    def end_workers(self) -> None:
        """End them all in order."""
        for name in [name for name in self._processes if name.startswith("worker")]:
            self._end(name)

    def spent(self, name: str) -> float:
        """Seconds of the processor that the processes of this name have used so far."""
        found = [process.pid for key, process in self._processes.items() if key.startswith(name)]
        return sum(processor_seconds(pid) for each in found for pid in family(each))

    def edit(self, plan: Sequence[tuple[float, str]]) -> list[Edit]:
        """Have users edit invoices of accounts at these times, and wait for every edit to be written.

        Exits if one is written twice, or never, or if anything else was asked of the neighbours.
        """
        self._order("forget")
        self._order("edit", plan=list(plan))
        ends = time.monotonic() + GIVEN_UP
        while True:
            report = self._order("report")
            if all(edit["written"] for edit in report["edits"]) or time.monotonic() > ends:
                break
            time.sleep(0.5)
        # What is written twice is written soon after.
        time.sleep(1.0)
        report = self._order("report")
        wrong = [edit for edit in report["edits"] if len(edit["written"]) != 1]
        if wrong or report["unexpected"] or len(report["edits"]) != len(plan):
            sys.exit(f"of {len(plan)} edits {len(wrong)} were not written once; {report['unexpected']}: {wrong[:3]}")
        return [Edit(edit["account"], edit["posted"], edit["written"][0]) for edit in report["edits"]]

    def _order(self, order: str, **more: Any) -> Any:
        assert self._neighbours.stdin is not None
        self._neighbours.stdin.write(f"{json.dumps({'order': order, **more})}\n")
        self._neighbours.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._neighbours.stdout is not None
        line = self._neighbours.stdout.readline()
        if not line:
            sys.exit(f"the neighbours ended: {(Path(self._folder.name) / 'neighbours.log').read_text()}")
        return json.loads(line)

    def _end(self, name: str) -> None:
        process = self._processes.pop(name)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def close(self) -> None:
        """End everything."""
        for name in sorted(self._processes, key=lambda name: name == "neighbours"):
            self._end(name)
        self._broker.remove()
        self._database.remove()
        self._folder.cleanup()
