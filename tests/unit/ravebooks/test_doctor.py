"""The doctor: a line a check, and what to do about a red one."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from requests.adapters import BaseAdapter

from clients.quickbooks.oauth import Tokens
from config import keyring
from ravebooks.bootstrap import Parts
from ravebooks.command_line import ravebooks
from ravebooks.doctor import Symptom, examine
from ravebooks.local import settings as local_settings
from storage import connections
from tests.unit.ravebooks.conftest import CONNECTION

COMPANY = {"CompanyInfo": {"CompanyName": "Sample Company"}, "time": "2026-11-20T06:13:20-08:00"}
TYPES = {"data": [{"key": "time", "label": "Time"}, {"key": "other", "label": "Other"}], "next_cursor": None}


class Canned(BaseAdapter):
    """Answers by a word in the path, with a Date header `ahead` of the real time; nobody is there for the rest."""

    def __init__(self, answers: dict[str, Any], ahead: timedelta = timedelta(0)) -> None:
        super().__init__()
        self._answers = answers
        self._ahead = ahead

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        for word, body in self._answers.items():
            if word in str(request.url):
                response = requests.Response()
                response.status_code = 200
                response.request = request
                response.headers["Date"] = format_datetime(datetime.now(UTC) + self._ahead)
                response._content = json.dumps(body).encode()
                return response
        raise requests.ConnectTimeout("nobody is there")

    def close(self) -> None:
        pass


ALL_THERE = {"openid": {}, "companyinfo": COMPANY, "line_item_types": TYPES}


@pytest.fixture
def connected(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Parts:
    """Everything set, and a connection with tokens that are good for an hour."""
    monkeypatch.setenv("RAVEBOOKS_QUICKBOOKS_CLIENT_ID", "id")
    monkeypatch.setenv("RAVEBOOKS_QUICKBOOKS_CLIENT_SECRET", "secret")
    monkeypatch.setenv("RAVEBOOKS_QUICKBOOKS_VERIFIER_TOKENS", "3f1c5d2e-9b7a-4e86-a0d4-c2b6f8e91735")
    monkeypatch.setenv("RAVEBOOKS_RAVETREE_API_URL", "https://api.ravetree.example/v1")
    hour = datetime.now(UTC) + timedelta(hours=1)
    with parts.database.transaction() as session:
        parts.neighbours.tokens.store(
            connections.get(session, CONNECTION),
            Tokens(
                access="access",
                access_expires_at=hour,
                refresh="refresh",
                refresh_expires_at=hour,
                hard_expires_at=hour,
            ),
        )
    return parts


def findings(adapter: Canned) -> dict[str, Symptom]:
    settings, world = local_settings.read()
    parts = Parts(settings, adapter=lambda: adapter)
    try:
        return {finding.name: finding for finding in examine(parts, world)}
    finally:
        parts.close()


def test_all_is_well(connected: Parts) -> None:
    seen = findings(Canned(ALL_THERE))
    assert [finding for finding in seen.values() if not finding.ok] == []
    assert list(seen) == [
        "settings",
        "database",
        "clock",
        "keys",
        "connection c1",
        "quickbooks 4620816365",
        "ravetree org_42",
    ]
    assert "Sample Company" in seen["quickbooks 4620816365"].sentence
    assert "2 line item types" in seen["ravetree org_42"].sentence
    assert "all 3 stored tokens open" in seen["keys"].sentence


def test_a_disconnected_connection_has_no_token_and_is_not_red_for_it(connected: Parts) -> None:
    with connected.database.transaction() as session:
        connections.disconnect(session, CONNECTION, "Kim")
    seen = findings(Canned(ALL_THERE))
    assert [finding for finding in seen.values() if not finding.ok] == []
    assert "all 0 stored tokens open" in seen["keys"].sentence


def test_a_neighbour_that_is_away_is_red_alone(connected: Parts) -> None:
    seen = findings(Canned({name: body for name, body in ALL_THERE.items() if name != "line_item_types"}))
    assert [name for name, finding in seen.items() if not finding.ok] == ["ravetree org_42"]


def test_a_clock_that_is_off_is_red(connected: Parts) -> None:
    seen = findings(Canned(ALL_THERE, ahead=timedelta(minutes=4)))
    assert not seen["clock"].ok
    assert "behind QuickBooks'" in seen["clock"].sentence
    assert "NTP" in seen["clock"].remedy


def test_tokens_under_a_lost_key_are_red_and_nobody_is_called(
    connected: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAVEBOOKS_TOKEN_KEYS", keyring.spell(bytes(range(32)), 7))
    seen = findings(Canned(ALL_THERE))
    assert "which the ring does not have" in seen["keys"].sentence
    assert "RAVEBOOKS_TOKEN_KEYS" in seen["keys"].remedy
    assert "quickbooks 4620816365" not in seen


def test_a_paused_connection_is_red_with_its_own_remedy(connected: Parts) -> None:
    with connected.database.transaction() as session:
        connections.pause(session, CONNECTION, "The subscription has ended.", "Renew it, then press resume.")
    finding = findings(Canned(ALL_THERE))["connection c1"]
    assert not finding.ok
    assert finding.sentence == "paused: The subscription has ended."
    assert finding.remedy == "Renew it, then press resume."


def test_grown_up_needs_all_its_settings_and_the_broker(connected: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAVEBOOKS_BROKER_URL", "amqp://guest:hidden@127.0.0.1:1/")
    seen = findings(Canned(ALL_THERE))
    assert "RAVEBOOKS_DATABASE_URL is not set" in seen["settings"].sentence
    assert seen["broker"].remedy == "Start RabbitMQ, or correct RAVEBOOKS_BROKER_URL."
    assert "hidden" not in seen["broker"].sentence


def test_a_sandbox_that_ended_is_red_and_may_have_weak_secrets(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "http://127.0.0.1:1"
    quickbooks = dict.fromkeys(("client_id", "client_secret", "verifier_token"), "x")
    quickbooks |= {"api_url": f"{url}/v3", "discovery_url": f"{url}/openid"}
    said = {"quickbooks": quickbooks, "ravetree": {"api_url": f"{url}/v1"}, "pid": 1}
    (state / "sandbox.json").write_text(json.dumps(said))
    monkeypatch.setenv("RAVEBOOKS_API_TOKEN", "weak")
    seen = findings(Canned(ALL_THERE))
    assert seen["settings"].ok
    assert seen["sandbox"].remedy == "Start `ravebooks up --sandbox`."


def test_before_anything_ran_it_says_what_to_run_and_makes_nothing(runner: CliRunner, tmp_path: Path) -> None:
    result = runner.invoke(ravebooks, ["doctor"], env={"RAVEBOOKS_QUICKBOOKS_ENVIRONMENT": "local"})
    assert result.exit_code == 1
    assert "FAIL  settings: RAVEBOOKS_QUICKBOOKS_CLIENT_ID is not set" in result.output
    assert "ravebooks up --sandbox" in result.output
    assert "FAIL  database: there is no database at" in result.output
    assert not (tmp_path / "var").exists()


def test_a_wrong_variable_is_the_only_line(runner: CliRunner) -> None:
    result = runner.invoke(ravebooks, ["doctor"], env={"RAVEBOOKS_WORKER_THREADS": "many"})
    assert result.exit_code == 2
    assert result.output.count("FAIL") == 1
    assert "RAVEBOOKS_WORKER_THREADS is wrong" in result.output
