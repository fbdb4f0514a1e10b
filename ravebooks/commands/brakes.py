"""`ravebooks pause` and `resume`: stop one connection, or every write of this installation."""

import click

from console.api.shapes import ConnectionShape
from ravebooks.commands.attention import open_quietly
from ravebooks.commands.printing import as_json, dumped, tell


@click.command("pause")
@click.argument("connection", required=False)
@click.option(
    "--all", "everything", is_flag=True, help="Every write of this installation, before the next one is sent."
)
@click.option("--by", required=True, help="Who stops it.")
@click.option("--cause", default="", help="Why.")
@as_json
def pause(connection: str | None, everything: bool, by: str, cause: str) -> None:
    """Stop writing: nothing is lost, and what is pending goes on after `resume`."""
    _one_or_all(connection, everything)
    with open_quietly() as parts:
        if connection is None:
            parts.console.unhurried_actions.installation.stop_all(by, cause)
            body = {"part": "everything", "state": "paused"}
        else:
            body = dumped(ConnectionShape, parts.console.unhurried_actions.connections.pause(connection, by, cause))
    tell(body, f"{connection or 'Everything'} is paused")


@click.command("resume")
@click.argument("connection", required=False)
@click.option("--all", "everything", is_flag=True, help="What `pause --all` stopped.")
@as_json
def resume(connection: str | None, everything: bool) -> None:
    """Go on, and look at what was missed meanwhile."""
    _one_or_all(connection, everything)
    with open_quietly() as parts:
        if connection is None:
            parts.console.unhurried_actions.installation.resume_all()
            body = {"part": "everything", "state": "active"}
        else:
            body = dumped(ConnectionShape, parts.console.unhurried_actions.connections.resume(connection))
    tell(body, f"{connection or 'Everything'} goes on")


@click.command("release-brake")
@click.argument("connection")
@as_json
def release_brake(connection: str) -> None:
    """The voids and deletions of the last hour are meant: let the held ones go on, and count anew."""
    with open_quietly() as parts:
        shown = parts.console.unhurried_actions.connections.release_brake(connection)
    tell(dumped(ConnectionShape, shown), f"{connection} counts voids and deletions anew")


def _one_or_all(connection: str | None, everything: bool) -> None:
    if (connection is None) is not everything:
        raise click.UsageError("Name a connection, or say --all.")
