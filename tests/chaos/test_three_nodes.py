"""Three RabbitMQ nodes that are killed in turn under a load of deliveries, with two workers behind one address.

The address is that of a balancer, which leads each new connection to a node that takes it. The queues are quorum
queues: each of them lives on all three nodes, and goes on with two.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen
from typing import IO

import pytest
import requests

from ravebooks.commands import demo
from tests.chaos.accounting import PROPERTY, Accounts
from tests.chaos.load import Load
from tests.chaos.test_links import SHORT
from tests.integration.conftest import postgresql
from tests.integration.installed import PROCESSES, Installation
from tests.integration.system import Procfile, until
from tests.services.postgresql import PostgreSQL
from tests.services.proxy import Proxy
from tests.services.rabbitmq import Epmd, RabbitMQ

__all__ = ["postgresql"]

NODES = 3
AWAY_SECONDS = 8.0
"""So long a node is gone, each time."""
BACK_SECONDS = 45.0
"""After a node was killed what is made meanwhile is in both books within so many seconds."""


class SeveralWorkers(Procfile):
    """`worker 2` is another process of `worker`."""

    def spawn(self, name: str, more: Mapping[str, str], log: IO[bytes]) -> "Popen[bytes]":
        return super().spawn(name.partition(" ")[0], more, log)


@pytest.fixture
def nodes() -> Iterator[tuple[RabbitMQ, ...]]:
    """A cluster of three."""
    with ExitStack() as stack:
        epmd = Epmd()
        stack.callback(epmd.stop)
        first = stack.enter_context(RabbitMQ(epmd=epmd))
        yield (first, *(stack.enter_context(RabbitMQ(epmd=epmd, beside=first)) for _ in range(NODES - 1)))


@pytest.fixture
def clustered(
    nodes: tuple[RabbitMQ, ...], postgresql: PostgreSQL, tmp_path: Path
) -> Iterator[tuple[Installation, str, tuple[RabbitMQ, ...]]]:
    """Two workers, and everybody reaches the broker through the balancer."""
    first = nodes[0]
    database_url, url = postgresql.new_database(), first.new_virtual_host()
    with Proxy(*(node.port for node in nodes)) as balancer:
        broker_url = url.replace(f":{first.port}/", f":{balancer.port}/")
        installed = Installation(tmp_path, broker_url, database_url, SeveralWorkers, (*PROCESSES, "worker 2"))
        installed.environment |= SHORT
        try:
            installed.start()
            installed.arrives(installed.invoice())
            yield installed, database_url, nodes
        finally:
            installed.close()


def online(node: RabbitMQ) -> list[int]:
    """On how many nodes each queue is, as one of them says."""
    rows = requests.get(f"{node.management_url}/api/queues", timeout=10).json()
    return [len(row.get("online", ())) for row in rows if row.get("type") == "quorum"]


def test_nodes_that_are_killed_in_turn_lose_and_double_nothing(
    clustered: tuple[Installation, str, tuple[RabbitMQ, ...]], record_property: Callable[[str, object], None]
) -> None:
    installed, database_url, nodes = clustered
    accounts = Accounts(installed.ravetree, installed.quickbooks, database_url)
    load = Load(installed, installed.quickbooks.query("select * from Invoice")[0]["Id"])
    load.start()
    try:
        for place, node in enumerate(nodes):
            # A node is killed only when the others have all that it has.
            other = nodes[(place + 1) % NODES]
            until(lambda asked=other: set(online(asked)) == {NODES}, BACK_SECONDS, "a queue is not on every node")
            node.kill()
            killed = time.time()
            invoice = installed.invoice()
            until(lambda number=invoice["number"]: installed.quickbooks.invoice(number), BACK_SECONDS, "it goes on")
            threading.Event().wait(max(0.0, killed + AWAY_SECONDS - time.time()))
            node.start()
    finally:
        load.end()
    report = demo.settled(installed.ravetree, installed.quickbooks, BACK_SECONDS)
    account = accounts.close_with("a node of three is killed", NODES, killed, also=load.taken)
    record_property(PROPERTY, account.told())
    assert [(row.kind, row.name, row.differences) for row in report.differing] == []
    account.check()
    assert account.seconds < BACK_SECONDS
