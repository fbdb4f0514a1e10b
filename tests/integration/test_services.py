"""The private servers that the integration tests stand on."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pika
import psycopg
import pytest
import requests

from tests.services import place
from tests.services.ports import ServiceError, listens
from tests.services.postgresql import PostgreSQL
from tests.services.rabbitmq import RabbitMQ


def plain(url: str) -> str:
    """The url without SQLAlchemy's name of the driver."""
    return url.replace("+psycopg", "")


def test_the_servers_are_of_the_release_that_was_asked_for(rabbitmq: RabbitMQ, postgresql: PostgreSQL) -> None:
    said = requests.get(f"{rabbitmq.management_url}/api/overview", timeout=30).json()["rabbitmq_version"]
    with psycopg.connect(plain(postgresql.url)) as connection:
        versions = (int(said.split(".")[0]), connection.info.server_version // 10_000)
    assert versions >= ((4, 17) if place.ROOT else (3, 15))


def test_postgresql_keeps_its_data_over_a_stop_and_a_kill(mortal_postgresql: PostgreSQL) -> None:
    postgresql = mortal_postgresql
    url = postgresql.new_database()
    assert url != postgresql.new_database()
    with psycopg.connect(plain(url)) as connection:
        connection.execute("CREATE TABLE kept (value int)")
    for number, end in enumerate((postgresql.stop, postgresql.kill)):
        with psycopg.connect(plain(url)) as connection:
            connection.execute("INSERT INTO kept VALUES (%s)", [number])
        end()
        assert not listens(postgresql.port)
        postgresql.start()
    with psycopg.connect(plain(url)) as connection:
        assert connection.execute("SELECT value FROM kept ORDER BY value").fetchall() == [(0,), (1,)]
        assert connection.execute("SHOW fsync").fetchone() == ("on",)


def test_a_paused_postgresql_does_not_answer(postgresql: PostgreSQL) -> None:
    url = plain(postgresql.url)
    with psycopg.connect(url) as connection, ThreadPoolExecutor(1) as pool:
        postgresql.pause()
        answer = pool.submit(connection.execute, "SELECT 1")
        try:
            with pytest.raises(psycopg.OperationalError, match="timeout"):
                psycopg.connect(url, connect_timeout=2)
            assert not answer.done()
        finally:
            postgresql.resume()
        assert answer.result(10).fetchone() == (1,)


def test_rabbitmq_keeps_a_durable_message_over_a_restart(mortal_rabbitmq: RabbitMQ) -> None:
    rabbitmq = mortal_rabbitmq
    parameters = pika.URLParameters(rabbitmq.new_virtual_host())
    persistent = pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent)
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("kept", durable=True, arguments={"x-queue-type": "quorum"})
        channel.basic_publish("", "kept", b"hello", persistent, mandatory=True)
    rabbitmq.stop()
    assert not listens(rabbitmq.port)
    rabbitmq.start()
    with pika.BlockingConnection(parameters) as connection:
        _method, _properties, body = connection.channel().basic_get("kept", auto_ack=True)
    assert body == b"hello"


def test_rabbitmq_has_its_management_api(rabbitmq: RabbitMQ) -> None:
    answer = requests.get(f"{rabbitmq.management_url}/api/overview", timeout=10)
    assert answer.json()["rabbitmq_version"]


def test_missing_programs_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tests.services.postgresql.BINARIES", tmp_path)
    monkeypatch.setattr("tests.services.rabbitmq.BINARY", tmp_path / "rabbitmq-server")
    with pytest.raises(ServiceError, match="Debian's postgresql"):
        PostgreSQL()
    with pytest.raises(ServiceError, match="Debian's rabbitmq-server"):
        RabbitMQ()
