"""Each process has the rights that docs/deploying.md gives it, and speaks to both servers by TLS: so it all works."""

import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pika
import psycopg
import pytest
import requests
from pika.exceptions import ChannelClosedByBroker

from config import names
from consumers import broker_connection
from publishers import marks
from publishers.confirms import ConfirmedPublisher
from publishers.messages import BrokerDown, Message
from tests.integration.installed import Installed
from tests.integration.system import until
from tests.services.tls import Authority

pytestmark = pytest.mark.thorough

PAGE = Path(__file__).resolve().parents[2] / "docs" / "deploying.md"
DATABASE, WEB, WORKING = "ravebooks_work", "ravebooks_web", "ravebooks_work"
PASSWORD = "secret"


def granted() -> list[str]:
    """What the page has the owner of the tables type, statement by statement."""
    found = re.search(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    return [statement for statement in found.group(1).split(";\n") if statement.strip()]


def rights() -> dict[str, tuple[str, str, str]]:
    """What each of the broker's users may configure, write and read, as the page has it typed."""
    typed = re.findall(r"set_permissions (ravebooks_\w+) '(.*)' '(.*)' '(.*)'", PAGE.read_text())
    return {user: (configure, write, read) for user, configure, write, read in typed}


def as_user(url: str, user: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{user}:{PASSWORD}@{parts.hostname}:{parts.port}"))


def verified(authority: Authority) -> str:
    """What a database's URL ends with that trusts nobody else."""
    return f"?sslmode=verify-full&sslrootcert={authority.file}"


class Limited(Installed):
    """`release` works as the owner, the others with less; all of it is encrypted."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder / "authority")
        super().__init__(folder, authority=self.authority)
        self.database.encrypt(self.authority)
        self.environment["RAVEBOOKS_BROKER_URL"] = self.broker.tls_url
        self.environment["RAVEBOOKS_DATABASE_URL"] += verified(self.authority)
        self.environment["SSL_CERT_FILE"] = str(self.authority.file)

    def start(self) -> None:
        self.owners = self.environment["RAVEBOOKS_DATABASE_URL"].replace("postgresql+psycopg", "postgresql")
        for user, (configure, write, read) in rights().items():
            self._manage(f"users/{user}", {"password": PASSWORD, "tags": ""})
            self._manage(f"permissions/%2F/{user}", {"configure": configure, "write": write, "read": read})
        with psycopg.connect(self.owners, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {DATABASE} LOGIN PASSWORD '{PASSWORD}'")
            # The owner grants before there is anything, so that it holds for what later versions add.
            for statement in granted():
                connection.execute(statement)
        super().start()

    def run(self, name: str) -> None:
        whole = dict(self.environment)
        if name != "release":
            for variable, user in (("DATABASE", DATABASE), ("BROKER", WEB if name == "web" else WORKING)):
                self.environment[f"RAVEBOOKS_{variable}_URL"] = as_user(whole[f"RAVEBOOKS_{variable}_URL"], user)
        try:
            super().run(name)
        finally:
            self.environment = whole

    def _manage(self, path: str, body: dict[str, str]) -> None:
        requests.put(f"{self.broker.management_url}/api/{path}", json=body, timeout=30).raise_for_status()


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    made = Limited(Path(tmp_path_factory.mktemp("limited")))
    try:
        made.start()
        yield made
    finally:
        made.close()


def test_an_invoice_goes_across_with_no_more_rights(limited: Limited) -> None:
    limited.arrives(limited.invoice())
    assert limited.post_event().status_code == 200
    for name, port in limited.ports.items():
        ready = requests.get(f"http://127.0.0.1:{port}/readyz", timeout=10)
        assert ready.status_code == 200, (name, limited.processes.log(name)[:3000])
    assert limited.dead() == []


def test_all_of_them_are_encrypted(limited: Limited) -> None:
    """But who manages the broker for these tests, and the pages of its own."""

    def by_process() -> list[bool]:
        asked = requests.get(f"{limited.broker.management_url}/api/connections", timeout=30).json()
        return [row["ssl"] for row in asked if row.get("user", "guest") != "guest"]

    # The broker's pages show a connection some seconds after it was made.
    until(lambda: bool(by_process()), what="no process has a connection")
    assert all(by_process())
    with psycopg.connect(limited.owners, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = %s", [DATABASE]
        ).fetchall()
    assert rows
    assert all(encrypted for (encrypted,) in rows)


@pytest.fixture(params=["a name that it has not", "an authority that nobody trusts"])
def wrong(request: pytest.FixtureRequest, limited: Limited, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The broker's address, as somebody would reach it who is led astray."""
    if request.param.startswith("a name"):
        monkeypatch.setenv("SSL_CERT_FILE", str(limited.authority.file))
        return limited.broker.tls_url.replace("127.0.0.1", "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(Authority(tmp_path / "other").file))
    return limited.broker.tls_url


def test_a_broker_that_is_not_who_it_should_be_is_told_nothing(wrong: str) -> None:
    with pytest.raises(BrokerDown, match="SSLCertVerificationError"), marks.short_questions(wrong):
        pass
    with pytest.raises(ssl.SSLCertVerificationError):
        broker_connection.connect(wrong)
    publisher = ConfirmedPublisher(wrong)
    try:
        with pytest.raises(BrokerDown):
            publisher.send(Message("m", "quickbooks.1", b"{}"), first_wait=10)
    finally:
        publisher.stop()


def test_a_broker_that_is_who_it_should_be_is_spoken_to(limited: Limited, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(limited.authority.file))
    with broker_connection.closing(broker_connection.connect(limited.broker.tls_url)) as connection:
        assert connection.connected


@pytest.mark.parametrize(
    "statement",
    ["DROP TABLE events", "CREATE TABLE mine (id int)", "TRUNCATE operations", "ALTER TABLE pairs ADD COLUMN x int"],
)
def test_who_works_cannot_change_the_tables(limited: Limited, statement: str) -> None:
    with (
        psycopg.connect(as_user(limited.owners, DATABASE), autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def test_who_receives_cannot_read_what_was_received(limited: Limited) -> None:
    with pika.BlockingConnection(pika.URLParameters(as_user(limited.broker.url, WEB))) as connection:
        for queue in (names.INBOUND_QUEUE, names.RECONCILE_QUEUE, names.DEAD_QUEUE):
            with pytest.raises(ChannelClosedByBroker) as refused:
                connection.channel().basic_get(queue)
            assert refused.value.reply_code == 403


@pytest.mark.parametrize("user", [WEB, WORKING])
def test_nobody_touches_what_is_not_ours(limited: Limited, user: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(as_user(limited.broker.url, user))) as connection:
        with pytest.raises(ChannelClosedByBroker) as refused:
            connection.channel().queue_declare("somebody.elses")
        assert refused.value.reply_code == 403
