"""Which settings a demo takes over, and on which databases `up`, `release` and `up --sandbox` work."""

import dataclasses
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from config import keyring
from config import logging as logs
from config.ports import SystemClock
from config.settings import Settings
from ravebooks import claiming
from ravebooks.bootstrap import Parts
from ravebooks.command_line import ravebooks
from ravebooks.commands import demo
from ravebooks.doctor import Symptom, examine
from storage import connections
from storage.database import Database
from storage.installation import OtherEnvironment
from tests.unit.ports import SeededEntropy
from tests.unit.ravebooks.conftest import CONNECTION
from tests.unit.ravebooks.processes import ended
from tests.unit.storing import make_earlier


def test_a_demo_takes_over_no_setting_but_how_it_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    """It worked on the exported database and broker, and paused a production's connections."""
    for name in ("DATABASE_URL", "BROKER_URL", "STATE_DIR", "PORT", "QUICKBOOKS_ENVIRONMENT", "TOKEN_KEYS"):
        monkeypatch.setenv(f"RAVEBOOKS_{name}", "production's")
    monkeypatch.setenv("RAVEBOOKS_LOG_LEVEL", "debug")
    taken = {name for name in demo._without_settings() if name.startswith("RAVEBOOKS_")}
    assert taken == {"RAVEBOOKS_LOG_LEVEL"}


def found(parts: Parts) -> dict[str, Symptom]:
    return {finding.name: finding for finding in examine(parts, None)}


def test_the_installation_is_made_when_it_is_first_asked_for(parts: Parts) -> None:
    assert re.fullmatch("[0-9a-f]{8,16}", parts.installation_id)
    again = Parts(parts.settings, entropy=SeededEntropy(9))
    assert again.installation_id == parts.installation_id
    again.close()


def test_release_refuses_a_database_of_another_environment(parts: Parts, runner: CliRunner) -> None:
    claiming.prepare(parts)
    named = {
        "RAVEBOOKS_QUICKBOOKS_ENVIRONMENT": "sandbox",
        "RAVEBOOKS_DATABASE_URL": parts.settings.effective_database_url,
        "RAVEBOOKS_BROKER_URL": "amqp://guest:guest@127.0.0.1:9/",
    }
    result = runner.invoke(ravebooks, ["release"], env=named)
    assert isinstance(result.exception, OtherEnvironment)
    assert "production, not to sandbox" in str(result.exception)


def test_a_key_that_stored_tokens_need_and_the_ring_lost_is_named_at_the_start(
    parts: Parts, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not refused: without the key the companies are connected again, and for that the program has to run."""
    logs.configure("warning")
    claiming.prepare(parts)
    assert capsys.readouterr().err == ""
    ring = keyring.KeyRing({2: b"k" * 32, 3: b"l" * 32})
    other = Parts(dataclasses.replace(parts.settings, token_keys=ring))
    claiming.prepare(other)
    other.close()
    (line,) = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert (said["level"], said["key_version"]) == ("error", 1)
    assert "RAVEBOOKS_TOKEN_KEYS" in said["event"]
    assert "Put the key that encrypted it back" in said["remedy"]


def test_the_doctor_shows_whose_a_database_and_a_connection_are(parts: Parts) -> None:
    assert "nobody has worked on it yet" in found(parts)["database"].sentence
    claiming.prepare(parts)
    assert f"the installation {parts.installation_id} of production" in found(parts)["database"].sentence
    with parts.database.transaction() as session:
        connections.get(session, CONNECTION).environment = "local"
    red = found(parts)[f"connection {CONNECTION}"]
    assert (red.ok, "belongs to QuickBooks' environment local" in red.sentence) == (False, True)
    assert red.remedy
    assert "ravetree org_42" not in found(parts)


def test_the_doctor_is_red_on_a_database_of_another_environment(parts: Parts) -> None:
    claiming.prepare(parts)
    other = Parts(Settings(state_dir=parts.settings.state_dir, quickbooks_environment="local"))
    red = found(other)["database"]
    other.close()
    assert (red.ok, "environment production, not to local" in red.sentence) == (False, True)


def test_up_with_the_sandbox_refuses_the_database_of_others_in_one_line(tmp_path: Path) -> None:
    """Of an earlier version, too: nothing of it is migrated, connected or paused."""
    before = tmp_path / "production.db"
    database = Database(f"sqlite:///{before}", SystemClock())
    make_earlier(database)
    database.close()
    stored = before.read_bytes()
    done = ended("up", "--sandbox", STATE_DIR=str(tmp_path / "other"), DATABASE_URL=f"sqlite:///{before}")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "connections that the sandbox did not make. Unset RAVEBOOKS_DATABASE_URL" in done.stderr
    assert before.read_bytes() == stored


@pytest.mark.parametrize("name", ["web", "worker", "sweeper"])
def test_a_process_of_another_environment_ends_with_one_line(parts: Parts, name: str) -> None:
    claiming.prepare(parts)
    key = keyring.spell(b"k" * keyring.KEY_BYTES)
    settings = {
        "STATE_DIR": parts.settings.state_dir,
        "DATABASE_URL": parts.settings.effective_database_url,
        "BROKER_URL": "amqp://guest:guest@127.0.0.1:9/",
        "SECRET_KEY": "s" * 32,
        "TOKEN_KEYS": key,
        "RAVETREE_WEBHOOK_KEYS": key,
        "API_TOKEN": "token",
        "PUBLIC_URL": "http://127.0.0.1:9",
        "QUICKBOOKS_ENVIRONMENT": "local",
        "QUICKBOOKS_CLIENT_ID": "id",
        "QUICKBOOKS_CLIENT_SECRET": "secret",
        "QUICKBOOKS_VERIFIER_TOKENS": "verifier",
        "RAVETREE_API_URL": "http://127.0.0.1:9/v1",
    }
    done = ended(name, **settings)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "environment production, not to local. Name a database of its own" in done.stderr
