"""`ravebooks doctor`: everything that can be reached, one line a check, and what to do about each red one."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import click

from config import environment
from config import logging as logs
from config.errors import USAGE, SettingError
from config.settings import unknown
from ravebooks.bootstrap import Parts
from ravebooks.commands.printing import as_json, say, tell, wants_json
from ravebooks.doctor import Symptom, examine
from ravebooks.local import settings as local_settings


@click.command("doctor")
@as_json
def doctor() -> None:
    """Check settings, database, broker, clock, keys and both neighbours.

    Status 1 if anything is red, 2 if a setting is wrong.
    """
    logs.configure("error")
    try:
        settings, world = local_settings.read()
    except SettingError as error:
        wrong = [Symptom("settings", False, line, "Correct the variable.") for line in error.lines]
        tell(_as_body(wrong), *(line for each in wrong for line in _lines(each)))
        sys.exit(USAGE)
    notes = [f"note  settings: {sentence}" for sentence in unknown(environment.read())]
    parts = Parts(settings)
    found = []
    try:
        for note in [] if wants_json() else notes:
            say(note)
        for finding in examine(parts, world):
            found.append(finding)
            # Each as it comes: a neighbour that does not answer takes its time.
            for line in [] if wants_json() else _lines(finding):
                say(line)
    finally:
        parts.close()
    red = sum(not finding.ok for finding in found)
    tell(_as_body(found), f"{red} red" if red else "All is well")
    sys.exit(1 if red else 0)


def _as_body(found: Sequence[Symptom]) -> dict[str, Any]:
    return {"well": all(each.ok for each in found), "checks": [asdict(each) for each in found]}


def _lines(finding: Symptom) -> Iterator[str]:
    yield f"{'ok  ' if finding.ok else 'FAIL'}  {finding.name}: {finding.sentence}"
    if not finding.ok:
        yield f"      → {finding.remedy}"
