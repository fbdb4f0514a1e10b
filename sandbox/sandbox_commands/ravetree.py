"""`ravetree-sandbox`: Ravetree by itself."""

from pathlib import Path

import click

from ravetree_sandbox import RavetreeSandbox
from sandbox_commands import options
from sandbox_kit.process import run


@click.command()
@options.port()
@options.directory("ravetree-sandbox")
def ravetree_sandbox(port: int, directory: Path) -> None:
    """Run Ravetree on loopback and print its credentials as one line of JSON."""
    run(directory, {"ravetree": (RavetreeSandbox, port)})


if __name__ == "__main__":
    ravetree_sandbox()
