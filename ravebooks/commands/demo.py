"""`ravebooks demo`: a working day in front of the reader, on the embedded default."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from config.environment import PREFIX
from config.errors import RavebooksError
from ravebooks import private
from ravebooks.demo.compare import DemoReport, compare
from ravebooks.demo.day import RECORDS, WorkingDay
from ravebooks.demo.hands import NotReached
from ravebooks.demo.sides import QuickBooksSide, RavetreeSide
from ravebooks.interruption import Interruption

HARMLESS = ("RAVEBOOKS_LOG_LEVEL", "RAVEBOOKS_LOG_FORMAT")
"""Exported settings that a demo takes over."""
SETTLE_SECONDS = 60.0
END_SECONDS = 40.0


class DemoFailed(RavebooksError):
    """The demo could not be played."""

    remedy = "Read the log that is named above."


@click.command("demo")
@click.option("--exit", "leave", is_flag=True, envvar="EXIT", help="End after the day instead of staying up.")
@click.option("--state-dir", type=click.Path(file_okay=False, path_type=Path), help="Default: a new temporary folder.")
def demo(leave: bool, state_dir: Path | None) -> None:
    """Play a working day on both sides, compare the books, print the table."""
    # Being told to end is an interruption: what was started is ended on the way out.
    interruption = Interruption()
    leave = leave or not sys.stdout.isatty()
    folder = state_dir or Path(tempfile.mkdtemp(prefix="ravebooks-demo-"))
    click.echo(f"Starting Ravebooks and the sandbox (state in {folder}) …")
    process, ready = start(folder)
    try:
        interruption.check()
        agreed = _play(ready)
        interruption.check()
        if not leave:
            _stay(ready, folder)
    finally:
        stop(process)
    if state_dir is None and agreed:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(0 if agreed else 1)


def start(
    folder: Path, environment: Mapping[str, str] | None = None
) -> tuple["subprocess.Popen[bytes]", dict[str, Any]]:
    """`up --sandbox` on `folder`, with `environment` added; what it says when it is ready.

    It works on what it made itself: settings that are exported here, or stand in a `.env`, are those of another
    installation.
    """
    folder = folder.resolve()
    private.keep(folder)
    log_path = folder / "up.log"
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ravebooks", "up", "--sandbox"],
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=folder,
            env=_without_settings() | {"RAVEBOOKS_STATE_DIR": str(folder)} | dict(environment or {}),
        )
    try:
        line = process.stdout.readline() if process.stdout else b""
    except BaseException:
        # Also Ctrl-C: nobody would know of it any more.
        stop(process)
        raise
    if not line:
        stop(process)
        said = log_path.read_text(errors="replace").strip().splitlines()
        raise DemoFailed(f"`ravebooks up --sandbox` ended: {said[-1] if said else 'it said nothing'} ({log_path})")
    ready: dict[str, Any] = json.loads(line)
    return process, ready


def _without_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX) or name in HARMLESS}


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Let it drain and end."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _play(ready: dict[str, Any]) -> bool:
    ravetree, quickbooks = RavetreeSide(ready["ravetree"]), QuickBooksSide(ready["quickbooks"])
    click.echo(f"Connected by OAuth, five line item types mapped, Invoices and Estimates on: {ready['url']}\n")
    steps = WorkingDay(ravetree, quickbooks, _say).steps()
    begun = time.monotonic()
    for step in steps:
        try:
            step()
        except NotReached as error:
            click.echo(f"  FAILED {step.__name__}: {error}")
    report = settled(ravetree, quickbooks, SETTLE_SECONDS)
    click.echo(f"\nThe day took {time.monotonic() - begun:.1f} s. Both books through their HTTP APIs:\n")
    show(report)
    return not report.differing and len(report.rows) == RECORDS


def _say(title: str, ravetree: str, quickbooks: str) -> None:
    click.echo(f"  {title:<36} Ravetree: {ravetree:<52} QuickBooks: {quickbooks}")


def settled(ravetree: RavetreeSide, quickbooks: QuickBooksSide, seconds: float) -> DemoReport:
    """Compare until nothing differs, or `seconds` are over."""
    deadline = time.monotonic() + seconds
    while (report := compare(ravetree, quickbooks)).differing and time.monotonic() < deadline:
        time.sleep(0.5)
    return report


def show(report: DemoReport) -> None:
    """The table, the sums, and as the last line the verdict."""
    for row in report.rows:
        verdict = "same" if not row.differences else "DIFFERS: " + "; ".join(row.differences)
        click.echo(f"  {row.kind:<12}{row.name:<52.52} {row.ravetree:<26.26} {row.quickbooks:<44.44} {verdict}")
    for currency, (ours, theirs) in report.sums.items():
        click.echo(f"  open in {currency}: Ravetree {ours:,.2f}, QuickBooks {theirs:,.2f}")
    click.echo(f"{len(report.rows)} records compared, {len(report.differing)} differ")


def _stay(ready: dict[str, Any], folder: Path) -> None:
    click.echo(f"\nStill running; press Ctrl-C to end. State and log: {folder}")
    click.echo(f"  Console     {ready['console_url']} (lets you in once)")
    click.echo(f"  Ravebooks   {ready['url']}/healthz  {ready['url']}/metrics  {ready['url']}/api/openapi.json")
    click.echo(f"  QuickBooks  {ready['quickbooks']['api_url']}  steered at …/sandbox/usage, …/sandbox/deliveries")
    click.echo(f"  Ravetree    {ready['ravetree']['api_url']}  steered at …/sandbox/deliveries")
    try:
        signal.pause()
    except KeyboardInterrupt:
        click.echo("ending")
