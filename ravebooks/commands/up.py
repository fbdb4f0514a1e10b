"""`ravebooks up`: everything in one process."""

import dataclasses
import fcntl
import html
import json
import os
import re
import socket
import sys
import urllib.parse
from pathlib import Path
from typing import IO, Any

import click
import requests

from config import logging as logs
from config.errors import RavebooksError, SettingError
from config.ports import SystemEntropy
from config.settings import Settings
from ravebooks.bootstrap import Parts
from ravebooks.commands.local_settings import NEEDED_BY_UP, with_sandbox
from ravebooks.commands.sandbox_process import World, find_or_start
from ravebooks.keys import with_generated_keys
from ravebooks.running import Process, free_port
from reconcile.model import Side
from storage import connections, leases, migrations
from webhooks.signatures import current_ravetree_secret

DEFAULT_PORT = 8425
PORT_FILE = "port"
ITEMS = {
    "time": "Hours",
    "expense": "Expenses",
    "retainer": "Retainer",
    "overage": "Retainer overage",
    "other": "Other services",
}
"""The sample company's service items for Ravetree's five default line item types."""

log = logs.logger("up")


class AlreadyRunning(RavebooksError):
    """Another process uses the state folder."""

    remedy = "Stop the other `ravebooks up`, or set RAVEBOOKS_STATE_DIR to another folder."


@click.command("up")
@click.option("--sandbox", is_flag=True, help="Also start the sandbox, connect it, map the five types, switch on.")
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="Port of the web server.")
def up(sandbox: bool, port: int | None) -> None:
    """Run everything in one process; print one line of JSON when all is ready."""
    settings = Settings.from_environment(os.environ)
    logs.configure(settings.log_level, settings.log_format)
    lock = _lock(Path(settings.state_dir))
    world = find_or_start(Path(settings.state_dir)) if sandbox else None
    try:
        _run(_complete(settings, world, port), world)
    finally:
        if world is not None:
            world.stop()
        lock.close()


def _lock(state_dir: Path) -> IO[str]:
    """One process a state folder: an embedded one may then take over the leases of one that was killed."""
    state_dir.mkdir(parents=True, exist_ok=True)
    file = (state_dir / "lock").open("w")
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
    settings.require(*NEEDED_BY_UP)
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


def _run(settings: Settings, world: World | None) -> None:
    probe = settings.port or unused_port(settings.host)
    settings = dataclasses.replace(
        settings, port=probe, public_url=settings.public_url or f"http://{settings.host}:{probe}"
    )
    (Path(settings.state_dir) / PORT_FILE).write_text(str(probe))
    parts = Parts(settings)
    migrations.upgrade(parts.database)
    if parts.database.is_sqlite:
        with parts.database.transaction() as session:
            leases.release_all(session)
    process = Process(parts)
    try:
        process.serve(parts.web(), settings.port)
        process.work()
        process.sweep()
        ready: dict[str, Any] = {
            "ready": True,
            "url": settings.public_url,
            "connection": _connection_id(parts),
        }
        if world is not None:
            ready["connection"] = _prepare(parts, world)
            ready["quickbooks"] = _fresh_credentials(world.quickbooks_root)
            ready["ravetree"] = _fresh_credentials(world.ravetree_root)
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        process.wait_for_signal()
    finally:
        process.drain()


def unused_port(host: str) -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _connection_id(parts: Parts) -> str | None:
    with parts.database.transaction() as session:
        every = connections.every(session)
        return every[0].id if every else None


# --- the sandbox ---------------------------------------------------------------------------------


def _prepare(parts: Parts, world: World) -> str:
    """Connect through the consent page, map, subscribe and switch on, as far as that is not done yet."""
    account = world.ravetree["account_id"]
    with parts.database.transaction() as session:
        connection = connections.find(session, Side.RAVETREE, account)
    connection_id = connection.id if connection is not None else _connect(parts, world)
    _share_the_app(world)
    _subscribe(parts, world)
    _map(parts, connection_id)
    parts.connecting.switch(connection_id, invoices=True, estimates=True)
    with parts.database.transaction() as session:
        connections.look_everywhere(session, parts.clock.now())
    parts.nudger.nudge(connection_id)
    return connection_id


def _connect(parts: Parts, world: World) -> str:
    """The real way: begin, press Connect on the consent page, follow the redirect to the callback."""
    url = parts.connecting.begin(world.ravetree["account_id"], world.ravetree["api_token"])
    with requests.Session() as browser:
        browser.trust_env = False
        page = browser.get(url, timeout=10)
        page.raise_for_status()
        fields = _form_fields(page.text)
        action = re.search(r"<form[^>]*action=\"([^\"]+)\"", page.text)
        target = urllib.parse.urljoin(url, html.unescape(action.group(1)) if action else "")
        browser.post(target, data=fields, timeout=30).raise_for_status()
    with parts.database.transaction() as session:
        connection = connections.find(session, Side.RAVETREE, world.ravetree["account_id"])
    if connection is None:
        raise SettingError("the sandbox's consent page did not lead back to the callback")
    return connection.id


def _form_fields(page: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for tag in re.findall(r"<(?:input|button)[^>]*>", page):
        attributes = dict(re.findall(r"(\w+)=\"([^\"]*)\"", tag))
        submits = attributes.get("type") == "submit" or tag.startswith("<button")
        if "name" in attributes and not (submits and attributes["name"] in fields):
            fields[attributes["name"]] = html.unescape(attributes.get("value", ""))
    return fields


def _share_the_app(world: World) -> None:
    """QuickBooks limits requests by app, and whoever tries the sandbox is the same app as we are: no limits here."""
    requests.post(f"{world.quickbooks_root}/sandbox/limits", json={"enabled": False}, timeout=10).raise_for_status()


def _subscribe(parts: Parts, world: World) -> None:
    """Tell both sides where we are, and Ravetree the secret that belongs to its account."""
    ring, account = parts.settings.ravetree_webhook_keys, world.ravetree["account_id"]
    if ring is None:
        raise SettingError("RAVEBOOKS_RAVETREE_WEBHOOK_KEYS is not set: set it.")
    base = parts.settings.public_url
    for root, body in (
        (world.quickbooks_root, {"url": f"{base}/webhooks/quickbooks"}),
        (
            world.ravetree_root,
            {"url": f"{base}/webhooks/ravetree/{account}", "secret": current_ravetree_secret(account, ring)},
        ),
    ):
        requests.post(f"{root}/sandbox/webhooks", json=body, timeout=10).raise_for_status()


def _map(parts: Parts, connection_id: str) -> None:
    with parts.database.transaction() as session:
        if connections.mappings(session, connection_id, "line_type"):
            return
        realm_id = connections.get(session, connection_id).realm_id
    company = parts.company(realm_id, lambda expired=None: parts.tokens.access_token(connection_id, expired))
    by_name = {raw["Name"]: str(raw["Id"]) for raw in company.query("Item")}
    parts.connecting.map_keys(connection_id, "line_type", {key: by_name[name] for key, name in ITEMS.items()})


def _fresh_credentials(root: str) -> dict[str, str]:
    answer: dict[str, str] = requests.get(f"{root}/sandbox/credentials", timeout=10).json()
    return answer
