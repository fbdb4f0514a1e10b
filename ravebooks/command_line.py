"""`ravebooks`: the command line. An error is one line that names the cause and the remedy."""

import sys

import click

from config import logging as logs
from config.errors import USAGE, RavebooksError, SettingError
from config.redaction import redact_text
from ravebooks import private
from ravebooks.commands import bookkeeping
from ravebooks.commands.attention import attention, connections_, decide, retry
from ravebooks.commands.both_books import drift, parity, show, timeline_
from ravebooks.commands.brakes import pause, release_brake, resume
from ravebooks.commands.demo import demo
from ravebooks.commands.doctor import doctor
from ravebooks.commands.processes import release, sweeper, web, worker
from ravebooks.commands.restored import restored
from ravebooks.commands.sandbox import sandbox
from ravebooks.commands.settings import settings
from ravebooks.commands.up import up
from ravebooks.commands.webhook_secret import webhook_secret


@click.group()
def ravebooks() -> None:
    """Keeps Ravetree and QuickBooks Online in agreement."""


for command in (
    up,
    demo,
    doctor,
    connections_,
    attention,
    retry,
    decide,
    show,
    timeline_,
    drift,
    parity,
    bookkeeping.connect,
    bookkeeping.disconnect,
    bookkeeping.forget,
    bookkeeping.preflight,
    bookkeeping.map_,
    bookkeeping.switch,
    bookkeeping.policy,
    bookkeeping.preview,
    bookkeeping.sync,
    bookkeeping.backfill,
    bookkeeping.import_contacts,
    bookkeeping.jobs_,
    bookkeeping.usage,
    pause,
    resume,
    release_brake,
    restored,
    settings,
    webhook_secret,
    sandbox,
    web,
    worker,
    sweeper,
    release,
):
    ravebooks.add_command(command)


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
