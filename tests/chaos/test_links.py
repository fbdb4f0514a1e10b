"""Each link of the processes fails in each way that a network knows, under a load of deliveries, and is well again.

A link is *reset*, leads into a *black hole* with new connections too, is *slow*, or its connections are *dead* while
new ones lead through.
"""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ravebooks.commands import demo
from ravebooks.demo.sides import Body
from tests.chaos.accounting import PROPERTY, Accounts
from tests.chaos.load import Load
from tests.integration.conftest import postgresql, rabbitmq
from tests.integration.installed import PROCESSES, Installation
from tests.integration.system import Procfile, until
from tests.services.postgresql import PostgreSQL
from tests.services.proxy import Proxy
from tests.services.rabbitmq import RabbitMQ

__all__ = ["postgresql", "rabbitmq"]

LINKS = {
    "broker": "RAVEBOOKS_BROKER_URL",
    "database": "RAVEBOOKS_DATABASE_URL",
    "QuickBooks": "RAVEBOOKS_QUICKBOOKS_API_URL",
    "Ravetree": "RAVEBOOKS_RAVETREE_API_URL",
}
FAULTS: dict[str, Callable[[Proxy], None]] = {
    "reset": Proxy.shut,
    "black hole": lambda proxy: proxy.black_hole(new_ones_too=True),
    "slow": lambda proxy: proxy.slow(SLOW_SECONDS),
    "dead connections": Proxy.black_hole,
}
SLOW_SECONDS = 0.2
FAULT_SECONDS = 6.0
BACK_SECONDS = {"broker": 30.0, "database": 30.0, "QuickBooks": 75.0, "Ravetree": 75.0}
"""After the end of the fault everything is well within so many seconds: who was away is asked again in a minute."""
INVOICES = 3
"""So many are made while the fault lasts."""
SHORT = {
    # A call that is never answered is given up after so long, and what it held soon after.
    "RAVEBOOKS_HTTP_SECONDS": "4",
    "RAVEBOOKS_LEASE_SECONDS": "8",
    "RAVEBOOKS_UNCERTAIN_SECONDS": "2",
}


class Linked(Installation):
    """Every process reaches everything through a proxy a link."""

    def __init__(self, folder: Path, broker_url: str, database_url: str) -> None:
        super().__init__(folder, broker_url, database_url, Procfile, PROCESSES)
        self.database_url = database_url
        self.proxies: dict[str, Proxy] = {}
        for link, variable in LINKS.items():
            url = self.environment[variable]
            port = urlsplit(url).port
            assert port is not None
            self.proxies[link] = proxy = Proxy(port)
            self.environment[variable] = url.replace(f":{port}/", f":{proxy.port}/")
        self.environment |= SHORT

    def close(self) -> None:
        super().close()
        for proxy in self.proxies.values():
            proxy.close()


@pytest.fixture(scope="module")
def linked(rabbitmq: RabbitMQ, postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Linked]:
    made = Linked(tmp_path_factory.mktemp("linked"), rabbitmq.new_virtual_host(), postgresql.new_database())
    try:
        made.start()
        made.arrives(made.invoice())
        yield made
    finally:
        made.close()


def invoices_during(installed: Linked, seconds: float) -> list[Body]:
    """Invoices that a user makes in this time, at even distances, the first at once."""
    made = []
    for _ in range(INVOICES):
        made.append(installed.invoice())
        threading.Event().wait(seconds / INVOICES)
    return made


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("link", LINKS)
def test_a_link_that_fails_under_load_is_well_again_in_time(
    link: str, fault: str, linked: Linked, record_property: Callable[[str, object], None]
) -> None:
    proxy = linked.proxies[link]
    accounts = Accounts(linked.ravetree, linked.quickbooks, linked.database_url)
    load = Load(linked, linked.quickbooks.query("select * from Invoice")[0]["Id"])
    load.start()
    try:
        FAULTS[fault](proxy)
        invoices = invoices_during(linked, FAULT_SECONDS)
        proxy.mend()
        ended = time.time()
        last = linked.invoice()
        for invoice in (*invoices, last):
            left = max(1.0, ended + BACK_SECONDS[link] - time.time())
            until(lambda number=invoice["number"]: linked.quickbooks.invoice(number), left, f"{link}: {fault}")
    finally:
        proxy.mend()
        load.end()
    report = demo.settled(linked.ravetree, linked.quickbooks, BACK_SECONDS[link])
    account = accounts.close_with(f"{link}: {fault}", 1, ended, also=load.taken)
    record_property(PROPERTY, account.told())
    assert [(row.kind, row.name, row.differences) for row in report.differing] == []
    account.check()
    assert account.seconds < BACK_SECONDS[link]
