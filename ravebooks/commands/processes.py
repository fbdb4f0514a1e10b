"""`ravebooks web`, `worker`, `sweeper` and `release`: the Procfile's processes."""

import os
import sys

import click

from config import environment
from config import logging as logs
from config.settings import Settings
from publishers import marks, topology
from ravebooks import claiming
from ravebooks.bootstrap import Parts
from ravebooks.commands.start import begin
from ravebooks.running import Process

GRACEFUL_SECONDS = "8"
"""Of the ten that an operator waits: gunicorn kills a worker that is not done then."""

log = logs.logger("process")

SHARED = (
    "database_url",
    "broker_url",
    "secret_key",
    "token_keys",
    "ravetree_webhook_keys",
    "quickbooks_client_id",
    "quickbooks_client_secret",
    "ravetree_api_url",
)
WEB = ("public_url", "quickbooks_verifier_tokens", "api_token")


def create_web() -> object:
    """The WSGI application of one gunicorn worker, which has configured its logs."""
    parts = Parts(Settings.from_environment(environment.read(), needed=(*SHARED, *WEB)))
    app = parts.web()
    parts.confirmed.start()
    return app


@click.command("web")
def web() -> None:
    """Receive webhooks and serve the API, under gunicorn."""
    settings = begin(*SHARED, *WEB)
    _look(settings)
    port = settings.port or settings.platform_port
    arguments = [
        sys.executable,
        "-m",
        "gunicorn",
        "--bind",
        f"{settings.host}:{port}",
        "--worker-class",
        "gthread",
        # One worker a process: its metrics are then the process's. Run more processes for more.
        "--workers",
        "1",
        "--threads",
        "16",
        "--graceful-timeout",
        GRACEFUL_SECONDS,
        "--no-control-socket",
        "--logger-class",
        "config.gunicorn_logs.Logger",
        "ravebooks.commands.processes:create_web()",
    ]
    os.execv(sys.executable, arguments)  # noqa: S606 - this very interpreter, whatever PATH says


@click.command("worker")
def worker() -> None:
    """Record deliveries and reconcile connections."""
    process = _process()
    process.work()
    process.wait_for_signal()
    process.drain()


@click.command("sweeper")
def sweeper() -> None:
    """Find what is due, nudge, and relay the outbox."""
    process = _process()
    process.sweep()
    process.wait_for_signal()
    process.drain()


def _look(settings: Settings) -> None:
    """In the process that gunicorn replaces: its own would say it with a traceback."""
    parts = Parts(settings)
    try:
        claiming.look(parts)
    finally:
        parts.close()


def _process() -> Process:
    """A process with health and metrics, on a database and a broker of its environment."""
    process = Process(Parts(begin(*SHARED)))
    claiming.look(process.parts)
    server = process.serve(process.parts.health(), process.parts.settings.health_port)
    log.info("health and metrics", port=server.port)
    return process


@click.command("release")
def release() -> None:
    """Migrate the database and declare the broker's topology."""
    settings = begin("database_url", "broker_url")
    parts = Parts(settings)
    try:
        claiming.prepare(parts)
        click.echo("database: migrated")
        with marks.short_questions(settings.broker_url) as connection:
            topology.declare(connection.channel())
        click.echo("broker: topology declared")
    finally:
        parts.close()
