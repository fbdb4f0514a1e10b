"""An installation one of whose processes dies at a crash point, and what has to happen so that the point is passed."""

import http.server
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import pika
import requests
import sqlalchemy as sa

from config import names
from publishers import marks
from ravebooks.demo.hands import line
from ravebooks.demo.sides import Body
from reconcile.wellness import Code
from schemas.times import parse_instant
from storage.models import Connection, PlannedDuty, Telling
from tests.chaos import dying, points
from tests.chaos.points import Point
from tests.integration.installed import AUTHORISED, PROCESSES, Installation
from tests.integration.system import Procfile, until
from tests.services.mail import MailServer
from tests.services.ports import ServiceError
from tests.services.proxy import Proxy

ROOT = Path(__file__).parents[2]
DIED_SECONDS = 60.0
CAUSE_SECONDS = 8.0
"""Between two tries to have the process pass its point, unless it has died meanwhile."""
LOOK_SECONDS = 0.2
LATER_SECONDS = 30.0
"""A delivery that its sender puts off for longer is not waited for: time passes at the sender."""
SHORT = {
    # Who dies leaves a lease behind, and a write without an answer.
    "RAVEBOOKS_LEASE_SECONDS": "2",
    "RAVEBOOKS_HTTP_SECONDS": "1.5",
    "RAVEBOOKS_UNCERTAIN_SECONDS": "1",
    "RAVEBOOKS_TELL_SECONDS": "1",
    "RAVEBOOKS_TELL_OVER_SECONDS": "0",
    # Which of several takes a delivery is chance; of one it is counted.
    "RAVEBOOKS_WEB_PROCESSES": "1",
}


class Listener(http.server.ThreadingHTTPServer):
    """Takes the webhook by which operators are told; keeps its names."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hears)
        self.heard: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class _Hears(http.server.BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append(self.headers["webhook-id"])
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class MortalProcfile(Procfile):
    """Processes of which one may be told where to die."""

    launched: tuple[str, ...] = ()
    dying_name = ""

    def spawn(self, name: str, more: Mapping[str, str], log: IO[bytes]) -> "subprocess.Popen[bytes]":
        """The process, by way of what has it die if it is the one."""
        launched = self.launched if name == self.dying_name else ()
        return subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", *launched, "ravebooks", name],
            stdout=log,
            stderr=log,
            env={**self._environment, **more, "PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )


class Mortal(Installation):
    """Web reaches the broker and the worker its database through a proxy each: they can be away for one alone."""

    processes: MortalProcfile

    def __init__(self, folder: Path, broker_url: str, database_url: str) -> None:
        processes = PROCESSES if broker_url else ("up",)
        super().__init__(folder, broker_url, database_url, MortalProcfile, processes)
        self._folder = folder
        self._points = 0
        self.mail, self.listener = MailServer(), Listener()
        self.proxies: dict[str, Proxy] = {}
        self._elsewhere: dict[str, dict[str, str]] = {}
        if broker_url:
            self._by_proxy("web", "RAVEBOOKS_BROKER_URL")
            self._by_proxy("worker", "RAVEBOOKS_DATABASE_URL")
        self.environment |= SHORT | {
            "RAVEBOOKS_MAIL_URL": self.mail.url,
            "RAVEBOOKS_MAIL_TO": "kim@books.example",
            "RAVEBOOKS_TELL_WEBHOOK_URL": self.listener.url,
            "RAVEBOOKS_TELL_WEBHOOK_SECRET": "whsec_" + "a" * 32,
        }

    def _by_proxy(self, process: str, variable: str) -> None:
        url = sa.make_url(self.environment[variable])
        assert url.port is not None
        self.proxies[process] = proxy = Proxy(url.port)
        self._elsewhere[process] = {variable: self.environment[variable].replace(f":{url.port}/", f":{proxy.port}/")}

    @property
    def broker_url(self) -> str:
        return self.environment["RAVEBOOKS_BROKER_URL"]

    @property
    def database_url(self) -> str:
        return self.environment["RAVEBOOKS_DATABASE_URL"] or f"sqlite:///{self._folder}/ravebooks.db"

    def run(self, name: str) -> None:
        port = str(self.ports.get(name, 0))
        variable = "RAVEBOOKS_PORT" if name in ("web", "up") else "RAVEBOOKS_HEALTH_PORT"
        self.processes.run(name, **self.environment | self._elsewhere.get(name, {}) | {variable: port})

    def close(self) -> None:
        with suppress(AttributeError):
            super().close()
        self.mail.close()
        self.listener.close()
        for proxy in self.proxies.values():
            proxy.close()

    @contextmanager
    def dying(self, point: Point) -> Iterator["Platform"]:
        """Its process is started anew to die at the point, and again whenever it has died."""
        name = point.boundary.process
        marker = self._folder / f"deaths-{self._points}"
        self._points += 1
        passes = ",".join(map(str, point.boundary.passes))
        self.processes.end(name)
        self.processes.dying_name = name
        self.processes.launched = ("tests.chaos.dying", str(point), passes, str(marker))
        platform = Platform(self, name, marker, len(point.boundary.passes))
        self.run(name)
        platform.start()
        try:
            # Of a delivery that found nobody listening, Ravetree's next repetition is five minutes after the first.
            until(self.is_up)
            yield platform
        finally:
            platform.end()
            self.processes.dying_name = ""


class Platform(threading.Thread):
    """Starts a process again when it has died, as what runs a Procfile does; for web its own parent process does."""

    def __init__(self, installed: Mortal, name: str, marker: Path, deaths: int) -> None:
        super().__init__(daemon=True)
        self._installed, self._name, self._marker = installed, name, marker
        self._deaths = deaths
        self._ended = threading.Event()
        self.unexpected: int | None = None

    def run(self) -> None:
        """Look, again and again."""
        while not self._ended.wait(0.05):
            status = self._installed.processes.running[self._name].poll()
            if status == dying.STATUS:
                self._installed.run(self._name)
            elif status is not None:
                self.unexpected = status
                return

    def end(self) -> None:
        self._ended.set()
        self.join()

    @property
    def deaths(self) -> list[float]:
        """When it died."""
        lines = self._marker.read_text().splitlines() if self._marker.exists() else []
        return [float(line.split()[0]) for line in lines]

    @property
    def is_over(self) -> bool:
        """Whether it has died as often as it was to."""
        return len(self.deaths) >= self._deaths

    def await_deaths(self, seconds: float = DIED_SECONDS) -> None:
        """Return when it has."""
        until(lambda: self.is_over or self.unexpected is not None, seconds, f"{self._name} did not pass its point")
        assert self.unexpected is None, f"{self._name} ended with {self.unexpected}"


# --- what has to happen ---------------------------------------------------------------------------


class Cause:
    """What a person, a neighbour or fate does so that a point is passed: begun, repeated until then, and ended."""

    def __init__(self, installed: Mortal, point: Point) -> None:
        self.installed, self._when = installed, point.boundary.when
        self._is_told = point.boundary.thread == "teller"
        self._told_before = self._told()
        self.poison: list[bytes] = []

    def _told(self) -> tuple[int, int]:
        return len(self.installed.mail.kept), len(self.installed.listener.heard)

    def begin(self) -> None:
        """Before the day."""
        if self._when == points.WITHOUT_BROKER:
            self.installed.proxies["web"].shut()

    def until_death(self, platform: Platform, day: "Day") -> None:
        """Once for each death, and again when nobody dies of it."""
        deadline = time.monotonic() + DIED_SECONDS
        while self._when != points.DAY and not platform.is_over:
            assert time.monotonic() < deadline, f"{self._when}: nobody died"
            deaths = len(platform.deaths)
            day.let_time_pass()
            self._happen()
            with suppress(ServiceError):
                until(lambda deaths=deaths: len(platform.deaths) > deaths, CAUSE_SECONDS)

    def _happen(self) -> None:
        match self._when:
            case points.WITHOUT_BROKER:
                with suppress(requests.ConnectionError):
                    self.installed.post_event()
            case points.POISONED:
                self._poison()
            case points.OLD_TOKEN:
                self._store(sa.update(Connection).values(access_expires_at=datetime.now(UTC)))
                # So that somebody needs it.
                self._make_due()
            case points.DUE:
                self._make_due()
            case points.ASKED:
                self._ask()
            case points.WITHOUT_DATABASE:
                until(lambda: all(consumers for _, _, consumers in marks.depths(self.installed.broker_url)))
                self.installed.proxies["worker"].shut()
                self.installed.post_event()

    def end(self) -> None:
        """After the deaths."""
        for proxy in self.installed.proxies.values():
            proxy.mend()

    def await_told(self) -> None:
        """Operators are told of what is dead, by either way, whoever died meanwhile."""
        if self._is_told:
            until(lambda: all(map(int.__gt__, self._told(), self._told_before)), DIED_SECONDS, "nobody was told")

    def discard(self) -> None:
        """The dead letters, so that nobody is told of them any more."""
        if self.poison:
            for letter in self.installed.dead():
                assert self._api("POST", f"dead-letters/{letter['id']}/discard").status_code == 204
        if self._is_told:
            until(lambda: not self._open_tellings(), DIED_SECONDS, "what is over stays told")

    def _open_tellings(self) -> int:
        engine = sa.create_engine(self.installed.database_url)
        with engine.connect() as connection:
            dead = sa.select(sa.func.count()).where(Telling.code == Code.DEAD_LETTERS)
            found = connection.execute(dead).scalar_one()
        engine.dispose()
        return int(found)

    def _make_due(self) -> None:
        self._store(sa.update(PlannedDuty).values(due_at=datetime.now(UTC) - timedelta(seconds=1)))

    def _store(self, statement: Any) -> None:
        engine = sa.create_engine(self.installed.database_url)
        with engine.begin() as connection:
            connection.execute(statement)
        engine.dispose()

    def _poison(self) -> None:
        """Messages that nobody can read: a delivery and a nudge."""
        with pika.BlockingConnection(pika.URLParameters(self.installed.broker_url)) as broker:
            channel = broker.channel()
            channel.confirm_delivery()
            for exchange, key in ((names.EVENTS_EXCHANGE, "quickbooks.1"), ("", names.RECONCILE_QUEUE)):
                body = b"{not json " + uuid.uuid4().bytes
                properties = pika.BasicProperties(delivery_mode=2, message_id=uuid.uuid4().hex)
                channel.basic_publish(exchange, key, body, properties)
                self.poison.append(body)

    def _ask(self) -> None:
        """A person sends settings back as they are, and has everything of the last hour looked at again."""
        connection = self.installed.connection_id
        since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
        # Who asks the process that dies gets no answer, and asks again.
        with suppress(requests.ConnectionError, requests.Timeout):
            settings = self._api("GET", f"connections/{connection}/settings").json()
            for method, path, body in (
                ("PUT", f"connections/{connection}/settings", settings),
                ("POST", "bulk-jobs", {"what": "recover", "connection": connection, "since": since, "by": "kim"}),
            ):
                assert self._api(method, path, body).ok

    def _api(self, method: str, path: str, body: Any = None) -> requests.Response:
        return requests.request(method, f"{self.installed.url}/api/{path}", json=body, headers=AUTHORISED, timeout=10)


# --- a day ----------------------------------------------------------------------------------------


class Day:
    """A small working day: an invoice, an edit, sent from QuickBooks, a payment on either side."""

    def __init__(self, installed: Mortal, patience: float) -> None:
        self._installed, self._patience = installed, patience
        self._ravetree, self._quickbooks = installed.ravetree, installed.quickbooks
        self._name = uuid.uuid4().hex[:8]
        self._skipped: set[tuple[int, int]] = set()

    def begin(self) -> None:
        """A user makes an invoice."""
        self._invoice = self._installed.invoice("100.00")

    def go_on(self) -> None:
        """All the rest, each when the one before it has arrived."""
        number, invoice_id = self._invoice["number"], self._invoice["id"]
        self._until(lambda: self._quickbooks.invoice(number), "the invoice did not arrive")
        lines = [line("time", "Work", "1", "120.00")]
        self._ravetree.change("invoices", invoice_id, {"lines": lines})
        self._until(lambda: self._theirs()["TotalAmt"] == 120, "the edit did not arrive in QuickBooks")
        self._quickbooks.write(f"invoice/{self._theirs()['Id']}/send", {}, sendTo="books@client.example")
        self._until(lambda: self._ours()["sent_at"], "that it was sent did not arrive in Ravetree")
        self._quickbooks.pay({number: "50.00"}, "2026-11-21", f"CHK {self._name}")
        self._until(lambda: float(self._ours()["balance"]) == 70, "the payment did not arrive in Ravetree")
        self._ravetree.create(
            "payments",
            {
                "client_id": self._invoice["client_id"],
                "date": "2026-11-22",
                "amount": "70.00",
                "currency": "USD",
                "reference": f"WIRE {self._name}",
                "allocations": [{"invoice_id": invoice_id, "amount": "70.00"}],
            },
        )
        self._until(lambda: self._theirs()["Balance"] == 0, "the payment did not arrive in QuickBooks")

    def _ours(self) -> Body:
        return self._ravetree.get("invoices", self._invoice["id"])

    def _theirs(self) -> Body:
        found = self._quickbooks.invoice(self._invoice["number"])
        assert found is not None, "the invoice has gone from QuickBooks"
        return found

    def _until(self, look: Any, what: str) -> None:
        deadline = time.monotonic() + self._patience
        while not look():
            assert time.monotonic() < deadline, what
            self.let_time_pass()
            # Each look is some requests: asked more often, the sandbox would have no time for anybody else.
            time.sleep(LOOK_SECONDS)

    def let_time_pass(self) -> None:
        """Ravetree repeats what nobody took after five seconds, and then after five minutes: nobody waits for those."""
        rows = requests.get(f"{self._ravetree.root}/sandbox/deliveries", timeout=30).json()["deliveries"]
        waiting = [row for row in rows if row["state"] == "pending" and row["attempts"]]
        first = min(waiting, key=lambda row: str(row["due_at"]), default=None)
        # Once for each attempt, and while somebody listens: the sender gives up after ten of them.
        if first is None or (first["id"], first["attempts"]) in self._skipped or not self._installed.is_up():
            return
        clock = requests.get(f"{self._ravetree.root}/sandbox/clock", timeout=30).json()
        wait = (parse_instant(first["due_at"]) - parse_instant(clock["now"])).total_seconds()
        if wait > LATER_SECONDS:
            self._skipped.add((first["id"], first["attempts"]))
            self._ravetree.steer("clock", {"advance_seconds": wait})
