"""`ravebooks connect`: a link that somebody answers, or a sentence that says what to do."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from config.errors import SettingError
from ravebooks.bootstrap import Parts
from ravebooks.command_line import ravebooks
from ravebooks.commands import bookkeeping, served, up
from ravebooks.commands.served import NotServed
from storage.models import OAuthState

URL = "http://127.0.0.1:8425"


def connect(runner: CliRunner, *more: str) -> Result:
    # Nobody is there: the account is looked at after the consent.
    environment = {
        "RAVEBOOKS_RAVETREE_API_URL": "http://127.0.0.1:1/v1",
        "RAVEBOOKS_QUICKBOOKS_ENVIRONMENT": "local",
    }
    return runner.invoke(ravebooks, ["connect", "org_7", "--ravetree-token", "t", *more], env=environment)


def begun(parts: Parts) -> int:
    with parts.database.transaction() as session:
        return session.execute(sa.select(sa.func.count()).select_from(OAuthState)).scalar_one()


def test_where_nobody_serves_it_says_so_and_begins_nothing(runner: CliRunner, parts: Parts) -> None:
    result = connect(runner)
    assert isinstance(result.exception, NotServed)
    assert "RAVEBOOKS_PUBLIC_URL" in result.exception.remedy
    assert begun(parts) == 0


def test_a_running_up_is_where_the_link_leads(runner: CliRunner, parts: Parts, state: Path) -> None:
    lock = up._lock(state)
    served.note(state, URL)
    result = connect(runner)
    assert result.stdout.startswith(f"{URL}/connect/start?token="), result
    assert begun(parts) == 1
    lock.close()


def test_it_says_where_ravetree_has_to_post_to(
    runner: CliRunner, parts: Parts, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = up._lock(state)
    served.note(state, URL)
    # Whoever reads it with a program goes on with the address alone.
    assert len(connect(runner).stdout.splitlines()) == 1
    body = json.loads(connect(runner, "--json").stdout)
    assert body["webhook_url"] == f"{URL}/webhooks/ravetree/org_7"
    monkeypatch.setattr(bookkeeping, "_is_read_by_a_person", lambda: True)
    printed = connect(runner).stdout
    assert f"Let Ravetree post its events to {body['webhook_url']}" in printed
    assert "ravebooks webhook-secret org_7" in printed
    lock.close()


def test_one_that_was_killed_is_not(runner: CliRunner, parts: Parts, state: Path) -> None:
    up._lock(state).close()
    served.note(state, URL)
    assert isinstance(connect(runner).exception, NotServed)
    # Asking leaves the folder free for whoever starts next.
    up._lock(state).close()


def test_what_one_before_noted_does_not_count_while_another_begins(
    runner: CliRunner, parts: Parts, state: Path
) -> None:
    served.note(state, URL)
    lock = up._lock(state)
    served.forget(state)
    assert isinstance(connect(runner).exception, NotServed)
    lock.close()


def test_a_public_url_that_is_set_is_taken(runner: CliRunner, parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAVEBOOKS_PUBLIC_URL", "https://books.example")
    assert connect(runner).stdout.startswith("https://books.example/connect/start?token=")


def test_without_the_key_that_signs_links_none_is_made(
    runner: CliRunner, parts: Parts, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (state / "keys.json").unlink()
    monkeypatch.setenv("RAVEBOOKS_PUBLIC_URL", "https://books.example")
    monkeypatch.setenv("RAVEBOOKS_TOKEN_KEYS", "1:" + "A" * 43 + "=")
    result = connect(runner)
    assert isinstance(result.exception, SettingError)
    assert "RAVEBOOKS_SECRET_KEY" in str(result.exception)
