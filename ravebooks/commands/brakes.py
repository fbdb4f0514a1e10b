"""`ravebooks pause` and `resume`: stop one connection, or every write of this installation."""

import click

from ravebooks.commands.attention import open_quietly
from storage import brakes, connections


@click.command("pause")
@click.argument("connection", required=False)
@click.option(
    "--all", "everything", is_flag=True, help="Every write of this installation, before the next one is sent."
)
@click.option("--by", required=True, help="Who stops it.")
@click.option("--cause", default="", help="Why.")
def pause(connection: str | None, everything: bool, by: str, cause: str) -> None:
    """Stop writing: nothing is lost, and what is pending goes on after `resume`."""
    _one_or_all(connection, everything)
    with open_quietly() as parts, parts.database.transaction() as session:
        if connection is None:
            brakes.pull(session, cause, by, parts.clock.now())
        else:
            words = f"Paused by {by}{': ' if cause else '.'}{cause}"
            connections.pause(session, connection, words, "Go on with `ravebooks resume`.")
    click.echo(f"{connection or 'Everything'} is paused")


@click.command("resume")
@click.argument("connection", required=False)
@click.option("--all", "everything", is_flag=True, help="What `pause --all` stopped.")
def resume(connection: str | None, everything: bool) -> None:
    """Go on, and look at what was missed meanwhile."""
    _one_or_all(connection, everything)
    with open_quietly() as parts, parts.database.transaction() as session:
        if connection is None:
            brakes.release(session)
        else:
            connections.resume(session, connection, parts.clock.now())
    click.echo(f"{connection or 'Everything'} goes on")


@click.command("release-brake")
@click.argument("connection")
def release_brake(connection: str) -> None:
    """The voids and deletions of the last hour are meant: let the held ones go on, and count anew."""
    with open_quietly() as parts, parts.database.transaction() as session:
        connections.release_brake(session, connection, parts.clock.now())
    click.echo(f"{connection} counts voids and deletions anew")


def _one_or_all(connection: str | None, everything: bool) -> None:
    if (connection is None) is not everything:
        raise click.UsageError("Name a connection, or say --all.")
