"""`ravebooks connections`, `attention`, `retry` and `decide`: an operator's hands, directly on the database.

Nothing is nudged from here: the sweeper finds what is due within its next round.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from config import logging as logs
from config.errors import RavebooksError
from ravebooks.bootstrap import Parts
from ravebooks.local.settings import open_books
from reconcile.model import Kind, Record, Side
from schemas.ids import record_of
from storage import brakes, connections, dead_letters, decisions, inbox, pending
from storage.decisions import Said

DEAD_LIMIT = 1000


class NothingWaits(RavebooksError):
    """There is no pending change for this record."""

    remedy = "List what waits with `ravebooks attention`."


class UnknownRecord(RavebooksError):
    """No book has this record."""

    remedy = "Look its id up there, or list records with `ravebooks drift` or `ravebooks attention`."


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
    with open_quietly() as parts, parts.database.transaction() as session:
        every = connections.every(session)
        if not every:
            click.echo("No connections yet.")
        for row in every:
            said = connections.condition(session, row)
            on = [name for name in ("invoices", "estimates") if getattr(row, f"{name}_since")]
            click.echo(
                f"{row.id}  account {row.account_id}  company {row.realm_id}  {said.state}"
                f"  on: {', '.join(on) or 'nothing'}"
            )
            if said.cause:
                click.echo(f"    {said.cause}\n    → {said.remedy}")


@click.command("attention")
def attention() -> None:
    """List what waits for a person: held and parked records, events kept aside, dead letters."""
    with open_quietly() as parts, parts.database.transaction() as session:
        if stopped := brakes.why(session):
            click.echo(f"every connection  paused\n    {stopped}\n    → {brakes.AllPaused.remedy}")
        for stalled in connections.stalled(session):
            click.echo(f"{stalled.id} connection  stalled  since {stalled.stalled_since:%Y-%m-%d %H:%M}")
            click.echo(f"    {stalled.stall_cause}\n    → {stalled.stall_remedy}")
        for name, look in connections.every_failing_look(session, parts.clock.now()):
            click.echo(f"{name} connection  retrying (look_failing)  since {look.since:%Y-%m-%d %H:%M}")
            click.echo(f"    {look.cause}\n    → {look.remedy}")
        rows = pending.attention(session)
        for row in rows:
            click.echo(
                f"{row.connection_id} {row.side} {row.kind} {row.record_id}  {row.state} ({row.code})"
                f"  since {row.updated_at:%Y-%m-%d %H:%M}"
            )
            click.echo(f"    {row.cause}\n    → {row.remedy}")
        aside = inbox.aside_counts(session)
        dead = dead_letters.waiting(session, DEAD_LIMIT)
        click.echo(f"{len(rows)} records wait for a person")
        spelled = ", ".join(f"{count} {outcome}" for outcome, count in aside.items())
        click.echo(f"{sum(aside.values())} events kept aside{f': {spelled}' if spelled else ''}")
        click.echo(f"{len(dead)} dead letters")
        for letter in dead:
            click.echo(f"    {letter.id}  from {letter.queue}  {letter.reason}  {letter.dead_at:%Y-%m-%d %H:%M}")


def record_arguments(command: Callable[..., None]) -> Callable[..., None]:
    """CONNECTION SIDE KIND ID, as `ravebooks attention` prints them."""
    for name, kind in (
        ("record_id", click.STRING),
        ("kind", click.Choice([str(kind) for kind in Kind])),
        ("side", click.Choice([str(side) for side in Side])),
        ("connection", click.STRING),
    ):
        command = click.argument(name, type=kind, metavar="ID" if name == "record_id" else name.upper())(command)
    return command


@click.command("retry")
@record_arguments
def retry(connection: str, side: str, kind: str, record_id: str) -> None:
    """Look at a record now, with a fresh read."""
    record = record_of(side, kind, record_id)
    with open_quietly() as parts:
        _make_due(parts, connection, record)
    click.echo(f"{record} is due")


@click.command("decide")
@record_arguments
@click.argument("decision", type=click.Choice(decisions.DECISIONS))
@click.option("--by", required=True, help="Who decided.")
@click.option("--note", default="", help="Why.")
@click.option("--target", default="", help="For `link`: the Id of the other side's record.")
def decide(
    connection: str, side: str, kind: str, record_id: str, decision: str, by: str, note: str, target: str
) -> None:
    """Answer what a held or parked record asks; its remedy names the decisions that it takes."""
    if decision == "link" and not target:
        raise click.UsageError("A link names the other side's record: --target ID.")
    record = record_of(side, kind, record_id)
    with open_quietly() as parts:
        if decision in decisions.AT_ANY_TIME:
            check_is_there(parts, connection, record)
        _make_due(parts, connection, record, Said(decision, by, note, target))
    click.echo(f"{record} is decided ({decision}) and due")


def check_is_there(parts: Parts, connection_id: str, record: Record) -> None:
    """Raise `UnknownRecord` for one that neither book nor ours ever had."""
    with parts.database.transaction() as session:
        connections.check_connected(session, connection_id)
    if not parts.previews.is_there(connection_id, record):
        raise UnknownRecord(f"{record.side.spelled} has no {record.kind} {record.id}")


def _make_due(parts: Parts, connection_id: str, record: Record, said: Said | None = None) -> None:
    now = parts.clock.now()
    with parts.database.transaction() as session:
        connections.get(session, connection_id)
        if said is None:
            found = decisions.retry(session, connection_id, record, now)
        else:
            found = decisions.decide(session, connection_id, record, said, now)
        if not found:
            raise NothingWaits(f"nothing waits for {record} of connection {connection_id}")
