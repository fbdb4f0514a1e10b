"""The formula of docs/scaling.md, held against an account that is simulated."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from config.settings import Settings
from storage.models import Event, Operation
from tests.simulation.posting import pay, reads
from tests.simulation.world import World, as_settled

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scaling.md"
STEP = 20 * 60
"""Seconds between two looks of the sweeper: half an hour without one means a restored database."""
DAYS = 6
COLUMNS = ("ravetree", "quickbooks", "writes", "reads")


def formula() -> dict[str, dict[str, float]]:
    """The page's table: what each thing that happens costs."""
    rows = re.findall(r"^\| (an? [\w ,]+?) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", PAGE.read_text(), re.M)
    return {name: dict(zip(COLUMNS, map(float, numbers), strict=True)) for name, *numbers in rows}


def predicted(happened: dict[str, int]) -> dict[str, float]:
    costs = formula()
    return {column: sum(count * costs[name][column] for name, count in happened.items()) for column in COLUMNS}


def counted(world: World) -> dict[str, float]:
    with world.parts.database.reading() as session:

        def count(model: Any, *where: Any) -> int:
            return session.execute(sa.select(sa.func.count()).select_from(model).where(*where)).scalar_one()

        found: dict[str, float] = {
            "ravetree": count(Event, Event.source == "ravetree"),
            "quickbooks": count(Event, Event.source == "quickbooks"),
            "writes": count(Operation),
        }
    return found | {"reads": reads(world)}


@pytest.fixture
def as_in_production(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world whose change data capture is looked at as often as in production."""
    monkeypatch.setattr(Settings, "effective_cdc_seconds", 86400.0)
    made = World(tmp_path, prepare=as_settled)
    yield made
    made.close()


@pytest.mark.thorough
def test_what_an_account_costs_is_as_the_formula_says(as_in_production: World) -> None:
    world = as_in_production
    client = world.client("Aster")
    before = world.invoice(client, "1000.00")
    world.settle()
    world.parity()
    begun = counted(world)
    number = 0
    for hour in range(24 * DAYS):
        happens = {9: "new", 11: "edit", 13: "edit", 15: "received", 17: "paid"}.get(hour % 24)
        if happens == "new":
            world.invoice(client, "10.00")
        elif happens == "edit":
            number += 1
            world.ravetree.change("invoices", before["id"], {"memo": f"Edit {number}"})
        elif happens == "received":
            world.receive({before["id"]: "5.00"}, f"cheque {hour}")
        elif happens == "paid":
            # Its own token has expired since yesterday.
            world.quickbooks_again()
            pay(world, world.quickbooks.invoice(before["number"]) or {}, 3 + hour // 24)
        for _ in range(3600 // STEP):
            world.settle()
            world.clock.advance(STEP)
    world.settle()
    ended = counted(world)
    assert world.attention() == []
    happened = {
        "a new invoice": DAYS,
        "an edit": 2 * DAYS,
        "a payment received in Ravetree": DAYS,
        "a payment received in QuickBooks": DAYS,
        "a day": DAYS,
    }
    usage = world.api("GET", f"/api/connections/{world.connection_id}/usage").get_json()["data"]
    assert {name: ended[name] - begun[name] for name in COLUMNS} == pytest.approx(
        predicted(happened), rel=0.1, abs=2
    ), usage
