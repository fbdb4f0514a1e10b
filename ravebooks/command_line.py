"""`ravebooks`: the command line. An error is one line that names the cause and the remedy."""

import ast
import sys
from functools import cache
from importlib import import_module
from pathlib import Path

import click

from config import logging as logs
from config.errors import USAGE, RavebooksError, SettingError
from config.redaction import redact_text
from ravebooks import private
from ravebooks.loading import ending_quietly

COMMANDS = {
    "acts": "access:acts",
    "attention": "attention:attention",
    "backfill": "bookkeeping:backfill",
    "conformance": "conformance:conformance",
    "connect": "bookkeeping:connect",
    "connections": "attention:connections_",
    "decide": "attention:decide",
    "demo": "demo:demo",
    "disconnect": "bookkeeping:disconnect",
    "doctor": "doctor:doctor",
    "drift": "both_books:drift",
    "forget": "bookkeeping:forget",
    "import-contacts": "bookkeeping:import_contacts",
    "jobs": "bookkeeping:jobs_",
    "map": "bookkeeping:map_",
    "parity": "both_books:parity",
    "pause": "brakes:pause",
    "policy": "bookkeeping:policy",
    "preflight": "bookkeeping:preflight",
    "preview": "bookkeeping:preview",
    "release": "processes:release",
    "release-brake": "brakes:release_brake",
    "restored": "restored:restored",
    "resume": "brakes:resume",
    "retry": "attention:retry",
    "sandbox": "sandbox:sandbox",
    "settings": "settings:settings",
    "show": "both_books:show",
    "status": "operating:status",
    "support-bundle": "operating:support_bundle",
    "sweeper": "processes:sweeper",
    "switch": "bookkeeping:switch",
    "sync": "bookkeeping:sync",
    "timeline": "both_books:timeline_",
    "tokens": "access:tokens_",
    "up": "up:up",
    "usage": "bookkeeping:usage",
    "users": "access:users_",
    "web": "processes:web",
    "webhook-secret": "webhook_secret:webhook_secret",
    "worker": "processes:worker",
}
"""Where each command is, below `ravebooks.commands`."""


class Commands(click.Group):
    """A command is imported when it is asked for: to import them all takes longer than most of them run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, in order."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name; None when there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        with ending_quietly():
            found: click.Command = getattr(import_module(f"ravebooks.commands.{module}"), name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As click's own, from what the sources say: nothing is imported for a list."""
        room = formatter.width - 6 - max(map(len, COMMANDS))
        with formatter.section("Commands"):
            said = {name: click.Command(name, help=_said(name)) for name in self.list_commands(ctx)}
            formatter.write_dl([(name, command.get_short_help_str(room)) for name, command in said.items()])


def _said(command: str) -> str:
    """The words of a command about itself."""
    module, _, name = COMMANDS[command].partition(":")
    functions = {node.name: node for node in _parsed(module).body if isinstance(node, ast.FunctionDef)}
    return ast.get_docstring(functions[name]) or ""


@cache
def _parsed(module: str) -> ast.Module:
    return ast.parse((Path(__file__).parent / "commands" / f"{module}.py").read_bytes())


@click.group(cls=Commands)
def ravebooks() -> None:
    """Keeps Ravetree and QuickBooks Online in agreement."""


def run() -> None:
    """Run a command; a known error ends it with one line and status 1, wrong settings with a line each and status 2."""
    private.close_to_others()
    logs.configure()
    logs.catch_uncaught()
    try:
        ravebooks()
    except SettingError as error:
        for line in error.lines:
            click.echo(redact_text(f"ravebooks: {line}"), err=True)
        sys.exit(USAGE)
    except RavebooksError as error:
        said = f"ravebooks: {str(error).rstrip('.')}. {error.remedy}"
        click.echo(redact_text(said.rstrip()), err=True)
        sys.exit(1)
