"""Signed deliveries received in a second, beside a view that hands over to nobody and others that publish them.

Each is served by gunicorn's threads, two processes of sixteen, and is asked by `wrk` over 32 connections; *product, its
own server* is `ravebooks web`. Needs `wrk`.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import pika

from publishers import topology
from tests.bench import rounds
from tests.bench.deliveries import events
from tests.bench.servers import QUEUE, THREADS, URL, VERIFIER
from tests.integration.system import healthy
from tests.services.ports import free_ports, wait_until
from tests.services.processes import family
from tests.services.rabbitmq import RabbitMQ
from webhooks.signatures import quickbooks_signature

OWN_SERVER = "product, its own server"
SERVED = ("limit", "kombu", "dramatiq", "celery", "product", OWN_SERVER)
SECONDS, CONNECTIONS = 4, 32


def run(times: int) -> None:
    """Each size in alternating rounds."""
    wrk = shutil.which("wrk")
    if wrk is None:
        sys.exit("wrk is missing: install Debian's package wrk.")
    with RabbitMQ() as rabbitmq, tempfile.TemporaryDirectory() as folder:
        # A queue of the same name has other arguments with each of them.
        environments = {name: environment_of(rabbitmq.new_virtual_host(), Path(folder)) for name in SERVED}
        environments[OWN_SERVER] = environments["product"]
        run_command("release", environments["product"])
        for size in (1, 30):
            script = _script(Path(folder), size)
            load = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", "-s", str(script)]
            measured: rounds.Measured = defaultdict(list)
            for _ in range(times):
                for name in SERVED:
                    measured[name].append(_measure(name, environments[name], load))
                    _purge(environments[name][URL])
            columns = {"rate": "deliveries/s", "cpu": "ms of processor time each", "p50": "p50, ms", "p99": "p99, ms"}
            rounds.show(f"receiving-{size}", f"receive, {size} a delivery", measured, columns, ["limit"])


def server_command(name: str, port: int) -> list[str]:
    """What starts one of `SERVED` on a port."""
    if name == OWN_SERVER:
        return [sys.executable, "-m", "ravebooks", "web"]
    threads = [
        "--worker-class",
        "gthread",
        "--workers",
        "2",
        "--threads",
        str(THREADS),
        "--no-control-socket",
        "--log-level",
        "warning",
    ]
    return [sys.executable, "-m", "gunicorn", *threads, "--bind", f"127.0.0.1:{port}", f"tests.bench.servers:{name}()"]


def run_command(command: str, environment: dict[str, str]) -> None:
    """One of the product's own commands, to its end."""
    asked = [sys.executable, "-m", "ravebooks", command]
    subprocess.run(asked, env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command


def environment_of(broker_url: str, folder: Path) -> dict[str, str]:
    """What the servers run with: this broker, and a database in `folder`."""
    ring = "1:" + base64.b64encode(secrets.token_bytes(32)).decode()
    values = {
        "DATABASE_URL": f"sqlite:///{folder}/bench.db",
        "BROKER_URL": broker_url,
        "SECRET_KEY": secrets.token_hex(32),
        "TOKEN_KEYS": ring,
        "RAVETREE_WEBHOOK_KEYS": ring,
        "API_TOKEN": secrets.token_hex(16),
        "PUBLIC_URL": "http://127.0.0.1",
        "QUICKBOOKS_ENVIRONMENT": "local",
        "QUICKBOOKS_CLIENT_ID": "bench",
        "QUICKBOOKS_CLIENT_SECRET": "bench",
        "QUICKBOOKS_VERIFIER_TOKENS": VERIFIER,
        "RAVETREE_API_URL": "http://127.0.0.1:9/v1",
        # A line for each delivery would measure the terminal.
        "LOG_LEVEL": "warning",
    }
    return os.environ | {URL: broker_url} | {f"RAVEBOOKS_{name}": value for name, value in values.items()}


def _script(folder: Path, size: int) -> Path:
    """What `wrk` sends: one signed delivery, again and again."""
    body = json.dumps(events(size))
    script = folder / f"deliver-{size}.lua"
    script.write_text(
        'wrk.method = "POST"\n'
        f"wrk.body = [==[{body}]==]\n"
        'wrk.headers["Content-Type"] = "application/json"\n'
        f'wrk.headers["intuit-signature"] = "{quickbooks_signature(body.encode(), VERIFIER)}"\n'
    )
    return script


def _measure(name: str, environment: dict[str, str], load: list[str]) -> dict[str, float]:
    port = free_ports(1)[0]
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(  # noqa: S603 - one of the servers above
        server_command(name, port), env=environment | {"RAVEBOOKS_PORT": str(port)}, start_new_session=True
    )
    try:
        wait_until(lambda: healthy(url), 30, f"{name} did not answer")
        _wrk([*load[:3], "-d1s", *load[4:]], url)
        before = _processor_seconds(server.pid)
        said = _wrk(load, url)
        spent = _processor_seconds(server.pid) - before
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"{name}: not every delivery was taken:\n{said}")
    return {
        "rate": float(_found(r"Requests/sec:\s+([\d.]+)", said)),
        "cpu": spent * 1000 / float(_found(r"(\d+) requests in", said)),
        "p50": _milliseconds(_found(r"\n\s+50%\s+(\S+)", said)),
        "p99": _milliseconds(_found(r"\n\s+99%\s+(\S+)", said)),
    }


def _wrk(load: list[str], url: str) -> str:
    asked = [*load, f"{url}/webhooks/quickbooks"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout  # noqa: S603 - wrk


def _purge(url: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        for queue in (QUEUE, *(declared.name for declared in topology.QUEUES)):
            channel = connection.channel()
            try:
                channel.queue_purge(queue)
            except pika.exceptions.ChannelClosedByBroker:
                """Nobody has declared it yet."""


def _processor_seconds(pid: int) -> float:
    """What a server's processes have used so far."""
    stats = [Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split() for each in family(pid)]
    return sum(int(fields[11]) + int(fields[12]) for fields in stats) / os.sysconf("SC_CLK_TCK")


def _milliseconds(text: str) -> float:
    number = float(text.rstrip("mus"))
    return number / 1000 if text.endswith("us") else number if text.endswith("ms") else number * 1000


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        sys.exit(f"wrk said something else:\n{text}")
    return match.group(1)
