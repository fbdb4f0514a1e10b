"""The Procfile's processes, started too early, with too little or beside what is away: one line, no traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

from config import keyring
from config.ports import SystemClock
from storage import migrations
from storage.database import Database

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


def ended(name: str, folder: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    """A process that ends by itself, with these settings alone."""
    variables = {f"RAVEBOOKS_{key}": value for key, value in ({"STATE_DIR": str(folder)} | settings).items()}
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "ravebooks", name],
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin"} | variables,
        check=False,
        timeout=60,
    )


def last_line(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


def sqlite(folder: Path) -> str:
    return f"sqlite:///{folder}/books.db"


@pytest.mark.parametrize("name", ["web", "worker", "sweeper"])
def test_what_begins_before_the_release_says_so_and_ends(tmp_path: Path, name: str) -> None:
    done = ended(name, tmp_path, **WHOLE, DATABASE_URL=sqlite(tmp_path))
    said = last_line(done)
    assert said.startswith("ravebooks: the database is at version none, this program needs ")
    assert said.endswith("Run `ravebooks release`.")


def test_what_begins_on_older_tables_says_so_and_ends(tmp_path: Path) -> None:
    database = Database(sqlite(tmp_path), SystemClock())
    migrations.upgrade(database, "0001")
    database.close()
    said = last_line(ended("worker", tmp_path, **WHOLE, DATABASE_URL=sqlite(tmp_path)))
    assert "at version 0001, this program needs" in said


def test_a_release_makes_no_database_that_nobody_named(tmp_path: Path) -> None:
    """In production that would be an empty file beside the books."""
    done = ended("release", tmp_path)
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
    line = last_line(ended("release", tmp_path, **both))
    assert line.startswith("ravebooks: ")
    assert said in line
