"""`ravebooks restored`: the database comes from a backup."""

import click

from ravebooks.commands.attention import open_quietly


@click.command("restored")
def restored() -> None:
    """Say that the database was restored from a backup: both books are read before anything is written.

    Run it before the processes are started. They go on by themselves when both books have been read.
    """
    with open_quietly() as parts:
        count = parts.console.unhurried_actions.installation.verify_all()
    click.echo(f"Connections that read both books before anything is written: {count}")
