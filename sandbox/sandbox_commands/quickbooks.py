"""`quickbooks-sandbox`: QuickBooks Online by itself."""

from pathlib import Path
from typing import Any

import click

from sandbox_commands import options
from sandbox_kit.process import run


@click.command()
@options.port()
@options.directory("quickbooks-sandbox")
@options.companies
def quickbooks_sandbox(port: int, directory: Path, **companies: Any) -> None:
    """Run QuickBooks Online on loopback and print its credentials as one line of JSON."""
    run(directory, {"quickbooks": (options.quickbooks(**companies), port)})


if __name__ == "__main__":
    quickbooks_sandbox()
