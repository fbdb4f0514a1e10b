"""Events recorded in a second by one process, beside what other consumers do with an empty task."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime

import pika
import sqlalchemy as sa

from config.ports import SystemClock
from publishers import deliveries as publishing
from publishers import topology
from reconcile.model import Side
from schemas import quickbooks_webhooks
from schemas.envelopes import Delivery
from storage import migrations
from storage.database import Database
from storage.models import Connection, Event
from tests.bench import consumers, rounds
from tests.bench.deliveries import REALMS, events
from tests.bench.servers import QUEUE, QUORUM, URL
from tests.services.postgresql import PostgreSQL
from tests.services.rabbitmq import RabbitMQ

NAMES = ("drain", "dramatiq", "celery", "product")
MESSAGES = {1: 4000, 30: 400}
NOW = datetime(2026, 11, 20, 14, 13, 20, tzinfo=UTC)


def run(times: int) -> None:
    """Each size in alternating rounds."""
    with RabbitMQ() as rabbitmq, PostgreSQL() as postgresql:
        for size, messages in MESSAGES.items():
            measured: rounds.Measured = defaultdict(list)
            for _ in range(times):
                for name in NAMES:
                    measured[name].append(_measure(name, rabbitmq, postgresql, size, messages))
            columns = {"rate": "events/s", "cpu": "µs of processor time an event"}
            rounds.show(f"recording-{size}", f"record, {size} a delivery", measured, columns, ["dramatiq", "celery"])


def _measure(name: str, rabbitmq: RabbitMQ, postgresql: PostgreSQL, size: int, messages: int) -> dict[str, float]:
    url = rabbitmq.new_virtual_host()
    {"drain": _fill_plain, "dramatiq": _fill_dramatiq, "celery": _fill_celery, "product": _fill_product}[name](
        url, size, messages
    )
    environment = os.environ | {URL: url, consumers.MESSAGES: str(messages)}
    database = None
    if name == "product":
        database = _database(postgresql)
        environment[consumers.DATABASE] = database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.bench.consumers", name]
    said = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout  # noqa: S603 - our own module
    taken = json.loads(said.splitlines()[-1])
    count = messages * size
    if database is not None:
        with database.reading() as session:
            stored = session.execute(sa.select(sa.func.count(sa.distinct(Event.event_id)))).scalar_one()
        database.close()
        if stored != count:
            sys.exit(f"{stored} of {count} events were recorded")
    return {"rate": count / taken["seconds"], "cpu": taken["cpu"] * 1e6 / count}


def _database(postgresql: PostgreSQL) -> Database:
    database = Database(postgresql.new_database(), SystemClock())
    migrations.upgrade(database)
    with database.transaction() as session:
        for realm in REALMS:
            session.add(Connection(id=f"c{realm}", account_id=realm, realm_id=realm, created_at=NOW, cdc_watermark=NOW))
    return database


def _publish(url: str, exchange: str, queue: str, bodies: list[tuple[str, bytes]]) -> None:
    """Bodies under their routing keys, all confirmed before it returns."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        if not exchange:
            channel.queue_declare(queue, durable=True, arguments=QUORUM)
        properties = pika.BasicProperties(delivery_mode=2, content_type="application/json")
        for routing_key, body in bodies[:-1]:
            channel.basic_publish(exchange, routing_key, body, properties)
        channel.confirm_delivery()
        routing_key, body = bodies[-1]
        channel.basic_publish(exchange, routing_key, body, properties)


def _fill_plain(url: str, size: int, messages: int) -> None:
    _publish(url, "", QUEUE, [(QUEUE, json.dumps(events(size)).encode()) for _ in range(messages)])


def _fill_product(url: str, size: int, messages: int) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        topology.declare(connection.channel())
    bodies = []
    for number in range(messages):
        ((realm, envelopes),) = quickbooks_webhooks.parse(events(size), 2000).items()
        message = publishing.message_for(Delivery(f"{number:032}", Side.QUICKBOOKS, realm, NOW, envelopes))
        bodies.append((message.routing_key, message.body))
    _publish(url, "ravebooks.events", "", bodies)


def _fill_dramatiq(url: str, size: int, messages: int) -> None:
    broker = consumers.dramatiq_broker(url, confirms=False)
    record = broker.get_actor("record")
    for _ in range(messages):
        record.send(events(size))
    broker.close()


def _fill_celery(url: str, size: int, messages: int) -> None:
    app = consumers.celery_app(url, confirms=False)
    for _ in range(messages):
        app.tasks["record"].delay(events(size))
    app.close()
