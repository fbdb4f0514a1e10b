"""What a bookkeeper does, on the command line: connect, map, switch, look before a sync, press the button."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from shlex import quote as quoted
from typing import Any
from urllib.parse import quote

import click

from console.api.shapes import (
    Choices,
    ConnectionSettings,
    ConnectionShape,
    PreflightShape,
    Preview,
    SyncAnswer,
    UsageShape,
)
from ravebooks.commands import served
from ravebooks.commands.arguments import BadChoice, OfARecord, Renamed, record_arguments
from ravebooks.commands.attention import open_quietly, waiting_lines
from ravebooks.commands.configuration import show_variables
from ravebooks.commands.printing import as_json, dumped, listed, tell
from reconcile.decisions import Decision
from reconcile.time_zones import is_time_zone
from schemas.ids import record_of
from storage.reads import Usage
from sync.actions.mappings import MAPPING_KINDS

WAIT_SECONDS = 60.0
WELL = ("synced", "ignored")
"""What may become of a record that was asked for without anybody having to do anything about it."""


# --- connecting ----------------------------------------------------------------------------------


@click.command("connect")
@click.argument("account")
@click.option("--ravetree-token", prompt=True, hide_input=True, help="The account's API token for Ravetree.")
@as_json
def connect(account: str, ravetree_token: str) -> None:
    """Print the address that an administrator of the QuickBooks company opens, good once, for ten minutes.

    ACCOUNT is the id of the Ravetree account. At a terminal it says too where Ravetree has to post its events to, and
    `ravebooks webhook-secret` what it signs them with; `--json` has the address as `webhook_url`.
    """
    with open_quietly() as parts:
        parts.settings.require("secret_key")
        connecting = replace(parts.console.connecting, public_url=served.address(parts.settings))
        url = connecting.begin(account, ravetree_token)
        parts.console.note("connect", subject=f"account:{account}")
    webhooks = f"{connecting.public_url.rstrip('/')}/webhooks/ravetree/{quote(account, safe='')}"
    # Whoever reads it with a program goes on with the address alone.
    next_steps = (
        "    an administrator of the company opens it within ten minutes, once",
        f"    → Let Ravetree post its events to {webhooks}",
        f"    → signed with what this prints: ravebooks webhook-secret {quoted(account)}",
    )
    tell({"start_url": url, "webhook_url": webhooks}, url, *(next_steps if _is_read_by_a_person() else ()))


def _is_read_by_a_person() -> bool:
    return sys.stdout.isatty()


@click.command("disconnect")
@click.argument("connection")
@click.option("--by", required=True, help="Who decided.")
@as_json
def disconnect(connection: str, by: str) -> None:
    """Take the access back at Intuit and write nothing any more; pairs and mappings stay."""
    with open_quietly() as parts:
        revoked = parts.console.connecting.disconnect(connection, by)
        parts.console.note("disconnect", connection)
    untold = () if revoked else ("Intuit could not be told: remove the app in QuickBooks too.",)
    tell({"connection_id": connection, "revoked": revoked}, f"{connection} is disconnected", *untold)


@click.command("forget")
@click.argument("connection")
@click.option("--by", required=True, help="Who decided.")
@as_json
def forget(connection: str, by: str) -> None:
    """End a disconnected connection for good; one that anything was written for is archived: it stays readable."""
    with open_quietly() as parts:
        outcome = parts.console.connecting.forget(connection, by)
        parts.console.note("forget", connection)
    said = f"{connection} is {outcome}: its account and its company can be connected to others"
    tell({"connection_id": connection, "outcome": outcome}, said)


@click.command("preflight")
@click.argument("connection")
@as_json
def preflight(connection: str) -> None:
    """Look at the company's settings, mappings and rights now."""
    with open_quietly() as parts:
        looked = parts.console.unhurried_actions.connections.inspect_now(connection)
    lines = [
        line
        for each in looked.findings
        for line in (f"{each['severity']:<8} {each['code']}", f"    {each['cause']}", f"    → {each['remedy']}")
    ]
    tell(dumped(PreflightShape, looked), *lines, f"{len(looked.findings)} findings")


@click.command("map")
@click.argument("connection")
@click.argument("kind", type=click.Choice(list(MAPPING_KINDS)))
@click.argument("pairs", nargs=-1, metavar="[KEY=ID]…")
@click.option("--search", default="", help="Only QuickBooks entries with this in their name.")
@as_json
def map_(connection: str, kind: str, pairs: tuple[str, ...], search: str) -> None:
    """Map Ravetree's keys to QuickBooks' entries; without pairs list both, and what is mapped."""
    given = dict(_pair(text) for text in pairs)
    with open_quietly() as parts:
        mappings = parts.console.unhurried_actions.mappings
        if given:
            mappings.map_keys(connection, {kind: given})
        keys = mappings.keys(connection, kind)
        entries = [] if given else mappings.entries(connection, kind, search)
        shown = parts.console.unhurried_actions.connections.one(connection)
    lines = [f"{row.key or '(none)':<24} {row.label:<32} → {row.quickbooks_id or '–'}" for row in keys]
    lines += (f"    {entry.id:<8} {entry.name}" for entry in entries)
    tell(dumped(Choices, {"keys": keys, "entries": entries}), *lines, *waiting_lines(shown))


def _pair(text: str) -> tuple[str, str]:
    key, found, value = text.partition("=")
    if not found or not value:
        raise BadChoice(f"{text!r} is not KEY=ID: see `ravebooks map --help`.")
    return key, value


@click.command("switch")
@click.argument("connection")
@click.option("--invoices/--no-invoices", default=None, help="Invoices, with their payments.")
@click.option("--estimates/--no-estimates", default=None, help="Estimates.")
@as_json
def switch(connection: str, invoices: bool | None, estimates: bool | None) -> None:
    """Switch the sync on or off. On means from now on: what is older waits for the button or the back-fill.

    What lacks mappings waits for them, and is on from the last one.
    """
    with open_quietly() as parts:
        parts.console.unhurried_actions.mappings.switch(connection, invoices=invoices, estimates=estimates)
        shown = parts.console.unhurried_actions.connections.one(connection)
    tell(dumped(ConnectionShape, shown), f"{connection} is set", *waiting_lines(shown))


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
@as_json
def settings(connection: str | None, markdown: bool, **named: Any) -> None:
    """Show or set how a connection behaves: drafts, deletions, limits, its time zone.

    Without a CONNECTION it lists the environment variables, as `ravebooks configuration` does.
    """
    given = {name: value for name, value in named.items() if value is not None}
    if connection is None:
        if given:
            raise click.UsageError("Name the connection that is to be set.")
        show_variables(markdown=markdown)
        return
    time_zone = given.get("time_zone")
    if time_zone is not None and not is_time_zone(time_zone):
        raise BadChoice(f"--time-zone: {time_zone!r} is not the IANA name of a time zone, as Europe/London is.")
    with open_quietly() as parts:
        actions = parts.console.unhurried_actions.connections
        shown = actions.set_settings(connection, given) if given else actions.settings(connection)
    lines = [f"{name:<16} {value if value is not None else '–'}" for name, value in asdict(shown).items()]
    tell(dumped(ConnectionSettings, shown), *lines)


@click.command("usage")
@click.argument("connection")
@as_json
def usage(connection: str) -> None:
    """Metered reads of QuickBooks by cause and free writes by action, month by month."""
    with open_quietly() as parts:
        months = parts.console.unhurried_actions.connections.usage(connection)
    tell(listed(UsageShape, months), *(line for month in months for line in _usage_lines(month)))


def _usage_lines(found: Usage) -> Iterator[str]:
    yield f"{found.month}  {found.total_reads} reads of {found.budget or 'no budget'}"
    yield from (f"    read   {name:<24} {count}" for name, count in sorted(found.reads.items()))
    yield from (f"    write  {name:<24} {count}" for name, count in sorted(found.writes.items()))
    if found.warning:
        yield f"    {found.warning}"


# --- one record ----------------------------------------------------------------------------------


@click.command("preview", cls=OfARecord)
@record_arguments
@click.option(
    "--decision",
    type=click.Choice([each.value for each in Decision]),
    metavar="DECISION",
    help="What that decision would do.",
)
@click.option("--target", default="", help="For `link`: the Id of the other side's record.")
@as_json
def preview(connection: str, side: str, kind: str, record_id: str, decision: str | None, target: str) -> None:
    """Say what the next sync of a record would do, and write nothing."""
    record = record_of(side, kind, record_id)
    with open_quietly() as parts:
        found = parts.console.unhurried_actions.records.preview(connection, record, decision or "", target)
    tell(dumped(Preview, found), *_preview_lines(found))


def _preview_lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"{found['record']}  {found['outcome']}  {found['message']}".rstrip()
    if found["remedy"]:
        yield f"    → {found['remedy']}"
    for step in found["steps"]:
        yield f"    {step['side']} {step['action']}"
        for change in step["changes"]:
            yield f"        {change['field']}: {change['before'] or '–'} → {change['after'] or '–'}"


@click.command("sync", cls=OfARecord)
@record_arguments
@click.option("--by", required=True, help="Who pressed it.")
@click.option("--wait", is_flag=True, help="Wait up to a minute for what becomes of it; status 1 unless that is well.")
@as_json
def sync(connection: str, side: str, kind: str, record_id: str, by: str, wait: bool) -> None:
    """Press "Sync to QuickBooks" for a record; `ravebooks show` says what became of it."""
    record = record_of(side, kind, record_id)
    with open_quietly() as parts:
        became = parts.console.unhurried_actions.records.ask_for(
            connection, record, by, wait_seconds=WAIT_SECONDS if wait else 0.0
        )
    lines = [f"{record} is {became.outcome if wait else 'due'}"]
    if wait or became.outcome == "paused":
        lines += (f"    {became.message}", *([f"    → {became.remedy}"] if became.remedy else []))
    tell(dumped(SyncAnswer, became), *lines)
    if wait and became.outcome not in WELL:
        sys.exit(1)
