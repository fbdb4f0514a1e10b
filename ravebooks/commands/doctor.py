"""`ravebooks doctor`: everything that can be reached, one line a check, and what to do about each red one."""

import sys

import click

from config import logging as logs
from config.errors import SettingError
from ravebooks.bootstrap import Parts
from ravebooks.checkup import Finding, examine
from ravebooks.commands import local_settings


@click.command("doctor")
def doctor() -> None:
    """Check settings, database, broker, clock, keys and both neighbours; status 1 if anything is red."""
    logs.configure("error")
    try:
        settings, world = local_settings.read()
    except SettingError as error:
        _print(Finding("settings", False, f"{error}", "Correct the variable."))
        sys.exit(1)
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


def _print(finding: Finding) -> None:
    click.echo(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.name}: {finding.sentence}")
    if not finding.ok:
        click.echo(f"      → {finding.remedy}")
