"""What Ravetree's engineers are told holds: the signatures, and how much is asked of them."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from standardwebhooks import Webhook

from tests.docs.examples import ROOT, blocks
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
