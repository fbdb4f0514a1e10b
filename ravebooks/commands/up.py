"""`ravebooks up`: everything in one process."""

import dataclasses
import fcntl
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import click
import requests

from config import logging as logs
from config.errors import RavebooksError, SettingError
from config.ports import SystemEntropy
from config.settings import Settings
from ravebooks import claiming, private
from ravebooks.bootstrap import Parts
from ravebooks.commands import served
from ravebooks.commands.start import begin
from ravebooks.interruption import Interruption
from ravebooks.local.keys import lasting_owner, with_generated_keys
from ravebooks.local.sandbox_connection import LocalInstallation
from ravebooks.local.sandbox_process import World, find_or_start
from ravebooks.local.settings import NEEDED_BY_UP, with_sandbox
from ravebooks.process import Process
from ravebooks.serving.listening import free_port, listen, port_of
from storage import connections
from sync import duties

DEFAULT_PORT = 8425
PORT_FILE = "port"

log = logs.logger("up")


class AlreadyRunning(RavebooksError):
    """Another process uses the state folder."""

    remedy = "Stop the other `ravebooks up`, or set RAVEBOOKS_STATE_DIR to another folder."


@click.command("up")
@click.option("--sandbox", is_flag=True, help="Also start the sandbox, connect it, map the five types, switch on.")
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="Port of the web server.")
def up(sandbox: bool, port: int | None) -> None:
    """Run everything in one process; print one line of JSON when all is ready."""
    # The sandbox is no production, whatever is exported: neither what it lacks nor what is weak there matters.
    settings = begin(quickbooks_environment="local") if sandbox else begin(*NEEDED_BY_UP)
    if sys.stderr.isatty() and "RAVEBOOKS_LOG_FORMAT" not in os.environ:
        logs.configure(settings.log_level, "console")
    # Until everything runs, being told to end is an interruption: what was begun is ended on the way out.
    interruption = Interruption()
    with _lock(Path(settings.state_dir)):
        served.forget(Path(settings.state_dir))
        world = find_or_start(Path(settings.state_dir)) if sandbox else None
        try:
            _run(_complete(settings, world, port), world, interruption)
        finally:
            if world is not None:
                world.stop()


def _lock(state_dir: Path) -> IO[str]:
    """One process a state folder: it may then take over the leases of the one before it, which was killed."""
    private.keep(state_dir)
    file = (state_dir / served.LOCK_FILE).open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise AlreadyRunning(f"another process uses {state_dir}") from None
    return file


def _complete(settings: Settings, world: World | None, port: int | None) -> Settings:
    """The settings with what the sandbox says, generated keys, a port and the URL that follows from it."""
    if world is not None:
        settings = with_sandbox(settings, world)
    settings = with_generated_keys(settings, SystemEntropy())
    chosen = port if port is not None else settings.port or _last_port(settings)
    if not chosen:
        chosen = free_port(settings.host, DEFAULT_PORT)
    return dataclasses.replace(settings, port=chosen)


def _last_port(settings: Settings) -> int:
    """The port of the last run, so that webhooks that wait for us find us again."""
    try:
        return free_port(settings.host, int((Path(settings.state_dir) / PORT_FILE).read_text()))
    except (OSError, ValueError):
        return 0


def _run(settings: Settings, world: World | None, interruption: Interruption) -> None:
    public = listen(settings.host, settings.port, "RAVEBOOKS_PORT (or `--port`)")
    operations = (
        listen(settings.host, settings.operations_port, "RAVEBOOKS_OPERATIONS_PORT")
        if settings.operations_port
        else None
    )
    port = port_of(public)
    settings = dataclasses.replace(
        settings, port=port, public_url=settings.public_url or f"http://{settings.host}:{port}"
    )
    (Path(settings.state_dir) / PORT_FILE).write_text(str(port))
    served.note(Path(settings.state_dir), settings.public_url)
    parts = Parts(settings, owner=lasting_owner(settings, SystemEntropy()))
    claiming.prepare(parts, world)
    process = Process(parts)
    try:
        process.receive(public, operations)
        process.work()
        process.sweep()
        process.live("up")
        ready: dict[str, Any] = {
            "ready": True,
            "url": settings.public_url,
            "connection": _connection_id(parts),
            "console_url": parts.console.operators_link(),
        }
        if world is not None:
            ready["connection"] = _prepare(parts, world)
            ready["quickbooks"] = _fresh_credentials(world.quickbooks_root)
            ready["ravetree"] = _fresh_credentials(world.ravetree_root)
        # Before anybody can know that it is ready, and tell it to end.
        process.end_on_signals()
        interruption.check()
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        if sys.stderr.isatty():
            click.echo(_banner(ready), err=True)
        process.wait_for_signal()
    finally:
        process.drain()


def _banner(ready: Mapping[str, Any]) -> str:
    """What somebody at a terminal needs first."""
    lines = [
        "",
        "  Ravebooks is ready.",
        f"  Console   {ready['console_url'] or ready['url'] + '/console/'}",
        "            lets you in once, within the hour; for another one: ravebooks users link operator",
        f"  API       {ready['url']}/api/openapi.json",
        "  End it with Ctrl-C.",
        "",
    ]
    return "\n".join(lines)


def _connection_id(parts: Parts) -> str | None:
    with parts.database.transaction() as session:
        every = [row.id for row in connections.every(session) if row.state != connections.ARCHIVED]
        return every[0] if every else None


# --- the sandbox ---------------------------------------------------------------------------------


def _prepare(parts: Parts, world: World) -> str:
    """Connect to the sandbox and look at what happened while nobody was here."""
    settings = parts.settings
    if settings.ravetree_webhook_keys is None:
        raise SettingError("RAVEBOOKS_RAVETREE_WEBHOOK_KEYS is not set: set it.")
    # The server's own address: a public URL may lead through a proxy that is not there yet.
    here = f"http://{settings.host}:{settings.port}"
    connection_id = LocalInstallation(here, settings.api_token, settings.ravetree_webhook_keys).prepare(world)
    with parts.database.transaction() as session:
        duties.look_everywhere(session, parts.clock.now())
    return connection_id


def _fresh_credentials(root: str) -> dict[str, str]:
    answer: dict[str, str] = requests.get(f"{root}/sandbox/credentials", timeout=10).json()
    return answer
