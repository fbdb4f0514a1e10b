"""`ravebooks simulate`: the whole product under seeds; the simulation is one of the repository's tests."""

import subprocess
import sys
from pathlib import Path

import click

from config.errors import RavebooksError

SIMULATION = Path("tests", "simulation", "interleaved")


class NoCheckout(RavebooksError):
    """The simulation is not part of what is installed."""

    remedy = "Clone the repository, and call `make simulate` in it."


@click.command("simulate")
@click.option("--seeds", type=click.IntRange(1), default=50, show_default=True, help="So many, on every core.")
@click.option("--first", type=click.IntRange(1), default=1, show_default=True, help="The first of them.")
@click.option("--seed", type=click.IntRange(1), help="This one alone, with all that happens in it.")
@click.option("--steps", type=click.IntRange(1), default=2000, show_default=True, help="Decisions of a seed.")
@click.option("--only", help="Steps at which something may go wrong, with commas between them, or `none`.")
def simulate(seeds: int, first: int, seed: int | None, steps: int, only: str | None) -> None:
    """Play web, worker and sweeper, two of each, interleaved under seeds, with crashes, losses and people.

    A failing seed is shortened and told with the command that plays it again. Only in a checkout, as its tests need
    what `make test` installs. Status 1 when something does not hold.
    """
    asked = ["--steps", str(steps)]
    asked += ["--seed", str(seed)] if seed is not None else ["--seeds", str(seeds), "--first", str(first)]
    asked += ["--only", only] if only is not None else []
    root = _checkout()
    words = [sys.executable, "-m", ".".join(SIMULATION.parts), *asked]
    sys.exit(subprocess.run(words, cwd=root, check=False).returncode)  # noqa: S603 - our own program


def _checkout() -> Path:
    root = Path(__file__).parents[2]
    if not (root / SIMULATION).is_dir():
        raise NoCheckout("the simulation is played in a checkout, and this is an installed package")
    return root
