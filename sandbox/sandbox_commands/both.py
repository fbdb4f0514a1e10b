"""`both-sandboxes`: QuickBooks Online and Ravetree in one process."""

from pathlib import Path
from typing import Any

import click

from ravetree_sandbox import RavetreeSandbox
from sandbox_commands import options
from sandbox_kit.process import run


@click.command()
@options.port("--quickbooks-port")
@options.port("--ravetree-port")
@options.directory("sandboxes")
@options.companies
def both_sandboxes(quickbooks_port: int, ravetree_port: int, directory: Path, **companies: Any) -> None:
    """Run QuickBooks and Ravetree on loopback and print their credentials as one line of JSON."""
    run(
        directory,
        {
            "quickbooks": (options.quickbooks(**companies), quickbooks_port),
            "ravetree": (RavetreeSandbox, ravetree_port),
        },
    )


if __name__ == "__main__":
    both_sandboxes()
