"""`ravebooks restored`: the database comes from a backup."""

import click

from ravebooks.commands.attention import open_quietly
from storage import connections


@click.command("restored")
def restored() -> None:
    """Say that the database was restored from a backup: both books are read before anything is written.

    Run it before the processes are started. They go on by themselves when both books have been read.
    """
    with open_quietly() as parts, parts.database.transaction() as session:
        count = connections.verify(session, parts.clock.now())
    click.echo(f"Connections that read both books before anything is written: {count}")
