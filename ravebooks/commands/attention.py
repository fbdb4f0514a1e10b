"""`ravebooks connections`, `attention`, `retry` and `decide`: an operator's hands, directly on the database.

Nothing is nudged from here: the sweeper finds what is due within its next round.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import click

from config import logging as logs
from ravebooks.bootstrap import Parts
from ravebooks.commands.arguments import OfARecord, record_arguments
from ravebooks.local.settings import open_books
from reconcile.choices import Choice, choices
from reconcile.decisions import Decision
from schemas.ids import record_of
from storage.brakes import AllPaused
from storage.decisions import Said
from sync.actions.connections import ConnectionView


@contextmanager
def open_quietly() -> Iterator[Parts]:
    """The parts of this installation, with its log at errors only."""
    logs.configure("error")
    parts = open_books()
    try:
        yield parts
    finally:
        parts.close()


@click.command("connections")
def connections_() -> None:
    """List the connections and what is switched on."""
    with open_quietly() as parts:
        every = parts.console.unhurried_actions.connections.every()
    if not every:
        click.echo("No connections yet.")
    for row in every:
        on = [name for name in ("invoices", "estimates") if getattr(row, f"{name}_since")]
        click.echo(
            f"{row.id}  account {row.account_id}  company {row.realm_id}  {row.state}  on: {', '.join(on) or 'nothing'}"
        )
        if row.cause:
            click.echo(f"    {row.cause}\n    → {row.remedy}")
        for line in waiting_lines(row):
            click.echo(line)


def waiting_lines(row: ConnectionView) -> Iterator[str]:
    """What is ticked and not on yet, what it waits for, and what is offered that was made meanwhile."""
    ticked = [
        name
        for name in ("invoices", "estimates")
        if getattr(row, f"{name}_ticked_at") and not getattr(row, f"{name}_since")
    ]
    if ticked:
        yield f"    ticked, and on as soon as nothing is missing: {', '.join(ticked)}"
    for key in row.waiting_for_mappings:
        yield f"    → ravebooks map {row.id} {key['kind']} {key['key']}=ID    # {key['label']}"
    for finding in row.waiting_for_settings:
        yield f"    {finding['cause']}\n    → {finding['remedy']}"
    if row.offered_backfill is not None:
        yield "    Some documents were made while it waited.\n" + (
            f"    → ravebooks backfill {row.id} --made-while-waiting --preview"
        )


@click.command("attention")
def attention() -> None:
    """List what waits for a person: held and parked records, events kept aside, dead letters."""
    with open_quietly() as parts:
        waiting = parts.console.unhurried_actions.installation.waiting()
    if waiting.stopped:
        click.echo(f"every connection  paused\n    {waiting.stopped}\n    → {AllPaused.remedy}")
    for stalled in waiting.stalled:
        click.echo(f"{stalled.id} connection  stalled  since {stalled.stalled_since:%Y-%m-%d %H:%M}")
        click.echo(f"    {stalled.stall_cause}\n    → {stalled.stall_remedy}")
    for name, look in waiting.failing:
        click.echo(f"{name} connection  retrying (look_failing)  since {look.since:%Y-%m-%d %H:%M}")
        click.echo(f"    {look.cause}\n    → {look.remedy}")
    for row in waiting.records:
        click.echo(
            f"{row.connection_id} {row.side} {row.kind} {row.record_id}  {row.state} ({row.code})"
            f"  since {row.updated_at:%Y-%m-%d %H:%M}"
        )
        click.echo(f"    {row.cause}\n    → {row.remedy}")
        for line in choice_lines(choices(row.code, row.decisions.split())):
            click.echo(line)
    click.echo(f"{len(waiting.records)} records wait for a person")
    spelled = ", ".join(f"{count} {outcome}" for outcome, count in waiting.aside.items())
    click.echo(f"{sum(waiting.aside.values())} events kept aside{f': {spelled}' if spelled else ''}")
    click.echo(f"{len(waiting.dead)} dead letters")
    for letter in waiting.dead:
        click.echo(f"    {letter.id}  from {letter.queue}  {letter.reason}  {letter.dead_at:%Y-%m-%d %H:%M}")


def choice_lines(taken: Iterable[Choice]) -> Iterator[str]:
    """What a question takes, a line for each decision."""
    for choice in taken:
        yield f"    {choice.decision}{' --target ID' if choice.needs_target else ''}: {choice.does}"


@click.command("retry", cls=OfARecord)
@record_arguments
def retry(connection: str, side: str, kind: str, record_id: str) -> None:
    """Look at a record now, with a fresh read."""
    record = record_of(side, kind, record_id)
    with open_quietly() as parts:
        parts.console.unhurried_actions.records.retry(connection, record)
    click.echo(f"{record} is due")


@click.command("decide", cls=OfARecord)
@record_arguments
@click.argument("decision", type=click.Choice([each.value for each in Decision]), metavar="DECISION")
@click.option("--by", required=True, help="Who decided.")
@click.option("--note", default="", help="Why.")
@click.option("--target", default="", help="The Id of the other side's record, where it has to name one.")
def decide(
    connection: str, side: str, kind: str, record_id: str, decision: str, by: str, note: str, target: str
) -> None:
    """Answer what a held or parked record asks; `ravebooks attention` lists the decisions that it takes."""
    if decision == "link" and not target:
        raise click.UsageError("A link names the other side's record: --target ID.")
    record = record_of(side, kind, record_id)
    with open_quietly() as parts:
        parts.console.unhurried_actions.records.decide(connection, record, Said(decision, by, note, target))
    click.echo(f"{record} is decided ({decision}) and due")
