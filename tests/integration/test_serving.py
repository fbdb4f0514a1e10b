"""`up` and `web` from outside: nobody holds up a webhook.

These say how soon a server answers: they have the machine to themselves.
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from console.api.serving import WAITING_CALLERS
from tests.integration.serving import (
    BIG_BODY,
    CONNECTION,
    SLOW_BODY,
    UNFINISHED,
    Served,
    Web,
    dawdlers,
    folder_of_metrics,
    served_by,
)
from tests.integration.system import System, until


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


def asked(folder: Path) -> bool:
    """Whether the button's call for `inv_none` has been noted."""
    with contextlib.closing(sqlite3.connect(folder / "ravebooks.db")) as database:
        return bool(database.execute("SELECT 1 FROM pending_changes WHERE record_id = 'inv_none'").fetchone())


def test_slow_clients_do_not_hold_up_the_end_and_who_is_being_answered_is_answered(
    virtual_host: str, tmp_path: Path
) -> None:
    made = Web(tmp_path, virtual_host)
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


def test_a_neighbour_that_hangs_holds_up_no_webhook_no_health_and_few_callers(up: System) -> None:
    """Whoever asks for what waits for QuickBooks takes a thread of the API's; the button takes six at most."""
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

    with ThreadPoolExecutor(60) as pool:
        try:
            pressed = [pool.submit(press, number) for number in range(40)]
            asked = [pool.submit(requests.get, f"{base}/items", headers=served.head, timeout=60) for _ in range(20)]
            assert served.deliver() < 1
            assert served.look() < 1
            until(lambda: sum(each.done() for each in pressed) >= 34, 30, "the button's callers were not answered")
            assert not all(each.done() for each in asked), "nothing hangs"
        finally:
            # Who still waits is answered sooner.
            requests.delete(f"{root}/sandbox/faults", timeout=10).raise_for_status()
