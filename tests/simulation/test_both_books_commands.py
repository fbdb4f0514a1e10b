"""`ravebooks parity`, `drift`, `show` and `timeline`, on the whole system."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog
from click.testing import CliRunner

from ravebooks.bootstrap import Parts
from ravebooks.command_line import ravebooks
from ravebooks.commands import both_books
from ravebooks.demo.sides import Body
from tests.simulation.test_both_books import conflict, raise_total
from tests.simulation.world import World

__all__ = ["conflict"]


@pytest.fixture
def run(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Runs a command on the world's database and network, with its log at errors only."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))

    @contextmanager
    def open_world() -> Iterator[Parts]:
        yield world.parts

    monkeypatch.setattr(both_books, "open_quietly", open_world)

    def invoke(command: str, *arguments: str) -> str:
        result = CliRunner().invoke(ravebooks, [command, world.connection_id, *arguments])
        assert result.exit_code == 0, result.output
        return result.output

    yield invoke
    structlog.reset_defaults()


def test_parity_and_drift_are_printed(world: World, paired: Body, run: Any) -> None:
    raise_total(world, paired)
    world.settle()
    printed = run("parity", "--full")
    assert "report 1 of 2026-11-20, from a full read" in printed
    assert "1 pairs compared, 0 equal, 1 differing" in printed
    assert "total: 100.00 / 150.00" in printed
    sheet = run("parity", "--csv").splitlines()
    assert sheet[0].startswith("kind,number,client")
    assert f"invoice,{paired['number']},Northwind Galleries,USD,100.00,150.00" in sheet[1]
    drift = run("drift")
    assert "line 1 amount: 100.00 / 150.00 (agreed: 100.00), owned by ravetree" in drift
    assert "1 pairs differ" in drift
    (pair,) = json.loads(run("drift", "--json"))["data"]
    assert "line 1 amount" in [each["field"] for each in pair["differences"]]
    report = json.loads(run("parity", "--json"))
    assert (report["summary"]["differing"], report["rows"][0]["number"]) == (1, paired["number"])


def test_a_conflict_and_its_timeline_are_printed(world: World, conflict: Body, run: Any) -> None:
    shown = run("show", "ravetree", "payment", conflict["id"])
    assert "reference: OURS / THEIRS (agreed: CHK 1), owned by both" in shown
    assert "    ravetree: Writes what Ravetree says to QuickBooks.\n    quickbooks: " in shown
    told = run("timeline", "ravetree", "payment", conflict["id"])
    assert "payment.create" in told
    assert "held: A payment was changed on both sides" in told
