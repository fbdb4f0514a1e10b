"""The Procfile's processes with the broker, the database, or both stopped: nothing is lost, nothing is dead."""

import json
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest
import requests

from tests.integration.installed import AUTHORISED, Installed
from tests.integration.system import until


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    made = Installed(Path(tmp_path_factory.mktemp("processes")))
    try:
        made.start()
        yield made
    finally:
        made.close()


def test_the_processes_bring_an_invoice_across(installed: Installed) -> None:
    installed.arrives(installed.invoice())


def test_with_the_broker_stopped_deliveries_are_taken_and_arrive_once_it_is_back(installed: Installed) -> None:
    installed.broker.stop()
    invoice = installed.invoice()
    until(installed.delivered, what="Ravetree's events were not taken")
    assert installed.post_event().status_code == 200
    installed.restart_web()
    assert installed.post_event().status_code == 200, "a web process that was just restarted takes deliveries too"
    installed.broker.start()
    installed.arrives(invoice)
    assert installed.dead() == []


def test_with_the_database_stopped_deliveries_are_taken_and_arrive_once_it_is_back(installed: Installed) -> None:
    installed.database.stop()
    invoice = installed.invoice()
    until(installed.delivered, what="Ravetree's events were not taken")
    assert installed.post_event().status_code == 200
    installed.restart_web()
    assert installed.post_event().status_code == 200, "a web process that was just restarted takes deliveries too"
    installed.database.start()
    installed.arrives(invoice)
    assert installed.dead() == []


def test_with_both_stopped_the_sender_is_told_to_repeat(installed: Installed) -> None:
    installed.broker.stop()
    installed.database.stop()
    until(lambda: installed.post_event().status_code == 503, what="deliveries were still taken")
    answer = installed.post_event()
    assert answer.headers["Retry-After"]
    assert answer.elapsed.total_seconds() < 3
    ready = requests.get(f"{installed.url}/readyz", timeout=10)
    assert ready.status_code == 503
    assert set(ready.json()["parts"]) == {"database", "broker"}
    refused = requests.get(f"{installed.url}/api/connections", headers=AUTHORISED, timeout=10)
    assert refused.status_code == 503
    assert installed.addresses_in(ready.text + refused.text) == []
    installed.database.start()
    installed.broker.start()
    installed.arrives(installed.invoice())
    assert installed.dead() == []


def test_an_undecodable_message_is_dead_lettered_and_seen(installed: Installed) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(installed.broker.url))
    channel = connection.channel()
    channel.basic_publish("ravebooks.events", "quickbooks.1", b"{not json", pika.BasicProperties(delivery_mode=2))
    connection.close()
    until(installed.dead, what="the message is not among the dead letters")
    assert installed.dead()[0]["reason"] == "rejected"


def test_processes_end_in_order(installed: Installed) -> None:
    for name in ("web", "worker", "sweeper"):
        assert installed.processes.end(name) == 0, installed.processes.log(name)[-2000:]


def test_every_line_that_they_wrote_is_json_and_names_no_address(installed: Installed) -> None:
    """Through all these outages: gunicorn's, pika's and SQLAlchemy's lines too."""
    for name in ("web", "worker", "sweeper"):
        log = installed.processes.log(name)
        assert all(isinstance(json.loads(line), dict) for line in log.splitlines())
        assert installed.addresses_in(log) == []
