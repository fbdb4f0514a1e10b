"""`ravebooks parity`, `drift`, `show` and `timeline`: both books held against each other."""

from collections.abc import Iterator, Mapping
from typing import Any

import click

from console.api.parity_shapes import HeldAgainst, RecordShape, ReportShape, TimelineEntry
from console.parity_forms import as_csv
from ravebooks.commands.arguments import OfARecord, record_arguments
from ravebooks.commands.attention import choice_lines, open_quietly
from ravebooks.commands.printing import as_json, dumped, listed, tell
from reconcile.choices import Choice
from schemas.ids import record_of
from storage.models import ParityReport


@click.command("parity")
@click.argument("connection")
@click.option("--full", is_flag=True, help="Read QuickBooks first, a metered read for each thousand records.")
@click.option("--csv", "sheet", is_flag=True, help="Print the differing pairs as CSV, safe to open in a spreadsheet.")
@as_json
def parity(connection: str, full: bool, sheet: bool) -> None:
    """Hold both books against each other now, and keep the report."""
    with open_quietly() as parts:
        report = parts.console.unhurried_actions.books.make_report(connection, full=full)
    if sheet:
        click.echo(as_csv(report.rows), nl=False)
        return
    tell(dumped(ReportShape, report), *_report_lines(report))


def _report_lines(report: ParityReport) -> Iterator[str]:
    summary = report.summary
    source = "a full read" if report.source == "full" else "our copies"
    yield f"report {report.id} of {report.day}, from {source}"
    yield f"{summary['compared']} pairs compared, {summary['equal']} equal, {summary['differing']} differing"
    for currency, sums in summary["currencies"].items():
        yield f"{currency}  total {sums['ravetree_total']} / {sums['quickbooks_total']}"
        yield f"     receivable {sums['ravetree_receivable']} / {sums['quickbooks_receivable']}"
    for row in report.rows:
        yield f"{row['kind']} {row['number'] or row['ravetree_id'] or row['quickbooks_id']}  {row['cause']}"
        for difference in row["differences"]:
            yield f"    {difference['field']}: {difference['ravetree']} / {difference['quickbooks']}"
        yield from (f"    {row['text']}", f"    → {row['remedy']}")


@click.command("drift")
@click.argument("connection")
@click.option("--fresh", is_flag=True, help="Read QuickBooks first, a metered read for each thousand records.")
@as_json
def drift(connection: str, fresh: bool) -> None:
    """List what differs between the books by field, whose it is, and what the next sync would do."""
    with open_quietly() as parts:
        found = parts.console.unhurried_actions.books.drift(connection, fresh=fresh)
    lines = [line for pair in found for line in _pair_lines(pair)]
    tell(listed(HeldAgainst, found), *lines, f"{len(found)} pairs differ")


@click.command("show", cls=OfARecord)
@record_arguments
@as_json
def show(connection: str, side: str, kind: str, record_id: str) -> None:
    """Show both sides of a record, what it waits for, and base and both versions of what differs."""
    record = record_of(side, kind, record_id)
    with open_quietly() as parts:
        shown = parts.console.unhurried_actions.books.record(connection, record)
    tell(dumped(RecordShape, shown), *_record_lines(shown))


def _record_lines(shown: Mapping[str, Any]) -> Iterator[str]:
    yield from _pair_lines(shown)
    for twin in shown["twins"]:
        yield "may be the same receipt:"
        yield from _pair_lines(twin)
    for waits in shown["waits"]:
        yield f"{waits['side']} {waits['kind']} {waits['id']}  {waits['state']} {waits['code']}".rstrip()
        yield f"    {waits['cause']}"
        yield f"    → {waits['remedy'] or 'Nothing to do: it goes on by itself.'}"
        yield from choice_lines(Choice(**each) for each in waits["decisions"])
    for said in shown["answers"]:
        why = f" ({said['note']})" if said["note"] else ""
        yield f"answered: {said['code']} {said['decision']} by {said['by'] or 'somebody'}, {said['at']}{why}"
    if "decided" in shown:
        decided = shown["decided"]
        yield f"decided: {decided['decision']} by {decided['by'] or 'somebody'}, {decided['at']}"


@click.command("timeline", cls=OfARecord)
@record_arguments
@as_json
def timeline_(connection: str, side: str, kind: str, record_id: str) -> None:
    """Show what happened to a record: events, plans, writes with field changes, answers, who pressed what."""
    record = record_of(side, kind, record_id)
    with open_quietly() as parts:
        entries = list(parts.console.unhurried_actions.books.timeline(connection, record))
    lines = [line for entry in entries for line in _entry_lines(entry)]
    tell(listed(TimelineEntry, entries), *lines, f"{len(entries)} entries")


def _entry_lines(entry: Mapping[str, Any]) -> Iterator[str]:
    by = f"  by {entry['by']}" if entry["by"] else ""
    yield f"{entry['at']:%Y-%m-%d %H:%M:%S}  {entry['what']:<8}{entry['side']:<11}{entry['text']}{by}"
    for change in entry.get("changes", []):
        yield f"    {change['field']}: {change['before'] or '–'} → {change['after'] or '–'}"
    for name in ("note", "status", "error", "intuit_tid"):
        if name in entry:
            yield f"    {name}: {entry[name]}"


def _pair_lines(pair: Mapping[str, Any]) -> Iterator[str]:
    yield f"{pair['kind']} {pair['number']}  {pair['client']}  {pair['state']}".replace("   ", "  ")
    for side in ("ravetree", "quickbooks"):
        said = pair[side]
        if said is not None:
            words = [f"{name} {said[name]}" for name in ("total", "balance") if said.get(name)]
            yield f"    {side} {said['id']}  {said.get('status', '')}  {', '.join(words)}".rstrip()
    for difference in pair["differences"]:
        base = f" (agreed: {difference['base']})" if difference["base"] else ""
        mine, other = difference["ravetree"] or "–", difference["quickbooks"] or "–"
        yield f"    {difference['field']}: {mine} / {other}{base}, owned by {difference['owner']}"
        yield f"        → {difference['next']}"
