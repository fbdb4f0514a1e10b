"""`ravebooks web`, `worker`, `sweeper` and `release`: the Procfile's processes."""

import click

from config import environment
from config import logging as logs
from config.settings import Settings
from publishers import marks, topology
from ravebooks import apps, claiming
from ravebooks.bootstrap import Parts
from ravebooks.commands.printing import as_json, say, tell, wants_json
from ravebooks.commands.start import begin
from ravebooks.process import Process
from ravebooks.serving import web_processes
from ravebooks.serving.listening import listen, port_of

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


def web_process() -> Process:
    """One of the processes of `ravebooks web`, before it serves; it has configured its logs."""
    process = Process(Parts(Settings.from_environment(environment.read(), needed=(*SHARED, *WEB))))
    process.parts.publishing.confirmed.start()
    process.live("web")
    return process


@click.command("web")
def web() -> None:
    """Receive webhooks and serve the API, in several processes."""
    settings = begin(*SHARED, *WEB)
    port = settings.port or settings.platform_port
    # Bound here, where an error is one line; the processes inherit it.
    listening = [listen(settings.host, port, "RAVEBOOKS_PORT")]
    if settings.operations_port:
        listening.append(listen(settings.host, settings.operations_port, "RAVEBOOKS_OPERATIONS_PORT"))
    _look(settings)
    web_processes.replace_this_process(listening)


@click.command("worker")
def worker() -> None:
    """Record deliveries and reconcile connections."""
    process = _process()
    process.work()
    process.live("worker")
    process.wait_for_signal()
    process.drain()


@click.command("sweeper")
def sweeper() -> None:
    """Find what is due, nudge, and relay the outbox."""
    process = _process()
    process.sweep()
    process.live("sweeper")
    process.wait_for_signal()
    process.drain()


def _look(settings: Settings) -> None:
    """In the process that the others come from: theirs would say it with a traceback."""
    parts = Parts(settings)
    try:
        claiming.look(parts)
    finally:
        parts.close()


def _process() -> Process:
    """A process with health and metrics, on a database and a broker of its environment."""
    settings = begin(*SHARED)
    listening = listen(settings.host, settings.health_port, "RAVEBOOKS_HEALTH_PORT")
    process = Process(Parts(settings))
    claiming.look(process.parts)
    process.serve(apps.health_alone(process.parts), listening, "health")
    log.info("health and metrics", port=port_of(listening))
    return process


@click.command("release")
@as_json
def release() -> None:
    """Migrate the database and declare the broker's topology."""
    settings = begin("database_url", "broker_url")
    parts = Parts(settings)
    try:
        claiming.prepare(parts)
        if not wants_json():
            say("database: migrated")
        with marks.short_questions(settings.broker_url) as connection:
            topology.declare(connection.channel())
        tell({"database": "migrated", "broker": "topology declared"}, "broker: topology declared")
    finally:
        parts.close()
