"""What whoever deploys it types for database and broker, typed on servers that know nobody of ours."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import pika
import psycopg
import pytest

from tests.docs.examples import ROOT, examples
from tests.docs.shell import Shell
from tests.services.postgresql import PostgreSQL
from tests.services.rabbitmq import BINARY, RabbitMQ

pytestmark = pytest.mark.thorough

PAGE = ROOT / "docs" / "deploying.md"
HANDS = """
sudo() { if [ "$1" = -u ]; then shift 2; fi; "$@"; }
psql() { command psql -X -v ON_ERROR_STOP=1 "$SERVER" "$@"; }
"""
"""Whoever types is root on the machine, and PostgreSQL's superuser: here of a server of the tests' own."""


@pytest.fixture
def shell(tmp_path: Path, postgresql: PostgreSQL, rabbitmq: RabbitMQ) -> Iterator[Shell]:
    (tmp_path / "ops").symlink_to(ROOT / "ops")
    server = postgresql.url.replace("postgresql+psycopg", "postgresql")
    told = " ".join(f"{name}={shlex.quote(value)}" for name, value in rabbitmq.environment().items())
    made = Shell(tmp_path, {"SERVER": server})
    made.run(f'{HANDS}rabbitmqctl() {{ env {told} {BINARY.parent / "rabbitmqctl"} "$@"; }}')
    yield made
    made.close()


def test_database_and_broker_are_opened_by_the_passwords_of_the_new_environment(
    shell: Shell, tmp_path: Path, postgresql: PostgreSQL, rabbitmq: RabbitMQ
) -> None:
    typed = examples(PAGE, "bash")
    assert len(typed) == 5
    for example in typed:
        ran = shell.run(example.command)
        assert ran.status == 0, f"{example.command}\n{ran.printed}{ran.errors}"
    made = dict(line.split("=", 1) for line in (tmp_path / "ravebooks.env").read_text().splitlines() if "=" in line)
    assert (tmp_path / "ravebooks.env").stat().st_mode & 0o077 == 0
    database = made["RAVEBOOKS_DATABASE_URL"].replace(":5432/", f":{postgresql.port}/")
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE a_migration_may (id integer)")
    with psycopg.connect(postgresql.url.replace("+psycopg", "")) as superuser:
        (kept,) = superuser.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'ravebooks'").fetchone() or ("",)
    assert str(kept).startswith("SCRAM-SHA-256"), "a password was set, and is kept as a hash"
    broker = pika.URLParameters(made["RAVEBOOKS_BROKER_URL"].replace(":5672/", f":{rabbitmq.port}/"))
    channel = pika.BlockingConnection(broker).channel()
    channel.queue_declare("what_release_declares", exclusive=True)
    channel.basic_publish("", "what_release_declares", b"a message")
    channel.connection.close()
