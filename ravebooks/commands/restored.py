"""`ravebooks restored`: the database comes from a backup."""

import click

from ravebooks.commands.attention import open_quietly
from ravebooks.commands.printing import as_json, tell


@click.command("restored")
@as_json
def restored() -> None:
    """Say that the database was restored from a backup: both books are read before anything is written.

    Run it before the processes are started. They go on by themselves when both books have been read.
    """
    with open_quietly() as parts:
        count = parts.console.unhurried_actions.installation.verify_all()
    tell({"connections": count}, f"Connections that read both books before anything is written: {count}")
