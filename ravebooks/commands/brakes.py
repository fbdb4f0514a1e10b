"""`ravebooks pause` and `resume`: stop one connection, or every write of this installation."""

import click

from ravebooks.commands.attention import open_quietly


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
    with open_quietly() as parts:
        if connection is None:
            parts.console.unhurried_actions.installation.stop_all(by, cause)
        else:
            parts.console.unhurried_actions.connections.pause(connection, by, cause)
    click.echo(f"{connection or 'Everything'} is paused")


@click.command("resume")
@click.argument("connection", required=False)
@click.option("--all", "everything", is_flag=True, help="What `pause --all` stopped.")
def resume(connection: str | None, everything: bool) -> None:
    """Go on, and look at what was missed meanwhile."""
    _one_or_all(connection, everything)
    with open_quietly() as parts:
        if connection is None:
            parts.console.unhurried_actions.installation.resume_all()
        else:
            parts.console.unhurried_actions.connections.resume(connection)
    click.echo(f"{connection or 'Everything'} goes on")


@click.command("release-brake")
@click.argument("connection")
def release_brake(connection: str) -> None:
    """The voids and deletions of the last hour are meant: let the held ones go on, and count anew."""
    with open_quietly() as parts:
        parts.console.unhurried_actions.connections.release_brake(connection)
    click.echo(f"{connection} counts voids and deletions anew")


def _one_or_all(connection: str | None, everything: bool) -> None:
    if (connection is None) is not everything:
        raise click.UsageError("Name a connection, or say --all.")
