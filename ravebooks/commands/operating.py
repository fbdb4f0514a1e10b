"""`ravebooks status` and `support-bundle`: whether it is well, and what whoever helps has to know."""

import sys

import click

from ravebooks.commands.attention import open_quietly
from sync.operating.looking import by_area


@click.command("status")
def status() -> None:
    """Is it well? What the console's page of that name says. Status 1 if anything is not."""
    with open_quietly() as parts:
        found = list(parts.console.actions.watching.wellness().findings)
    for area, findings in by_area(found).items():
        click.echo(f"{'FAIL' if findings else 'ok  '}  {area}")
        for one in findings:
            click.echo(f"      {one.code}: {one.cause}")
            click.echo(f"      → {one.remedy}")
    click.echo(f"{len(found)} not well" if found else "All is well")
    sys.exit(1 if found else 0)


@click.command("support-bundle")
def support_bundle() -> None:
    """Print what whoever helps has to know, as JSON, without secrets."""
    with open_quietly() as parts:
        click.echo(parts.console.actions.watching.support(), nl=False)
