"""`ravebooks parity`, `drift`, `show` and `timeline`: both books held against each other."""

from typing import Any

import click

from console.parity_forms import as_csv
from ravebooks.commands.arguments import OfARecord, record_arguments
from ravebooks.commands.attention import choice_lines, open_quietly
from reconcile.choices import Choice
from schemas.ids import record_of


@click.command("parity")
@click.argument("connection")
@click.option("--full", is_flag=True, help="Read QuickBooks first, a metered read for each thousand records.")
@click.option("--csv", "sheet", is_flag=True, help="Print the differing pairs as CSV, safe to open in a spreadsheet.")
def parity(connection: str, full: bool, sheet: bool) -> None:
    """Hold both books against each other now, and keep the report."""
    with open_quietly() as parts:
        report = parts.console.unhurried_actions.books.make_report(connection, full=full)
    if sheet:
        click.echo(as_csv(report.rows), nl=False)
        return
    summary = report.summary
    source = "a full read" if report.source == "full" else "our copies"
    click.echo(f"report {report.id} of {report.day}, from {source}")
    click.echo(f"{summary['compared']} pairs compared, {summary['equal']} equal, {summary['differing']} differing")
    for currency, sums in summary["currencies"].items():
        click.echo(f"{currency}  total {sums['ravetree_total']} / {sums['quickbooks_total']}")
        click.echo(f"     receivable {sums['ravetree_receivable']} / {sums['quickbooks_receivable']}")
    for row in report.rows:
        click.echo(f"{row['kind']} {row['number'] or row['ravetree_id'] or row['quickbooks_id']}  {row['cause']}")
        for difference in row["differences"]:
            click.echo(f"    {difference['field']}: {difference['ravetree']} / {difference['quickbooks']}")
        click.echo(f"    {row['text']}\n    → {row['remedy']}")


@click.command("drift")
@click.argument("connection")
@click.option("--fresh", is_flag=True, help="Read QuickBooks first, a metered read for each thousand records.")
def drift(connection: str, fresh: bool) -> None:
    """List what differs between the books by field, whose it is, and what the next sync would do."""
    with open_quietly() as parts:
        found = parts.console.unhurried_actions.books.drift(connection, fresh=fresh)
    for pair in found:
        _print_pair(pair)
    click.echo(f"{len(found)} pairs differ")


@click.command("show", cls=OfARecord)
@record_arguments
def show(connection: str, side: str, kind: str, record_id: str) -> None:
    """Show both sides of a record, what it waits for, and base and both versions of what differs."""
    record = record_of(side, kind, record_id)
    with open_quietly() as parts:
        shown = parts.console.unhurried_actions.books.record(connection, record)
    _print_pair(shown)
    for twin in shown["twins"]:
        click.echo("may be the same receipt:")
        _print_pair(twin)
    for waits in shown["waits"]:
        click.echo(f"{waits['side']} {waits['kind']} {waits['id']}  {waits['state']} {waits['code']}".rstrip())
        click.echo(f"    {waits['cause']}\n    → {waits['remedy'] or 'Nothing to do: it goes on by itself.'}")
        for line in choice_lines(Choice(**each) for each in waits["decisions"]):
            click.echo(line)
    for said in shown["answers"]:
        why = f" ({said['note']})" if said["note"] else ""
        click.echo(f"answered: {said['code']} {said['decision']} by {said['by'] or 'somebody'}, {said['at']}{why}")
    if "decided" in shown:
        decided = shown["decided"]
        click.echo(f"decided: {decided['decision']} by {decided['by'] or 'somebody'}, {decided['at']}")


@click.command("timeline", cls=OfARecord)
@record_arguments
def timeline_(connection: str, side: str, kind: str, record_id: str) -> None:
    """Show what happened to a record: events, plans, writes with field changes, answers, who pressed what."""
    record = record_of(side, kind, record_id)
    with open_quietly() as parts:
        entries = list(parts.console.unhurried_actions.books.timeline(connection, record))
    for entry in entries:
        by = f"  by {entry['by']}" if entry["by"] else ""
        click.echo(f"{entry['at']:%Y-%m-%d %H:%M:%S}  {entry['what']:<8}{entry['side']:<11}{entry['text']}{by}")
        for change in entry.get("changes", []):
            click.echo(f"    {change['field']}: {change['before'] or '–'} → {change['after'] or '–'}")
        for name in ("note", "status", "error", "intuit_tid"):
            if name in entry:
                click.echo(f"    {name}: {entry[name]}")
    click.echo(f"{len(entries)} entries")


def _print_pair(pair: dict[str, Any]) -> None:
    click.echo(f"{pair['kind']} {pair['number']}  {pair['client']}  {pair['state']}".replace("   ", "  "))
    for side in ("ravetree", "quickbooks"):
        said = pair[side]
        if said is not None:
            words = [f"{name} {said[name]}" for name in ("total", "balance") if said.get(name)]
            click.echo(f"    {side} {said['id']}  {said.get('status', '')}  {', '.join(words)}".rstrip())
    for difference in pair["differences"]:
        base = f" (agreed: {difference['base']})" if difference["base"] else ""
        mine, other = difference["ravetree"] or "–", difference["quickbooks"] or "–"
        click.echo(f"    {difference['field']}: {mine} / {other}{base}, owned by {difference['owner']}")
        click.echo(f"        → {difference['next']}")
