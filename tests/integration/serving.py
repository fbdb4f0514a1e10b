"""`up` and `web` as the world meets them: started, looked at from outside, and beset by slow clients."""

import base64
import contextlib
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
from pathlib import Path
from urllib.parse import urlsplit

import requests

from tests.integration import forked
from tests.integration.system import System, healthy, until
from tests.services.ports import free_ports
from tests.services.processes import family
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


class Web:
    """`ravebooks web`, with an active connection that nobody works on."""

    def __init__(self, folder: Path, broker_url: str, **more: str) -> None:
        self.folder = folder
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = os.environ | settings(broker_url, folder) | {"RAVEBOOKS_PORT": str(self.port)} | more
        self.log = folder / "web.log"

    def start(self) -> None:
        released = forked.ravebooks(("release",), self.environment, self.folder)
        assert released.status == 0, released.stderr
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


def folder_of_metrics(pid: int) -> Path:
    """Where the process that was started with this environment adds its metrics to the others'."""
    environment = dict(pair.split("=", 1) for pair in Path(f"/proc/{pid}/environ").read_text().split("\0") if pair)
    return Path(environment["PROMETHEUS_MULTIPROC_DIR"])
