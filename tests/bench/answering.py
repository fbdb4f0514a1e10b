"""How long a signed delivery takes to be answered, at 100 a second, also while a part that it needs hangs.

Deliveries are sent by the clock. *limit* is the same loop on a view that hands over to nobody, measured right before.
Whatever was answered with a 2xx must afterwards be in the queue, the outbox or the database.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pika
import sqlalchemy as sa

from config.ports import SystemClock
from publishers import topology
from schemas import envelopes
from storage.database import Database
from storage.models import Event, OutboxMessage
from tests.bench import rounds
from tests.bench.deliveries import events
from tests.bench.open_loop import Events, Sent, send
from tests.bench.receiving import environment_of, run_command, server_command
from tests.bench.servers import VERIFIER
from tests.integration.system import System, healthy
from tests.services.ports import free_ports, wait_until
from tests.services.postgresql import PostgreSQL
from tests.services.rabbitmq import RabbitMQ
from tests.services.server import Server

RATE, SECONDS, LIMIT_SECONDS, WARM_SECONDS = 100.0, 15.0, 8.0, 2.0
GOALS = {"all is up": 50, "the broker hangs": 200, "the database hangs": 100, "embedded, its worker reconciles": 100}
EDITS, INVOICES = 2.0, 10
"""How many edits a second the embedded worker takes across meanwhile, of how many invoices."""
COLUMNS = {
    "p50": "p50, ms",
    "p99": "p99, ms",
    "goal": "goal of p99, ms",
    "max": "most, ms",
    "limit": "p99 of the limit, ms",
    "sent": "deliveries",
    "failed": "not answered with 2xx",
}


def run(times: int) -> None:
    """Each circumstance in alternating rounds."""
    measured: rounds.Measured = defaultdict(list)
    with RabbitMQ() as rabbitmq, PostgreSQL() as postgresql, tempfile.TemporaryDirectory() as folder:
        for _ in range(times):
            hanging: dict[str, Server | None] = dict(zip(GOALS, (None, rabbitmq, postgresql), strict=False))
            for name, server in hanging.items():
                limit = _limit(environment_of(rabbitmq.url, Path(folder)))
                sent = _on_servers(rabbitmq, postgresql, Path(folder), server)
                measured[name].append(_row(name, sent, limit))
            name = list(GOALS)[-1]
            limit = _limit(environment_of(rabbitmq.url, Path(folder)))
            measured[name].append(_row(name, _embedded(), limit))
    rounds.show("answering", "answer, 100 deliveries a second while", measured, COLUMNS)


def _row(name: str, sent: Sent, limit: Sent) -> dict[str, float]:
    return sent.row() | {"goal": GOALS[name], "limit": limit.row()["p99"]}


def _limit(environment: dict[str, str]) -> Sent:
    with _served("limit", environment) as url:
        send(url, VERIFIER, partial(events, 1), RATE, WARM_SECONDS)
        return send(url, VERIFIER, partial(events, 1), RATE, LIMIT_SECONDS)


def _on_servers(rabbitmq: RabbitMQ, postgresql: PostgreSQL, folder: Path, hangs: Server | None) -> Sent:
    """On a virtual host and a database of its own; `hangs` is stopped before the first delivery that is measured."""
    database_url = postgresql.new_database()
    environment = environment_of(rabbitmq.new_virtual_host(), folder) | {"RAVEBOOKS_DATABASE_URL": database_url}
    run_command("release", environment)
    with _served("product, its own server", environment) as url:
        warm = send(url, VERIFIER, partial(events, 1), RATE, WARM_SECONDS)
        with _paused(hangs) if hangs else nullcontext():
            sent = send(url, VERIFIER, partial(events, 1), RATE, SECONDS)
    kept = _in_queue(environment["RAVEBOOKS_BROKER_URL"]) | _in_database(database_url)
    _check(warm.taken | sent.taken, kept)
    return sent


def _embedded() -> Sent:
    """`ravebooks up` with the sandbox beside it, whose users edit meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        system = System(Path(folder))
        system.start()
        try:
            company = system.ready["quickbooks"]
            deliver = partial(
                send, system.ready["url"], company["verifier_token"], _of_realm(company["realm_id"]), RATE
            )
            with _edited(system) as edited:
                warm = deliver(WARM_SECONDS)
                sent = deliver(SECONDS)
            if edited() < EDITS * SECONDS / 2:
                sys.exit(f"only {edited()} edits were made while deliveries were answered")
        finally:
            system.stop()
        _check(warm.taken | sent.taken, _in_database(system.database_url()))
        return sent


def _of_realm(realm_id: str) -> Events:
    """Events of the company that is connected, about records that nobody knows."""

    def of_the_company() -> list[dict[str, Any]]:
        return [event | {"intuitaccountid": realm_id, "intuitentityid": "999999"} for event in events(1)]

    return of_the_company


@contextmanager
def _edited(system: System) -> Iterator[Callable[[], int]]:
    """Users edit invoices that are in both books; gives how many edits they have made."""
    ravetree, over, made = system.ravetree, threading.Event(), list[float]()
    client = ravetree.create("contacts", {"kind": "account", "name": "Bench", "currency": "USD"})["id"]
    line = {"type": "time", "description": "Work", "quantity": "1", "unit_price": "10.00", "taxable": False}
    body = {"client_id": client, "issue_date": "2026-11-20", "due_date": "2026-12-20", "currency": "USD"}
    invoices = [ravetree.create("invoices", body | {"lines": [line]}) for _ in range(INVOICES)]
    wait_until(lambda: all(system.quickbooks.invoice(one["number"]) for one in invoices), 90, "invoices did not arrive")

    def edit() -> None:
        while not over.wait(1 / EDITS):
            ravetree.change("invoices", invoices[len(made) % INVOICES]["id"], {"memo": f"Edit {len(made)}"})
            made.append(time.monotonic())

    user = threading.Thread(target=edit)
    user.start()
    try:
        yield lambda: len(made)
    finally:
        over.set()
        user.join()


@contextmanager
def _served(name: str, environment: dict[str, str]) -> Iterator[str]:
    port = free_ports(1)[0]
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(  # noqa: S603 - one of the servers that `receiving` compares
        server_command(name, port),
        # That the broker hangs is said of each delivery: that is what this looks for, and no news.
        env=environment | {"RAVEBOOKS_PORT": str(port), "RAVEBOOKS_LOG_LEVEL": "error"},
        start_new_session=True,
    )
    try:
        wait_until(lambda: healthy(url), 30, f"{name} did not answer")
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


@contextmanager
def _paused(server: Server) -> Iterator[None]:
    server.pause()
    try:
        yield
    finally:
        server.resume()


def _check(taken: set[str], kept: set[str]) -> None:
    if lost := taken - kept:
        sys.exit(f"{len(lost)} of {len(taken)} events that were taken are nowhere")


def _in_queue(url: str) -> set[str]:
    """The ids of the events that wait with the broker."""
    found: set[str] = set()
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        for queue in topology.QUEUES:
            while (got := channel.basic_get(queue.name, auto_ack=True))[0] is not None:
                found.update(event.id for event in envelopes.decode(got[2]).events)
    return found


def _in_database(url: str) -> set[str]:
    """The ids of the events that are recorded, or wait in the outbox."""
    database = Database(url, SystemClock())
    try:
        with database.reading() as session:
            found = set(session.execute(sa.select(Event.event_id)).scalars())
            for body in session.execute(sa.select(OutboxMessage.body)).scalars():
                found.update(event.id for event in envelopes.decode(body).events)
    finally:
        database.close()
    return found
