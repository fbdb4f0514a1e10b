"""`ravebooks sandbox`: QuickBooks and Ravetree to run against."""

from pathlib import Path

import click

from sandbox.run import run

_PORT = click.IntRange(0, 65535)


@click.command("sandbox")
@click.option("--quickbooks-port", type=_PORT, default=0, help="0 takes a free one.")
@click.option("--ravetree-port", type=_PORT, default=0, help="0 takes a free one.")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var/sandbox"),
    show_default=True,
    help="Where the books are kept.",
)
def sandbox(quickbooks_port: int, ravetree_port: int, directory: Path) -> None:
    """Run QuickBooks and Ravetree on loopback and print their credentials as one line of JSON."""
    run(quickbooks_port, ravetree_port, directory)
