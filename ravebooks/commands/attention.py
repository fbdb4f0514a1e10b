"""`ravebooks connections`, `attention`, `retry` and `decide`: an operator's hands, directly on the database.

Nothing is nudged from here: the sweeper finds what is due within its next round.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import click

from config import logging as logs
from console.api.shapes import AttentionShape, ConnectionShape, DeadLetterShape
from ravebooks.bootstrap import Parts
from ravebooks.commands.arguments import OfARecord, record_arguments
from ravebooks.commands.printing import as_json, listed, tell, wants_json
from ravebooks.local.settings import open_books
from reconcile.choices import Choice, choices
from reconcile.decisions import Decision
from schemas.ids import record_of
from storage import paging
from storage.brakes import AllPaused
from storage.connections import ARCHIVED
from storage.decisions import Said
from sync.actions import Actions
from sync.actions.connections import ConnectionView
from sync.actions.installation import Backlog


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
@as_json
def connections_() -> None:
    """List the connections and what is switched on."""
    with open_quietly() as parts:
        every = parts.console.unhurried_actions.connections.every()
    lines = [line for row in every for line in _connection_lines(row)]
    tell(listed(ConnectionShape, every), *(lines or ["No connections yet."]))


def _connection_lines(row: ConnectionView) -> Iterator[str]:
    on = [name for name in ("invoices", "estimates") if getattr(row, f"{name}_since")]
    yield f"{row.id}  account {row.account_id}  company {row.realm_id}  {row.state}  on: {', '.join(on) or 'nothing'}"
    if row.cause:
        yield f"    {row.cause}"
        yield f"    → {row.remedy}"
    yield from waiting_lines(row)


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
        yield f"    {finding['cause']}"
        yield f"    → {finding['remedy']}"
    if row.offered_backfill is not None:
        yield "    Some documents were made while it waited."
        yield f"    → ravebooks backfill {row.id} --made-while-waiting --preview"


@click.command("attention")
@as_json
def attention() -> None:
    """List what waits for a person: held and parked records, events kept aside, dead letters."""
    with open_quietly() as parts:
        actions = parts.console.unhurried_actions
        waiting = actions.installation.waiting()
        body = _all_that_waits(actions, waiting) if wants_json() else None
    tell(body, *_waiting_lines(waiting))


def _all_that_waits(actions: Actions, waiting: Backlog) -> dict[str, Any]:
    """What the API lists of each connection, with its id, and of the installation."""
    found = [
        {"connection_id": row.id, **each}
        for row in actions.connections.every()
        if row.state != ARCHIVED
        for each in listed(AttentionShape, paging.through(partial(actions.records.attention, row.id)))["data"]
    ]
    dead = listed(DeadLetterShape, waiting.dead)["data"]
    return {"data": found, "kept_aside": waiting.aside, "dead_letters": dead, "stopped": waiting.stopped or None}


def _waiting_lines(waiting: Backlog) -> Iterator[str]:
    if waiting.stopped:
        yield from ("every connection  paused", f"    {waiting.stopped}", f"    → {AllPaused.remedy}")
    for stalled in waiting.stalled:
        yield f"{stalled.id} connection  stalled  since {stalled.stalled_since:%Y-%m-%d %H:%M}"
        yield from (f"    {stalled.stall_cause}", f"    → {stalled.stall_remedy}")
    for name, look in waiting.failing:
        yield f"{name} connection  retrying (look_failing)  since {look.since:%Y-%m-%d %H:%M}"
        yield from (f"    {look.cause}", f"    → {look.remedy}")
    for row in waiting.records:
        named = f"{row.connection_id} {row.side} {row.kind} {row.record_id}"
        yield f"{named}  {row.state} ({row.code})  since {row.updated_at:%Y-%m-%d %H:%M}"
        yield from (f"    {row.cause}", f"    → {row.remedy}")
        yield from choice_lines(choices(row.code, row.decisions.split()))
    yield f"{len(waiting.records)} records wait for a person"
    spelled = ", ".join(f"{count} {outcome}" for outcome, count in waiting.aside.items())
    yield f"{sum(waiting.aside.values())} events kept aside{f': {spelled}' if spelled else ''}"
    yield f"{len(waiting.dead)} dead letters"
    for letter in waiting.dead:
        yield f"    {letter.id}  from {letter.queue}  {letter.reason}  {letter.dead_at:%Y-%m-%d %H:%M}"


def choice_lines(taken: Iterable[Choice]) -> Iterator[str]:
    """What a question takes, a line for each decision."""
    for choice in taken:
        yield f"    {choice.decision}{' --target ID' if choice.needs_target else ''}: {choice.does}"


@click.command("retry", cls=OfARecord)
@record_arguments
@as_json
def retry(connection: str, side: str, kind: str, record_id: str) -> None:
    """Look at a record now, with a fresh read."""
    record = record_of(side, kind, record_id)
    with open_quietly() as parts:
        parts.console.unhurried_actions.records.retry(connection, record)
    tell({"record": str(record), "state": "due"}, f"{record} is due")


@click.command("decide", cls=OfARecord)
@record_arguments
@click.argument("decision", type=click.Choice([each.value for each in Decision]), metavar="DECISION")
@click.option("--by", required=True, help="Who decided.")
@click.option("--note", default="", help="Why.")
@click.option("--target", default="", help="The Id of the other side's record, where it has to name one.")
@as_json
def decide(
    connection: str, side: str, kind: str, record_id: str, decision: str, by: str, note: str, target: str
) -> None:
    """Answer what a held or parked record asks; `ravebooks attention` lists the decisions that it takes."""
    if decision == "link" and not target:
        raise click.UsageError("A link names the other side's record: --target ID.")
    record = record_of(side, kind, record_id)
    with open_quietly() as parts:
        parts.console.unhurried_actions.records.decide(connection, record, Said(decision, by, note, target))
    body = {"record": str(record), "state": "due", "decision": decision}
    tell(body, f"{record} is decided ({decision}) and due")
