"""`ravebooks sandbox`: QuickBooks and Ravetree to run against."""

import os
from pathlib import Path

import click

from ravebooks import private
from ravebooks.local import sandbox_process

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
@click.option("--companies", type=click.IntRange(1, 50), default=1, help="How many QuickBooks companies there are.")
@click.option("--sample", is_flag=True, help="New companies begin with a year of a small business.")
@click.option("--customers", type=click.IntRange(1, 100_000), help="New companies begin with so many more customers.")
@click.option("--invoices", type=click.IntRange(1, 1_000_000), help="And with so many invoices and what follows.")
@click.option("--seed", type=int, help="The same seed, the same business.")
def sandbox(directory: Path, sample: bool, **options: int | None) -> None:
    """Run QuickBooks and Ravetree on loopback and print their credentials as one line of JSON."""
    command = sandbox_process.command(directory)
    private.keep(directory)
    for name, value in options.items():
        if value is not None:
            command += [f"--{name.replace('_', '-')}", str(value)]
    # It takes this process's place: whoever started it ends it by the id and reads it at the output that are known.
    os.execv(command[0], [*command, *(["--sample"] if sample else [])])  # noqa: S606 - no shell, our own command
