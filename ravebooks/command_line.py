"""`ravebooks`: the command line. An error is one line that names the cause and the remedy."""

import ast
import sys
from functools import cache
from importlib import import_module
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from config import logging as logs
from config.errors import USAGE, RavebooksError, SettingError
from config.redaction import redact_text
from ravebooks import private
from ravebooks.loading import collecting_nothing, ending_quietly

GROUPS = {
    "See": {
        "connections": "attention:connections_",
        "attention": "attention:attention",
        "show": "both_books:show",
        "timeline": "both_books:timeline_",
        "drift": "both_books:drift",
        "parity": "both_books:parity",
        "preview": "bookkeeping:preview",
        "usage": "bookkeeping:usage",
        "acts": "access:acts",
    },
    "Decide": {
        "decide": "attention:decide",
        "retry": "attention:retry",
        "sync": "bookkeeping:sync",
        "backfill": "many:backfill",
        "import-contacts": "many:import_contacts",
        "jobs": "many:jobs_",
    },
    "Connect": {
        "connect": "bookkeeping:connect",
        "webhook-secret": "webhook_secret:webhook_secret",
        "preflight": "bookkeeping:preflight",
        "map": "bookkeeping:map_",
        "switch": "bookkeeping:switch",
        "settings": "bookkeeping:settings",
        "disconnect": "bookkeeping:disconnect",
        "forget": "bookkeeping:forget",
    },
    "Run": {
        "up": "up:up",
        "release": "processes:release",
        "web": "processes:web",
        "worker": "processes:worker",
        "sweeper": "processes:sweeper",
        "configuration": "configuration:configuration",
    },
    "Operate": {
        "status": "operating:status",
        "doctor": "doctor:doctor",
        "pause": "brakes:pause",
        "resume": "brakes:resume",
        "release-brake": "brakes:release_brake",
        "restored": "restored:restored",
        "users": "access:users_",
        "tokens": "access:tokens_",
        "support-bundle": "operating:support_bundle",
    },
    "Develop": {
        "demo": "demo:demo",
        "sandbox": "sandbox:sandbox",
        "conformance": "conformance:conformance",
        "simulate": "simulate:simulate",
    },
}
"""Where each command is, below `ravebooks.commands`: by what it is for, in the order in which they are needed."""
OLDER_NAMES = {"policy": "bookkeeping:settings"}
"""Commands that have another name by now: they go on working, and no list shows them."""
COMMANDS = {name: place for group in GROUPS.values() for name, place in group.items()}
WIDEST = 120
"""Columns that help takes at most: longer lines are hard to read."""


class Commands(click.Group):
    """A command is imported when it is asked for: to import them all takes longer than most of them run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, by what it is for."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name; None when there is none."""
        place = COMMANDS.get(cmd_name) or OLDER_NAMES.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        with ending_quietly(), collecting_nothing():
            found: click.Command = getattr(import_module(f"ravebooks.commands.{module}"), name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """By group and whole, from what the sources say: nothing is imported for a list."""
        column = max(map(len, COMMANDS))
        for group, names in GROUPS.items():
            with formatter.section(group):
                formatter.write_dl([(f"{name:<{column}}", summary(name)) for name in names])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names and options that begin like this, with what each is for."""
        found = [CompletionItem(name, help=summary(name)) for name in COMMANDS if name.startswith(incomplete)]
        return found if not incomplete.startswith("-") else click.Command.shell_complete(self, ctx, incomplete)


def summary(command: str) -> str:
    """What a command is for: the first paragraph of its own words."""
    return " ".join(_said(command).partition("\n\n")[0].split())


def _said(command: str) -> str:
    """The words of a command about itself."""
    module, _, name = COMMANDS[command].partition(":")
    functions = {node.name: node for node in _parsed(module).body if isinstance(node, ast.FunctionDef)}
    return ast.get_docstring(functions[name]) or ""


@cache
def _parsed(module: str) -> ast.Module:
    return ast.parse((Path(__file__).parent / "commands" / f"{module}.py").read_bytes())


@click.group(
    cls=Commands,
    context_settings={"max_content_width": WIDEST, "help_option_names": ["-h", "--help"]},
    epilog="""Status 0: done. 1: it could not be done, or what was looked at is not well. 2: a wrong option or setting.

`ravebooks COMMAND --help` says more of one; docs/command-line.md has all of them on one page.""",
)
@click.version_option(package_name="ravebooks", message="%(prog)s %(version)s")
def ravebooks() -> None:
    """Keeps Ravetree and QuickBooks Online in agreement."""


def run() -> None:
    """Run a command; a known error ends it with one line and status 1, wrong settings with a line each and status 2."""
    private.close_to_others()
    logs.configure()
    logs.catch_uncaught()
    try:
        ravebooks(prog_name="ravebooks")
    except SettingError as error:
        for line in error.lines:
            click.echo(redact_text(f"ravebooks: {line}"), err=True)
        sys.exit(USAGE)
    except RavebooksError as error:
        said = f"ravebooks: {str(error).rstrip('.')}. {error.remedy}"
        click.echo(redact_text(said.rstrip()), err=True)
        sys.exit(1)
