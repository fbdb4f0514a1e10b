"""`ravebooks doctor`: everything that can be reached, one line a check, and what to do about each red one."""

import sys

import click

from config import environment
from config import logging as logs
from config.errors import USAGE, SettingError
from config.settings import unknown
from ravebooks.bootstrap import Parts
from ravebooks.doctor import Symptom, examine
from ravebooks.local import settings as local_settings


@click.command("doctor")
def doctor() -> None:
    """Check settings, database, broker, clock, keys and both neighbours.

    Status 1 if anything is red, 2 if a setting is wrong.
    """
    logs.configure("error")
    try:
        settings, world = local_settings.read()
    except SettingError as error:
        for line in error.lines:
            _print(Symptom("settings", False, line, "Correct the variable."))
        sys.exit(USAGE)
    for sentence in unknown(environment.read()):
        click.echo(f"note  settings: {sentence}")
    parts = Parts(settings)
    try:
        red = 0
        for finding in examine(parts, world):
            _print(finding)
            red += not finding.ok
    finally:
        parts.close()
    click.echo(f"{red} red" if red else "All is well")
    sys.exit(1 if red else 0)


def _print(finding: Symptom) -> None:
    click.echo(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.name}: {finding.sentence}")
    if not finding.ok:
        click.echo(f"      → {finding.remedy}")
