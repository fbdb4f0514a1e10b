"""`ravebooks sandbox`: QuickBooks and Ravetree to run against."""

from pathlib import Path

import click

from ravebooks import private
from sandbox.quickbooks import SAMPLE, Plan
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
@click.option("--companies", type=click.IntRange(1, 50), default=1, help="How many QuickBooks companies there are.")
@click.option("--sample", is_flag=True, help="New companies begin with a year of a small business.")
@click.option("--customers", type=click.IntRange(1, 100_000), help="New companies begin with so many more customers.")
@click.option("--invoices", type=click.IntRange(1, 1_000_000), help="And with so many invoices and what follows.")
@click.option("--seed", type=int, default=SAMPLE.seed, show_default=True, help="The same seed, the same business.")
def sandbox(
    quickbooks_port: int,
    ravetree_port: int,
    directory: Path,
    companies: int,
    sample: bool,
    customers: int | None,
    invoices: int | None,
    seed: int,
) -> None:
    """Run QuickBooks and Ravetree on loopback and print their credentials as one line of JSON."""
    private.keep(directory)
    plan = Plan(customers or SAMPLE.customers, invoices or SAMPLE.invoices, seed)
    run(quickbooks_port, ravetree_port, directory, companies, plan if sample or customers or invoices else None)
