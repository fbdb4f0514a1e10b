"""`ravebooks status` and `support-bundle`: whether it is well, and what whoever helps has to know."""

import sys

import click

from console.api.shapes import StatusShape
from ravebooks.commands.attention import open_quietly
from ravebooks.commands.printing import as_json, dumped, tell
from sync.operating.looking import by_area


@click.command("status")
@as_json
def status() -> None:
    """Is it well? What the console's page of that name says. Status 1 if anything is not."""
    with open_quietly() as parts:
        found = parts.console.actions.watching.wellness()
    lines = []
    for area, findings in by_area(list(found.findings)).items():
        lines.append(f"{'FAIL' if findings else 'ok  '}  {area}")
        for one in findings:
            lines += (f"      {one.code}: {one.cause}", f"      → {one.remedy}")
    verdict = f"{len(found.findings)} not well" if found.findings else "All is well"
    tell(dumped(StatusShape, found), *lines, verdict)
    sys.exit(1 if found.findings else 0)


@click.command("support-bundle")
def support_bundle() -> None:
    """Print what whoever helps has to know, as JSON, without secrets."""
    with open_quietly() as parts:
        click.echo(parts.console.actions.watching.support(), nl=False)
