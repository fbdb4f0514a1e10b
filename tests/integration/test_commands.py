"""The bookkeeper's command line against a running system: what a page will show is here to be used and tested."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.integration import forked
from tests.integration.system import System, until

Run = Callable[..., str]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    made = System(Path(tmp_path_factory.mktemp("up")))
    made.start()
    yield made
    assert made.stop() == 0


@pytest.fixture(scope="module")
def connection(system: System) -> str:
    return str(system.ready["connection"])


@pytest.fixture(scope="module")
def run(system: System, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("said")
    environment = os.environ | {"RAVEBOOKS_STATE_DIR": str(system.folder)}

    def ravebooks(*words: str, status: int = 0) -> str:
        done = forked.ravebooks(words, environment, folder)
        assert done.status == status, done.stderr
        return done.stdout + done.stderr

    return ravebooks


def test_a_demo_leaves_the_settings_alone_that_lie_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does with exported ones: they are another installation's."""
    (tmp_path / ".env").write_text("RAVEBOOKS_DATABASE_URL=mysql://production\n")
    monkeypatch.chdir(tmp_path)
    made = System(tmp_path / "demo")
    made.start()
    assert made.stop() == 0


def test_preflight_and_mappings(run: Run, connection: str) -> None:
    assert "findings" in run("preflight", connection)
    listed = run("map", connection, "line_type", "--search", "retainer")
    assert "Retainer overage" in listed
    assert "Hours" not in listed
    refused = run("map", connection, "line_type", "time=99999", status=1)
    assert "no active item 99999" in refused


def test_policies_and_usage(run: Run, connection: str) -> None:
    assert "removals_limit   7" in run("policy", connection, "--removals", "7", "--reads", "500")
    assert "reads of 500" in run("usage", connection)


def test_preview_then_the_button(run: Run, system: System, connection: str) -> None:
    run("switch", connection, "--no-invoices")
    client = system.ravetree.create("contacts", {"kind": "account", "name": "Bright Harbor", "currency": "USD"})
    line = {"type": "time", "description": "Work", "quantity": "1", "unit_price": "100.00", "taxable": False}
    body = {"client_id": client["id"], "issue_date": "2026-07-01", "currency": "USD", "lines": [line]}
    invoices = [system.ravetree.create("invoices", body) for _ in range(3)]
    run("switch", connection, "--invoices")
    names = ("ravetree", "invoice", invoices[0]["id"])
    assert "invoice.create" in run("preview", connection, *names)
    assert system.quickbooks.invoice(invoices[0]["number"]) is None
    run("sync", connection, *names, "--by", "Kim")
    until(lambda: system.quickbooks.invoice(invoices[0]["number"]), what="the button did nothing")
    assert "nothing" in run("preview", connection, *names)
    assert "2 create" in run("backfill", connection, "--from", "2026-07-01", "--preview")
    assert "runs" in run("backfill", connection, "--from", "2026-07-01", "--by", "Kim")
    until(lambda: "done" in run("jobs", connection), what="the back-fill did not end")
    # It has noted them all; each is written in its turn.
    until(lambda: all(system.quickbooks.invoice(invoice["number"]) for invoice in invoices), what="not all arrived")
    assert "1 already" in run("jobs", connection)


def test_everything_stops_and_goes_on(run: Run, connection: str) -> None:
    assert "Everything is paused" in run("pause", "--all", "--by", "Kim", "--cause", "audit")
    assert "Everything goes on" in run("resume", "--all")
    run("pause", connection, "--by", "Kim")
    assert "Paused by Kim" in run("connections")
    run("resume", connection)
    assert "Name a connection" in run("pause", "--by", "Kim", status=2)


def test_a_link_beside_a_running_up_leads_to_it(run: Run, system: System) -> None:
    account = system.ready["ravetree"]
    link = run("connect", account["account_id"], "--ravetree-token", account["api_token"]).strip()
    assert link.startswith(f"{system.ready['url']}/connect/start?token=")
    with requests.Session() as browser:
        browser.trust_env = False
        page = browser.get(link, timeout=10)
    assert (page.status_code, "Connect to QuickBooks" in page.text) == (200, True)


def test_a_connection_that_is_no_more_is_archived(run: Run, connection: str) -> None:
    assert "Disconnect it first" in run("forget", connection, "--by", "Kim", status=1)
    run("disconnect", connection, "--by", "Kim")
    assert f"{connection} is archived" in run("forget", connection, "--by", "Kim")
    assert "Archived by Kim" in run("connections")
    assert "is archived" in run("resume", connection, status=1)
    assert "is archived" in run("policy", connection, "--removals", "7", status=1)
    assert "removals_limit" in run("policy", connection)
    assert f"ok    connection {connection}: archived" in run("doctor")
