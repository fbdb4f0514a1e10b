"""Rounds: everything is measured in turn, several times, so that what else runs on the machine disturbs all alike."""

from __future__ import annotations

import json
import math
import platform
import statistics
from collections.abc import Mapping, Sequence
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

FOLDER = Path("build/bench")
NO_GOAL = float("nan")
"""In a column of goals, of a row that has none."""
NAMED = ("kombu", "pika", "celery", "dramatiq", "gunicorn", "waitress", "SQLAlchemy", "psycopg")

Measured = dict[str, list[dict[str, float]]]
"""For each name what each round gave, by unit."""


def medians(measured: Measured) -> dict[str, dict[str, float]]:
    """Each name's median of each unit."""
    return {
        name: {unit: statistics.median(row[unit] for row in rows) for unit in rows[0]}
        for name, rows in measured.items()
    }


def show(part: str, what: str, measured: Measured, columns: Mapping[str, str], of: Sequence[str] = ()) -> None:
    """Print a table of medians, with each rate as a share of those of `of`, and keep every round under `build/`."""
    middle = medians(measured)
    rate = next(iter(columns))
    titles = [*columns.values(), *(f"of {name}" for name in of)]
    lines = [f"| {what} | " + " | ".join(titles) + " |", "|---" * (len(titles) + 1) + "|"]
    for name, row in middle.items():
        cells = [_cell(row[unit]) for unit in columns]
        cells += [f"{row[rate] / middle[other][rate]:.2f}" for other in of]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    print("\n".join(lines), end="\n\n", flush=True)  # noqa: T201 - what it measures is to be read
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{part}.json").write_text(
        json.dumps({"what": what, "rounds": measured, "medians": middle, "on": machine()}, indent=1)
    )


def _cell(value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def machine() -> dict[str, Any]:
    """What it was measured with."""
    installed = {str(each.metadata["Name"]).lower() for each in distributions()}
    versions = {name: version(name) for name in NAMED if name.lower() in installed}
    return {"python": platform.python_version(), "versions": versions}
