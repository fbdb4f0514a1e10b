"""The sandbox over a real socket: one story, so that everything else can be tested without one."""

from __future__ import annotations

import gc
import http.server
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest
import requests

from quickbooks_sandbox import QuickBooksSandbox
from quickbooks_sandbox.books.amounts import decode
from quickbooks_sandbox.testing import CUSTOMER, line
from quickbooks_sandbox.world.services import Services


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[QuickBooksSandbox]:
    sandbox = QuickBooksSandbox(tmp_path)
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.fixture
def receiver() -> Iterator[tuple[str, Queue[bytes]]]:
    received: Queue[bytes] = Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", received
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_client_connects_writes_and_is_told(sandbox: QuickBooksSandbox, receiver: tuple[str, Queue[bytes]]) -> None:
    credentials = sandbox.credentials()
    base = f"http://127.0.0.1:{sandbox.port}"
    with requests.Session() as session:
        assert session.get(f"{base}/sandbox/credentials", timeout=5).json() == credentials
        url, received = receiver
        session.post(f"{base}/sandbox/webhooks", json={"url": url}, timeout=5)
        discovery = session.get(credentials["discovery_url"], timeout=5).json()
        tokens = session.post(
            discovery["token_endpoint"],
            data={"grant_type": "refresh_token", "refresh_token": credentials["refresh_token"]},
            auth=(credentials["client_id"], credentials["client_secret"]),
            timeout=5,
        ).json()
        session.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        company = f"{credentials['api_url']}/company/{credentials['realm_id']}"
        order = {"endpoint": "invoice.create", "kind": "timeout_after", "count": 1, "seconds": 0}
        session.post(f"{base}/sandbox/faults", json=order, timeout=5)
        body = {"CustomerRef": {"value": CUSTOMER}, "Line": [line(10)]}
        with pytest.raises(requests.ConnectionError):
            session.post(f"{company}/invoice", json=body, params={"requestid": "r"}, timeout=5)
        again = session.post(f"{company}/invoice", json=body, params={"requestid": "r"}, timeout=5)
        assert again.json()["Invoice"]["Id"] == "1"
        [event] = decode(received.get(timeout=5))
        assert event["type"] == "qbo.invoice.created.v1"


def test_the_same_directory_continues(sandbox: QuickBooksSandbox, tmp_path: Path) -> None:
    second = QuickBooksSandbox(tmp_path)
    assert second.credentials()["realm_id"] == sandbox.credentials()["realm_id"]
    second.stop()


def test_a_closed_sandbox_leaves_memory_without_the_collector(tmp_path: Path) -> None:
    """The documents of a large company are hidden from the collector: a cycle would keep them for ever."""
    gc.disable()
    try:
        services = Services(tmp_path)
        services.close()
        gone = weakref.ref(services)
        del services
        assert gone() is None
    finally:
        gc.enable()
