"""What several commands take: a record by its names, and options that had another name once."""

from collections.abc import Callable

import click

from config.errors import USAGE
from reconcile.model import SYNCED, Side

NAMES_OF_A_RECORD = f"""\
CONNECTION is the id that `ravebooks connections` prints. SIDE is whose record it is, {" or ".join(Side)}: a payment \
that was entered in QuickBooks is quickbooks. KIND is {", ".join(SYNCED[:-1])} or {SYNCED[-1]}. ID is the record's \
id on that side, as `ravebooks attention` prints all four."""


class BadChoice(click.ClickException):
    """An argument is not of the form that is asked for."""

    exit_code = USAGE


class OfARecord(click.Command):
    """A command for one record, whose help explains the names of it."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Behind the options."""
        with formatter.section("A record"):
            formatter.write_text(NAMES_OF_A_RECORD)
            for argument in ctx.command.params:
                if argument.metavar == "DECISION" and isinstance(argument.type, click.Choice):
                    formatter.write_text(f"DECISION is one of {', '.join(argument.type.choices)}.")


def record_arguments(command: Callable[..., None]) -> Callable[..., None]:
    """CONNECTION SIDE KIND ID, as `ravebooks attention` prints them."""
    for name, kind in (
        ("record_id", click.STRING),
        ("kind", click.Choice([str(kind) for kind in SYNCED])),
        ("side", click.Choice([str(side) for side in Side])),
        ("connection", click.STRING),
    ):
        command = click.argument(name, type=kind, metavar="ID" if name == "record_id" else name.upper())(command)
    return command


class Renamed(click.Option):
    """An option with an older name behind its name: both are taken, and the first one is shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """As if there were no other name."""
        every, self.opts = self.opts, self.opts[:1]
        try:
            return super().get_help_record(ctx)
        finally:
            self.opts = every
