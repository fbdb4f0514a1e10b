"""`up` and `web` from outside: nobody holds up a webhook, floods leave no trace that grows, metrics add up."""

import base64
import contextlib
import http.client
import json
import os
import re
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from console.api.serving import WAITING_CALLERS
from publishers import marks
from tests.integration.system import System, healthy, until
from tests.services.ports import free_ports
from tests.services.processes import alive, family
from tests.services.rabbitmq import RabbitMQ
from webhooks.signatures import quickbooks_signature

RING = "1:" + base64.b64encode(b"k" * 32).decode()
CONNECTION = "c1"
UNFINISHED = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: "
BIG_BODY = b"POST /webhooks/quickbooks HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + b"a" * 100_000
SLOW_BODY = b"POST /webhooks/quickbooks HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nintuit-signature: x\r\n\r\nabc"


def settings(broker_url: str, folder: Path) -> dict[str, str]:
    """What `web` needs, on a database in `folder`; its neighbours are out of reach."""
    values = {
        "STATE_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder}/ravebooks.db",
        "BROKER_URL": broker_url,
        "SECRET_KEY": "s" * 40,
        "TOKEN_KEYS": RING,
        "RAVETREE_WEBHOOK_KEYS": RING,
        "API_TOKEN": "api",
        "PUBLIC_URL": "http://127.0.0.1",
        "QUICKBOOKS_ENVIRONMENT": "local",
        "QUICKBOOKS_CLIENT_ID": "client",
        "QUICKBOOKS_CLIENT_SECRET": "secret",
        "QUICKBOOKS_VERIFIER_TOKENS": "verifier",
        "QUICKBOOKS_API_URL": "http://127.0.0.1:9/v3",
        "QUICKBOOKS_DISCOVERY_URL": "http://127.0.0.1:9/discovery",
        "RAVETREE_API_URL": "http://127.0.0.1:9/v1",
    }
    return {f"RAVEBOOKS_{name}": value for name, value in values.items()}


class Served:
    """A server under test, whichever command it is."""

    def __init__(self, url: str, pid: int, log: Path, *, api_token: str, verifier: str, connection: str) -> None:
        self.url, self.pid, self.log = url, pid, log
        self.port = int(urlsplit(url).port or 0)
        self.connection = connection
        self.head = {"Authorization": f"Bearer {api_token}"}
        self._verifier = verifier

    def deliver(self) -> float:
        """Post a signed delivery on a connection of its own; the seconds until it was taken."""
        event = {
            "specversion": "1.0",
            "id": secrets.token_hex(8),
            "source": "x",
            "type": "qbo.unicorn.updated.v1",
            "time": "2026-11-20T14:13:20Z",
            "intuitentityid": "1",
            "intuitaccountid": "1",
        }
        body = json.dumps([event]).encode()
        head = {"intuit-signature": quickbooks_signature(body, self._verifier), "Content-Type": "application/json"}
        begun = time.monotonic()
        answer = requests.post(f"{self.url}/webhooks/quickbooks", data=body, headers=head, timeout=10)
        assert answer.status_code == 200, answer.text
        return time.monotonic() - begun

    def look(self) -> float:
        """The seconds until `/healthz` and `/readyz` have answered, whatever the second one says."""
        begun = time.monotonic()
        assert requests.get(f"{self.url}/healthz", timeout=10).status_code == 200
        assert requests.get(f"{self.url}/readyz", timeout=10).status_code in (200, 503)
        return time.monotonic() - begun

    def metric(self, line: str) -> float:
        return metric_of(requests.get(f"{self.url}/metrics", timeout=10).text, line)

    def open_files(self) -> int:
        """File descriptors of all its processes."""
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in family(self.pid))

    def memory(self) -> float:
        """Resident megabytes of all its processes."""
        kilobytes = 0
        for pid in family(self.pid):
            status = Path(f"/proc/{pid}/status").read_text()
            kilobytes += int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) if "VmRSS" in status else 0  # type: ignore[union-attr]
        return kilobytes / 1024


def metric_of(text: str, line: str) -> float:
    return sum(float(found.rsplit(" ", 1)[1]) for found in text.splitlines() if found.startswith(line))


@pytest.fixture(scope="module")
def broker() -> Iterator[RabbitMQ]:
    with RabbitMQ() as server:
        marks.claim(server.url, "local", new=True)
        yield server


class Web:
    """`ravebooks web`, with an active connection that nobody works on."""

    def __init__(self, folder: Path, broker_url: str, **more: str) -> None:
        self.folder = folder
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = os.environ | settings(broker_url, folder) | {"RAVEBOOKS_PORT": str(self.port)} | more
        self.log = folder / "web.log"

    def start(self) -> None:
        subprocess.run(
            [sys.executable, "-m", "ravebooks", "release"], env=self.environment, check=True, capture_output=True
        )
        with contextlib.closing(sqlite3.connect(self.folder / "ravebooks.db")) as database, database:
            row = {"id": CONNECTION, "account_id": "org_42", "realm_id": "1", "environment": "local", "state": "active"}
            row |= {"created_at": "2026-11-20 00:00:00.000000", "cdc_watermark": "2026-11-20 00:00:00.000000"}
            columns = database.execute(
                "SELECT name, type, \"notnull\", dflt_value FROM pragma_table_info('connections')"
            )
            for name, kind, required, default in columns.fetchall():
                if required and default is None and name not in row:
                    row[name] = "" if "CHAR" in kind or kind == "TEXT" else "0"
            marks_ = ", ".join("?" * len(row))
            database.execute(f"INSERT INTO connections ({', '.join(row)}) VALUES ({marks_})", list(row.values()))  # noqa: S608 - our own names
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ravebooks", "web"],
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,
            )
        until(lambda: healthy(self.url), 30, "web did not answer")

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def served(self) -> Served:
        return Served(self.url, self.process.pid, self.log, api_token="api", verifier="verifier", connection=CONNECTION)


@pytest.fixture(scope="module")
def web(broker: RabbitMQ, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    made = Web(tmp_path_factory.mktemp("web"), broker.url)
    made.start()
    yield made
    assert made.stop() == 0


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    made = System(Path(tmp_path_factory.mktemp("up")))
    made.start()
    yield made
    assert made.stop() == 0


@pytest.fixture(params=["up", "web"])
def served(request: pytest.FixtureRequest) -> Served:
    """Each of the two commands that the world reaches."""
    if request.param == "web":
        web: Web = request.getfixturevalue("web")
        return web.served()
    return served_by(request.getfixturevalue("up"))


def served_by(up: System) -> Served:
    return Served(
        up.ready["url"],
        up.process.pid,
        up.folder / "up.log",
        api_token=up.api_token(),
        verifier=up.ready["quickbooks"]["verifier_token"],
        connection=up.ready["connection"],
    )


@contextlib.contextmanager
def dawdlers(port: int, count: int, data: bytes) -> Iterator[list[socket.socket]]:
    """So many clients that send this and no more."""
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(count):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
            client.sendall(data)
            clients.append(client)
        yield clients


def test_three_hundred_slow_clients_hold_up_no_webhook_and_no_health(served: Served) -> None:
    with dawdlers(served.port, 200, UNFINISHED), dawdlers(served.port, 100, SLOW_BODY):
        for _ in range(5):
            assert served.deliver() < 1
            assert served.look() < 1


def test_more_slow_clients_than_there_is_room_for_make_room_themselves(served: Served) -> None:
    with dawdlers(served.port, 2500, UNFINISHED):
        assert served.deliver() < 1
        assert served.look() < 1
    # Each of these takes a second file descriptor, beyond the 1024 of select().
    with dawdlers(served.port, 900, BIG_BODY):
        until(lambda: served.open_files() > 1700, 20, "the bodies are not in files")
        assert served.deliver() < 1
        assert served.look() < 1
    assert served.metric('ravebooks_connections_closed_total{waited_for="room"}') > 0


def test_a_hundred_callers_who_wait_hold_up_no_webhook_and_most_are_answered_at_once(
    served: Served, request: pytest.FixtureRequest
) -> None:
    url = f"{served.url}/api/connections/{served.connection}/records/ravetree/invoice/inv_none/sync"

    def call(_number: int) -> tuple[float, str]:
        begun = time.monotonic()
        answer = requests.post(url, json={"wait_seconds": 4}, headers=served.head, timeout=60)
        return time.monotonic() - begun, answer.json()["outcome"]

    with quiet_neighbours(served, request), ThreadPoolExecutor(100) as pool:
        calls = [pool.submit(call, number) for number in range(100)]
        until(lambda: sum(each.done() for each in calls) > 50, 20, "nobody was answered at once")
        assert not all(each.done() for each in calls), "nobody waits"
        assert served.deliver() < 1
        assert served.look() < 1
        answers = [each.result() for each in calls]
    assert {outcome for _, outcome in answers} == {"pending"}
    processes = 2 if request.node.callspec.params["served"] == "web" else 1
    assert 0 < sum(took > 3.5 for took, _ in answers) <= WAITING_CALLERS * processes + 4


@contextlib.contextmanager
def quiet_neighbours(served: Served, request: pytest.FixtureRequest) -> Iterator[None]:
    """What is asked for stays pending."""
    if request.node.callspec.params["served"] == "web":
        yield
        return
    root = request.getfixturevalue("up").ready["quickbooks"]["api_url"].removesuffix("/v3")
    ravetree = request.getfixturevalue("up").ready["ravetree"]["api_url"].removesuffix("/v1")
    for place in (root, ravetree):
        requests.post(f"{place}/sandbox/outage", json={"on": True}, timeout=10)
    try:
        yield
    finally:
        for place in (root, ravetree):
            requests.post(f"{place}/sandbox/outage", json={"on": False}, timeout=10)


def flood(port: int, requests_: int, path: str, headers: dict[str, str]) -> None:
    """So many requests, each of which is refused with 401, over four connections."""

    def some(_number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for _ in range(requests_ // 4):
            connection.request("POST", path, b"[]", headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 401
        connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(some, range(4)))


def test_a_flood_of_unsigned_deliveries_leaves_memory_flat_and_a_line_a_minute(served: Served) -> None:
    unsigned = 'ravebooks_deliveries_total{answer="401",source="quickbooks"}'
    flood(served.port, 1000, "/webhooks/quickbooks", {"intuit-signature": "x"})
    memory, counted, logged = served.memory(), served.metric(unsigned), served.log.stat().st_size
    flood(served.port, 10_000, "/webhooks/quickbooks", {"intuit-signature": "x"})
    assert served.memory() - memory < 10
    assert served.metric(unsigned) - counted == 10_000
    assert served.log.stat().st_size - logged < 5_000
    assert "bad signature" in served.log.read_text()


def test_wrong_tokens_of_the_api_are_counted_and_told_the_same_way(served: Served) -> None:
    counted = served.metric("ravebooks_api_unauthorised_total")
    flood(served.port, 400, f"/api/connections/{served.connection}/pause", {"Authorization": "Bearer no-such-token"})
    assert served.metric("ravebooks_api_unauthorised_total") - counted == 400
    said = served.log.read_text()
    assert 1 <= said.count("wrong API token") <= 4
    assert "no-such-token" not in said


def test_the_metrics_of_all_processes_are_one_and_outlive_each(web: Web) -> None:
    served = web.served()
    taken = 'ravebooks_deliveries_total{answer="200",source="quickbooks"}'
    before = served.metric(taken)
    for _ in range(30):
        served.deliver()
    assert {served.metric(taken) - before for _ in range(10)} == {30}
    assert served.metric("ravebooks_broker_connected") == 1
    workers = [pid for pid in family(web.process.pid) if pid != web.process.pid]
    assert len(workers) == 2
    measured = folder_of_metrics(workers[0]) / f"gauge_livemin_{workers[0]}.db"
    assert measured.exists()
    os.kill(workers[0], signal.SIGKILL)
    until(lambda: not alive(workers[0]), 10, "it lives")
    until(lambda: not measured.exists(), 20, "what it had measured is still there")
    until(lambda: len(family(web.process.pid)) == 3, 20, "no new process was started")
    until(lambda: served.metric("ravebooks_broker_connected") == 1, 20, "the new process has no broker")
    assert served.metric(taken) - before == 30


def asked(folder: Path) -> bool:
    """Whether the button's call for `inv_none` has been noted."""
    with contextlib.closing(sqlite3.connect(folder / "ravebooks.db")) as database:
        return bool(database.execute("SELECT 1 FROM pending_changes WHERE record_id = 'inv_none'").fetchone())


def folder_of_metrics(pid: int) -> Path:
    """Where the process that was started with this environment adds its metrics to the others'."""
    environment = dict(pair.split("=", 1) for pair in Path(f"/proc/{pid}/environ").read_text().split("\0") if pair)
    return Path(environment["PROMETHEUS_MULTIPROC_DIR"])


def test_what_is_for_operators_moves_to_a_port_of_its_own(broker: RabbitMQ, tmp_path: Path) -> None:
    operations = free_ports(1)[0]
    made = Web(tmp_path, broker.url, RAVEBOOKS_OPERATIONS_PORT=str(operations))
    made.environment["RAVEBOOKS_WEB_PROCESSES"] = "1"
    public, inside = made.url, f"http://127.0.0.1:{operations}"
    made.url = inside
    made.start()
    try:
        made.url = public
        made.served().deliver()
        for path in ("/metrics", "/healthz", "/readyz", "/api/openapi.json"):
            assert requests.get(public + path, timeout=10).status_code == 404, path
            assert requests.get(inside + path, timeout=10).status_code == 200, path
        document: dict[str, Any] = requests.get(f"{inside}/api/openapi.json", timeout=10).json()
        assert len(document["paths"]) > 20
        assert requests.get(f"{public}/api/connections", timeout=10).status_code == 401
        assert requests.get(f"{inside}/api/connections", timeout=10).status_code == 404
        assert requests.post(f"{inside}/webhooks/quickbooks", data=b"[]", timeout=10).status_code == 404
        assert 'answer="200"' in requests.get(f"{inside}/metrics", timeout=10).text
    finally:
        assert made.stop() == 0


@pytest.mark.parametrize("command", ["up", "web", "worker", "sweeper"])
def test_a_used_port_is_one_line_and_status_1(command: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        more = {"RAVEBOOKS_PORT": str(port), "RAVEBOOKS_HEALTH_PORT": str(port)}
        environment = os.environ | settings("amqp://guest:guest@127.0.0.1:9/", tmp_path) | more
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "ravebooks", command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 1
    assert re.fullmatch(
        rf"ravebooks: cannot listen on 127\.0\.0\.1 port {port}: another process does\. "
        r"Stop what listens there, or set RAVEBOOKS_(PORT|HEALTH_PORT)\b.* to another port\.\n",
        done.stderr,
    ), done.stderr


def test_slow_clients_do_not_hold_up_the_end_and_who_is_being_answered_is_answered(
    broker: RabbitMQ, tmp_path: Path
) -> None:
    made = Web(tmp_path, broker.url)
    made.start()
    url = f"{made.url}/api/connections/{CONNECTION}/records/ravetree/invoice/inv_none/sync"
    head = made.served().head
    with dawdlers(made.port, 50, UNFINISHED), ThreadPoolExecutor(1) as pool:
        waits = pool.submit(requests.post, url, json={"wait_seconds": 2}, headers=head, timeout=20)
        folder = folder_of_metrics(made.process.pid)
        until(lambda: asked(made.folder), 10, "the call did not arrive")
        begun = time.monotonic()
        assert made.stop() == 0
        assert time.monotonic() - begun < 10
        assert waits.result().json()["outcome"] == "pending"
    assert not folder.exists()
    assert "ended with work" not in made.log.read_text()


def test_a_neighbour_that_hangs_holds_up_no_webhook_no_health_and_few_callers(tmp_path: Path) -> None:
    """Whoever asks for what waits for QuickBooks takes a thread of the API's; the button takes six at most."""
    up = System(tmp_path)
    up.start()
    served = served_by(up)
    root = up.ready["quickbooks"]["api_url"].removesuffix("/v3")
    fault = {"endpoint": "*", "kind": "timeout_before", "count": 500, "seconds": 3}
    requests.post(f"{root}/sandbox/faults", json=fault, timeout=10).raise_for_status()
    base = f"{served.url}/api/connections/{served.connection}"

    def press(number: int) -> float:
        begun = time.monotonic()
        requests.post(
            f"{base}/records/quickbooks/payment/77{number}/sync",
            json={"wait_seconds": 0},
            headers=served.head,
            timeout=60,
        )
        return time.monotonic() - begun

    try:
        with ThreadPoolExecutor(60) as pool:
            pressed = [pool.submit(press, number) for number in range(40)]
            asked = [pool.submit(requests.get, f"{base}/items", headers=served.head, timeout=60) for _ in range(20)]
            assert served.deliver() < 1
            assert served.look() < 1
            until(lambda: sum(each.done() for each in pressed) >= 34, 30, "the button's callers were not answered")
            assert not all(each.done() for each in asked), "nothing hangs"
    finally:
        requests.delete(f"{root}/sandbox/faults", timeout=10).raise_for_status()
        assert up.stop() == 0
