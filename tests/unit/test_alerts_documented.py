"""Rules and boards ask for metrics that there are, and every alert leads to its paragraph."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from config import telemetry

ROOT = Path(__file__).parents[2]
RULES = (ROOT / "ops" / "prometheus" / "rules.yml").read_text()
BOARDS = sorted((ROOT / "ops" / "grafana").glob("*.json"))


def asked(text: str) -> set[str]:
    """The metrics of ours that a text names."""
    return set(re.findall(r"ravebooks_\w+", text))


def metrics() -> set[str]:
    """Those that there are, by the names of their samples."""
    assert telemetry.COUNTED, "it has registered its metrics"
    families = [family for family in REGISTRY.collect() if family.name.startswith("ravebooks_")]
    ends = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"], "gauge": [""]}
    return {f"{family.name}{end}" for family in families for end in ends[family.type]}


@pytest.mark.parametrize("text", [RULES, *(path.read_text() for path in BOARDS)])
def test_what_is_asked_for_is_measured(text: str) -> None:
    assert asked(text)
    assert asked(text) - metrics() == set()


def test_every_alert_leads_to_its_paragraph() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    anchors = {name.lower() for name in re.findall(r"(?m)^### (\w+)$", page)}
    linked = re.findall(r"runbook_url: docs/operations.md#(\w+)", RULES)
    assert len(linked) == RULES.count("- alert: ") > 20
    assert set(linked) == anchors


def test_every_metric_is_explained() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    named = asked(page)
    unexplained = {name for name in metrics() if not name.endswith(("_bucket", "_count", "_sum"))} - named
    assert unexplained == set()


def test_the_boards_are_boards() -> None:
    assert [path.stem for path in BOARDS] == ["is-it-well", "queues", "quickbooks"]
    for path in BOARDS:
        board = json.loads(path.read_text())
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"]) >= 9
