"""How many signed deliveries are received in a second: `python tests/bench/receiving_speed.py`.

Needs `wrk` and RabbitMQ (Debian's packages). Starts a private broker, and for each server in turn, several times,
`ravebooks web` or the same application under gunicorn's threads; `wrk` posts QuickBooks deliveries, each of which is
confirmed by the broker before it is answered. Prints each run and each server's medians; the processor time that a
delivery takes says more than the rate where others work on the machine too.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.integration.system import healthy  # the checkout is no installed package
from tests.services.ports import free_ports, wait_until
from tests.services.processes import family
from tests.services.rabbitmq import RabbitMQ
from webhooks.signatures import quickbooks_signature

VERIFIER = "bench"
PYTHON = sys.executable
SERVERS = {
    "ravebooks web": [PYTHON, "-m", "ravebooks", "web"],
    "gunicorn, gthread, 2 workers": [
        *(PYTHON, "-m", "gunicorn", "--worker-class", "gthread", "--workers", "2", "--threads", "16"),
        *("--no-control-socket", "--bind", "127.0.0.1:{port}", "tests.bench.receiving_speed:application()"),
    ],
}


def main() -> None:
    arguments = _arguments()
    wrk = shutil.which("wrk")
    if wrk is None:
        sys.exit("wrk is missing: install Debian's package wrk.")
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in SERVERS}
    with RabbitMQ() as rabbitmq, tempfile.TemporaryDirectory() as folder:
        environment = _environment(rabbitmq.url, Path(folder))
        subprocess.run([PYTHON, "-m", "ravebooks", "release"], env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
        script = _script(Path(folder))
        load = [wrk, "-t1", f"-c{arguments.connections}", f"-d{arguments.seconds}s", "--latency", "-s", str(script)]
        for _ in range(arguments.rounds):
            for name, command in SERVERS.items():
                rate, cost, said = _measure(command, environment, load)
                measured[name].append((rate, cost))
                print(f"{name:<30} {said}", flush=True)  # noqa: T201
    for name, runs in measured.items():
        rate, cost = (statistics.median(values) for values in zip(*runs, strict=True))
        print(f"{name:<30} median {rate:6.0f} deliveries/s, {cost:.2f} ms each")  # noqa: T201


def application() -> object:
    """What `ravebooks web` serves, for another server."""
    from ravebooks import apps
    from ravebooks.commands.processes import web_process

    return apps.web(web_process().parts)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--connections", type=int, default=32)
    return parser.parse_args()


def _environment(broker_url: str, folder: Path) -> dict[str, str]:
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
    return os.environ | {f"RAVEBOOKS_{name}": value for name, value in values.items()}


def _script(folder: Path) -> Path:
    """What `wrk` sends: one signed delivery of one event, again and again."""
    event = {
        "specversion": "1.0",
        "id": "88cd52aa-33b6-4351-9aa4-47572edbd068",
        "source": "bench",
        "type": "qbo.invoice.updated.v1",
        "time": "2026-11-20T14:13:20.123456789Z",
        "intuitentityid": "1234",
        "intuitaccountid": "310687",
    }
    body = json.dumps([event])
    script = folder / "deliver.lua"
    script.write_text(
        'wrk.method = "POST"\n'
        f"wrk.body = [==[{body}]==]\n"
        'wrk.headers["Content-Type"] = "application/json"\n'
        f'wrk.headers["intuit-signature"] = "{quickbooks_signature(body.encode(), VERIFIER)}"\n'
    )
    return script


def _measure(command: list[str], environment: dict[str, str], load: list[str]) -> tuple[float, float, str]:
    port = free_ports(1)[0]
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(  # noqa: S603 - one of the servers above
        [word.format(port=port) for word in command],
        env=environment | {"RAVEBOOKS_PORT": str(port)},
        start_new_session=True,
    )
    try:
        wait_until(lambda: healthy(url), 30, f"{command} did not answer")
        before = _processor_seconds(server.pid)
        said = subprocess.run([*load, f"{url}/webhooks/quickbooks"], capture_output=True, text=True, check=True).stdout  # noqa: S603 - wrk
        spent = _processor_seconds(server.pid) - before
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"{command}: not every delivery was taken:\n{said}")
    rate = float(_found(r"Requests/sec:\s+([\d.]+)", said))
    cost = spent * 1000 / float(_found(r"(\d+) requests in", said))
    middle, slowest = _found(r"\n\s+50%\s+(\S+)", said), _found(r"\n\s+99%\s+(\S+)", said)
    return rate, cost, f"{rate:6.0f} deliveries/s, p50 {middle}, p99 {slowest}, {cost:.2f} ms of processor time each"


def _processor_seconds(pid: int) -> float:
    """What a server's processes have used so far."""
    stats = [Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split() for each in family(pid)]
    return sum(int(fields[11]) + int(fields[12]) for fields in stats) / os.sysconf("SC_CLK_TCK")


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"wrk said something else:\n{text}")
    return match.group(1)


if __name__ == "__main__":
    main()
