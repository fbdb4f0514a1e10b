"""`ravebooks backfill`, `import-contacts` and `jobs`: work over many records, begun, waited for, looked at."""

import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import click
from marshmallow import ValidationError

from console.api.shapes import BackfillPreview, JobRecordShape, JobRequest, JobShape, PreviewRequest
from ravebooks.bootstrap import Parts
from ravebooks.commands.arguments import BadChoice
from ravebooks.commands.attention import open_quietly
from ravebooks.commands.printing import as_json, dumped, listed, table, tell
from storage import jobs, paging
from sync.actions.jobs import JobView

VERBS = ("pause", "resume", "stop")
"""What can be done to a job, as the API names it."""
POLL_SECONDS = 0.5
WAIT = click.option(
    "--wait", is_flag=True, help="Wait for the job's end, and print its report; status 1 if it was stopped."
)
_OPTIONS = {"statuses": "status", "kinds": "kind"}
"""Options whose name is not that of the API's field."""


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
@WAIT
@as_json
def backfill(
    connection: str,
    kinds: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    statuses: tuple[str, ...],
    made_while_waiting: bool,
    only_look: bool,
    by: str,
    wait: bool,
) -> None:
    """Push what is older than the switch-on: document, contact and live payments as one."""
    asked: dict[str, Any] = {"kinds": list(kinds) or ["invoice"], "statuses": list(statuses)}
    asked["made_while_waiting"] = made_while_waiting
    asked |= {name: day.date().isoformat() for name, day in (("from", since), ("to", until)) if day}
    _begin(connection, jobs.BACKFILL, asked, only_look, by, wait=wait)


@click.command("import-contacts")
@click.argument("connection")
@click.option("--preview", "only_look", is_flag=True, help="Count what would happen, and write nothing.")
@click.option("--by", default="", help="Who begins it.")
@WAIT
@as_json
def import_contacts(connection: str, only_look: bool, by: str, wait: bool) -> None:
    """Make or match a Ravetree contact for every active QuickBooks customer; twice changes nothing.

    What is left of QuickBooks' payments and credit memos is read with them, to be asked about where it may be the same.
    """
    _begin(connection, jobs.IMPORT_CONTACTS, {}, only_look, by, wait=wait)


def _begin(connection: str, kind: str, asked: dict[str, Any], only_look: bool, by: str, *, wait: bool) -> None:
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
            lines = [f"{row['name']:<24} {row['outcome']:<8} {row['message']}".rstrip() for row in found["records"]]
            tell(dumped(BackfillPreview, found), *lines, _spell(found["counts"]) or "nothing to do")
            return
        job = parts.console.unhurried_actions.jobs.begin(connection, kind, params, by)
        if wait:
            _tell_report(parts, connection, _ended(parts, connection, job.id), wait=True)
            return
    tell(dumped(JobShape, job), f"job {job.id} runs")


def _texts(said: Any) -> Iterator[str]:
    """Every sentence of what marshmallow says of one field."""
    for each in said.values() if isinstance(said, dict) else said:
        yield from [each] if isinstance(each, str) else _texts(each)


@click.command("jobs")
@click.argument("connection")
@click.argument("job", type=int, required=False)
@click.argument("verb", type=click.Choice(VERBS), required=False)
@click.option("--do", "older_verb", type=click.Choice(VERBS), hidden=True)
@WAIT
@as_json
def jobs_(connection: str, job: int | None, verb: str | None, older_verb: str | None, wait: bool) -> None:
    """List jobs with their progress; with one, its report: every record that did not simply come across.

    `ravebooks jobs CONNECTION JOB stop` takes it no further, `pause` and `resume` likewise.
    """
    verb = verb or older_verb
    with open_quietly() as parts:
        actions = parts.console.unhurried_actions.jobs
        if job is None:
            if wait:
                raise click.UsageError("Name the job that is to be waited for.")
            every = actions.every(connection)
            tell(listed(JobShape, every), *table(_cells(row) for row in every))
            return
        if verb is not None:
            actions.move(connection, job, verb)
        found = _ended(parts, connection, job) if wait else actions.one(connection, job)
        _tell_report(parts, connection, found, wait=wait)


def _tell_report(parts: Parts, connection: str, job: JobView, *, wait: bool) -> None:
    """A job and what did not simply come across; status 1 if it was waited for and did not come to its end."""
    actions = parts.console.unhurried_actions.jobs
    rows = [
        row
        for row in paging.through(lambda asked: actions.records(connection, job.id, asked))
        if row.outcome not in ("agreed", "already")
    ]
    lines = (f"    {row.name:<24} {row.outcome or 'to come':<8} {row.text}".rstrip() for row in rows)
    body = dumped(JobShape, job) | {"records": listed(JobRecordShape, rows)["data"]}
    tell(body, *table([_cells(job)]), *lines)
    if wait and job.state != jobs.DONE:
        sys.exit(1)


def _ended(parts: Parts, connection: str, job_id: int) -> JobView:
    """The job once it runs no more; meanwhile a terminal shows how far it is."""
    actions = parts.console.unhurried_actions.jobs
    shown = ""
    while (job := actions.one(connection, job_id)).state == jobs.RUNNING:
        if sys.stderr.isatty():
            said = f"job {job.id}: {_spell(job.counts) or 'lists its records'}"
            # Over what stood there before, which may have been longer.
            click.echo(f"\r{said:<{len(shown)}}", err=True, nl=False)
            shown = said
        parts.clock.sleep(POLL_SECONDS)
    if shown:
        click.echo(err=True)
    return job


def _cells(job: JobView) -> tuple[str, ...]:
    begun = f"begun {job.created_at:%Y-%m-%d %H:%M} {job.by}".rstrip()
    return str(job.id), job.kind, job.state, _spell(job.counts), begun


def _spell(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()) if count)
