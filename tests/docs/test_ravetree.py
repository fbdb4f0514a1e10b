"""What Ravetree's engineers are told holds: the signatures, and how much is asked of them."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from standardwebhooks import Webhook

from ravebooks.demo.sides import RavetreeSide
from ravebooks.local.sandbox_connection import consent
from tests.docs.examples import ROOT, blocks, examples, fits
from tests.docs.shell import Shell
from tests.integration.system import until
from tests.simulation.spoiling import Answer, spoiled
from tests.simulation.world import RAVETREE, World, as_settled

PAGE = ROOT / "docs" / "ravetree.md"
SAID = {"a new invoice": 5, "an edited one": 2, "a payment of a user's": 6, "a pause": 0}


def vectors() -> Any:
    (block,) = [block for block in blocks(PAGE) if block.language == "json"]
    return json.loads("\n".join(block.lines))


def test_the_vectors_are_signed_as_they_say() -> None:
    said = vectors()
    assert len(said["vectors"]) == 2
    for one in said["vectors"]:
        moment = datetime.fromtimestamp(int(one["webhook-timestamp"]), UTC)
        assert Webhook(said["secret"]).sign(one["webhook-id"], moment, one["body"]) == one["webhook-signature"]
        assert json.loads(one["body"])["account_id"] == "org_42"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """That of an engineer, whose test system is a sandbox of Ravetree that nobody has connected."""
    made = Shell(tmp_path, {})
    made.run(f'PATH="{ROOT / ".venv" / "bin"}:$PATH"')
    made.run("ravetree-sandbox >ravetree.json 2>ravetree.log & until [ -s ravetree.json ]; do sleep 0.1; done")
    yield made
    made.close()


def invoice_of(theirs: dict[str, Any]) -> str:
    """One that their test system has."""
    ravetree = RavetreeSide(theirs)
    client = ravetree.create("contacts", {"kind": "account", "name": "Bright Harbor", "currency": "USD"})
    line = {"type": "time", "description": "Work", "quantity": "1", "unit_price": "100.00", "taxable": False}
    dates = {"issue_date": "2026-11-02", "due_date": "2026-12-02"}
    made = ravetree.create("invoices", {"client_id": client["id"], "currency": "USD", "lines": [line]} | dates)
    return str(made["id"])


def type_it(shell: Shell, command: str, prints: str | None) -> str:
    """What a command prints; what the page says that it prints is looked for again, as an engineer does."""
    ran = shell.run(command)
    assert ran.status == 0, f"{command}\n{ran.printed}{ran.errors}"
    if prints is not None and not fits(ran.printed, prints):
        until(lambda: fits(shell.run(command).printed, prints), what=f"{command} prints {ran.printed}")
    return ran.printed


def test_a_test_system_beside_quickbooks_sandbox_is_heard(shell: Shell, tmp_path: Path) -> None:
    theirs = json.loads((tmp_path / "ravetree.json").read_text())["ravetree"]
    for name, key in (("RAVETREE_URL", "api_url"), ("ACCOUNT", "account_id"), ("RAVETREE_TOKEN", "api_token")):
        shell.run(f"{name}={theirs[key]}")
    typed = examples(PAGE, "bash")
    assert sum(example.prints is not None for example in typed) == 2
    for example in typed:
        if example.command.startswith("SECRET="):
            shell.run(f"INVOICE={invoice_of(theirs)}")
        printed = type_it(shell, example.command, example.prints)
        if example.command.startswith("ravebooks connect "):
            consent(printed.strip())


def test_it_asks_no_more_than_it_says(tmp_path: Path) -> None:
    world = World(tmp_path, prepare=as_settled)
    client = world.client("Aster")
    world.settle()
    found: dict[str, int] = {}

    def count(what: str, act: Callable[[], Any]) -> Any:
        calls: Counter[str] = Counter()

        def listening(request: requests.PreparedRequest, ask: Callable[[], Answer]) -> Answer:
            if "/v1/" in (request.url or ""):
                calls[str(request.method)] += 1
            return ask()

        made = act()
        with spoiled(world, listening, RAVETREE):
            world.settle()
        print(f"{what}: {calls.total()} calls, {dict(calls)}")  # noqa: T201 - what it measures is to be read
        found[what] = calls.total()
        return made

    invoice = count("a new invoice", lambda: world.invoice(client, "100.00"))
    count("an edited one", lambda: world.ravetree.change("invoices", invoice["id"], {"memo": "Thank you"}))
    count("a payment of a user's", lambda: world.receive({invoice["id"]: "10.00"}, "CHK 1"))
    path = f"/api/connections/{world.connection_id}"
    count("a pause", lambda: world.api("POST", f"{path}/pause", {"by": "Kim"}))
    assert world.api("GET", path).get_json()["state"] == "paused"
    world.close()
    assert found == SAID
    text = " ".join(PAGE.read_text().split())
    assert all(f"{what} {count}" in text for what, count in SAID.items())
