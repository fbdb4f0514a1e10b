"""Processes of `web`, their ports and their metrics: nothing here depends on how fast the machine is."""

import os
import re
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration import forked
from tests.integration.serving import Web, folder_of_metrics, settings
from tests.integration.system import until
from tests.services.ports import free_ports
from tests.services.processes import alive, family


def test_the_metrics_of_all_processes_are_one_and_outlive_each(web: Web) -> None:
    served = web.served()
    taken = 'ravebooks_deliveries_total{answer="200",source="quickbooks"}'
    before = served.metric(taken)
    for _ in range(30):
        served.deliver()
    assert {served.metric(taken) - before for _ in range(10)} == {30}
    until(lambda: served.metric("ravebooks_broker_connected") == 1, 20, "a process has no broker")
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


def test_what_is_for_operators_moves_to_a_port_of_its_own(virtual_host: str, tmp_path: Path) -> None:
    operations = free_ports(1)[0]
    made = Web(tmp_path, virtual_host, RAVEBOOKS_OPERATIONS_PORT=str(operations))
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
        done = forked.ravebooks((command,), environment, tmp_path)
    assert done.status == 1
    assert re.fullmatch(
        rf"ravebooks: cannot listen on 127\.0\.0\.1 port {port}: another process does\. "
        r"Stop what listens there, or set RAVEBOOKS_(PORT|HEALTH_PORT)\b.* to another port\.\n",
        done.stderr,
    ), done.stderr
