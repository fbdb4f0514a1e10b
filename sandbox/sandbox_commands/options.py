"""The options that the commands share, and what they make of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from quickbooks_sandbox import SAMPLE, Plan, QuickBooksSandbox
from sandbox_kit.process import Make

PORT = click.IntRange(0, 65535)


def directory(default: str) -> Callable[[Any], Any]:
    """Where the books are kept."""
    return click.option(
        "--directory",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path(default),
        show_default=True,
        help="Where the books are kept.",
    )


def port(name: str = "--port") -> Callable[[Any], Any]:
    return click.option(name, type=PORT, default=0, help="0 takes the last one, or a free one.")


def companies(command: Any) -> Any:
    """How many companies QuickBooks has, and with which business new ones begin."""
    for option in reversed(
        (
            click.option(
                "--companies", type=click.IntRange(1, 50), default=1, help="How many QuickBooks companies there are."
            ),
            click.option("--sample", is_flag=True, help="New companies begin with a year of a small business."),
            click.option(
                "--customers", type=click.IntRange(1, 100_000), help="New companies begin with so many more customers."
            ),
            click.option(
                "--invoices", type=click.IntRange(1, 1_000_000), help="And with so many invoices and what follows."
            ),
            click.option(
                "--seed", type=int, default=SAMPLE.seed, show_default=True, help="The same seed, the same business."
            ),
        )
    ):
        command = option(command)
    return command


def quickbooks(companies: int, sample: bool, customers: int | None, invoices: int | None, seed: int) -> Make:
    """QuickBooks as the options of `companies` want it."""
    wanted = Plan(customers or SAMPLE.customers, invoices or SAMPLE.invoices, seed)
    plan = wanted if sample or customers or invoices else None
    return lambda directory, port: QuickBooksSandbox(directory, port, companies=companies, plan=plan)
