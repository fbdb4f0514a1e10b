"""The same webhook, received by different servers. Each application is named `tests.bench.servers:NAME()`.

*limit* verifies a delivery's signature, parses it, answers, and hands it to nobody. The peers do the same, and publish
it as one persistent message to a quorum queue, confirmed before the answer. *product* is what `ravebooks web` serves.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, jsonify, request

from webhooks.signatures import is_from_quickbooks

URL, VERIFIER = "BENCH_BROKER_URL", "bench"
QUORUM = {"x-queue-type": "quorum"}
QUEUE = "bench"
THREADS = 16


def limit() -> Flask:
    """A view that hands over to nobody."""
    return _app(len)


def kombu() -> Flask:
    """A connection a thread, as kombu's authors advise, each waiting for its confirm."""
    from kombu.connection import Connection
    from kombu.entity import Exchange, Queue

    threads = threading.local()

    def publish(events: Any) -> None:
        if not hasattr(threads, "producer"):
            connection = Connection(os.environ[URL], transport_options={"confirm_publish": True})
            threads.producer = connection.Producer(auto_declare=False)
            Queue(QUEUE, Exchange(""), QUEUE, queue_arguments=QUORUM)(connection.default_channel).declare()
        threads.producer.publish(events, exchange="", routing_key=QUEUE, serializer="json", delivery_mode=2)

    return _app(publish)


def dramatiq() -> Flask:
    """An actor's `send`, with confirms."""
    from tests.bench.consumers import dramatiq_broker

    broker = dramatiq_broker(os.environ[URL])
    return _app(broker.get_actor("record").send)


def celery() -> Flask:
    """A task's `delay`, with confirms, and no results."""
    from tests.bench.consumers import celery_app

    return _app(celery_app(os.environ[URL]).tasks["record"].delay)


def product() -> Flask:
    """What `ravebooks web` serves, for another server."""
    from config import logging as logs
    from ravebooks import apps
    from ravebooks.commands.processes import web_process

    # The command does that for its own server.
    logs.configure("warning")
    return apps.web(web_process().parts)


def _app(publish: Callable[[Any], object]) -> Flask:
    app = Flask("bench", static_folder=None)

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify({"ok": True})

    @app.post("/webhooks/quickbooks")
    def receive() -> Response:
        body = request.get_data()
        if not is_from_quickbooks(body, request.headers.get("intuit-signature", ""), (VERIFIER,)):
            return Response(status=401)
        events = json.loads(body)
        publish(events)
        return jsonify({"accepted": len(events)})

    return app
