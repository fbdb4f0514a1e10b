"""The Procfile's processes, started too early, with too little or beside what is away: one line, no traceback."""

import subprocess
from pathlib import Path

import pytest

from config import keyring
from config.ports import SystemClock
from storage import migrations
from storage.database import Database
from tests.unit.ravebooks.processes import ended

NOBODY = "127.0.0.1:9"
KEY = keyring.spell(b"k" * keyring.KEY_BYTES)
WHOLE = {
    "BROKER_URL": f"amqp://guest:guest@{NOBODY}/",
    "SECRET_KEY": "s" * 32,
    "TOKEN_KEYS": KEY,
    "RAVETREE_WEBHOOK_KEYS": KEY,
    "API_TOKEN": "token",
    "PUBLIC_URL": f"http://{NOBODY}",
    "QUICKBOOKS_ENVIRONMENT": "local",
    "QUICKBOOKS_CLIENT_ID": "id",
    "QUICKBOOKS_CLIENT_SECRET": "secret",
    "QUICKBOOKS_VERIFIER_TOKENS": "verifier",
    "RAVETREE_API_URL": f"http://{NOBODY}/v1",
}


def last_line(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


def sqlite(folder: Path) -> str:
    return f"sqlite:///{folder}/books.db"


@pytest.mark.parametrize("name", ["web", "worker", "sweeper"])
def test_what_begins_before_the_release_says_so_and_ends(tmp_path: Path, name: str) -> None:
    done = ended(name, **WHOLE, DATABASE_URL=sqlite(tmp_path))
    said = last_line(done)
    assert said.startswith("ravebooks: the database is at version none, this program needs ")
    assert said.endswith("Run `ravebooks release`.")


def test_what_begins_on_older_tables_says_so_and_ends(tmp_path: Path) -> None:
    database = Database(sqlite(tmp_path), SystemClock())
    migrations.upgrade(database, "0001")
    database.close()
    said = last_line(ended("worker", **WHOLE, DATABASE_URL=sqlite(tmp_path)))
    assert "at version 0001, this program needs" in said


def test_a_release_makes_no_database_that_nobody_named(tmp_path: Path) -> None:
    """In production that would be an empty file beside the books."""
    done = ended("release")
    assert done.returncode != 0
    assert "RAVEBOOKS_DATABASE_URL is not set" in done.stderr
    assert not list(tmp_path.glob("*.db"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"BROKER_URL": f"amqp://guest:guest@{NOBODY}/"}, "RabbitMQ cannot be reached"),
        ({"DATABASE_URL": f"postgresql://ravebooks@{NOBODY}/books"}, "the database"),
    ],
)
def test_a_release_beside_what_is_away_says_which_in_one_line(
    tmp_path: Path, settings: dict[str, str], said: str
) -> None:
    both = {"DATABASE_URL": sqlite(tmp_path), "BROKER_URL": f"amqp://guest:guest@{NOBODY}/"} | settings
    done = ended("release", **both)
    line = last_line(done)
    assert line.startswith("ravebooks: ")
    assert said in line


def test_a_release_whose_broker_is_away_has_migrated_the_database(tmp_path: Path) -> None:
    """Web processes start on it: what they receive goes to the outbox until the broker is back."""
    both = {"DATABASE_URL": sqlite(tmp_path), "BROKER_URL": f"amqp://guest:guest@{NOBODY}/"}
    assert ended("release", **both).returncode == 1
    database = Database(sqlite(tmp_path), SystemClock())
    migrations.check(database)
    database.close()
