"""What a bookkeeper does, on the command line: map, switch, look before a sync, press the button, fill back."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import click
from marshmallow import ValidationError

from config.errors import USAGE
from console.api.shapes import JobRequest, PreviewRequest
from ravebooks.commands import served
from ravebooks.commands.arguments import OfARecord, Renamed, record_arguments
from ravebooks.commands.attention import open_quietly, waiting_lines
from ravebooks.commands.configuration import listed
from reconcile.decisions import Decision
from reconcile.time_zones import is_time_zone
from schemas.ids import record_of
from storage import jobs, paging
from sync.actions.jobs import JobView
from sync.actions.mappings import MAPPING_KINDS

VERBS = ("pause", "resume", "stop")
"""What can be done to a job, as the API names it."""
_OPTIONS = {"statuses": "status", "kinds": "kind"}
"""Options whose name is not that of the API's field."""


class BadChoice(click.ClickException):
    """An argument is not of the form that is asked for."""

    exit_code = USAGE


# --- connecting ----------------------------------------------------------------------------------


@click.command("connect")
@click.argument("account")
@click.option("--ravetree-token", prompt=True, hide_input=True, help="The account's API token for Ravetree.")
def connect(account: str, ravetree_token: str) -> None:
    """Print the address that an administrator of the QuickBooks company opens, good once, for ten minutes."""
    with open_quietly() as parts:
        parts.settings.require("secret_key")
        connecting = replace(parts.console.connecting, public_url=served.address(parts.settings))
        click.echo(connecting.begin(account, ravetree_token))
        parts.console.note("connect", subject=f"account:{account}")


@click.command("disconnect")
@click.argument("connection")
@click.option("--by", required=True, help="Who decided.")
def disconnect(connection: str, by: str) -> None:
    """Take the access back at Intuit and write nothing any more; pairs and mappings stay."""
    with open_quietly() as parts:
        revoked = parts.console.connecting.disconnect(connection, by)
        parts.console.note("disconnect", connection)
    click.echo(f"{connection} is disconnected")
    if not revoked:
        click.echo("Intuit could not be told: remove the app in QuickBooks too.")


@click.command("forget")
@click.argument("connection")
@click.option("--by", required=True, help="Who decided.")
def forget(connection: str, by: str) -> None:
    """End a disconnected connection for good; one that anything was written for is archived: it stays readable."""
    with open_quietly() as parts:
        outcome = parts.console.connecting.forget(connection, by)
        parts.console.note("forget", connection)
    click.echo(f"{connection} is {outcome}: its account and its company can be connected to others")


@click.command("preflight")
@click.argument("connection")
def preflight(connection: str) -> None:
    """Look at the company's settings, mappings and rights now."""
    with open_quietly() as parts:
        found = parts.console.unhurried_actions.connections.inspect_now(connection).findings
    for finding in found:
        click.echo(f"{finding['severity']:<8} {finding['code']}\n    {finding['cause']}\n    → {finding['remedy']}")
    click.echo(f"{len(found)} findings")


@click.command("map")
@click.argument("connection")
@click.argument("kind", type=click.Choice(list(MAPPING_KINDS)))
@click.argument("pairs", nargs=-1, metavar="[KEY=ID]…")
@click.option("--search", default="", help="Only QuickBooks entries with this in their name.")
def map_(connection: str, kind: str, pairs: tuple[str, ...], search: str) -> None:
    """Map Ravetree's keys to QuickBooks' entries; without pairs list both, and what is mapped."""
    given = dict(_pair(text) for text in pairs)
    with open_quietly() as parts:
        mappings = parts.console.unhurried_actions.mappings
        if given:
            mappings.map_keys(connection, {kind: given})
        for row in mappings.keys(connection, kind):
            click.echo(f"{row.key or '(none)':<24} {row.label:<32} → {row.quickbooks_id or '–'}")
        if not given:
            for entry in mappings.entries(connection, kind, search):
                click.echo(f"    {entry.id:<8} {entry.name}")
        shown = parts.console.unhurried_actions.connections.one(connection)
    for line in waiting_lines(shown):
        click.echo(line)


def _pair(text: str) -> tuple[str, str]:
    key, found, value = text.partition("=")
    if not found or not value:
        raise BadChoice(f"{text!r} is not KEY=ID: see `ravebooks map --help`.")
    return key, value


@click.command("switch")
@click.argument("connection")
@click.option("--invoices/--no-invoices", default=None, help="Invoices, with their payments.")
@click.option("--estimates/--no-estimates", default=None, help="Estimates.")
def switch(connection: str, invoices: bool | None, estimates: bool | None) -> None:
    """Switch the sync on or off. On means from now on: what is older waits for the button or the back-fill.

    What lacks mappings waits for them, and is on from the last one.
    """
    with open_quietly() as parts:
        parts.console.unhurried_actions.mappings.switch(connection, invoices=invoices, estimates=estimates)
        shown = parts.console.unhurried_actions.connections.one(connection)
    click.echo(f"{connection} is set")
    for line in waiting_lines(shown):
        click.echo(line)


@click.command("settings")
@click.argument("connection", required=False)
@click.option(
    "--draft-policy",
    "--draft",
    cls=Renamed,
    type=click.Choice(["create", "sent"]),
    help="When a draft goes to QuickBooks: at once, or when it is sent.",
)
@click.option(
    "--delete-policy",
    "--delete",
    cls=Renamed,
    type=click.Choice(["void", "delete"]),
    help="What an invoice that is deleted in Ravetree becomes in QuickBooks.",
)
@click.option(
    "--removals-limit",
    "--removals",
    cls=Renamed,
    type=click.IntRange(1),
    help="Voids and deletions an hour before a person is asked.",
)
@click.option(
    "--reads-budget",
    "--reads",
    cls=Renamed,
    type=click.IntRange(1),
    help="Metered reads of QuickBooks a month before a warning.",
)
@click.option("--time-zone", help="The company's, as Europe/London. What has a date already keeps it.")
@click.option("--markdown", is_flag=True, hidden=True)
def settings(connection: str | None, markdown: bool, **named: Any) -> None:
    """Show or set how a connection behaves: drafts, deletions, limits, its time zone.

    Without a CONNECTION it lists the environment variables, as `ravebooks configuration` does.
    """
    given = {name: value for name, value in named.items() if value is not None}
    if connection is None:
        if given:
            raise click.UsageError("Name the connection that is to be set.")
        listed(markdown=markdown)
        return
    time_zone = given.get("time_zone")
    if time_zone is not None and not is_time_zone(time_zone):
        raise BadChoice(f"--time-zone: {time_zone!r} is not the IANA name of a time zone, as Europe/London is.")
    with open_quietly() as parts:
        actions = parts.console.unhurried_actions.connections
        shown = actions.set_settings(connection, given) if given else actions.settings(connection)
    for name, value in asdict(shown).items():
        click.echo(f"{name:<16} {value if value is not None else '–'}")


@click.command("usage")
@click.argument("connection")
def usage(connection: str) -> None:
    """Metered reads of QuickBooks by cause and free writes by action, month by month."""
    with open_quietly() as parts:
        months = parts.console.unhurried_actions.connections.usage(connection)
    for found in months:
        click.echo(f"{found.month}  {found.total_reads} reads of {found.budget or 'no budget'}")
        for name, count in sorted(found.reads.items()):
            click.echo(f"    read   {name:<24} {count}")
        for name, count in sorted(found.writes.items()):
            click.echo(f"    write  {name:<24} {count}")
        if found.warning:
            click.echo(f"    {found.warning}")


# --- one record ----------------------------------------------------------------------------------


DECISIONS = [each.value for each in Decision]


@click.command("preview", cls=OfARecord)
@record_arguments
@click.option(
    "--decision",
    type=click.Choice([each.value for each in Decision]),
    metavar="DECISION",
    help="What that decision would do.",
)
@click.option("--target", default="", help="For `link`: the Id of the other side's record.")
def preview(connection: str, side: str, kind: str, record_id: str, decision: str | None, target: str) -> None:
    """Say what the next sync of a record would do, and write nothing."""
    record = record_of(side, kind, record_id)
    with open_quietly() as parts:
        found = parts.console.unhurried_actions.records.preview(connection, record, decision or "", target)
    _show_preview(found)


def _show_preview(found: Mapping[str, Any]) -> None:
    click.echo(f"{found['record']}  {found['outcome']}  {found['message']}".rstrip())
    if found["remedy"]:
        click.echo(f"    → {found['remedy']}")
    for step in found["steps"]:
        click.echo(f"    {step['side']} {step['action']}")
        for change in step["changes"]:
            click.echo(f"        {change['field']}: {change['before'] or '–'} → {change['after'] or '–'}")


@click.command("sync", cls=OfARecord)
@record_arguments
@click.option("--by", required=True, help="Who pressed it.")
def sync(connection: str, side: str, kind: str, record_id: str, by: str) -> None:
    """Press "Sync to QuickBooks" for a record; `ravebooks show` says what became of it."""
    record = record_of(side, kind, record_id)
    with open_quietly() as parts:
        became = parts.console.unhurried_actions.records.ask_for(connection, record, by)
    click.echo(f"{record} is due")
    if became.outcome == "paused":
        click.echo(f"    {became.message}\n    → {became.remedy}")


# --- many ----------------------------------------------------------------------------------------


def _filter_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--kind", "kinds", multiple=True, type=click.Choice(["contact", "estimate", "invoice"])),
        click.option("--from", "since", type=click.DateTime(["%Y-%m-%d"]), help="Issued on this day or later."),
        click.option("--to", "until", type=click.DateTime(["%Y-%m-%d"]), help="Issued on this day or earlier."),
        click.option("--status", "statuses", multiple=True, help="Only these of Ravetree's statuses."),
    ):
        command = option(command)
    return command


@click.command("backfill")
@click.argument("connection")
@_filter_options
@click.option("--made-while-waiting", is_flag=True, help="What was made between the tick and its taking effect.")
@click.option("--preview", "only_look", is_flag=True, help="Count what would happen, and write nothing.")
@click.option("--by", default="", help="Who begins it.")
def backfill(
    connection: str,
    kinds: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    statuses: tuple[str, ...],
    made_while_waiting: bool,
    only_look: bool,
    by: str,
) -> None:
    """Push what is older than the switch-on: document, contact and live payments as one."""
    asked: dict[str, Any] = {"kinds": list(kinds) or ["invoice"], "statuses": list(statuses)}
    asked["made_while_waiting"] = made_while_waiting
    asked |= {name: day.date().isoformat() for name, day in (("from", since), ("to", until)) if day}
    _begin(connection, jobs.BACKFILL, asked, only_look, by)


@click.command("import-contacts")
@click.argument("connection")
@click.option("--preview", "only_look", is_flag=True, help="Count what would happen, and write nothing.")
@click.option("--by", default="", help="Who begins it.")
def import_contacts(connection: str, only_look: bool, by: str) -> None:
    """Make or match a Ravetree contact for every active QuickBooks customer; twice changes nothing."""
    _begin(connection, jobs.IMPORT_CONTACTS, {}, only_look, by)


def _begin(connection: str, kind: str, asked: dict[str, Any], only_look: bool, by: str) -> None:
    try:
        params = (PreviewRequest if only_look else JobRequest)().load(asked | {"kind": kind, "by": by})
    except ValidationError as error:
        raise BadChoice(
            " ".join(
                f"--{_OPTIONS.get(name, name)}: {' '.join(_texts(said))}" for name, said in error.messages_dict.items()
            )
        ) from None
    del params["kind"], params["by"]
    with open_quietly() as parts:
        if only_look:
            found = parts.console.unhurried_actions.jobs.preview(connection, kind, params)
            for row in found["records"]:
                click.echo(f"{row['name']:<24} {row['outcome']:<8} {row['message']}".rstrip())
            click.echo(_spell(found["counts"]) or "nothing to do")
            return
        job = parts.console.unhurried_actions.jobs.begin(connection, kind, params, by)
    click.echo(f"job {job.id} runs")


def _texts(said: Any) -> Iterator[str]:
    """Every sentence of what marshmallow says of one field."""
    for each in said.values() if isinstance(said, dict) else said:
        yield from [each] if isinstance(each, str) else _texts(each)


@click.command("jobs")
@click.argument("connection")
@click.argument("job", type=int, required=False)
@click.argument("verb", type=click.Choice(VERBS), required=False)
@click.option("--do", "older_verb", type=click.Choice(VERBS), hidden=True)
def jobs_(connection: str, job: int | None, verb: str | None, older_verb: str | None) -> None:
    """List jobs with their progress; with one, its report: every record that did not simply come across.

    `ravebooks jobs CONNECTION JOB stop` takes it no further, `pause` and `resume` likewise.
    """
    verb = verb or older_verb
    with open_quietly() as parts:
        actions = parts.console.unhurried_actions.jobs
        if job is None:
            for row in actions.every(connection):
                click.echo(_job_line(row))
            return
        if verb is not None:
            actions.move(connection, job, verb)
        click.echo(_job_line(actions.one(connection, job)))
        for record in paging.through(lambda asked: actions.records(connection, job, asked)):
            if record.outcome not in ("agreed", "already"):
                click.echo(f"    {record.name:<24} {record.outcome or 'to come':<8} {record.text}".rstrip())


def _job_line(job: JobView) -> str:
    counts = _spell(job.counts)
    return f"{job.id}  {job.kind}  {job.state}  {counts}  begun {job.created_at:%Y-%m-%d %H:%M} {job.by}".rstrip()


def _spell(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()) if count)
